# SPDX-License-Identifier: GPL-2.0-or-later
"""Which tiles of a scene are looked at, which of their pixels, and where these lie in a picture.

Enters: the tiles of a scene, samples. Leaves: a InspectionPlan.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...io.windows import Tile
from ...sampling.sample_table import SampleTable
from ..statistics_pass import STATISTICS_TILES, tiles_of_all_classes
from ..tile_lookup import pixels_by_tile

MOST_DRAW_TILES = 12  # whose features are computed with another noise draw too
_STEPS = ((3, 1), (12, 2))  # up to so many tiles, every so manyth line and column is looked at
_COARSEST_STEP = 4
_GAP = 1  # cells between tiles that do not lie side by side
_ASPECT = 4 / 3  # width over height of a picture of tiles that do not


@dataclass(frozen=True)
class InspectionPlan:
    """What is looked at.

    Attributes:
        tiles: In scene order.
        step: Lines and columns from one pixel that is looked at to the next.
        whole: Whether the tiles are all of the scene's.
    """

    tiles: tuple[Tile, ...]
    step: int
    whole: bool

    @classmethod
    def of(cls, tiles: Sequence[Tile], samples: SampleTable) -> InspectionPlan:
        """All tiles of a scene of 48 or fewer; else some that hold samples of all classes, and others between them.

        Args:
            tiles: Of the scene, with data.
            samples: With classes, or with clusters.
        """
        step = next((step for most, step in _STEPS if len(tiles) <= most), _COARSEST_STEP)
        if len(tiles) <= STATISTICS_TILES:
            return cls(tuple(tiles), step, whole=True)
        by_tile = zip(tiles, pixels_by_tile(tiles, samples.rows, samples.cols))
        chosen = set(
            tiles_of_all_classes({tile: inside for tile, inside in by_tile if len(inside)}, samples.class_index)
        )
        others = [tile for tile in tiles if tile not in chosen]
        missing = STATISTICS_TILES - len(chosen)
        chosen |= {others[i * len(others) // missing] for i in range(missing)}
        return cls(tuple(tile for tile in tiles if tile in chosen), step, whole=False)

    @property
    def drawn_twice(self) -> tuple[int, ...]:
        """Indices of tiles, spread evenly, whose features are computed with another noise draw too."""
        count = min(MOST_DRAW_TILES, len(self.tiles))
        return tuple(i * len(self.tiles) // count for i in range(count))

    def grid(self, tile: Tile) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows and columns, in the tile's core, of the lines and columns that are looked at."""
        return np.arange(0, tile.core.height, self.step), np.arange(0, tile.core.width, self.step)

    def place(self, number: int) -> tuple[int, int]:
        """Row and column in the picture of a tile's first pixel: where it lies, or side by side where tiles are few."""
        core = self.tiles[number].core
        if self.whole:
            first_row = min(tile.core.row for tile in self.tiles)
            first_col = min(tile.core.col for tile in self.tiles)
            return (core.row - first_row) // self.step, (core.col - first_col) // self.step
        side = -(-max(max(tile.core.height, tile.core.width) for tile in self.tiles) // self.step) + _GAP
        across = math.ceil(math.sqrt(len(self.tiles) * _ASPECT))
        return number // across * side, number % across * side
