# SPDX-License-Identifier: GPL-2.0-or-later
"""Confusion matrix and what is derived from it.

Enters: class indices of reference samples and of the map at the same pixels. Leaves: matrix with rows = reference,
columns = map; overall accuracy (OA), average accuracy (AA), kappa, user's and producer's accuracy and F1, shares 0
to 1, NaN where undefined.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..jobs.accuracy_results import AccuracyFigures
from .confidence_intervals import f1_interval, interval_of_groups, kappa_interval, mean_interval, wilson_interval


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
    producers, users = ratio(right, in_reference), ratio(right, in_map)
    oa = float(right.sum() / total)
    chance = float((in_reference * in_map).sum()) / total**2
    return Accuracy(
        matrix=matrix,
        oa=oa,
        aa=float(np.nanmean(producers)),
        kappa=(oa - chance) / (1 - chance) if chance < 1 else math.nan,
        users=users,
        producers=producers,
        f1=ratio(2 * right, in_reference + in_map),
    )


def evaluate(
    reference: NDArray[np.int64], mapped: NDArray[np.int64], group: NDArray[np.int64], classes: int
) -> AccuracyFigures:
    """All figures of reference samples, in percent with 95 % intervals.

    Args:
        reference: (N,) class indices, N at least 1.
        mapped: (N,) class indices.
        group: (N,) the feature (polygon or point) that a sample comes from.
        classes: K.
    """
    features = len(np.unique(group))
    by_feature = percents(interval_of_groups(reference == mapped, group)) if features < len(group) else None
    matrix = confusion_matrix(reference, mapped, classes)
    return replace(figures(assess(matrix)), features=features, oa_interval_by_feature=by_feature)


def figures(accuracy: Accuracy) -> AccuracyFigures:
    """The accuracy in percent with 95 % intervals, taking each sample as a feature of its own; None where undefined."""
    matrix = accuracy.matrix
    right, in_reference, in_map = np.diag(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
    total = int(matrix.sum())
    producers = [wilson_interval(int(r), int(n)) for r, n in zip(right, in_reference)]
    users = [wilson_interval(int(r), int(n)) for r, n in zip(right, in_map)]
    present = np.flatnonzero(in_reference)
    aa_interval = mean_interval([float(accuracy.producers[k]) for k in present], [producers[k] for k in present])
    f1 = [f1_interval(int(r), int(n), int(m)) for r, n, m in zip(right, in_reference, in_map)]
    return AccuracyFigures(
        samples=total,
        matrix=tuple(map(tuple, matrix.tolist())),
        oa=percent(accuracy.oa),
        oa_interval=percents(wilson_interval(int(right.sum()), total)),
        aa=percent(accuracy.aa),
        aa_interval=percents(aa_interval),
        kappa=percent(accuracy.kappa),
        kappa_interval=percents(kappa_interval(matrix)),
        users=percents(accuracy.users),
        users_interval=tuple(map(percents, users)),
        producers=percents(accuracy.producers),
        producers_interval=tuple(map(percents, producers)),
        f1=percents(accuracy.f1),
        f1_interval=tuple(map(percents, f1)),
        features=total,
        oa_interval_by_feature=None,
    )


def ratio(part: NDArray[np.float64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    """Shares (n,) of parts in wholes; NaN where the whole is 0."""
    return np.asarray(np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0))


def percent(share: float) -> float | None:
    """A share in percent; None for NaN."""
    return None if math.isnan(share) else 100 * float(share)


def percents(shares: Iterable[float]) -> tuple[float | None, ...]:
    """Shares in percent; None for NaN."""
    return tuple(percent(float(share)) for share in shares)
