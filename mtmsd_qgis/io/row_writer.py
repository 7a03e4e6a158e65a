# SPDX-License-Identifier: GPL-2.0-or-later
"""Tiles into a raster line by line: a row of tiles is laid aside and written when it is complete.

A raw raster is stored line by line, band by band. A tile of 80 x 80 pixels and thousands of bands is a piece of 160
bytes in each of as many lines; one by one, every tile would touch as many pages as the whole row of tiles has. So
the tiles of a row go to a file, one after the other, and come back as whole lines, a few at a time.

Enters: cores of tiles in row-major order with their numbers. Leaves: the raster, nodata where no tile was.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from ..runtime.prefetch import BackgroundWriter
from .cube import Cube
from .windows import Window

_BUFFER_BYTES = 24 << 20

Lines = Callable[[Window], NDArray[np.int16]]
"""Numbers (bands, rows, columns) of a window."""


@dataclass(frozen=True)
class AppendedBands:
    """Bands that follow those of the tiles, and that are read for whole lines.

    Attributes:
        bands: How many.
        read: Their numbers; where no tile has data they become nodata.
    """

    bands: int
    read: Lines


@dataclass(frozen=True)
class _Row:
    """A row of tiles: whole lines of the raster, and the cores in them, which follow each other in a file."""

    lines: Window
    path: Path
    file: BinaryIO
    cores: list[Window]


@dataclass
class RowWriter:
    """Writes tiles to a raster, as a block: rows are written by a thread of its own while the next ones come.

    Attributes:
        out: Takes the numbers; int16.
        nodata: What a pixel has in all bands where no tile was.
        folder: For files of rows, each as large as a row of tiles; few at a time.
        buffer_bytes: Of lines written at once; a line at least.
        appended: Bands that follow those of the tiles.
        first_row: Where to begin; the lines above are left as they are.
        on_written: Told of whole lines that have been written, from the first row on; in the thread that wrote them.
    """

    out: Cube
    nodata: int
    folder: Path
    buffer_bytes: int = _BUFFER_BYTES
    appended: AppendedBands | None = None
    first_row: int = 0
    on_written: Callable[[Window], object] | None = None

    def __post_init__(self) -> None:
        """Start above the first row."""
        self._bands = self.out.bands - (self.appended.bands if self.appended else 0)
        self._lines = max(1, self.buffer_bytes // (2 * self.out.bands * self.out.width))
        self._next_row = self.first_row
        self._row: _Row | None = None  # that is being collected
        self._files: list[_Row] = []
        self._writer = BackgroundWriter()

    def __enter__(self) -> RowWriter:
        """Start the thread."""
        self._writer.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for the thread, and remove the files; after an error, only for the row that it is at."""
        try:
            self._writer.__exit__(kind, error, trace)
        finally:
            for row in self._files:
                row.file.close()
                row.path.unlink(missing_ok=True)

    def write(self, core: Window, values: NDArray[np.int16]) -> None:
        """Take the values of a tile's core, which follows those before.

        Args:
            core: Inside the raster.
            values: (h, bands, w), lines first, as they are stored.
        """
        if self._row is None or core.row != self._row.lines.row:
            self._end_row(core.row)
            path = self.folder / f"row_{core.row}.raw"
            self._row = _Row(Window(core.row, 0, core.height, self.out.width), path, path.open("w+b"), [])
            self._files.append(self._row)
        self._row.file.write(np.ascontiguousarray(values).data)
        self._row.cores.append(core)

    def finish(self) -> None:
        """The last tile has come; on leaving the block all is written, with nodata below."""
        self._end_row(self.out.height)

    def _end_row(self, next_row: int) -> None:
        """Let the row be written that has been collected, and nodata down to the next one."""
        if self._row is not None:
            self._writer.call(partial(self._write_row, self._row))
            self._next_row, self._row = self._row.lines.stop_row, None
        if self._next_row < next_row:
            self._writer.call(partial(self._write_nothing, Window(self._next_row, 0, next_row - self._next_row, 0)))

    def _write_row(self, row: _Row) -> None:
        lines = row.lines
        for first in range(0, lines.height, self._lines):
            values = self._empty(min(self._lines, lines.height - first))
            position = 0  # of a tile in the file, in values
            for core in row.cores:
                line = self._bands * core.width
                row.file.seek(2 * (position + first * line))
                part = np.fromfile(row.file, np.int16, len(values) * line)
                values[:, : self._bands, core.col : core.stop_col] = part.reshape(len(values), -1, core.width)
                position += core.height * line
            self._write_lines(lines.row + first, values)
        row.file.close()
        row.path.unlink()
        self._files.remove(row)
        self._tell(lines)

    def _write_nothing(self, rows: Window) -> None:
        """Nodata in whole lines."""
        for first in range(rows.row, rows.stop_row, self._lines):
            window = Window(first, 0, min(self._lines, rows.stop_row - first), self.out.width)
            self.out.write(window, self._empty(window.height).transpose(1, 0, 2))
            self._tell(window)

    def _tell(self, lines: Window) -> None:
        if self.on_written is not None:
            self.on_written(lines)

    def _empty(self, rows: int) -> NDArray[np.int16]:
        """(rows, all bands, columns) without data."""
        return np.full((rows, self.out.bands, self.out.width), self.nodata, dtype=np.int16)

    def _write_lines(self, row: int, values: NDArray[np.int16]) -> None:
        """Write (rows, all bands, columns), with the appended bands where there is data."""
        window = Window(row, 0, len(values), self.out.width)
        if self.appended is not None:
            data = (values[:, 0] != self.nodata)[:, None]
            np.copyto(values[:, self._bands :], self.appended.read(window).transpose(1, 0, 2), where=data)
        self.out.write(window, values.transpose(1, 0, 2))
