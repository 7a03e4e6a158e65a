# SPDX-License-Identifier: GPL-2.0-or-later
"""Tiles into a raster line by line: what is next to each other is collected and written at once.

A raw raster is stored line by line, band by band. A tile of 16 x 16 pixels and thousands of bands is a piece of 32
bytes in each of as many lines, so one by one every tile would touch as many pages as the whole row of tiles has.

Enters: cores of tiles in row-major order with their numbers. Leaves: the raster, nodata where no tile was.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .cube import Cube
from .windows import Window

_BUFFER_BYTES = 24 << 20


class TileRows:
    """Writes tiles to a raster."""

    def __init__(
        self,
        out: Cube,
        nodata: int,
        buffer_bytes: int = _BUFFER_BYTES,
        *,
        first_row: int = 0,
        written: Callable[[Window], object] | None = None,
    ) -> None:
        """Start above the first row.

        Args:
            out: Takes the numbers; int16.
            nodata: What a pixel has in all bands where no tile was.
            buffer_bytes: Collected at most, yet a tile at least.
            first_row: Where to begin; the lines above are left as they are.
            written: Told of whole lines that have been written, from the first row on.
        """
        self._out = out
        self._nodata = nodata
        self._most_bytes = buffer_bytes
        self._written = written or (lambda lines: lines)
        self._row, self._height = first_row, 0  # of the tiles that are being collected
        self._col = 0  # where the buffer begins
        self._buffer = np.empty((0, 0, 0), dtype=np.int16)  # (rows, bands, columns), as it is stored

    def write(self, core: Window, numbers: NDArray[np.int16]) -> None:
        """Take the numbers (bands, h, w) of a tile's core, which lies behind those before."""
        if (core.row, core.height) != (self._row, self._height):
            self._end_row()
            self._fill(self._row, core.row)
            self._begin_row(core)
        if core.stop_col - self._col > self._buffer.shape[2]:
            self._flush(core.col)
        place = slice(core.col - self._col, core.stop_col - self._col)
        self._buffer[:, :, place] = numbers.transpose(1, 0, 2)

    def close(self) -> None:
        """Write what is left, and nodata below."""
        self._end_row()
        self._fill(self._row, self._out.height)
        self._out.flush()

    def _begin_row(self, core: Window) -> None:
        self._row, self._height, self._col = core.row, core.height, 0
        columns = self._most_bytes // (2 * self._out.bands * core.height)
        shape = core.height, self._out.bands, min(self._out.width, max(core.width, columns))
        if self._buffer.shape != shape:
            self._buffer = np.empty(shape, dtype=np.int16)
        self._buffer.fill(self._nodata)

    def _end_row(self) -> None:
        if self._height:
            self._flush(self._out.width)
            self._written(Window(self._row, 0, self._height, self._out.width))
        self._row, self._height = self._row + self._height, 0

    def _flush(self, stop: int) -> None:
        """Write the columns before stop; the buffer begins there afterwards."""
        while self._col < stop:
            width = min(self._buffer.shape[2], stop - self._col)
            window = Window(self._row, self._col, self._height, width)
            self._out.write(window, self._buffer[:, :, :width].transpose(1, 0, 2))
            self._buffer.fill(self._nodata)
            self._col += width

    def _fill(self, row: int, stop: int) -> None:
        """Nodata in whole lines."""
        rows = max(1, self._most_bytes // (2 * self._out.bands * self._out.width))
        for first in range(row, stop, rows):
            window = Window(first, 0, min(rows, stop - first), self._out.width)
            shape = self._out.bands, window.height, window.width
            self._out.write(window, np.broadcast_to(np.int16(self._nodata), shape))
            self._written(window)
