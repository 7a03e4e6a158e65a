# SPDX-License-Identifier: GPL-2.0-or-later
"""Where each raster of a campaign lies in the mosaic.

Enters: grids. Leaves: row and column of each raster's first pixel. Rasters on one pixel grid keep their places to each
other; what is on another grid lies farther away than any pixel is influenced from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..raster.source import Grid

GAP = 256  # rows between rasters of different grids; docs/campaign_folder.md asks for more than 128
_SAME = 1e-6  # of a pixel's size, by which pixel sizes of one grid may differ
_WHOLE = 0.01  # of a pixel, by which the distance of two rasters may differ from whole pixels


@dataclass
class _PixelGrid:
    """Rasters of one pixel grid.

    Attributes:
        first: Grid of the first of them.
        members: Number of a raster, and the row and column of its first pixel, seen from the first one.
    """

    first: Grid
    members: list[tuple[int, int, int]] = field(default_factory=list)

    def add(self, number: int, grid: Grid) -> bool:
        """Take a raster in; returns whether it is of this pixel grid."""
        place = _offset(self.first, grid)
        if place is not None:
            self.members.append((number, *place))
        return place is not None


def places_in_mosaic(grids: Sequence[Grid]) -> list[tuple[int, int]]:
    """Row and column of each raster's first pixel in the mosaic, from 0.

    Args:
        grids: Of the rasters.
    """
    families: list[_PixelGrid] = []
    for number, grid in enumerate(grids):
        if not any(family.add(number, grid) for family in families):
            families.append(_PixelGrid(grid, [(number, 0, 0)]))
    places = [(0, 0)] * len(grids)
    start = 0
    for family in families:
        top = min(row for _, row, _ in family.members)
        left = min(col for _, _, col in family.members)
        for number, row, col in family.members:
            places[number] = (start + row - top, col - left)
        start = GAP + max(places[number][0] + grids[number].height for number, _, _ in family.members)
    return places


def _offset(one: Grid, other: Grid) -> tuple[int, int] | None:
    """Rows and columns from the first pixel of one raster to that of another; None where their grids differ."""
    if not (one.georeferenced and other.georeferenced) or one.crs != other.crs:
        return None
    sizes = [(one.transform[i], other.transform[i]) for i in (1, 2, 4, 5)]
    scale = max(abs(size) for size, _ in sizes)
    if any(abs(a - b) > _SAME * scale for a, b in sizes):
        return None
    x, y = other.transform[0], other.transform[3]
    inverse = one.inverse
    col = inverse[0] + inverse[1] * x + inverse[2] * y
    row = inverse[3] + inverse[4] * x + inverse[5] * y
    if abs(col - round(col)) > _WHOLE or abs(row - round(row)) > _WHOLE:
        return None
    return round(row), round(col)
