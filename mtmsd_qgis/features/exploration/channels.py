# SPDX-License-Identifier: GPL-2.0-or-later
"""Single channels: which ones tell most, where they are high and low, and what they resemble.

Enters: class means and values of features, quantities of the spectrum. Leaves: channels, places, correlations.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..purification import purification_scores

CARDS = 12
PLACES = 5
RESEMBLES = 0.6  # correlation, regardless of its sign, from which on a quantity is named
_APART = 12.0  # pixels between two places at least
_FEWEST_PIXELS = 20  # that a correlation rests on


def first_channels(class_means: NDArray[np.float64], count: int = CARDS) -> NDArray[np.int64]:
    """The channels that purification ranks first, at most so many; those that nothing is known of are none.

    Args:
        class_means: (K, T, F).
        count: How many.
    """
    scores = purification_scores(class_means)
    order = np.argsort(-scores, kind="stable")[:count]
    return order[np.isfinite(scores[order])]


def separation(values: NDArray[np.float32], class_index: NDArray[np.int64]) -> NDArray[np.float64]:
    """Share of the variance of features that lies between classes (correlation ratio, eta squared).

    Args:
        values: (N, T) of a channel at all timesteps.
        class_index: (N,).

    Returns:
        (T,) 0 to 1; 0 where a feature is constant.
    """
    wide = values.astype(np.float64)
    centred = wide - wide.mean(axis=0)
    total = np.square(centred).sum(axis=0)
    between = np.zeros(values.shape[1])
    for index in np.unique(class_index):
        of_class = centred[class_index == index]
        between += len(of_class) * np.square(of_class.mean(axis=0))
    return np.where(total > 0, between / np.where(total > 0, total, 1.0), 0.0)


def extreme_places(
    values: NDArray[np.float64] | NDArray[np.float32], rows: NDArray[np.int64], cols: NDArray[np.int64], *, high: bool
) -> NDArray[np.int64]:
    """Indices of at most five pixels of the highest or lowest values that lie apart from each other.

    Args:
        values: (N,).
        rows: (N,) in the scene.
        cols: (N,).
        high: Highest, else lowest.
    """
    left = np.argsort(-values if high else values, kind="stable")
    chosen: list[int] = []
    while len(left) and len(chosen) < PLACES:
        best = int(left[0])
        chosen.append(best)
        left = left[np.hypot(rows[left] - rows[best], cols[left] - cols[best]) >= _APART]
    return np.array(chosen, dtype=np.int64)


def correlations(
    values: NDArray[np.float32], quantities: NDArray[np.float32], names: Sequence[str]
) -> dict[str, float]:
    """Pearson correlation of a channel with each quantity, where it is defined.

    Args:
        values: (N,).
        quantities: (Q, N), NaN where undefined.
        names: (Q,).
    """
    found = {}
    for name, quantity in zip(names, quantities):
        known = np.isfinite(quantity)
        x, y = values[known].astype(np.float64), quantity[known].astype(np.float64)
        if known.sum() >= _FEWEST_PIXELS and np.ptp(x) > 0 and np.ptp(y) > 0:
            found[name] = float(np.corrcoef(x, y)[0, 1])
    return found
