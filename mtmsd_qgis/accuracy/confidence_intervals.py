# SPDX-License-Identifier: GPL-2.0-or-later
"""95 % intervals of what is counted in a confusion matrix.

Enters: counts of reference samples. Leaves: lower and upper end, NaN where there is nothing to tell from. All but
the one of groups take samples as independent, which pixels of one polygon are not.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Z95 = 1.959963984540054  # two-sided 95 % quantile of the normal distribution
_ROUNDING = 1e-13  # of the terms that a variance is the difference of
_HALVINGS = 50  # of an interval of 1: to the last digit
LEAST_GROUPS = 10  # fewer polygons say too little of how polygons differ

Floats = NDArray[np.float64]
Bounds = tuple[Floats, Floats, Floats]


def wilson_interval(right: float, total: float) -> tuple[float, float]:
    """Interval of a share.

    Source: Wilson (1927), doi 10.1080/01621459.1927.10502953.

    Args:
        right: Successes.
        total: Trials; no whole number where they count as fewer than there are.

    Returns:
        Lower and upper end, 0 to 1; NaN where there is no trial.
    """
    if total <= 0:
        return math.nan, math.nan
    share = right / total
    centre = share + Z95**2 / (2 * total)
    half = Z95 * math.sqrt(share * (1 - share) / total + Z95**2 / (4 * total**2))
    scale = 1 + Z95**2 / total
    return max(0.0, (centre - half) / scale), min(1.0, (centre + half) / scale)


def wilson_bounds(shares: Floats, trials: Floats) -> tuple[Floats, Floats]:
    """wilson_interval for arrays: shares of any shape, trials above 0 that fit it, endless where a share is known."""
    centre, spread = shares + Z95**2 / (2 * trials), shares * (1 - shares) / trials + Z95**2 / (4 * trials**2)
    half, scale = Z95 * np.sqrt(spread), 1 + Z95**2 / trials
    return np.maximum((centre - half) / scale, 0.0), np.minimum((centre + half) / scale, 1.0)


def ratio_interval(right: Bounds, wrong: Bounds, correlation: Floats) -> tuple[Floats, Floats]:
    """Interval of right / (right + wrong), from the intervals of two estimated totals.

    A ratio R is in it where right (1 - R) - wrong R may be 0 by the interval of that difference, which has the squared
    distances to the ends of both, less what they have in common.
    Source: Zou and Donner (2008), doi 10.1002/sim.3095, for the difference; Donner and Zou (2012), doi
    10.1177/0962280210383082, for the way from there to a ratio.

    Args:
        right: (K,) each: estimate, lower and upper end.
        wrong: The same.
        correlation: (K,) of the two, -1 to 1.

    Returns:
        (K,) lower and upper end, 0 to 1.
    """

    def reach(ratio: Floats, far_right: Floats, far_wrong: Floats) -> Floats:
        """How far the difference may be from its estimate."""
        one, other = (1 - ratio) * far_right, ratio * far_wrong
        return np.asarray(np.sqrt(np.maximum(one**2 + other**2 - 2 * correlation * one * other, 0.0)))

    def root(far_right: Floats, far_wrong: Floats, sign: int) -> Floats:
        """Where the end of the difference's interval is 0, by halving: it falls from R = 0 to R = 1."""
        low, high = np.zeros_like(right[0]), np.ones_like(right[0])
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            end = right[0] * (1 - middle) - wrong[0] * middle + sign * reach(middle, far_right, far_wrong)
            low, high = np.where(end > 0, middle, low), np.where(end > 0, high, middle)
        return (low + high) / 2

    lower = root(right[0] - right[1], wrong[2] - wrong[0], -1)
    return lower, root(right[2] - right[0], wrong[0] - wrong[1], 1)


