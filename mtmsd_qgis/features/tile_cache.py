# SPDX-License-Identifier: GPL-2.0-or-later
"""Features of tiles that will be needed again, in memory and on disk.

Enters: features of tiles as they are computed. Leaves: the same features, once.
"""

from __future__ import annotations

import logging
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ..io.windows import Tile
from ..runtime.memory import free_memory
from .feature_pyramid import TileGrids

log = logging.getLogger(__name__)

MEMORY_BYTES = 256 << 20  # of tiles in memory, at most


class TileCache:
    """Features of the tiles of the statistics pass, so that a processor computes them once: in memory, then on disk.

    As many as fit into the limits; none for a graphics card, which computes a tile faster than a disk gives it back.
    """

    def __init__(self, folder: Path, device: torch.device, needed_bytes: int = 0, limit_bytes: int = 3 << 30) -> None:
        """Find out how much may be stored: at most an eighth of the free memory and a quarter of the disk left over.

        Args:
            folder: The job folder.
            device: That computes the features.
            needed_bytes: Of the free disk that results will take.
            limit_bytes: At most.
        """
        self._folder = folder
        self._left_bytes = limit_bytes if device.type == "cpu" else 0
        self._memory_bytes = min(MEMORY_BYTES, (free_memory() or 0) // 8)
        self._disk_bytes = max(0, shutil.disk_usage(folder).free - needed_bytes) // 4
        self._disk_logged = False
        self._entries: dict[Tile, TileGrids | _OnDisk] = {}

    def put(self, tile: Tile, features: TileGrids) -> None:
        """Store the features of a tile, if they still fit."""
        size = sum(grid.numel() * grid.element_size() for grid in features.grids)
        if size > self._left_bytes:
            return
        if size <= self._memory_bytes:
            self._memory_bytes -= size
            self._entries[tile] = features
        elif size <= self._disk_bytes:
            if not self._disk_logged:
                most = min(self._left_bytes, self._disk_bytes)
                log.info(
                    "Disk: up to %.1f GiB more for tiles of the statistics pass, so that none is computed twice.",
                    most / 2**30,
                )
                self._disk_logged = True
            self._disk_bytes -= size
            with self._path(tile).open("wb") as file:
                for grid in features.grids:
                    grid.numpy().tofile(file)
            self._entries[tile] = _OnDisk(features.strides, [grid.shape for grid in features.grids])
        else:
            return
        self._left_bytes -= size

    def pop(self, tile: Tile) -> TileGrids | None:
        """The stored features of a tile, or None; they are removed."""
        entry = self._entries.pop(tile, None)
        if not isinstance(entry, _OnDisk):
            return entry
        path = self._path(tile)
        with path.open("rb") as file:  # not mapped: Windows removes no file that is
            grids = [np.fromfile(file, np.float32, shape.numel()).reshape(shape) for shape in entry.shapes]
        path.unlink()
        return TileGrids(tuple(torch.from_numpy(grid) for grid in grids), entry.strides, tile.inner)

    def _path(self, tile: Tile) -> Path:
        return self._folder / f"tile_{tile.core.row}_{tile.core.col}.raw"


@dataclass(frozen=True)
class _OnDisk:
    """What has to be known of grids in a file."""

    strides: tuple[int, ...]
    shapes: list[torch.Size]
