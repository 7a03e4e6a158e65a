# SPDX-License-Identifier: GPL-2.0-or-later
"""Several rasters seen as one: below each other, with rows of no data between them.

Enters: rasters of the same bands, of any sizes. Leaves: a Raster, so that what learns from one raster learns from all.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .cube import Cube
from .windows import Window, clip


class RasterStack:
    """Rasters below each other; what lies beside a narrower one has no data.

    Attributes:
        description: Of the first raster.
        rasters: (S,) from top to bottom.
        tops: (S,) first row of each raster.
    """

    costly = False

    def __init__(self, rasters: Sequence[Cube], gap: int) -> None:
        """Read nothing yet.

        Args:
            rasters: (S,) of the same bands in the same order.
            gap: Rows between two of them: farther than anything looks around a pixel.
        """
        heights = [raster.height + gap for raster in rasters]
        self.description = rasters[0].description
        self.tops = np.cumsum([0, *heights[:-1]])
        self.height = sum(heights) - gap
        self.width = max(raster.width for raster in rasters)
        self.rasters = rasters

    @property
    def bands(self) -> int:
        """Of each raster."""
        return self.rasters[0].bands

    def read(self, window: Window, bands: Sequence[int] | None = None) -> NDArray[np.float32]:
        """Physical values (bands, h, w) of a window, as Cube.read gives them."""
        count = self.bands if bands is None else len(bands)
        out = np.full((count, window.height, window.width), np.nan, dtype=np.float32)
        for top, raster in zip(self.tops.tolist(), self.rasters):
            inside = clip(
                Window(window.row - top, window.col, window.height, window.width), raster.height, raster.width
            )
            if inside.height and inside.width:
                row, col = inside.row + top - window.row, inside.col - window.col
                out[:, row : row + inside.height, col : col + inside.width] = raster.read(inside, bands)
        return out

    def filled(self, bands: Sequence[int]) -> NDArray[np.bool_]:
        """(H, W): where all the given bands have data."""
        out = np.zeros((self.height, self.width), dtype=bool)
        for top, raster in zip(self.tops.tolist(), self.rasters):
            out[top : top + raster.height, : raster.width] = raster.filled(bands)
        return out

    def expect(self, bands: Sequence[int]) -> None:
        """Hear which bands will be read from now on."""
        for raster in self.rasters:
            raster.expect(bands)

    def scene_of(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Which raster (N,), from 0, each of some rows (N,) lies in."""
        return np.searchsorted(self.tops, rows, side="right") - 1
