# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import io
import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from mtmsd_qgis.jobs.line_reader import LONGEST_MESSAGE, LONGEST_NOISE, read_lines
from mtmsd_qgis.jobs.protocol import PREFIX, Message, decode, encode


class Flood(io.RawIOBase):
    """A stream of one line without an end for so many bytes, then a message."""

    def __init__(self, start: bytes, length: int) -> None:
        self._waiting = [start, length, b"\n" + encode(Message("log", text="after")).encode() + b"\n"]

    def readable(self):
        return True

    def readinto(self, buffer):
        if self._waiting[0]:
            piece = self._waiting[0][: len(buffer)]
            self._waiting[0] = self._waiting[0][len(piece) :]
        elif self._waiting[1]:
            piece = b"x" * min(len(buffer), self._waiting[1])
            self._waiting[1] -= len(piece)
        else:
            piece = self._waiting[2][: len(buffer)]
            self._waiting[2] = self._waiting[2][len(piece) :]
        buffer[: len(piece)] = piece
        return len(piece)


def test_messages_come_whole_and_noise_is_cut():
    message = encode(Message("result", values={"text": "y" * 200_000}))
    stream = io.BytesIO(b"short\r\n" + b"n" * 100_000 + b"\n" + message.encode() + b"\nlast")
    lines = list(read_lines(stream))
    assert [line[:5] for line in lines] == ["short", "nnnnn", PREFIX[:5], "last"]
    assert len(lines[1]) == LONGEST_NOISE
    assert lines[2] == message


def test_a_line_without_end_takes_no_memory():
    for start in (b"noise", PREFIX.encode()):
        tracemalloc.start()
        lines = list(read_lines(io.BufferedReader(Flood(start, LONGEST_MESSAGE + (8 << 20)))))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert len(lines[0]) == LONGEST_NOISE
        assert decode(lines[1]) == Message("log", text="after")
        assert peak < 2.5 * LONGEST_MESSAGE if start == PREFIX.encode() else peak < 1 << 20


@given(st.binary(max_size=300))
def test_any_bytes_are_lines(content):
    lines = list(read_lines(io.BytesIO(content)))
    assert "".join(lines) == "".join(part.rstrip(b"\r").decode("utf-8", "replace") for part in content.split(b"\n"))
