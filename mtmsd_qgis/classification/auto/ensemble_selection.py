# SPDX-License-Identifier: GPL-2.0-or-later
"""Calibration of scores, and the pool of models that held-out samples choose.

Enters: class scores of samples that the models have not seen, with the true classes. Leaves: temperatures that turn
scores into probabilities, and the weight of each model in a geometric mean of their probabilities.

Source: temperature scaling as in Guo et al. (2017), arXiv 1706.04599; forward selection with replacement and bagging
as in Caruana et al. (2004), doi 10.1145/1015330.1015432, here with the Brier score, on bootstrap samples of groups.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax

FLOOR = -12.0  # of log probabilities: no single model can veto a class
_TEMPERATURES = np.geomspace(0.005, 100, 60)
_WORST = -8.0  # of a log probability in the loss: one mislabelled sample cannot decide
_BAGS = 8
_LARGEST_POOL = 6
_LEAST_WEIGHT = 0.03  # models below are left out of the pool
_POOL_WEIGHT = 0.5  # of a chosen pool, where it is surely better than what nothing chose (docs/decisions.md, 26)
_SURE = 3.0  # standard errors that it must be better by
_DOUBT = 1.5  # standard errors that a model must be worse by
_GAIN = 1e-4  # least that another model must improve the score by


def temperature(scores: NDArray[np.float64], classes: NDArray[np.int64]) -> float:
    """Factor on the scores with which their softmax is calibrated best: least log loss.

    Args:
        scores: (n, K).
        classes: (n,).
    """
    shifted = np.maximum(scores - scores.max(axis=1, keepdims=True), -1e4)
    rows = np.arange(len(classes))
    losses = [
        -np.maximum(log_softmax(shifted * factor, axis=1)[rows, classes], _WORST).mean() for factor in _TEMPERATURES
    ]
    return float(_TEMPERATURES[int(np.argmin(losses))])


def log_probabilities(scores: NDArray[np.float64], factor: float) -> NDArray[np.float64]:
    """(n, K) log softmax of the scaled scores, not below FLOOR."""
    shifted = np.maximum(scores - scores.max(axis=1, keepdims=True), -1e4)
    return np.asarray(np.maximum(log_softmax(shifted * factor, axis=1), FLOOR))


def brier(log_p: NDArray[np.float64], classes: NDArray[np.int64], weights: NDArray[np.float64]) -> float:
    """Weighted mean of sum(p^2) - 2 p(true), the Brier score less its constant.

    Args:
        log_p: (n, K).
        classes: (n,).
        weights: (n,), with a positive sum.
    """
    return float(_brier_of_each(log_p, classes) @ weights / weights.sum())


def _brier_of_each(log_p: NDArray[np.float64], classes: NDArray[np.int64]) -> NDArray[np.float64]:
    p = np.exp(log_p)
    return np.asarray((p * p).sum(axis=1) - 2 * p[np.arange(len(classes)), classes])


def choose_pool(
    models: Sequence[NDArray[np.float64]],
    classes: NDArray[np.int64],
    groups: NDArray[np.int64],
    first: int | None,
    seed: int,
) -> NDArray[np.float64]:
    """Weight of each model: mean of pools that grow, model by model, on bootstrap samples of the groups.

    Where a plain model is named, every pool starts with it, so that a handful of groups cannot argue it away.

    Args:
        models: Log probabilities (n, K) of each.
        classes: (n,) true classes.
        groups: (n,) samples that stand or fall together.
        first: The plain model; None: each pool starts with the best.
        seed: Of the bootstrap.

    Returns:
        (models,) weights, summing to 1.
    """
    rng = np.random.default_rng(seed)
    ids, index = np.unique(groups, return_inverse=True)
    chosen = np.zeros(len(models))
    for _ in range(_BAGS):
        drawn = rng.multinomial(len(ids), np.full(len(ids), 1 / len(ids)))[index].astype(float)
        if drawn.sum() == 0:
            drawn = np.ones(len(classes))
        keep = drawn > 0
        chosen += _grow([m[keep] for m in models], classes[keep], drawn[keep], first)
    weights = chosen / chosen.sum()
    weights = np.where(weights < _LEAST_WEIGHT, 0.0, weights)
    return np.asarray(weights / weights.sum())


def better_half(models: Sequence[NDArray[np.float64]], classes: NDArray[np.int64]) -> NDArray[np.float64]:
    """The same weight for each model of the better half, as a few samples cannot say more.

    Args:
        models: Calibrated log probabilities (n, K) of each.
        classes: (n,) true classes.

    Returns:
        (models,) weights, summing to 1.
    """
    scores = np.array([brier(m, classes, np.ones(len(classes))) for m in models])
    better = np.argsort(scores, kind="stable")[: (len(models) + 1) // 2]
    weights = np.zeros(len(models))
    weights[better] = 1 / len(better)
    return weights


def same_say(
    models: Sequence[NDArray[np.float64]], kinds: Sequence[str], classes: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Weights with which every kind of model has the same say, and within a kind every model.

    Held-out groups are few, so they choose no model; they calibrate the mean of each kind.

    Args:
        models: Calibrated log probabilities (n, K) of each.
        kinds: Of each model, a word.
        classes: (n,) true classes.

    Returns:
        (models,) weights, with which the mean is calibrated.
    """
    every, words = np.stack(models), sorted(set(kinds))
    weights = np.zeros(len(models))
    for word in words:
        share = np.array([kind == word for kind in kinds]) / list(kinds).count(word)
        weights += temperature(_mean(share, every), classes) * share / len(words)
    return weights * temperature(_mean(weights, every), classes)


