# SPDX-License-Identifier: GPL-2.0-or-later
"""How alike the features of two timesteps are.

Enters: features at the same pixels. Leaves: linear CKA (centred kernel alignment): 1 where one is a rotated and scaled
copy of the other, towards 0 where they have nothing in common.

Source: Kornblith et al. (2019), "Similarity of neural network representations revisited", arXiv 1905.00414, section 3.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_CONSTANT = 1e-6  # share of the largest value below which a deviation is rounding


def cka_table(features: Sequence[NDArray[np.floating]]) -> NDArray[np.float64]:
    """Linear CKA between all pairs.

    Args:
        features: T arrays (N, F) of the same N pixels; F may differ.

    Returns:
        (T, T), 0 to 1, symmetric, 1 on the diagonal. Features that are constant are like constant ones (1) and unlike
        all others (0).
    """
    centred = [_centred(part) for part in features]
    own = np.array([_alignment(part, part) for part in centred])
    table = np.eye(len(centred))
    for i, one in enumerate(centred):
        for j in range(i + 1, len(centred)):
            norm = np.sqrt(own[i] * own[j])
            both_constant = own[i] == own[j] == 0
            value = _alignment(one, centred[j]) / norm if norm > 0 else float(both_constant)
            table[i, j] = table[j, i] = min(1.0, value)
    return table


def _centred(features: NDArray[np.floating]) -> NDArray[np.float64]:
    """Features less their means, of sum of squares 1, so that nothing overflows; all 0 where they are constant."""
    values = np.asarray(features, dtype=np.float64)
    centred = values - values.mean(axis=0)
    size = np.abs(centred).max(initial=0.0)
    if size <= _CONSTANT * np.abs(values).max(initial=0.0):
        return np.zeros_like(centred)
    centred /= size
    return np.asarray(centred / np.sqrt(np.square(centred).sum()))


def _alignment(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Squared Frobenius norm of the cross products of features."""
    return float(np.square(first.T @ second).sum())
