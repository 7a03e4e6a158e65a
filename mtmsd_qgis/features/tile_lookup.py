# SPDX-License-Identifier: GPL-2.0-or-later
"""Which tiles hold given pixels.

Enters: tiles of one grid, rows and columns of pixels. Leaves: for each tile, the indices of the pixels in its core.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ..io.windows import Tile
from ..progress import Progress


def pixels_by_tile(tiles: Sequence[Tile], rows: NDArray[np.int64], cols: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """For each tile, which of the given pixels lie in its core.

    Args:
        tiles: Of one grid, whole or in part.
        rows: (N,) absolute rows.
        cols: (N,) absolute columns.

    Returns:
        One array of indices into rows and cols a tile.
    """
    starts = np.array([(tile.core.row, tile.core.col) for tile in tiles])
    row_starts, tile_row = np.unique(starts[:, 0], return_inverse=True)
    col_starts, tile_col = np.unique(starts[:, 1], return_inverse=True)
    owner = np.searchsorted(row_starts, rows, side="right") - 1
    owner = owner * len(col_starts) + np.searchsorted(col_starts, cols, side="right") - 1
    order = np.argsort(owner, kind="stable")
    cells = tile_row.reshape(-1) * len(col_starts) + tile_col.reshape(-1)
    start, stop = (np.searchsorted(owner[order], cells, side=side) for side in ("left", "right"))
    none = np.zeros(0, dtype=np.int64)  # one for all the tiles of a large scene that have nothing

    def inside(tile: Tile, indices: NDArray[np.int64]) -> NDArray[np.int64]:
        return indices[(rows[indices] < tile.core.stop_row) & (cols[indices] < tile.core.stop_col)]

    return [inside(tile, order[a:b]) if b > a else none for tile, a, b in zip(tiles, start, stop)]


def tiles_with_pixels(
    tiles: Sequence[Tile],
    rows: NDArray[np.int64],
    cols: NDArray[np.int64],
    progress: Progress,
    text: str = "reading features of the samples",
) -> Iterator[tuple[Tile, NDArray[np.int64]]]:
    """The tiles that have given pixels in their core, with the indices of those pixels; progress is told after each."""
    for done, (tile, indices) in enumerate(zip(tiles, pixels_by_tile(tiles, rows, cols))):
        if len(indices):
            yield tile, indices
        progress((done + 1) / len(tiles), text)
