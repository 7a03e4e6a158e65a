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

from ..sample_weights import weighted_mean

FLOOR = -12.0  # of log probabilities: no single model can veto a class, no mislabelled sample decides a temperature
_TEMPERATURES = np.geomspace(5e-5, 1e4, 121)  # farther on either side than it matters


def temperature(
    scores: NDArray[np.float64], class_index: NDArray[np.int64], weight: NDArray[np.float64] | None = None
) -> float:
    """Factor on the scores with which their softmax is calibrated best: least log loss.

    Args:
        scores: (n, K).
        class_index: (n,).
        weight: (n,) of the samples; None: all count alike.
    """
    below = scores - scores.max(axis=1, keepdims=True)  # once for all factors
    of_class = below[np.arange(len(class_index)), class_index]

    def loss(factor: float) -> float:
        log_p = factor * of_class - np.log(np.exp(factor * below).sum(axis=1))
        return weighted_mean(-np.maximum(log_p, FLOOR), weight)

    near = 10 * int(np.argmin([loss(factor) for factor in _TEMPERATURES[::10]]))  # the loss has one minimum
    return float(min(_TEMPERATURES[max(0, near - 9) : near + 10], key=loss))


def log_probabilities(scores: NDArray[np.float64], factor: float) -> NDArray[np.float64]:
    """(n, K) log softmax of the scores times a temperature, not below FLOOR."""
    return np.asarray(np.maximum(log_softmax(scores * factor, axis=1), FLOOR))


def mean_brier(
    log_p: NDArray[np.float64], class_index: NDArray[np.int64], weight: NDArray[np.float64] | None = None
) -> float:
    """Mean of sum(p^2) - 2 p(true) over samples, the Brier score less its constant; arguments as of temperature."""
    p = np.exp(log_p)
    return weighted_mean((p * p).sum(axis=1) - 2 * p[np.arange(len(class_index)), class_index], weight)