def even_kinds(
    models: Sequence[NDArray[np.float64]],
    kinds: Sequence[str],
    forest: NDArray[np.float64],
    classes: NDArray[np.int64],
    groups: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Weights for places never seen where neighbours are of one class: all models, and the forest unless it harms.

    Args:
        models: Calibrated log probabilities (n, K) of each.
        kinds: Of each model, a word.
        forest: The same of the forest, a kind of its own, (n, K).
        classes: (n,) true classes.
        groups: (n,) samples that stand or fall together.

    Returns:
        (models + 1,) weights of the models and of the forest, summing to 1.
    """
    every, part = np.stack(models), 1 / (len(set(kinds)) + 1)
    weights = same_say(models, kinds, classes)
    mean = _mean(weights, every)
    both = (1 - part) * mean + part * forest  # both sides of the mean are calibrated
    calibrated = log_probabilities(both, temperature(both, classes))
    harms = seems_worse(calibrated, log_probabilities(mean, 1.0), classes, groups)
    weights = np.append(weights, 0.0) if harms else np.append((1 - part) * weights, part)
    return np.asarray(weights / weights.sum())


def unless_surely_worse(
    alone: NDArray[np.float64],
    models: Sequence[NDArray[np.float64]],
    candidates: int,
    classes: NDArray[np.int64],
    groups: NDArray[np.int64],
    seed: int,
) -> tuple[NDArray[np.float64], bool]:
    """Weights that nothing chose, or half of them for a pool that held-out groups choose, if that is surely better.

    Groups are few, so it must be better by three standard errors.

    Args:
        alone: (models,) weights.
        models: Calibrated log probabilities (n, K) of each.
        candidates: How many of them, from the first on, the pool is chosen from; it starts with the first.
        classes: (n,) true classes.
        groups: (n,) samples that stand or fall together.
        seed: Of the bootstrap.

    Returns:
        (models,) weights, summing to 1, and whether a chosen pool has a part in them.
    """
    every = np.stack(models)
    chosen = choose_pool(models[:candidates], classes, groups, 0, seed)
    chosen = np.append(chosen, np.zeros(len(models) - candidates))
    alone, chosen = (w * temperature(_mean(w, every), classes) for w in (alone, chosen))  # both sides calibrated
    both = (1 - _POOL_WEIGHT) * alone + _POOL_WEIGHT * chosen
    of_both, of_alone = (
        log_probabilities(mean, temperature(mean, classes)) for mean in (_mean(both, every), _mean(alone, every))
    )
    joined = seems_worse(of_alone, of_both, classes, groups, _SURE)
    weights = both if joined else alone
    return np.asarray(weights / weights.sum()), joined


def _mean(weights: NDArray[np.float64], every: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, K) weighted sum of (models, n, K)."""
    return np.asarray(np.tensordot(weights, every, axes=1))


def seems_worse(
    one: NDArray[np.float64],
    other: NDArray[np.float64],
    classes: NDArray[np.int64],
    groups: NDArray[np.int64],
    doubt: float = _DOUBT,
) -> bool:
    """Whether one model has a worse Brier score than another, by more than some standard errors over the groups.

    Args:
        one: Calibrated log probabilities (n, K).
        other: The same of the other one.
        classes: (n,) true classes.
        groups: (n,) samples that stand or fall together.
        doubt: Standard errors.
    """
    more = _brier_of_each(one, classes) - _brier_of_each(other, classes)
    _, index = np.unique(groups, return_inverse=True)
    numbers, sums = np.bincount(index), np.bincount(index, more)
    mean = more.mean()
    error = np.sqrt(((sums - mean * numbers) ** 2).sum()) / len(more)
    return bool(mean > doubt * error)


def _grow(
    models: Sequence[NDArray[np.float64]], classes: NDArray[np.int64], weights: NDArray[np.float64], first: int | None
) -> NDArray[np.float64]:
    """Weights of one pool."""
    counts = np.zeros(len(models))
    if first is None:
        first = int(np.argmin([brier(m, classes, weights) for m in models]))
    counts[first] = 1
    total = models[first].copy()
    last = brier(log_softmax(total, axis=1), classes, weights)
    for size in range(2, _LARGEST_POOL + 1):
        scores = [brier(log_softmax((total + m) / size, axis=1), classes, weights) for m in models]
        best = int(np.argmin(scores))
        if scores[best] > last - _GAIN:
            break
        last = scores[best]
        total += models[best]
        counts[best] += 1
    return np.asarray(counts / counts.sum())
