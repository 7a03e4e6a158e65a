# SPDX-License-Identifier: GPL-2.0-or-later
"""How sure a class is: entropy, margin, disagreement of kinds of models.

Enters: class probabilities of pixels, and those by each kind of model. Leaves: one figure from 0 to 1
a pixel and measure.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from ..predictor import NO_CONFIDENCE

ENTROPY, MARGIN, DISAGREEMENT = "entropy", "margin", "disagreement"

Values = NDArray[np.float32]


def entropy(probabilities: Values) -> Values:
    """Shannon entropy over its largest value, log K: 0 where one class is certain, 1 where all are alike.

    Args:
        probabilities: (K, ...), K of at least 2.

    Returns:
        (...).
    """
    p = probabilities.astype(np.float64)
    summed = -(p * np.log(np.where(p > 0, p, 1.0))).sum(axis=0)
    return np.asarray(np.clip(summed / np.log(len(p)), 0, 1) + 0.0, dtype=np.float32)  # no -0


def margin(probabilities: Values) -> Values:
    """Probability of the class less that of the runner-up: 1 where one class is certain, 0 where two are alike.

    Args:
        probabilities: (K, ...), K of at least 2.

    Returns:
        (...).
    """
    two = np.partition(probabilities, len(probabilities) - 2, axis=0)[-2:]
    return np.asarray(two[1] - two[0], dtype=np.float32)


def runner_up(probabilities: Values) -> NDArray[np.int64]:
    """(...) index of the second most probable class of (K, ...) probabilities; the first of those that are equal."""
    best = probabilities.argmax(axis=0)
    others = np.where(np.arange(len(probabilities)).reshape(-1, *[1] * best.ndim) == best, -1.0, probabilities)
    return np.asarray(others.argmax(axis=0))


def disagreement(by_kind: Values) -> Values:
    """Mean distance (total variation) between the probabilities of any two kinds: 0 the same, 1 different classes.

    Args:
        by_kind: (M, K, ...), M of at least 2.

    Returns:
        (...).
    """
    distances = [np.abs(one - other).sum(axis=0) / 2 for one, other in combinations(by_kind, 2)]
    return np.asarray(np.clip(np.mean(distances, axis=0), 0, 1), dtype=np.float32)


def uncertainty(probabilities: Values, by_kind: Values | None, valid: NDArray[np.bool_]) -> Values:
    """Entropy, margin and, where there are several kinds, their disagreement.

    Args:
        probabilities: (K, h, w).
        by_kind: (M, K, h, w) of each kind of model; None where there is one kind.
        valid: (h, w).

    Returns:
        (2 or 3, h, w), NO_CONFIDENCE where invalid.
    """
    measures = [entropy(probabilities), margin(probabilities)]
    if by_kind is not None:
        measures.append(disagreement(by_kind))
    return np.where(valid, np.stack(measures), np.float32(NO_CONFIDENCE)).astype(np.float32)
