# SPDX-License-Identifier: GPL-2.0-or-later
"""Confidence against accuracy: how far the probabilities of a map can be trusted.

Enters: probability of the chosen class, right or wrong, and spatial group of each reference sample. Leaves: the
expected calibration error, what it would be under perfect calibration, and accuracy by bins of confidence; shares 0
to 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..jobs.accuracy_results import CalibrationBin, CalibrationFigures
from .metrics import ratio

_BINS = 10  # of equal width between 0 and 1
_RESAMPLES = 400  # of the bootstrap
_LEAST_GROUPS = 6  # of n, two of the 2^n sign patterns give the error as measured: with fewer, more than one in twenty


@dataclass(frozen=True)
class Calibration:
    """Confidence against accuracy, in bins of confidence.

    Attributes:
        samples: (bins,) number of samples.
        confidence: (bins,) mean confidence, NaN in an empty bin.
        accuracy: (bins,) share that is right, NaN in an empty bin.
        error: Mean distance of the two, weighted by samples: the expected calibration error, 0 to 1.
    """

    samples: NDArray[np.int64]
    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    error: float


def measure_calibration(confidence: NDArray[np.float64], right: NDArray[np.bool_], bins: int = _BINS) -> Calibration:
    """The expected calibration error, and accuracy by bins of confidence.

    Source: Naeini et al. (2015), doi 10.1609/aaai.v29i1.9602: the expected calibration error over equal bins.

    Args:
        confidence: (N,) probability of the chosen class, 0 to 1.
        right: (N,) whether that class is the true one.
        bins: Of equal width between 0 and 1.
    """
    bin_of = _bin_of(confidence, bins)
    count = np.bincount(bin_of, minlength=bins).astype(np.int64)
    mean = ratio(np.bincount(bin_of, weights=confidence, minlength=bins).astype(float), count)
    accuracy = ratio(np.bincount(bin_of, weights=right.astype(float), minlength=bins).astype(float), count)
    gap = np.where(count > 0, np.abs(np.nan_to_num(mean) - np.nan_to_num(accuracy)), 0.0)
    return Calibration(count, mean, accuracy, float((gap * count).sum() / max(1, count.sum())))


def error_under_perfect_calibration(
    confidence: NDArray[np.float64], right: NDArray[np.bool_], group: NDArray[np.int64], bins: int = _BINS
) -> tuple[float, float]:
    """Calibration error that a sample of this size shows where the confidence is exactly right.

    The pixels of a group are mostly right or wrong together, so a few groups lie above or below the confidence even
    where it is exactly right. Here the residual of each group, all its pixels together, gets a random sign: then
    nothing is too high or too low but by chance.
    Source: the wild cluster bootstrap of Cameron, Gelbach & Miller (2008), doi 10.1162/rest.90.3.414.

    Args:
        confidence: (N,) probability of the chosen class, 0 to 1.
        right: (N,) whether that class is the true one.
        group: (N,) the spatial group that a sample lies in: a polygon, or a block of the grid.
        bins: As in measure_calibration.

    Returns:
        The error on average, and what it stays under in 19 of 20 cases; 0 to 1.
    """
    if len(right) == 0:
        return 0.0, 0.0
    groups, index = np.unique(group, return_inverse=True)
    cell = index * bins + _bin_of(confidence, bins)
    residuals = np.bincount(cell, weights=right - confidence, minlength=len(groups) * bins).reshape(len(groups), bins)
    rng = np.random.default_rng(0)
    errors = np.empty(_RESAMPLES)
    for resample in range(_RESAMPLES):  # one by one, as groups may be a million
        signs = 2.0 * rng.integers(0, 2, len(groups), dtype=np.int8) - 1
        errors[resample] = np.abs(signs @ residuals).sum() / len(right)
    return float(errors.mean()), float(np.quantile(errors, 0.95))


def evaluate_confidence(
    confidence: NDArray[np.float64], right: NDArray[np.bool_], group: NDArray[np.int64]
) -> CalibrationFigures:
    """The calibration error, what it would be under perfect calibration, and the bins that hold samples.

    A few groups cannot tell a wrong confidence from chance: the resamples give the very error that was measured.

    Args:
        confidence: (N,) probability of the chosen class, 0 to 1.
        right: (N,) whether that class is the true one.
        group: (N,) the spatial group that a sample lies in: a polygon, or a block of the grid.
    """
    measured = measure_calibration(confidence, right)
    groups = len(np.unique(group))
    expected, upper = None, None
    if groups >= _LEAST_GROUPS:
        expected, upper = error_under_perfect_calibration(confidence, right, group)
    bins = tuple(
        CalibrationBin(int(n), float(mean), float(accuracy))
        for n, mean, accuracy in zip(measured.samples, measured.confidence, measured.accuracy)
        if n
    )
    return CalibrationFigures(measured.error, expected, upper, groups, bins)


def _bin_of(confidence: NDArray[np.float64], bins: int) -> NDArray[np.int64]:
    return np.clip((confidence * bins).astype(np.int64), 0, bins - 1)
