# SPDX-License-Identifier: GPL-2.0-or-later
"""How well two scenes can be told apart by their pixels, and which bands or features tell them apart.

Enters: the summaries of a source and a target scene. Leaves: areas under the ROC curve (AUC): the probability that a
pixel of the target has a higher score than one of the source; 0.5 where the scenes are alike, 1 where no pixel of one
could be one of the other.

For all bands together the score is that of a logistic regression on principal components and their squares: without
the squares, noise of the same mean in each band could not be told from a scene. It is cross-validated by regions: the
blocks of a scene are cut into nine regions by their places, and a region of the source is held out together with that
of the target. A regression that knew neighbours of its test pixels would tell apart places, not scenes; and where the
two scenes lie side by side, neighbours that are all of the other scene would even mislead it. For a single band the
score is its value. Coefficients of the regression would not do: with correlated bands they are not unique, and a band
that shifts can have none. A group of columns, such as the features of one timestep and stage, has a regression of its
own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.optimize
import scipy.stats
from numpy.typing import NDArray

from ..progress import Progress, silent
from .scene_summary import SceneSummary

_COMPONENTS = 25  # principal ones, at most
_SMALLEST_SHARE = 1e-6  # of the largest variance; a component below is the rounding of float32
_REGIONS = 3  # along each side
_LARGEST_SCORE = 5.0  # deviations; a component beyond is cut to it before it is squared
_PENALTY = 1.0  # half of it times the squared weights is added to the summed loss, as in scikit-learn's default


@dataclass(frozen=True)
class Shift:
    """How far a band, or a group of features, tells the scenes apart.

    Attributes:
        name: As given.
        auc: 0.5 to 1 for a single column; of a group, that of its cross-validated regression.
        higher: Whether the target's values are higher; None for a group of columns.
    """

    name: str
    auc: float
    higher: bool | None


@dataclass(frozen=True)
class Separability:
    """How well two scenes can be told apart.

    Attributes:
        auc: By all columns together, cross-validated; None where one of the scenes has fewer than four blocks.
        shifts: Of each name, the largest first.
    """

    auc: float | None
    shifts: tuple[Shift, ...]


def separability(
    source: SceneSummary, target: SceneSummary, names: Sequence[str], progress: Progress = silent
) -> Separability:
    """Tell two scenes apart.

    Args:
        source: The scene that a classifier was fitted on.
        target: Another scene, of the same bands in the same order.
        names: (B,) of the bands or features; those of one name are a group.
        progress: Told after each group.

    Raises:
        ValueError: The scenes have not the same bands, or not a name each.
    """
    if not source.pixels.shape[1] == target.pixels.shape[1] == len(names):
        raise ValueError(f"{source.pixels.shape[1]} and {target.pixels.shape[1]} bands with {len(names)} names")
    values = np.concatenate([source.pixels, target.pixels]).astype(np.float64)
    is_target = np.arange(len(values)) >= len(source.pixels)
    side = min(_REGIONS, *(math.isqrt(len(np.unique(summary.blocks))) for summary in (source, target)))
    folds = np.concatenate([_regions(summary, side) for summary in (source, target)])
    columns: dict[str, list[int]] = {}
    for column, name in enumerate(names):
        columns.setdefault(name, []).append(column)
    overall = cross_validated_auc(values, is_target, folds)
    shifts = []
    for number, (name, of_name) in enumerate(columns.items()):
        shifts.append(_shift(name, values[:, of_name], is_target, folds))
        progress((number + 1) / len(columns), "")
    return Separability(overall, tuple(sorted(shifts, key=lambda shift: -shift.auc)))


def cross_validated_auc(
    values: NDArray[np.float64], is_target: NDArray[np.bool_], folds: NDArray[np.int64]
) -> float | None:
    """Mean AUC over folds of a logistic regression on standardised principal components and their squares.

    Args:
        values: (n, B) pixels of both scenes.
        is_target: (n,) which scene.
        folds: (n,) fold that holds each pixel out.

    Returns:
        None where no fold leaves pixels of both scenes on both sides.
    """
    weights = np.where(is_target, 0.5 / max(1, is_target.sum()), 0.5 / max(1, (~is_target).sum())) * len(values)
    components = with_squares(_components(values, weights))
    found = []
    for fold in np.unique(folds):
        out = folds == fold
        if all(0 < is_target[side].sum() < side.sum() for side in (out, ~out)):
            weight = fit_logistic(components[~out], is_target[~out], weights[~out])
            found.append(auc(components[out] @ weight, is_target[out]))
    return float(np.mean(found)) if found else None


def fit_logistic(
    x: NDArray[np.float64], is_target: NDArray[np.bool_], weights: NDArray[np.float64], penalty: float = _PENALTY
) -> NDArray[np.float64]:
    """Weights (C,) of a penalised logistic regression with an intercept, which no AUC depends on.

    Args:
        x: (n, C) of variance near 1.
        is_target: (n,).
        weights: (n,) of the pixels.
        penalty: On the squared weights.
    """
    sign = np.where(is_target, 1.0, -1.0)
    with_one = np.concatenate([x, np.ones((len(x), 1))], axis=1)

    def loss(w: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        margin = sign * (with_one @ w)
        slope = -sign * weights / (1 + np.exp(np.minimum(margin, 700.0)))
        gradient = with_one.T @ slope
        gradient[:-1] += penalty * w[:-1]
        return float(weights @ np.logaddexp(0, -margin) + penalty / 2 * (w[:-1] @ w[:-1])), gradient

    start = np.zeros(with_one.shape[1])
    return np.asarray(scipy.optimize.minimize(loss, start, jac=True, method="L-BFGS-B").x[:-1])


def auc(scores: NDArray[np.float64], is_target: NDArray[np.bool_]) -> float:
    """Probability that a pixel of the target has the higher score (n,); a tie counts half.

    Source: Mann & Whitney (1947), doi 10.1214/aoms/1177730491.
    """
    ranks = scipy.stats.rankdata(scores)
    positives = int(is_target.sum())
    negatives = len(scores) - positives
    return float((ranks[is_target].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def _shift(name: str, values: NDArray[np.float64], is_target: NDArray[np.bool_], folds: NDArray[np.int64]) -> Shift:
    if values.shape[1] > 1:
        return Shift(name, cross_validated_auc(values, is_target, folds) or 0.5, None)
    single = auc(values[:, 0], is_target)
    return Shift(name, max(single, 1 - single), single > 0.5)


def with_squares(components: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 2 C): components (n, C) and their squares, all of variance 1."""
    cut = np.clip(components, -_LARGEST_SCORE, _LARGEST_SCORE)
    squares = cut**2
    deviation = squares.std(axis=0)
    return np.concatenate([cut, (squares - squares.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)], axis=1)


