# SPDX-License-Identifier: GPL-2.0-or-later
"""Class- and timestep-oriented feature purification (CTMSFP): which features are worth keeping.

Enters: class means of the features, m (K, T, F), over training samples. Leaves: indices of the features kept, best
first, the same for all timesteps.

Source: Zhou et al. (2024), CTMSFP, as in the published code: lambda 0.8, weight of the timestep term 0.5. A feature
scores high where few classes, and few timesteps, stand out. The sums over pairs are written in closed form:
with P = sum a and Q = sum a², the sum of a_i a_j over i != j is P² - Q.
Deviations: a feature that does not vary counts as perfectly similar, so it ranks last instead of being undefined;
one class or one timestep leaves that term out; numbers that are not finite rank last.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SIMILARITY_WEIGHT = 0.8  # lambda
TIMESTEP_WEIGHT = 0.5
PAPER_SHARE = 0.6  # 768 of 1280 features
_NO_RANGE = 1e-6  # a range below this share of the largest value is rounding, not variation


def purify(class_means: NDArray[np.floating], keep: int) -> NDArray[np.int64]:
    """The features to keep.

    Args:
        class_means: (K, T, F).
        keep: How many; 0 keeps all, in their own order.

    Returns:
        (D,) int64 indices, in descending order of the score; equal scores in their own order.
    """
    features = class_means.shape[2]
    if keep == 0 or keep >= features:
        return np.arange(features)
    return np.argsort(-purification_scores(class_means), kind="stable")[:keep]


def purification_scores(class_means: NDArray[np.floating]) -> NDArray[np.float64]:
    """Score of each feature.

    Args:
        class_means: (K, T, F).

    Returns:
        (F,) float64; -inf where a mean is not finite.
    """
    means = np.asarray(class_means, dtype=np.float64)
    finite = np.isfinite(means).all(axis=(0, 1))
    means = np.where(finite, means, 0.0)
    between_classes = _distinction(means, axis=0).sum(axis=0)
    between_timesteps = _distinction(means, axis=1).sum(axis=0)
    return np.where(finite, between_classes + TIMESTEP_WEIGHT * between_timesteps, -np.inf)


def _distinction(means: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """-lambda * mean pair product + (1 - lambda) * variance along an axis, of values scaled to 0 to 1 along it.

    Args:
        means: (K, T, F).
        axis: 0 compares classes, 1 timesteps.

    Returns:
        The remaining two axes; zeros where the axis has a single entry.
    """
    n = means.shape[axis]
    low = means.min(axis=axis, keepdims=True)
    extent = means.max(axis=axis, keepdims=True) - low
    flat = extent <= _NO_RANGE * np.abs(means).max(axis=axis, keepdims=True)
    scaled = np.where(flat, 1.0, (means - low) / np.where(flat, 1.0, extent))
    if n == 1:
        return np.zeros(np.delete(means.shape, axis))
    total = scaled.sum(axis=axis)
    squares = (scaled**2).sum(axis=axis)
    similarity = (total**2 - squares) / (n * (n - 1))
    variance = squares / n - (total / n) ** 2
    return np.asarray(-SIMILARITY_WEIGHT * similarity + (1 - SIMILARITY_WEIGHT) * variance)