def f1_interval(right: int, in_reference: int, in_map: int) -> tuple[float, float]:
    """Interval of a class's F1.

    F1 = 2 J / (1 + J), where J is the share of right ones among the samples that the reference or the map gives the
    class: a simple proportion, whose Wilson interval goes through the same formula.
    """
    low, high = wilson_interval(right, in_reference + in_map - right)
    return 2 * low / (1 + low), 2 * high / (1 + high)


def mean_interval(shares: list[float], intervals: list[tuple[float, float]]) -> tuple[float, float]:
    """Interval of the mean of independent shares, from their own intervals.

    Source: Zou and Donner (2008), doi 10.1002/sim.3095: squared distances to the ends add up. It stays within 0 to 1.
    """
    if not shares:
        return math.nan, math.nan
    mean = sum(shares) / len(shares)
    below = math.sqrt(sum((share - low) ** 2 for share, (low, _) in zip(shares, intervals)))
    above = math.sqrt(sum((high - share) ** 2 for share, (_, high) in zip(shares, intervals)))
    return mean - below / len(shares), mean + above / len(shares)


def kappa_interval(matrix: NDArray[np.int64]) -> tuple[float, float]:
    """Interval of kappa for large samples, cut at -1 and 1; NaN where kappa is undefined or its error is 0.

    Source: Fleiss, Cohen and Everitt (1969), doi 10.1037/h0028106, equation 13.
    """
    total = float(matrix.sum())
    cells = matrix / total
    rows, columns = cells.sum(axis=1), cells.sum(axis=0)
    agreed, chance = float(np.trace(cells)), float(rows @ columns)
    if chance >= 1:
        return math.nan, math.nan
    diagonal = np.diag(cells) @ ((1 - chance) - (rows + columns) * (1 - agreed)) ** 2
    beside = cells * (columns[:, None] + rows[None, :]) ** 2
    others = (1 - agreed) ** 2 * (beside.sum() - np.trace(beside))
    spread = diagonal + others - (agreed * chance - 2 * chance + agreed) ** 2
    if spread <= _ROUNDING * (diagonal + others):  # all agree or all disagree
        return math.nan, math.nan
    error = math.sqrt(spread / total) / (1 - chance) ** 2
    kappa = (agreed - chance) / (1 - chance)
    return max(-1.0, kappa - Z95 * error), min(1.0, kappa + Z95 * error)


def interval_of_groups(right: NDArray[np.bool_], group: NDArray[np.int64]) -> tuple[float, float]:
    """Interval of the share of right samples, where samples come in groups (polygons).

    The variance is that of a ratio of group totals (Cochran 1977, Sampling Techniques, section 9A.2). It says as how
    many independent samples these count, and a Wilson interval of so many stays within 0 to 1 (Korn and Graubard 1998,
    Survey Methodology 24: 193, who also widen the quantile where groups are few). It is never narrower than the
    interval of independent samples.

    Args:
        right: (N,) whether a sample is right.
        group: (N,) the polygon or point feature that it comes from.

    Returns:
        NaN where there are fewer than ten groups.
    """
    _, index = np.unique(group, return_inverse=True)
    sizes = np.bincount(index.ravel()).astype(float)
    count, total = len(sizes), float(len(right))
    if count < LEAST_GROUPS:
        return math.nan, math.nan
    share = float(right.mean())
    residuals = np.bincount(index.ravel(), weights=right.astype(float)) - share * sizes
    variance = count / (count - 1) * float((residuals**2).sum()) / total**2
    independent = share * (1 - share) / variance if variance > 0 else float(count)
    effective = min(total, independent) * (Z95 / _t95(count - 1)) ** 2
    return wilson_interval(share * effective, effective)


def _t95(freedom: int) -> float:
    """Two-sided 95 % quantile of Student's t, to 0.001 from 9 degrees of freedom on.

    Source: Cornish-Fisher expansion, Abramowitz and Stegun (1964), 26.7.5.
    """
    z = Z95
    return (
        z
        + (z**3 + z) / (4 * freedom)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * freedom**3)
    )