def _regions(summary: SceneSummary, side: int) -> NDArray[np.int64]:
    """Region (n,) of each pixel: side * side of them with about as many blocks each, rows of regions first."""
    _, first, index = np.unique(summary.blocks, return_index=True, return_inverse=True)
    rows, cols = summary.places[first].T.astype(np.float64)
    region = np.zeros(len(first), dtype=np.int64)
    for i, strip in enumerate(np.array_split(np.lexsort((cols, rows)), max(1, side))):
        for j, part in enumerate(np.array_split(strip[np.lexsort((rows[strip], cols[strip]))], max(1, side))):
            region[part] = i * side + j
    return np.asarray(region[index.reshape(-1)])


def _components(values: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Principal components (n, C) of the standardised columns, of variance 1; both scenes count alike."""
    share = (weights / weights.sum())[:, None]
    centred = values - (share * values).sum(axis=0)
    deviation = np.sqrt((share * centred**2).sum(axis=0))
    varies = deviation > _SMALLEST_SHARE * np.abs(values).max(axis=0)
    if not varies.any():
        return np.zeros((len(values), 1))
    z = centred[:, varies] / deviation[varies] * np.sqrt(share)
    left, singular, _ = np.linalg.svd(z, full_matrices=False)
    kept = singular[:_COMPONENTS] ** 2 > _SMALLEST_SHARE * singular[0] ** 2
    return np.asarray(left[:, :_COMPONENTS][:, kept] / np.sqrt(share))
