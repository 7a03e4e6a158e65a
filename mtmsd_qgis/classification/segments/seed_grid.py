# SPDX-License-Identifier: GPL-2.0-or-later
"""The cells of a raster that segments begin in, one seed a cell.

Enters: the raster's size, and how many pixels a segment shall have. Leaves: which cell a row and a column lie in, and
the bands of rows that share a row of cells.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...io.windows import Window


@dataclass(frozen=True)
class SeedGrid:
    """A grid of cells as even as can be.

    Attributes:
        size: Height and width of the raster, pixels.
        rows: Rows of cells.
        cols: Columns of cells.
    """

    size: tuple[int, int]
    rows: int
    cols: int

    @classmethod
    def of(cls, size: tuple[int, int], pixels: int) -> SeedGrid:
        """Cells of about so many pixels."""
        side = math.sqrt(pixels)
        return cls(size, *(max(1, min(length, round(length / side))) for length in size))

    @property
    def spacing(self) -> float:
        """Distance of two seeds, pixels."""
        return math.sqrt(self.size[0] * self.size[1] / (self.rows * self.cols))

    def __len__(self) -> int:
        """Number of cells."""
        return self.rows * self.cols

    def col_of(self) -> NDArray[np.int64]:
        """(W,) the column of cells that each column of the raster lies in."""
        return np.arange(self.size[1]) * self.cols // self.size[1]

    def strips(self, bytes_per_pixel: int, budget_bytes: int) -> Iterator[tuple[int, Window]]:
        """Each row of cells with windows of the raster's width that cover it, top to bottom."""
        most = max(1, budget_bytes // max(1, bytes_per_pixel * self.size[1]))
        for cell in range(self.rows):
            first, stop = (-(-self.size[0] * edge // self.rows) for edge in (cell, cell + 1))
            for row in range(first, stop, most):
                yield cell, Window(row, 0, min(most, stop - row), self.size[1])
