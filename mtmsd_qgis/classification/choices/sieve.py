# SPDX-License-Identifier: GPL-2.0-or-later
"""A class map whose smallest patches have gone into their neighbours.

Enters: class ids, confidence and probabilities of a whole map. Leaves: class ids and confidence beside them.

A patch that is smaller than the unit gets, as a whole, the class that is most probable on it among the classes of the
patches that it touches. Patches that touch small ones alone follow, from the outside in, so afterwards no patch is
smaller than the unit, but for islands that touch no patch of its size.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...io.cube import Cube, create_cube
from ...io.windows import Window, row_strips
from ...jobs.disk_sizes import CLASS_ID_TYPE, PROBABILITY_TYPE
from ...progress import Progress
from ..predict_map import MapFiles
from ..predictor import MapGrid
from .patches import Numbers, Patches, PatchFinder, touching

_BYTES_PER_PIXEL = 96  # of a strip, beside its probabilities
_PASSES = 3


@dataclass(frozen=True)
class SievedMap:
    """A map after the sieve.

    Attributes:
        classes: Class ids.
        confidence: Probability of the class that each pixel has now.
        changed: Pixels of another class than before, in the part of the raster that counts.
        left: Pixels there of patches that are still too small.
    """

    classes: Cube
    confidence: Cube
    changed: int
    left: int


@dataclass(frozen=True)
class _Strips:
    """The strips that a map is passed in; they depend on its size alone."""

    files: MapFiles
    grid: MapGrid
    progress: Progress

    def __iter__(self) -> Iterator[tuple[int, Window]]:
        return iter(enumerate(row_strips(*self.grid.size, _BYTES_PER_PIXEL + 8 * len(self.grid.classes))))

    def classes(self, strip: Window) -> NDArray[np.int64]:
        """(h, w) class indices, -1 where there is none."""
        return self.grid.class_index(np.nan_to_num(self.files.classes.read(strip)[0]).astype(np.int64))

    def tell(self, number: int, strip: Window) -> None:
        """Say how far a pass is; may cancel."""
        self.progress((number + strip.stop_row / self.grid.size[0]) / _PASSES, "map: small patches")


def sieve_map(files: MapFiles, grid: MapGrid, unit: int, size: tuple[int, int], progress: Progress) -> SievedMap:
    """Give patches of fewer pixels than the unit to their neighbours.

    Args:
        files: Of a whole map, with probabilities.
        grid: Of it.
        unit: Pixels of the smallest patch that stays.
        size: Height and width of the part that is counted.
        progress: Told after each strip.

    Raises:
        ValueError: The map has no probabilities.
    """
    if files.probabilities is None:
        raise ValueError("a sieve needs the probabilities of the map")
    strips, finder = _Strips(files, grid, progress), PatchFinder()
    for _, strip in strips:
        finder.add(strips.classes(strip))
        strips.tell(0, strip)
    patches = finder.patches()
    small = (patches.size < unit) & (patches.kind >= 0)
    number_of = np.where(small, np.cumsum(small) - 1, -1)  # of a small patch
    sums, pairs = _of_small(strips, files.probabilities, patches, number_of)
    return _written(strips, patches, _settled(patches.kind, number_of, sums, pairs), size)


def _of_small(
    strips: _Strips, probabilities: Cube, patches: Patches, number_of: Numbers
) -> tuple[NDArray[np.float64], Numbers]:
    """Sums (M, K) of the probabilities on each small patch, and pairs (2, n) of such a patch and one it touches."""
    sums = np.zeros((int(number_of.max(initial=-1)) + 1, len(strips.grid.classes)))
    found = [np.empty((2, 0), dtype=np.int64)]
    above = None
    for number, strip in strips:
        patch = patches.of_strip(number, strips.classes(strip))
        of_pixel = number_of[patch]
        inside = of_pixel >= 0
        if inside.any():
            present, place = np.unique(of_pixel[inside], return_inverse=True)
            for k in range(sums.shape[1]):
                values = probabilities.read(strip, [k])[0][inside].astype(np.float64)
                sums[present, k] += np.bincount(place.ravel(), weights=values, minlength=len(present))
        pairs = touching(patch, above)
        for pair in (pairs, pairs[::-1]):
            found.append(pair[:, (number_of[pair[0]] >= 0) & (patches.kind[pair[1]] >= 0)])
        above = patch[-1].copy()
        strips.tell(1, strip)
    return sums, np.asarray(np.unique(np.concatenate(found, axis=1), axis=1))


def _settled(
    kind: Numbers, number_of: Numbers, sums: NDArray[np.float64], pairs: Numbers
) -> tuple[Numbers, NDArray[np.bool_]]:
    """(N,) the class index of each patch after the sieve, and (N,) which are islands, whose class stays.

    Args:
        kind: (N,) before.
        number_of: (N,) row of each small patch in the sums, -1 for others.
        sums: (M, K).
        pairs: (2, n) a small patch, and one that it touches.
    """
    after, open_ = kind.copy(), number_of >= 0
    while True:
        ready = open_[pairs[0]] & ~open_[pairs[1]]
        if not ready.any():
            return after, open_
        patch, candidate = pairs[0, ready], after[pairs[1, ready]]
        score = sums[number_of[patch], candidate]
        order = np.lexsort((candidate, -score, patch))
        patch, candidate = patch[order], candidate[order]
        first = np.ones(len(patch), dtype=bool)
        first[1:] = patch[1:] != patch[:-1]
        after[patch[first]] = candidate[first]
        open_[patch[first]] = False
        pairs = pairs[:, open_[pairs[0]]]


def _written(
    strips: _Strips, patches: Patches, settled: tuple[Numbers, NDArray[np.bool_]], size: tuple[int, int]
) -> SievedMap:
    """The rasters, in which the pixels of a patch have its class after the sieve."""
    kind, is_island = settled
    files, grid = strips.files, strips.grid
    folder, ids = grid.directory.folder, np.array([*(entry.id for entry in grid.classes), 0], dtype=np.uint16)
    classes = create_cube(folder, "map-sieved", grid.size, CLASS_ID_TYPE, files.classes.description.bands)
    confidence = create_cube(
        folder, "confidence-sieved", grid.size, PROBABILITY_TYPE, files.confidence.description.bands
    )
    changed = left = 0
    nothing = files.confidence.description.bands[0].nodata or 0.0
    for number, strip in strips:
        before = strips.classes(strip)
        patch = patches.of_strip(number, before)
        after = kind[patch]
        differs = after != before
        probability = np.nan_to_num(files.confidence.read(strip)[0], nan=nothing)
        if differs.any() and files.probabilities is not None:
            every = files.probabilities.read(strip)
            rows, cols = np.nonzero(differs)
            probability[rows, cols] = every[after[rows, cols], rows, cols]
        classes.write(strip, ids[after][None])
        confidence.write(strip, probability[None])
        own = slice(0, max(0, size[0] - strip.row)), slice(0, size[1])
        changed += int(differs[own].sum())
        left += int(is_island[patch[own]].sum())
        strips.tell(2, strip)
    for raster in (classes, confidence):
        raster.flush()
    return SievedMap(classes, confidence, changed, left)
