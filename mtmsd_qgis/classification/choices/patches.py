# SPDX-License-Identifier: GPL-2.0-or-later
"""Patches of a class map: pixels of one class that are joined by their sides.

Enters: class indices of strips, from top to bottom, -1 where there is none. Leaves: the patch of each pixel, the size
of each patch, and which patches touch.

A map is passed strip by strip, so memory grows with the number of patches and not with the pixels. The patches do not
depend on the strips. They are those that GDAL's sieve finds with its connectedness of 4; the worker has no GDAL.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

Numbers = NDArray[np.int64]


def parts_of(strip: NDArray[np.int64]) -> tuple[Numbers, int]:
    """Number of the part (h, w) that each pixel of a strip belongs to, from 0, and how many there are.

    Runs of equal pixels in a row are the nodes of a graph, and runs that touch in the next row its edges.

    Args:
        strip: (h, w) class indices.
    """
    begins = np.ones(strip.shape, dtype=bool)
    begins[:, 1:] = strip[:, 1:] != strip[:, :-1]
    run = np.cumsum(begins.ravel()).reshape(strip.shape) - 1
    touches = strip[1:] == strip[:-1]
    part_of_run, count = _joined(run[:-1][touches], run[1:][touches], int(run[-1, -1]) + 1)
    return part_of_run[run], count


@dataclass(frozen=True)
class Patches:
    """Patches of a whole map.

    Attributes:
        first: (S,) number of the first part of each strip.
        patch: (P,) the patch that each part belongs to, parts of all strips after each other.
        size: (N,) pixels of each patch.
        kind: (N,) its class index; -1 for pixels without a class.
    """

    first: Numbers
    patch: Numbers
    size: Numbers
    kind: Numbers

    def of_strip(self, number: int, strip: NDArray[np.int64]) -> Numbers:
        """The patch (h, w) of each pixel of a strip, given by its number and its class indices."""
        parts, _ = parts_of(strip)
        return np.asarray(self.patch[self.first[number] + parts])


class PatchFinder:
    """Joins the parts of strips that are handed over from top to bottom."""

    def __init__(self) -> None:
        """Begin above the first strip."""
        self._first: list[int] = []
        self._parts = 0
        self._sizes: list[Numbers] = []
        self._kinds: list[Numbers] = []
        self._above: list[Numbers] = []  # parts that touch over the border of two strips, and
        self._below: list[Numbers] = []
        self._last: tuple[NDArray[np.int64], Numbers] | None = None

    def add(self, strip: NDArray[np.int64]) -> None:
        """Take the class indices (h, w) of the next strip."""
        parts, count = parts_of(strip)
        parts += self._parts
        self._first.append(self._parts)
        self._sizes.append(np.bincount(parts.ravel() - self._parts, minlength=count))
        kinds = np.empty(count, dtype=np.int64)
        kinds[parts.ravel() - self._parts] = strip.ravel()
        self._kinds.append(kinds)
        if self._last is not None:
            touches = self._last[0] == strip[0]
            pairs = np.unique(np.stack([self._last[1][touches], parts[0][touches]]), axis=1)
            self._above.append(pairs[0])
            self._below.append(pairs[1])
        self._last = strip[-1].copy(), parts[-1].copy()
        self._parts += count

    def patches(self) -> Patches:
        """The patches of all strips together."""
        nothing = np.empty(0, dtype=np.int64)
        patch, count = _joined(
            np.concatenate([nothing, *self._above]), np.concatenate([nothing, *self._below]), self._parts
        )
        size = np.bincount(patch, weights=np.concatenate(self._sizes), minlength=count).astype(np.int64)
        kind = np.empty(count, dtype=np.int64)
        kind[patch] = np.concatenate(self._kinds)
        return Patches(np.array(self._first, dtype=np.int64), patch, size, kind)


def touching(patches: Numbers, above: Numbers | None) -> Numbers:
    """(2, n) pairs of different patches that touch in a strip, or with the row above it; each pair once.

    Args:
        patches: (h, w).
        above: (w,) of the row above; None for the first strip.
    """
    rows = patches if above is None else np.concatenate([above[None], patches])
    pairs = []
    for one, other in ((rows[1:], rows[:-1]), (patches[:, 1:], patches[:, :-1])):
        differ = one != other
        pairs.append(np.stack([one[differ], other[differ]]))
    both = np.concatenate(pairs, axis=1)
    return np.asarray(np.unique(np.sort(both, axis=0), axis=1))


def _joined(one: Numbers, other: Numbers, count: int) -> tuple[Numbers, int]:
    """Which of the connected parts of a graph each node is in, and how many there are."""
    graph = coo_matrix((np.ones(len(one), dtype=np.int8), (one, other)), shape=(count, count))
    parts, numbers = connected_components(graph, directed=False)
    return numbers.astype(np.int64), int(parts)
