# SPDX-License-Identifier: GPL-2.0-or-later
"""An extractor at work on a scene: the features of its tiles, computed while others are read.

Enters: a FeatureExtractor, a cube of components and where it is valid. Leaves: what is wanted of the features of each
tile, in the order of the tiles.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..diffusion.batch_plan import shared_cores
from ..errors import Cancelled
from ..io.cube import Cube, Raster
from ..io.run_directory import RunDirectory
from ..io.windows import Tile, network_tile_side, network_tiles
from ..runtime.prefetch import prefetch
from .extractor import FeatureExtractor
from .feature_pyramid import TileGrids
from .tile_cache import TileCache

Result = TypeVar("Result")


class Mask(Protocol):
    """Where there is data: an array (H, W), or what looks it up where it is asked for."""

    def __getitem__(self, place: tuple[slice, slice], /) -> NDArray[np.bool_]:
        """(h, w) of some rows and columns."""


@dataclass(frozen=True)
class ExtractionRun:
    """An extractor and the scene it works on.

    Attributes:
        extractor: Of the features.
        components: (C, H, W) standardised, NaN where invalid.
        valid: (H, W) where the scene has data.
        tiles: Tiles with valid pixels, in row-major order.
        run_directory: Where rasters and statistics are saved.
    """

    extractor: FeatureExtractor
    components: Raster
    valid: Mask
    tiles: Sequence[Tile]
    run_directory: RunDirectory

    @property
    def tiles_text(self) -> str:
        """For the log, e.g. "4 tiles of 100 x 100 pixels"."""
        side = self.tiles[0].window.height
        return f"{len(self.tiles)} tile{'s' if len(self.tiles) != 1 else ''} of {side} x {side} pixels"

    def compute(
        self,
        tiles: Sequence[Tile],
        wanted: Callable[[Tile, TileGrids, NDArray[np.bool_]], Result],
        cache: TileCache | None = None,
    ) -> Iterator[tuple[Tile, Result]]:
        """What is wanted of the features of tiles, while those after them are being read and computed.

        Args:
            tiles: Some of the run's.
            wanted: Called in other threads with a tile, its features, and where its core is valid (h, w).
            cache: Has tiles that need no computing.
        """
        if not tiles:
            return
        self.extractor.prepare(tiles[0].window.height)
        stopped = threading.Event()

        def raise_if_stopped() -> None:
            if stopped.is_set():
                raise Cancelled("Cancelled.")

        def read(tile: Tile) -> tuple[NDArray[np.float32], TileGrids | None]:
            return self.components.read(tile.window), cache.pop(tile) if cache else None

        def work(entry: tuple[Tile, tuple[NDArray[np.float32], TileGrids | None]]) -> Result:
            tile, (components, features) = entry
            valid = np.isfinite(components[0])
            if features is None:
                filled = np.where(valid, components, np.float32(0))
                features = self.extractor.tile_grids(filled, tile, raise_if_stopped)
            return wanted(tile, features, valid[tile.inner.slices])

        threads = shared_cores(self.extractor.device)
        with threads as count, closing(prefetch(prefetch(tiles, read), work, count)) as results:
            try:
                for (tile, _), result in results:
                    yield tile, result
            finally:
                stopped.set()


def scene_tiles(cube: Cube, valid: NDArray[np.bool_]) -> list[Tile]:
    """The tiles of a scene that have a valid pixel in their core."""
    all_tiles = network_tiles(cube.height, cube.width, network_tile_side(cube.height, cube.width))
    return [tile for tile in all_tiles if valid[tile.core.slices].any()]
