# SPDX-License-Identifier: GPL-2.0-or-later
"""Lines of a program's output, whatever it prints: no line and no flood can fill the reader's memory.

Enters: a stream of bytes. Leaves: lines as text; those that are no message are cut.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from .protocol import PREFIX

LONGEST_MESSAGE = 64 << 20  # bytes; a report's pictures are under one MiB
LONGEST_NOISE = 4096  # bytes of a line that is no message

_CHUNK = 1 << 16
_START = PREFIX.encode("ascii")


def read_lines(stream: BinaryIO) -> Iterator[str]:
    """Every line without its end; a message that is too long is cut like noise, and so is no message any more."""
    while piece := stream.readline(_CHUNK):
        is_message = piece.startswith(_START)
        pieces, length = [piece], len(piece)
        while not piece.endswith(b"\n") and (piece := stream.readline(_CHUNK)):
            length += len(piece)
            if is_message and length <= LONGEST_MESSAGE:
                pieces.append(piece)
            else:
                del pieces[1:]
        line = b"".join(pieces).rstrip(b"\r\n")
        whole = is_message and length <= LONGEST_MESSAGE
        yield (line if whole else line[:LONGEST_NOISE]).decode("utf-8", "replace")
