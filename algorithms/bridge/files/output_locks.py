# SPDX-License-Identifier: GPL-2.0-or-later
"""One run at a time for each output file.

The lock is the operating system's, on a file in the temporary folder that is named after the output: it is free the
moment its holder is gone, and nothing lies about beside the user's files. It holds between the programs of one user on
one machine.
"""

from __future__ import annotations

import getpass
import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from qgis.core import QgsProcessingException

from .folder_lock import try_lock


@contextmanager
def lock_outputs(places: Iterable[str]) -> Iterator[None]:
    """Have these output files to ourselves inside the block.

    Args:
        places: Resolved paths, or tables of them, each in the words that a sentence has for it.

    Raises:
        QgsProcessingException: Another run is writing one of them.
    """
    with ExitStack() as held:
        for path in sorted({os.path.normcase(place) for place in places}):
            number = _opened(path)
            if number is None:
                continue  # a temporary folder that takes no files is told of by whoever needs it first
            held.callback(os.close, number)
            if not try_lock(number):
                raise QgsProcessingException(
                    f"Another run is writing {path} at this moment. Wait until it is done, or choose another name."
                )
        yield


def _opened(path: str) -> int | None:
    name = hashlib.sha256(os.fsencode(path)).hexdigest()[:32]
    with suppress(OSError, KeyError):
        folder = Path(tempfile.gettempdir(), f"mtmsd_outputs_{getpass.getuser()}")
        folder.mkdir(mode=0o700, exist_ok=True)
        return os.open(folder / f"{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    return None
