# SPDX-License-Identifier: GPL-2.0-or-later
"""Fewer samples, class by class, where all of them take too much memory or time.

Enters: class indices, a limit. Leaves: indices of the samples that are used.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_LEAST = 20  # samples that a class keeps where the shares of the classes are kept


def subsample(class_index: NDArray[np.int64], limit: int, seed: int, *, balanced: bool) -> NDArray[np.int64]:
    """Indices of about as many samples as the limit says, drawn at random within each class; all where they fit.

    Args:
        class_index: (N,) class indices.
        limit: Samples wanted.
        seed: Of the draw.
        balanced: Small classes stay whole and large ones are cut to one common size, so that at most `limit` samples
            are left. Else each class keeps the same share of its samples, and so its frequency, but at least 20
            samples; then a few more than `limit` may be left.

    Returns:
        (n,) ascending.
    """
    if len(class_index) <= limit:
        return np.arange(len(class_index))
    counts = np.bincount(class_index)
    if balanced:
        wanted = np.full(len(counts), _common_size(counts, limit))
    else:
        wanted = np.maximum(_LEAST, np.rint(limit / len(class_index) * counts).astype(np.int64))
    rng = np.random.default_rng(seed)
    members = {index: np.flatnonzero(class_index == index) for index in np.unique(class_index)}
    drawn = [rng.permutation(of_class)[: wanted[index]] for index, of_class in members.items()]
    return np.sort(np.concatenate(drawn))


def _common_size(counts: NDArray[np.int64], limit: int) -> int:
    """The largest size such that classes cut to it have at most `limit` samples together."""
    ascending = np.sort(counts)
    sizes = [int((limit - ascending[:i].sum()) // (len(ascending) - i)) for i in range(len(ascending))]
    return next(size for i, size in enumerate(sizes) if size < ascending[i])
