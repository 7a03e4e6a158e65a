# SPDX-License-Identifier: GPL-2.0-or-later
"""Confusion matrix and what is derived from it.

Enters: class indices of reference samples and of the map at the same pixels. Leaves: matrix with rows = reference,
columns = map; overall accuracy (OA), average accuracy (AA), kappa, user's and producer's accuracy and F1, shares 0
to 1, NaN where undefined.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_Z95 = 1.959963984540054  # two-sided 95 % quantile of the normal distribution


@dataclass(frozen=True)
class Accuracy:
    """Accuracy of a map against reference samples.

    Attributes:
        matrix: (K, K) int64, rows reference, columns map.
        oa: Share of samples that are right.
        aa: Mean of the producer's accuracies of the classes that the reference has.
        kappa: Agreement beyond chance (Cohen 1960, doi 10.1177/001316446002000104).
        users: (K,) of all mapped as the class, the share that is.
        producers: (K,) of all that are the class, the share mapped so.
        f1: (K,) harmonic mean of the two.
    """

    matrix: NDArray[np.int64]
    oa: float
    aa: float
    kappa: float
    users: NDArray[np.float64]
    producers: NDArray[np.float64]
    f1: NDArray[np.float64]


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


def confusion_matrix(reference: NDArray[np.int64], mapped: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """Count samples by reference class (rows) and map class (columns).

    Args:
        reference: (N,) class indices.
        mapped: (N,) class indices.
        classes: K.
    """
    return np.bincount(reference * classes + mapped, minlength=classes * classes).reshape(classes, classes)


def assess(matrix: NDArray[np.int64]) -> Accuracy:
    """Derive everything from a confusion matrix with at least one sample.

    Raises:
        ValueError: The matrix has no sample.
    """
    total = int(matrix.sum())
    if total == 0:
        raise ValueError("a confusion matrix needs at least one sample")
    right = np.diag(matrix).astype(float)
    in_reference, in_map = matrix.sum(axis=1), matrix.sum(axis=0)
    producers, users = _share(right, in_reference), _share(right, in_map)
    oa = float(right.sum() / total)
    chance = float((in_reference * in_map).sum()) / total**2
    return Accuracy(
        matrix=matrix,
        oa=oa,
        aa=float(np.nanmean(producers)),
        kappa=(oa - chance) / (1 - chance) if chance < 1 else math.nan,
        users=users,
        producers=producers,
        f1=_share(2 * right, in_reference + in_map),
    )


def wilson_interval(right: int, total: int) -> tuple[float, float]:
    """95 % interval of a share.

    Source: Wilson (1927), doi 10.1080/01621459.1927.10502953. It treats samples as independent, which pixels of one
    polygon are not.

    Args:
        right: Successes.
        total: Trials.

    Returns:
        Lower and upper end, 0 to 1; NaN where there is no trial.
    """
    if total == 0:
        return math.nan, math.nan
    share = right / total
    centre = share + _Z95**2 / (2 * total)
    half = _Z95 * math.sqrt(share * (1 - share) / total + _Z95**2 / (4 * total**2))
    scale = 1 + _Z95**2 / total
    return max(0.0, (centre - half) / scale), min(1.0, (centre + half) / scale)


def calibration(confidence: NDArray[np.float64], right: NDArray[np.bool_], bins: int = 10) -> Calibration:
    """How far confidence and accuracy lie apart.

    Source: Naeini et al. (2015), doi 10.1609/aaai.v29i1.9602: the expected calibration error over equal bins.

    Args:
        confidence: (N,) probability of the chosen class, 0 to 1.
        right: (N,) whether that class is the true one.
        bins: Of equal width between 0 and 1.
    """
    place = np.clip((confidence * bins).astype(int), 0, bins - 1)
    count = np.bincount(place, minlength=bins).astype(np.int64)
    said = _share(np.bincount(place, weights=confidence, minlength=bins).astype(float), count)
    true = _share(np.bincount(place, weights=right.astype(float), minlength=bins).astype(float), count)
    gap = np.where(count > 0, np.abs(np.nan_to_num(said) - np.nan_to_num(true)), 0.0)
    return Calibration(count, said, true, float((gap * count).sum() / max(1, count.sum())))


def calibration_to_json(found: Calibration) -> dict[str, Any]:
    """The calibration as JSON-ready values: the error 0 to 1, and for each filled bin count, said and true share."""
    bins = [
        {"samples": int(n), "confidence": float(s), "accuracy": float(t)}
        for n, s, t in zip(found.samples, found.confidence, found.accuracy)
        if n
    ]
    return {"calibration_error": found.error, "calibration": bins}


def to_json(accuracy: Accuracy) -> dict[str, Any]:
    """The accuracy as JSON-ready values in percent, with 95 % intervals; None where undefined."""
    right = np.diag(accuracy.matrix)
    in_reference, in_map = accuracy.matrix.sum(axis=1), accuracy.matrix.sum(axis=0)
    return {
        "samples": int(accuracy.matrix.sum()),
        "matrix": accuracy.matrix.tolist(),
        "oa": _percent(accuracy.oa),
        "oa_interval": [_percent(v) for v in wilson_interval(int(right.sum()), int(accuracy.matrix.sum()))],
        "aa": _percent(accuracy.aa),
        "kappa": _percent(accuracy.kappa),
        "users": [_percent(v) for v in accuracy.users],
        "users_interval": [[_percent(v) for v in wilson_interval(int(r), int(n))] for r, n in zip(right, in_map)],
        "producers": [_percent(v) for v in accuracy.producers],
        "producers_interval": [
            [_percent(v) for v in wilson_interval(int(r), int(n))] for r, n in zip(right, in_reference)
        ],
        "f1": [_percent(v) for v in accuracy.f1],
    }


def _share(part: NDArray[np.float64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.asarray(np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0))


def _percent(share: float) -> float | None:
    return None if math.isnan(share) else 100 * float(share)
