# SPDX-License-Identifier: GPL-2.0-or-later
"""From class scores to calibrated probabilities, and how good these are.

Enters: class scores of samples that a model has not learnt from, with their classes. Leaves: a temperature, calibrated
log probabilities, Brier scores.

Source: temperature scaling as in Guo et al. (2017), arXiv 1706.04599.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax

FLOOR = -12.0  # of log probabilities: no single model can veto a class
_TEMPERATURES = np.geomspace(0.005, 100, 60)
_LARGEST_LOSS = 8.0  # of a sample: one mislabelled sample cannot decide
LARGEST_GAP = 1e4  # between the scores of a sample


def temperature(scores: NDArray[np.float64], class_index: NDArray[np.int64]) -> float:
    """Factor on the scores with which their softmax is calibrated best: least log loss.

    Args:
        scores: (n, K).
        class_index: (n,).
    """
    shifted = _shifted(scores)
    rows = np.arange(len(class_index))
    losses = [
        np.minimum(-log_softmax(shifted * factor, axis=1)[rows, class_index], _LARGEST_LOSS).mean()
        for factor in _TEMPERATURES
    ]
    return float(_TEMPERATURES[int(np.argmin(losses))])


def log_probabilities(scores: NDArray[np.float64], factor: float) -> NDArray[np.float64]:
    """(n, K) log softmax of the scores times a temperature, not below FLOOR."""
    return np.asarray(np.maximum(log_softmax(_shifted(scores) * factor, axis=1), FLOOR))


def brier(log_p: NDArray[np.float64], class_index: NDArray[np.int64]) -> NDArray[np.float64]:
    """sum(p^2) - 2 p(true) of each sample (n,), the Brier score less its constant.

    Args:
        log_p: (n, K) log probabilities.
        class_index: (n,).
    """
    p = np.exp(log_p)
    return np.asarray((p * p).sum(axis=1) - 2 * p[np.arange(len(class_index)), class_index])


def _shifted(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scores (n, K) with the highest at 0."""
    return np.asarray(np.maximum(scores - scores.max(axis=1, keepdims=True), -LARGEST_GAP))
