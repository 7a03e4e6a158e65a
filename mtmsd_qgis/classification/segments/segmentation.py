# SPDX-License-Identifier: GPL-2.0-or-later
"""A scene cut into segments of a wanted size.

Enters: the raster of features, and how many pixels a segment shall have on average. Leaves: a raster of segments, and
how many there are. Several scenes that lie below each other are cut apart, so that each has the segments that it has
alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...io.cube import Cube, create_cube, whole_size
from ...io.windows import Window, row_strips
from ...jobs.data_model import Band
from ...jobs.disk_sizes import SEGMENT_TYPE
from ...progress import Progress, span
from .competition import compete
from .loose_parts import NO_SEGMENT, join_parts
from .seed_grid import SeedGrid

_COMPETING = 0.8  # of the time
_BYTES_PER_PIXEL = 16


@dataclass(frozen=True)
class Segmentation:
    """Segments of a scene.

    Attributes:
        raster: The segment of each pixel, from 1 on; NO_SEGMENT where there is no data.
        pixels: Wanted of each on average.
        count: How many there are in the user's scene, which has the first numbers.
        further: How many there are in further scenes.
    """

    raster: Cube
    pixels: int
    count: int
    further: int = 0

    @property
    def total(self) -> int:
        """How many there are in all scenes."""
        return self.count + self.further

    def at(self, rows: NDArray[np.int64], cols: NDArray[np.int64]) -> NDArray[np.int64]:
        """(N,) segments of pixels."""
        found = np.empty(len(rows), dtype=np.int64)
        for row in np.unique(rows):
            in_row = rows == row
            line = self.raster.stored(Window(int(row), 0, 1, self.raster.width))[0, 0]
            found[in_row] = line[cols[in_row]]
        return found


@dataclass(frozen=True)
class FeaturesOfScenes:
    """Features of scenes that lie below each other.

    Attributes:
        parts: First row and features of each, the user's scene first.
        size: Height and width of the whole.
        folder: For the segments of the whole.
    """

    parts: Sequence[tuple[int, Cube]]
    size: tuple[int, int]
    folder: Path


def segment_scene(features: Cube | FeaturesOfScenes, pixels: int, progress: Progress) -> Segmentation:
    """Cut a scene, or each of several, into segments; the raster of them lies beside that of the features.

    Args:
        features: As SegmentFeatures writes them.
        pixels: Wanted of each segment on average.
        progress: Told after each strip.
    """
    if isinstance(features, FeaturesOfScenes):
        return _segment_scenes(features, pixels, progress)
    folder, size = features.files[0].parent, whole_size(features)
    bands = [Band("segment", nodata=NO_SEGMENT)]
    labels = create_cube(folder, "segment-seeds", size, SEGMENT_TYPE, bands)
    out = create_cube(folder, "segments", size, SEGMENT_TYPE, bands)
    seeds = compete(features, labels, SeedGrid.of(size, pixels), span(progress, 0.0, _COMPETING))
    count = join_parts(labels, features, seeds, out, span(progress, _COMPETING, 1.0))
    return Segmentation(out, pixels, count)


def _segment_scenes(features: FeaturesOfScenes, pixels: int, progress: Progress) -> Segmentation:
    """Segments of all scenes, numbered on from one to the next."""
    out = create_cube(features.folder, "segments", features.size, SEGMENT_TYPE, [Band("segment", nodata=NO_SEGMENT)])
    counts: list[int] = []
    for number, (top, part) in enumerate(features.parts):
        progress_of_part = span(progress, number / len(features.parts), (number + 1) / len(features.parts))
        found = segment_scene(part, pixels, progress_of_part)
        for strip in row_strips(*whole_size(part), _BYTES_PER_PIXEL):
            values = found.raster.stored(strip)
            numbered = np.where(values == NO_SEGMENT, NO_SEGMENT, values + sum(counts))
            out.write(Window(top + strip.row, strip.col, strip.height, strip.width), numbered.astype(values.dtype))
        counts.append(found.count)
    out.flush()
    return Segmentation(out, pixels, counts[0], sum(counts[1:]))
