# SPDX-License-Identifier: GPL-2.0-or-later
"""The class of each segment, and the map in which each pixel has the class of its segment.

Enters: segments, and the class probabilities of every pixel. Leaves: a table of the segments, and rasters beside those
of the map.

The probabilities of a segment are the mean of those of its pixels. Their geometric mean, which lets a few sure pixels
rule out a class, was right less often (decision 45).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...io.cube import Cube, create_cube
from ...io.windows import Window, row_strips
from ...jobs.disk_sizes import CLASS_ID_TYPE, PROBABILITY_TYPE
from ...progress import Progress
from ..predict_map import MapFiles
from ..predictor import MapGrid
from .segmentation import Segmentation

_STEPS = 2.0**20  # probabilities are rounded to whole numbers of 1 / _STEPS, so that sums are exact in any order
_BYTES_PER_PIXEL = 64
_PASSES = 2


@dataclass(frozen=True)
class SegmentTable:
    """What is known of each segment; row n is of segment n + 1.

    Attributes:
        pixels: (M,) with a class.
        probabilities: (M, K) float32; 0 where no pixel has a class.
        agreeing: (M,) pixels whose own class is that of the segment.
    """

    pixels: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    agreeing: NDArray[np.int64]

    @property
    def class_index(self) -> NDArray[np.int64]:
        """(M,) of the most probable class; -1 where no pixel has one."""
        return np.where(self.pixels > 0, self.probabilities.argmax(axis=1), -1)

    @property
    def purity(self) -> NDArray[np.float64]:
        """(M,) share of the pixels whose own class is that of the segment."""
        return np.asarray(self.agreeing / np.maximum(self.pixels, 1))


@dataclass(frozen=True)
class SegmentedMap:
    """A map whose pixels have the classes of their segments.

    Attributes:
        files: Its rasters.
        table: Of the segments.
        changed: Pixels of another class than before, in the part of the raster that counts.
    """

    files: MapFiles
    table: SegmentTable
    changed: int


@dataclass(frozen=True)
class _Strips:
    """The strips that a map and its segments are passed in."""

    files: MapFiles
    grid: MapGrid
    segments: Segmentation
    progress: Progress

    def __iter__(self) -> Iterator[tuple[Window, NDArray[np.int64], NDArray[np.int64]]]:
        """Window, segment of each pixel less 1, and its own class index; -1 for none."""
        for strip in row_strips(*self.grid.size, _BYTES_PER_PIXEL + 8 * len(self.grid.classes)):
            own = self.grid.class_index(self.files.classes.stored(strip)[0])
            yield strip, self.segments.raster.stored(strip)[0].astype(np.int64) - 1, own

    def tell(self, number: int, strip: Window) -> None:
        """Say how far a pass is; may cancel."""
        self.progress((number + strip.stop_row / self.grid.size[0]) / _PASSES, "map: segments")


def classify_segments(
    files: MapFiles, grid: MapGrid, segments: Segmentation, size: tuple[int, int], progress: Progress
) -> SegmentedMap:
    """Give each pixel the class of its segment; one without a segment keeps its own.

    Args:
        files: Of a whole map, with probabilities.
        grid: Of it.
        segments: Of the scene.
        size: Height and width of the part that is counted.
        progress: Told after each strip.

    Raises:
        ValueError: The map has no probabilities.
    """
    if files.probabilities is None:
        raise ValueError("segments need the probabilities of the map")
    strips = _Strips(files, grid, segments, progress)
    table = _mean_probabilities(strips, files.probabilities)
    return _written(strips, files.probabilities, table, size)


def _mean_probabilities(strips: _Strips, probabilities: Cube) -> SegmentTable:
    count, classes = strips.segments.total, len(strips.grid.classes)
    pixels, sums = np.zeros(count, dtype=np.int64), np.zeros((count, classes))
    for strip, segment, own in strips:
        inside = (segment >= 0) & (own >= 0)
        if inside.any():
            found = segment[inside]
            first = int(found.min())
            part = slice(first, int(found.max()) + 1)
            length = part.stop - first
            pixels[part] += np.bincount(found - first, minlength=length)
            for k, values in enumerate(probabilities.stored(strip)):
                rounded = np.rint(values[inside].astype(np.float64) * _STEPS)
                sums[part, k] += np.bincount(found - first, weights=rounded, minlength=length)
        strips.tell(0, strip)
    shares = sums / np.maximum(sums.sum(axis=1, keepdims=True), 1)
    return SegmentTable(pixels, np.where(pixels[:, None] > 0, shares, 0).astype(np.float32), np.zeros_like(pixels))


def _written(strips: _Strips, probabilities: Cube, table: SegmentTable, size: tuple[int, int]) -> SegmentedMap:
    """The rasters of the map by segments, and how many pixels of each agree with it."""
    files, grid = strips.files, strips.grid
    out = [
        create_cube(grid.directory.folder, f"{name}-segments", grid.size, dtype, part.description.bands)
        for name, dtype, part in (
            ("map", CLASS_ID_TYPE, files.classes),
            ("confidence", PROBABILITY_TYPE, files.confidence),
            ("probabilities", PROBABILITY_TYPE, probabilities),
        )
    ]
    ids, of_segment = np.array([*(entry.id for entry in grid.classes), 0], dtype=np.uint16), table.class_index
    agreeing, changed = np.zeros_like(table.pixels), 0
    for strip, segment, own in strips:
        inside = (segment >= 0) & (own >= 0)
        found, after = segment[inside], own.copy()
        after[inside] = of_segment[found]
        shares = probabilities.stored(strip).copy()
        shares[:, inside] = table.probabilities[found].T
        confidence = files.confidence.stored(strip).copy()
        confidence[0, inside] = table.probabilities[found].max(axis=1)
        for raster, values in zip(out, (ids[after][None], confidence, shares)):
            raster.write(strip, values)
        differs = after != own
        if len(found):
            first = int(found.min())
            counts = np.bincount(found[~differs[inside]] - first)
            agreeing[first : first + len(counts)] += counts
        changed += int(differs[: max(0, size[0] - strip.row), : size[1]].sum())
        strips.tell(1, strip)
    for raster in out:
        raster.flush()
    classes, confident, probable = out
    decided = replace(files, classes=classes, confidence=confident, probabilities=probable)
    return SegmentedMap(decided, replace(table, agreeing=agreeing), changed)
