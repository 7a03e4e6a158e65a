# SPDX-License-Identifier: GPL-2.0-or-later
"""A lock on a folder, between processes and between threads.

The operating system holds it, so it is free again the moment its holder is gone, however that came about: there is no
stale lock to find out about. On Linux and macOS children that are given its number hold it too: as long as a pip goes
on after its QGIS was killed, nobody else touches the folder.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from qgis.core import QgsProcessingException

_LOCK_FILE = ".lock"


@contextmanager
def hold_lock(folder: Path) -> Iterator[int]:
    """Have the folder to ourselves inside the block; gives the lock's file descriptor.

    Raises:
        QgsProcessingException: Another process or thread has it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    number = os.open(folder / _LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        if not try_lock(number):
            raise QgsProcessingException(
                f"An environment is being set up in {folder} by another QGIS at this moment. Wait until it is done, "
                "or cancel it there."
            )
        yield number
    finally:
        os.close(number)


def try_lock(number: int) -> bool:
    """Lock an open file for this descriptor; False where another one has it. Closing it, or our end, lets it go."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(number, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
