# SPDX-License-Identifier: GPL-2.0-or-later
"""Correlations from sums that tiles add to: between two noise draws, and between pixels some distance apart.

Enters: pairs of values, tile by tile. Leaves: Pearson correlations, and the distance at which they fall to one half.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

LAGS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 40)  # cells of a grid
HALF = 0.5
_SUMS = 6  # count, both sums, both sums of squares, sum of products
_ROUNDING = 1e-9  # share of the mean square below which a variance is rounding


def pair_sums(first: Tensor, second: Tensor, known: Tensor) -> NDArray[np.float64]:
    """Sums of pairs of values.

    Args:
        first: (..., h, w).
        second: The same.
        known: (h, w) where a pair counts.

    Returns:
        (6, ...) that correlation() takes, and that can be added to those of other pairs.
    """
    x, y = (torch.where(known, values, 0).double() for values in (first, second))
    count = torch.full(x.shape[:-2], float(known.sum()), dtype=torch.float64)
    sums = [count, *(part.sum(dim=(-2, -1)).cpu() for part in (x, y, x * x, y * y, x * y))]
    return np.asarray(torch.stack(sums).numpy())


def lag_sums(grid: Tensor, known: Tensor) -> NDArray[np.float64]:
    """Sums of pairs of cells that lie one of LAGS apart, along rows and along columns.

    Args:
        grid: (..., h, w).
        known: (h, w).

    Returns:
        (len(LAGS), 6, ...); a lag longer than half the grid has no pairs.
    """
    sums = np.zeros((len(LAGS), _SUMS, *grid.shape[:-2]))
    height, width = known.shape
    for number, lag in enumerate(LAGS):
        if 2 * lag <= height:
            both = known[:-lag] & known[lag:]
            sums[number] += pair_sums(grid[..., :-lag, :], grid[..., lag:, :], both)
        if 2 * lag <= width:
            both = known[:, :-lag] & known[:, lag:]
            sums[number] += pair_sums(grid[..., :-lag], grid[..., lag:], both)
    return sums


def correlation(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Pearson correlations (...) from sums (6, ...); NaN where a value is constant or there are no two pairs."""
    count, x, y, xx, yy, xy = sums
    n = np.maximum(count, 1)
    of_x, of_y = xx / n - (x / n) ** 2, yy / n - (y / n) ** 2
    defined = (count > 1) & (of_x > _ROUNDING * xx / n) & (of_y > _ROUNDING * yy / n)
    norm = np.sqrt(np.where(defined, of_x * of_y, 1.0))
    return np.where(defined, (xy / n - x * y / n**2) / norm, np.nan)


def range_at_half(curve: Sequence[float] | NDArray[np.float64], distances: Sequence[float]) -> tuple[float, bool]:
    """The distance at which an autocorrelation falls to one half, linear between distances.

    Args:
        curve: Autocorrelation at each distance; NaN where it is not known.
        distances: Ascending.

    Returns:
        The distance, and whether it is only known to be larger; NaN where nothing is known.
    """
    before, value_before = 0.0, 1.0
    for distance, value in zip(distances, curve):
        if not np.isfinite(value):
            break
        if value <= HALF:
            return float(before + (value_before - HALF) / (value_before - value) * (distance - before)), False
        before, value_before = distance, float(value)
    return (before, True) if before else (float("nan"), False)
