# SPDX-License-Identifier: GPL-2.0-or-later
"""Free disk at paths that need not be there yet."""

from __future__ import annotations

import shutil
from pathlib import Path


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
