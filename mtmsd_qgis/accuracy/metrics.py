# SPDX-License-Identifier: GPL-2.0-or-later
"""Confusion matrix and what is derived from it.

Enters: class indices of reference samples and of the map at the same pixels. Leaves: matrix with rows = reference,
columns = map; overall accuracy (OA), average accuracy (AA), kappa, user's and producer's accuracy and F1, shares 0
to 1, NaN where undefined.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .confidence_intervals import f1_interval, interval_by_features, kappa_interval, mean_interval, wilson_interval

_TOSSES = 400  # for what an error is by chance


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


def calibration_by_chance(
    confidence: NDArray[np.float64], right: NDArray[np.bool_], places: NDArray[np.int64], bins: int = 10
) -> tuple[float, float]:
    """Calibration error that a map shows by chance, were its confidence exactly right.

    The pixels of a place are mostly right or wrong together, so a few places are above or below what the confidence
    says even where it is exactly right. Here the excess of each place, all its pixels together, is turned over or not
    by the toss of a coin: then nothing is too high or too low but by chance.
    Source: the wild bootstrap over clusters of Cameron, Gelbach & Miller (2008), doi 10.1162/rest.90.3.414.

    Args:
        confidence: (N,) probability of the chosen class, 0 to 1.
        right: (N,) whether that class is the true one.
        places: (N,) the polygon, or square of the grid, that a sample lies in.
        bins: As in calibration().

    Returns:
        The error on average, and what it stays under in 19 of 20 cases; 0 to 1.
    """
    if len(right) == 0:
        return 0.0, 0.0
    bin_of = np.clip((confidence * bins).astype(int), 0, bins - 1)
    found, index = np.unique(places, return_inverse=True)
    excess = np.bincount(index * bins + bin_of, weights=right - confidence, minlength=len(found) * bins)
    excess = excess.reshape(len(found), bins)
    rng = np.random.default_rng(0)
    errors = np.empty(_TOSSES)
    for toss in range(_TOSSES):  # one by one, as places may be a million
        coins = 2.0 * rng.integers(0, 2, len(found), dtype=np.int8) - 1
        errors[toss] = np.abs(coins @ excess).sum() / len(right)
    return float(errors.mean()), float(np.quantile(errors, 0.95))


def judge_confidence(
    confidence: NDArray[np.float64], right: NDArray[np.bool_], places: NDArray[np.int64]
) -> dict[str, Any]:
    """The calibration as JSON-ready values: errors 0 to 1, and for each filled bin count, said and true share.

    Args:
        confidence: (N,) probability of the chosen class, 0 to 1.
        right: (N,) whether that class is the true one.
        places: (N,) the polygon, or square of the grid, that a sample lies in.
    """
    found = calibration(confidence, right)
    bins = [
        {"samples": int(n), "confidence": float(s), "accuracy": float(t)}
        for n, s, t in zip(found.samples, found.confidence, found.accuracy)
        if n
    ]
    mean, most = calibration_by_chance(confidence, right, places)
    return {
        "calibration_error": found.error,
        "calibration_error_by_chance": mean,
        "calibration_error_by_chance_at_most": most,
        "calibration_places": len(np.unique(places)),
        "calibration": bins,
    }


def to_json(accuracy: Accuracy) -> dict[str, Any]:
    """The accuracy as JSON-ready values in percent, with 95 % intervals; None where undefined."""
    matrix = accuracy.matrix
    right, in_reference, in_map = np.diag(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
    total = int(matrix.sum())
    producers = [wilson_interval(int(r), int(n)) for r, n in zip(right, in_reference)]
    users = [wilson_interval(int(r), int(n)) for r, n in zip(right, in_map)]
    judged = np.flatnonzero(in_reference)
    aa_interval = mean_interval([float(accuracy.producers[k]) for k in judged], [producers[k] for k in judged])
    return {
        "samples": total,
        "matrix": matrix.tolist(),
        "oa": percent(accuracy.oa),
        "oa_interval": percents(wilson_interval(int(right.sum()), total)),
        "aa": percent(accuracy.aa),
        "aa_interval": percents(aa_interval),
        "kappa": percent(accuracy.kappa),
        "kappa_interval": percents(kappa_interval(matrix)),
        "users": percents(accuracy.users),
        "users_interval": [percents(ends) for ends in users],
        "producers": percents(accuracy.producers),
        "producers_interval": [percents(ends) for ends in producers],
        "f1": percents(accuracy.f1),
        "f1_interval": [percents(f1_interval(int(r), int(n), int(m))) for r, n, m in zip(right, in_reference, in_map)],
    }


def judge(
    reference: NDArray[np.int64], mapped: NDArray[np.int64], features: NDArray[np.int64], classes: int
) -> dict[str, Any]:
    """All figures of reference samples, JSON-ready: those of to_json, and what whole features (polygons) tell.

    Args:
        reference: (N,) class indices, N at least 1.
        mapped: (N,) class indices.
        features: (N,) the feature that a sample comes from.
        classes: K.
    """
    count = len(np.unique(features))
    together = percents(interval_by_features(reference == mapped, features)) if count < len(features) else None
    return {
        **to_json(assess(confusion_matrix(reference, mapped, classes))),
        "features": count,
        "oa_interval_by_feature": together,
    }


def percent(share: float) -> float | None:
    """A share in percent; None for NaN."""
    return None if math.isnan(share) else 100 * float(share)


def percents(shares: Iterable[float]) -> list[float | None]:
    """Shares in percent; None for NaN."""
    return [percent(float(share)) for share in shares]


def _share(part: NDArray[np.float64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.asarray(np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0))
