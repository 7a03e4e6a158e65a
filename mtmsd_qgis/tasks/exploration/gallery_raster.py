# SPDX-License-Identifier: GPL-2.0-or-later
"""The gallery as a raster: the three colours of each timestep and stage, where their pixels lie.

Enters: colours of the pixels that were looked at, cell by cell. Leaves: a raw raster of bytes, 1 to 255, 0 where
nothing was looked at, and which pixels of the scene its cells are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...features.exploration.gallery import COLOURS
from ...io.cube import create_cube
from ...io.windows import row_strips
from ...jobs.data_model import Band
from ...jobs.disk_sizes import MOST_GALLERY_CELLS
from ...jobs.exploration.exploration import GalleryRaster

NO_COLOUR = 0
_BRIGHTEST = 255


@dataclass(frozen=True)
class Gallery:
    """Colours of cells, and the grid of their pixels.

    Attributes:
        rows: (N,) of the pixels in the scene.
        cols: (N,).
        step: Lines and columns of the scene from one cell of the raster to the next.
        names: Of the bands so far.
        colours: (N,) uint8 of each band so far.
    """

    rows: NDArray[np.int64]
    cols: NDArray[np.int64]
    step: int
    names: list[str] = field(default_factory=list)
    colours: list[NDArray[np.uint8]] = field(default_factory=list)

    @classmethod
    def of(cls, rows: NDArray[np.int64], cols: NDArray[np.int64], step: int) -> Gallery:
        """An empty one of pixels a step apart, of a coarser step where their extent has too many cells."""
        height, width = (int(np.ptp(places)) + 1 for places in (rows, cols))
        while (-(-height // step)) * (-(-width // step)) > MOST_GALLERY_CELLS:
            step *= 2
        return cls(rows, cols, step)

    def add_stage(self, stage: int, timesteps: Sequence[int], colours: NDArray[np.float32]) -> None:
        """The colours (N, T, 3), 0 to 1, of a stage at timesteps (T,)."""
        for t, timestep in enumerate(timesteps):
            for number in range(COLOURS):
                self.names.append(f"stage {stage}, t = {timestep}: component {number + 1}")
                self.colours.append((1 + np.rint(colours[:, t, number] * (_BRIGHTEST - 1))).astype(np.uint8))

    def write(self, folder: Path) -> GalleryRaster:
        """The raster in a folder; a cell has the colour of its first pixel."""
        last_first = slice(None, None, -1)  # of several values for a place numpy keeps the last
        rows, cols = (places[last_first] // self.step for places in (self.rows, self.cols))
        top, left = int(rows.min()), int(cols.min())
        size = int(rows.max()) - top + 1, int(cols.max()) - left + 1
        bands = [Band(name, number=number, nodata=NO_COLOUR) for number, name in enumerate(self.names, 1)]
        cube = create_cube(folder, "gallery", size, "uint8", bands)
        for strip in row_strips(*size, len(bands)):
            inside = (rows - top >= strip.row) & (rows - top < strip.stop_row)
            values = np.full((len(bands), strip.height, strip.width), NO_COLOUR, dtype=np.uint8)
            place = rows[inside] - top - strip.row, cols[inside] - left
            for band, colours in zip(values, self.colours):
                band[place] = colours[last_first][inside]
            cube.write(strip, values)
        cube.flush()
        return GalleryRaster(cube.description, top * self.step, left * self.step, self.step)
