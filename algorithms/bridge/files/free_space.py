# SPDX-License-Identifier: GPL-2.0-or-later
"""Free disk at paths that need not be there yet, and disk that a folder takes."""

from __future__ import annotations

import shutil
from pathlib import Path

_BLOCK_BYTES = 512  # that a file's blocks are counted in, whatever the disk's own are


def nearest_folder(path: Path) -> Path:
    """The path, or the nearest folder above it that is there."""
    path = path.absolute()
    while not path.exists() and path != path.parent:
        path = path.parent
    return path


def free_bytes(path: Path) -> int:
    """Free on the disk of the path.

    Raises:
        OSError: The disk cannot be asked.
    """
    return shutil.disk_usage(nearest_folder(path)).free


def taken_bytes(folder: Path) -> int:
    """Disk that the files in a folder take; a raster that is being written takes less than its size."""
    found = [path.stat() for path in folder.iterdir() if path.is_file()]
    return sum(min(file.st_size, getattr(file, "st_blocks", file.st_size) * _BLOCK_BYTES) for file in found)
