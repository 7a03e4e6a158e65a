# SPDX-License-Identifier: GPL-2.0-or-later
"""A scene cut into segments of a wanted size.

Enters: the raster of features, and how many pixels a segment shall have on average. Leaves: a raster of segments, and
how many there are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...io.cube import Cube, create_cube, whole_size
from ...io.windows import Window
from ...jobs.data_model import Band
from ...jobs.disk_sizes import SEGMENT_TYPE
from ...progress import Progress, span
from .competition import compete
from .loose_parts import NO_SEGMENT, join_parts
from .seed_grid import SeedGrid

_COMPETING = 0.8  # of the time


@dataclass(frozen=True)
class Segmentation:
    """Segments of a scene.

    Attributes:
        raster: The segment of each pixel, from 1 on; NO_SEGMENT where there is no data.
        pixels: Wanted of each on average.
        count: How many there are.
    """

    raster: Cube
    pixels: int
    count: int

    def at(self, rows: NDArray[np.int64], cols: NDArray[np.int64]) -> NDArray[np.int64]:
        """(N,) segments of pixels."""
        found = np.empty(len(rows), dtype=np.int64)
        for row in np.unique(rows):
            in_row = rows == row
            line = self.raster.stored(Window(int(row), 0, 1, self.raster.width))[0, 0]
            found[in_row] = line[cols[in_row]]
        return found


def segment_scene(features: Cube, pixels: int, progress: Progress) -> Segmentation:
    """Cut a scene into segments; the raster of them lies beside that of the features.

    Args:
        features: As SegmentFeatures writes them.
        pixels: Wanted of each segment on average.
        progress: Told after each strip.
    """
    folder, size = features.files[0].parent, whole_size(features)
    bands = [Band("segment", nodata=NO_SEGMENT)]
    labels = create_cube(folder, "segment-seeds", size, SEGMENT_TYPE, bands)
    out = create_cube(folder, "segments", size, SEGMENT_TYPE, bands)
    seeds = compete(features, labels, SeedGrid.of(size, pixels), span(progress, 0.0, _COMPETING))
    count = join_parts(labels, features, seeds, out, span(progress, _COMPETING, 1.0))
    return Segmentation(out, pixels, count)
