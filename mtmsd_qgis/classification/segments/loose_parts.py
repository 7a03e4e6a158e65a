# SPDX-License-Identifier: GPL-2.0-or-later
"""Segments from the pixels of seeds: each connected, none too small.

Enters: a raster with the seed of each pixel. Leaves: a raster with the segment of each pixel, from 1 in the order of
their first pixels.

The pixels of a seed need not be connected. A connected part of a quarter of the wanted size or more is a segment of its
own; a smaller one joins the most alike of the segments that it touches, from the outside in. Parts that touch small
ones alone join the largest of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...io.cube import Cube, whole_size
from ...io.windows import Window, row_strips
from ...progress import Progress
from ..choices.patches import Numbers, Patches, PatchFinder, touching
from .competition import Seeds

NO_SEGMENT = 0
_SMALLEST = 4  # a part of this share of the wanted size or more stays
_BYTES_PER_PIXEL = 96
_PASSES = 3


@dataclass(frozen=True)
class _Strips:
    """The strips that the labels are passed in."""

    labels: Cube
    progress: Progress

    def __iter__(self) -> Iterator[tuple[int, Window, Numbers]]:
        strips = row_strips(*whole_size(self.labels), _BYTES_PER_PIXEL)
        for number, strip in enumerate(strips):
            yield number, strip, self.labels.stored(strip)[0].astype(np.int64) - 1

    def tell(self, number: int, strip: Window) -> None:
        """Say how far a pass is; may cancel."""
        self.progress((number + strip.stop_row / self.labels.height) / _PASSES, "segments: loose parts")


def join_parts(labels: Cube, features: Cube, seeds: Seeds, out: Cube, progress: Progress) -> int:
    """Write the segments of all pixels; how many there are.

    Args:
        labels: As compete writes them.
        features: (F, H, W) of the pixels.
        seeds: As compete leaves them.
        out: Is written: the segment of each pixel, NO_SEGMENT where it has no features.
        progress: Told after each strip.
    """
    strips, finder = _Strips(labels, progress), PatchFinder()
    for _, strip, kinds in strips:
        finder.add(kinds)
        strips.tell(0, strip)
    parts = finder.patches()
    small = (parts.size < seeds.grid.spacing**2 / _SMALLEST) & (parts.kind >= 0)
    small_means, pairs = _of_small(strips, features, parts, small)
    owner = _owners(parts, small, pairs, _Means(parts.kind, seeds.features, small, small_means))
    number, count = _numbers(owner, parts.kind >= 0)
    for at, strip, kinds in strips:
        out.write(strip, number[parts.of_strip(at, kinds)].astype(np.uint32)[None])
        strips.tell(2, strip)
    out.flush()
    return count


def _numbers(owner: Numbers, is_valid: NDArray[np.bool_]) -> tuple[Numbers, int]:
    """(N,) the segment of each part, in the order of the first part of each, and how many there are.

    Args:
        owner: (N,) as _owners gives it; parts are in the order of their first pixels.
        is_valid: (N,) whether a part has features.
    """
    first = np.arange(len(owner))
    np.minimum.at(first, owner, np.arange(len(owner)))
    number = np.full(len(owner), NO_SEGMENT, dtype=np.int64)
    found, place = np.unique(first[owner[is_valid]], return_inverse=True)
    number[is_valid] = place.ravel() + 1
    return number, len(found)


@dataclass(frozen=True)
class _Means:
    """Mean features of parts.

    Attributes:
        kind: (N,) the seed of each part.
        of_seed: (F, M).
        small: (N,) whether a part is small; others are taken to have the mean of their seed.
        of_small: (S, F) of the small ones.
    """

    kind: Numbers
    of_seed: NDArray[np.float32]
    small: NDArray[np.bool_]
    of_small: NDArray[np.float64]

    def distance(self, one: Numbers, other: Numbers) -> NDArray[np.float64]:
        """(n,) squared distance of parts (n,) to others (n,), added up in the order of the features."""
        row = np.cumsum(self.small) - 1
        total = np.zeros(len(one))
        for feature in range(len(self.of_seed)):
            first, second = (self._of(part, feature, row) for part in (one, other))
            total += (first - second) ** 2
        return total

    def _of(self, parts: Numbers, feature: int, row: Numbers) -> NDArray[np.float64]:
        values: NDArray[np.float64] = self.of_seed[feature, self.kind[parts]].astype(np.float64)
        is_small = self.small[parts]
        values[is_small] = self.of_small[row[parts[is_small]], feature]
        return values


def _of_small(
    strips: _Strips, features: Cube, parts: Patches, small: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], Numbers]:
    """Means (S, F) of the small parts, and pairs (2, n) of such a part and one that it touches."""
    row = np.where(small, np.cumsum(small) - 1, -1)
    sums = np.zeros((int(small.sum()), features.bands))
    found = [np.empty((2, 0), dtype=np.int64)]
    above = None
    for at, strip, kinds in strips:
        part = parts.of_strip(at, kinds)
        inside = small[part]
        if inside.any():
            present, place = np.unique(row[part[inside]], return_inverse=True)
            for feature, values in enumerate(features.stored(strip)):
                sums[present, feature] += np.bincount(place.ravel(), weights=values[inside], minlength=len(present))
        pairs = touching(part, above)
        for pair in (pairs, pairs[::-1]):
            found.append(pair[:, small[pair[0]] & (parts.kind[pair[1]] >= 0)])
        above = part[-1].copy()
        strips.tell(1, strip)
    return sums / parts.size[small][:, None], np.asarray(np.unique(np.concatenate(found, axis=1), axis=1))


def _owners(parts: Patches, small: NDArray[np.bool_], pairs: Numbers, means: _Means) -> Numbers:
    """(N,) the part whose segment each part belongs to; itself where it is one of its own.

    Args:
        parts: N of them.
        small: (N,) which have to join another.
        pairs: (2, n) a small part, and one that it touches.
        means: Of all.
    """
    owner, open_ = np.arange(len(small)), small.copy()
    while pairs.size:
        ready = ~open_[pairs[1]]
        if ready.any():
            part, candidate = pairs[0, ready], owner[pairs[1, ready]]
            order = np.lexsort((candidate, means.distance(part, candidate), part))
            part, candidate = part[order], candidate[order]
            first = np.ones(len(part), dtype=bool)
            first[1:] = part[1:] != part[:-1]
            owner[part[first]] = candidate[first]
            open_[part[first]] = False
        else:
            size, larger = parts.size[pairs], np.zeros(len(small), dtype=bool)
            larger[pairs[0, (size[1] > size[0]) | ((size[1] == size[0]) & (pairs[1] < pairs[0]))]] = True
            open_[pairs[0, ~larger[pairs[0]]]] = False
        pairs = pairs[:, open_[pairs[0]]]
    return owner
