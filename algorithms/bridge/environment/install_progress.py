# SPDX-License-Identifier: GPL-2.0-or-later
"""How far a folder has grown towards its expected size: the progress of an installation that says little."""

from __future__ import annotations

import os
from pathlib import Path
from time import monotonic

_SECONDS = 2.0  # between two looks; an environment has twenty thousand files


class FolderSize:
    """A folder that is being filled."""

    def __init__(self, folder: Path, expected_bytes: int) -> None:
        """Store both."""
        self._folder = folder
        self._expected_bytes = expected_bytes
        self._next = 0.0

    def is_due(self) -> bool:
        """Whether it is time to measure again."""
        return monotonic() >= self._next

    def fraction(self) -> float:
        """Share of the expected size, 0 to 1."""
        found = 0
        for place, _, files in os.walk(self._folder):
            for file in files:
                try:
                    found += os.lstat(os.path.join(place, file)).st_size
                except OSError:  # a temporary file, gone by now
                    continue
        self._next = monotonic() + _SECONDS
        return min(found / self._expected_bytes, 1.0)
