# SPDX-License-Identifier: GPL-2.0-or-later
"""Rectangles of pixels: windows, tiles with a halo, strips, patch origins. Integers only.

Enters: sizes in pixels. Leaves: windows in absolute rows and columns of the raster. A tile's window may reach
outside the raster; what lies there is filled by the reader.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

GRID = 4  # the U-Net halves twice, so the phase of its coarse grids repeats every 4 pixels
HALO = 16  # pixels around the core of a tile; chosen by how far two tilings disagree (decision 22)
BLOCK = 16  # pixels, side of the blocks whose valid pixels are counted; patches are drawn near them
MOST_CORE = 80  # pixels; a tile goes through the network in one pass, and its features lie in memory


@dataclass(frozen=True)
class Window:
    """A rectangle of pixels: first row and column, height and width."""

    __slots__ = ("col", "height", "row", "width")  # a large scene has a hundred thousand of them
    row: int
    col: int
    height: int
    width: int

    @property
    def stop_row(self) -> int:
        """First row below the window."""
        return self.row + self.height

    @property
    def stop_col(self) -> int:
        """First column right of the window."""
        return self.col + self.width

    @property
    def slices(self) -> tuple[slice, slice]:
        """Row and column slices into an array of the whole raster; only for a window inside it."""
        return slice(self.row, self.stop_row), slice(self.col, self.stop_col)


@dataclass(frozen=True)
class Tile:
    """An output window and the larger window that is computed for it.

    Attributes:
        core: What is kept, inside the raster.
        window: What goes through the network: the core with its halo; may reach outside the raster.
    """

    __slots__ = ("core", "window")
    core: Window
    window: Window

    @property
    def inner(self) -> Window:
        """The core in coordinates of the window."""
        return Window(
            self.core.row - self.window.row, self.core.col - self.window.col, self.core.height, self.core.width
        )


def whole(height: int, width: int) -> Window:
    """The window of a whole raster."""
    return Window(0, 0, height, width)


def clip(window: Window, height: int, width: int) -> Window:
    """The part of the window inside a raster; its height or width is 0 where there is none."""
    row, col = min(max(window.row, 0), height), min(max(window.col, 0), width)
    stop_row, stop_col = min(max(window.stop_row, row), height), min(max(window.stop_col, col), width)
    return Window(row, col, stop_row - row, stop_col - col)


def touch(one: Window, other: Window) -> bool:
    """Whether two windows have a pixel in common."""
    rows, cols = (one.row, one.stop_row, other.row, other.stop_row), (one.col, one.stop_col, other.col, other.stop_col)
    return all(max(a, c) < min(b, d) for a, b, c, d in (rows, cols))


def expand(window: Window, before: int, after: int) -> Window:
    """The window with rows and columns added before (top, left) and after (bottom, right) it."""
    return Window(
        window.row - before, window.col - before, window.height + before + after, window.width + before + after
    )


def network_tile_side(height: int, width: int) -> int:
    """Side of the tiles of a raster: cores as even as can be, at most MOST_CORE, and HALO around them.

    A small raster is not made larger than it is by a last row of tiles that is mostly outside.
    """
    counts = (-(-height // MOST_CORE), -(-width // MOST_CORE))
    core = max(-(-length // (GRID * n)) * GRID for length, n in zip((height, width), counts))
    return core + 2 * HALO


def network_tiles(height: int, width: int, side: int, halo: int = HALO) -> list[Tile]:
    """Tiles of one fixed size whose cores cover the raster exactly once, in row-major order.

    The size is fixed, also at the borders, so that all passes through the network are alike. Windows start at
    multiples of GRID, so that every pixel keeps its phase against the network's coarse grids whatever the tiling.

    Args:
        height: Rows of the raster.
        width: Columns of the raster.
        side: Side of a tile's window, a multiple of GRID.
        halo: Pixels on each side of the core, a multiple of GRID.

    Raises:
        ValueError: A size is no multiple of GRID, or the halo leaves no core.
    """
    step = side - 2 * halo
    if side % GRID or halo % GRID or step <= 0:
        raise ValueError(f"side {side} and halo {halo} must be multiples of {GRID} and leave a core")
    size = (height, width)
    return [
        network_tile_at(size, side, halo, row, col) for row in range(0, height, step) for col in range(0, width, step)
    ]


def network_tile_at(size: tuple[int, int], side: int, halo: int, row: int, col: int) -> Tile:
    """The one of network_tiles(*size, side, halo) whose core holds a pixel; size: height and width."""
    step = side - 2 * halo
    row, col = row // step * step, col // step * step
    return Tile(clip(Window(row, col, step, step), *size), Window(row - halo, col - halo, side, side))


def column_major_order(tiles: Sequence[Tile], width: int) -> list[Tile]:
    """The tiles in strips of about the given width of pixels, left to right, each strip from top to bottom.

    In this order the lower neighbour of a tile comes at most a strip's width after it.
    """
    return sorted(tiles, key=lambda tile: (tile.core.col // max(1, width), tile.core.row, tile.core.col))


@dataclass(frozen=True)
class WindowGrid:
    """Tiles whose cores cover a raster exactly once, with what is read around each.

    Unlike those of network_tiles(), cores at the border are smaller, and so are their windows.

    Attributes:
        height: Rows of the raster.
        width: Columns of the raster.
        side: Of a core, pixels.
        before: Rows and columns read above and left of a core.
        after: Below and right of it.
    """

    height: int
    width: int
    side: int
    before: int
    after: int

    def tiles(self, area: Window | None = None) -> list[Tile]:
        """The tiles in row-major order.

        Args:
            area: Only those whose cores touch it, found without a look at the others; None: all.
        """
        area = whole(self.height, self.width) if area is None else clip(area, self.height, self.width)
        if not area.height or not area.width:
            return []
        side = self.side
        cores = [
            clip(Window(row, col, side, side), self.height, self.width)
            for row in range(area.row // side * side, area.stop_row, side)
            for col in range(area.col // side * side, area.stop_col, side)
        ]
        return [Tile(core, expand(core, self.before, self.after)) for core in cores]


def windows_with_margin(height: int, width: int, side: int, before: int, after: int) -> list[Tile]:
    """All tiles of a WindowGrid; arguments as its attributes."""
    return WindowGrid(height, width, side, before, after).tiles()


def row_strips(height: int, width: int, bytes_per_pixel: int, budget_bytes: int = 64 << 20) -> Iterator[Window]:
    """Full-width windows, top to bottom, each of at most the given bytes (and at least one row)."""
    rows = max(1, budget_bytes // max(1, bytes_per_pixel * width))
    for row in range(0, height, rows):
        yield Window(row, 0, min(rows, height - row), width)


def block_counts(valid: NDArray[np.bool_], block: int) -> NDArray[np.int64]:
    """Number of valid pixels in each block of block x block pixels.

    Args:
        valid: (H, W) bool.
        block: Side of a block; blocks at the lower and right border may be smaller.

    Returns:
        (ceil(H / block), ceil(W / block)) int64.
    """
    starts = np.arange(0, valid.shape[1], block)
    rows = range(0, valid.shape[0], block)  # a row of blocks at a time: int64 of all is eight times the mask
    return np.array([np.add.reduceat(valid[row : row + block].sum(axis=0), starts) for row in rows], dtype=np.int64)
