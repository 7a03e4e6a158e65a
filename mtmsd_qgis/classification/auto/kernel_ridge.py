# SPDX-License-Identifier: GPL-2.0-or-later
"""Kernel ridge regression on class indicators, fitted for several widths and ridges at once.

Enters: standardised features (N, F) and class indicators (N, K). Leaves: class scores; calibration makes probabilities
of them.

Source: Rifkin & Klautau (2004), "In defense of one-vs-all classification": regularised least squares on indicators does
as well as support vectors, and is solved once for all classes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from .discriminant import NEVER

WIDTHS = (0.3, 1.0, 3.0)  # exponent of the kernel at the median squared distance of the samples
RIDGES = (1e-3, 1e-2, 1e-1)
MOST_SAMPLES = 4000  # that a kernel is fitted to
_ROWS = 4096  # of a matrix of distances at once


@dataclass(frozen=True)
class KernelScores:
    """Class scores by Gaussian kernels around the training samples, one set for each setting.

    Attributes:
        points: (N, F) training features.
        rates: (W,) the kernels are exp(-rate * squared distance).
        coefficients: (W, R, N, K), R ridges for each of them.
        offset: (K,) scores far from all samples.
    """

    points: Tensor
    rates: tuple[float, ...]
    coefficients: Tensor
    offset: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        """Class scores (W * R, n, K) of features (n, F); distances and kernels are computed once."""
        return torch.cat([self._of_rows(rows) for rows in torch.split(x, _ROWS)], dim=1)

    def _of_rows(self, x: Tensor) -> Tensor:
        distance = squared_distances(x, self.points)
        scores = [(distance * -rate).exp_() @ by_ridge for rate, by_ridge in zip(self.rates, self.coefficients)]
        return torch.cat(scores) + self.offset


@dataclass(frozen=True)
class KernelRidge:
    """Ridge regressions with Gaussian kernels.

    Attributes:
        widths: Rates of the kernel, times the median squared distance.
        ridges: Added to the kernel's diagonal; one set of scores for each width and ridge.
        balanced: Whether each class's indicator is brought to mean 0 and variance 1, so that classes with few samples
            are as likely as those with many.
    """

    widths: Sequence[float] = WIDTHS
    ridges: Sequence[float] = RIDGES
    balanced: bool = False

    @property
    def settings(self) -> Sequence[tuple[float, float]]:
        """What cross-validation chooses from: widths and ridges."""
        return [(width, ridge) for width in self.widths for ridge in self.ridges]

    def only(self, setting: int) -> KernelRidge:
        """The same with one of its settings, by index."""
        width, ridge = self.settings[setting]
        return replace(self, widths=(width,), ridges=(ridge,))

    def fit(self, x: Tensor, y: Tensor, weight: Tensor | None = None) -> KernelScores:
        """Learn from samples.

        With weights w the squares are weighted, so the kernel's diagonal gets ridge / w. That can be small, so it is
        solved in double precision then; and where samples are so alike that rounding exceeds the ridge.

        Args:
            x: (N, F) standardised.
            y: (N, K) 1 for the class of the sample, else 0.
            weight: (N,) of the samples, of mean 1; None: all count alike.
        """
        if weight is None:
            with contextlib.suppress(torch.linalg.LinAlgError):  # type: ignore[attr-defined]
                return self._fit(x, y, None)
        scores = self._fit(x.double(), y, None if weight is None else weight.double())
        return KernelScores(x, scores.rates, scores.coefficients.to(x), scores.offset.to(x))

    def _fit(self, x: Tensor, y: Tensor, weight: Tensor | None) -> KernelScores:
        distance = squared_distances(x, x)
        positive = distance[distance > 0]
        median = float(positive.median()) if len(positive) else 1.0
        target, offset = class_targets(y.to(x), weight, balanced=self.balanced)
        rates = tuple(width / median for width in self.widths)
        coefficients = []
        for rate in rates:
            kernel = (distance * -rate).exp_()
            for ridge in self.ridges:
                loaded = kernel.clone()
                loaded.diagonal().add_(ridge if weight is None else ridge / weight)
                coefficients.append(torch.cholesky_solve(target, torch.linalg.cholesky(loaded)))
        stacked = torch.stack(coefficients).view(len(self.widths), len(self.ridges), *target.shape)
        return KernelScores(x, rates, stacked, offset)


def class_targets(y: Tensor, weight: Tensor | None = None, *, balanced: bool) -> tuple[Tensor, Tensor]:
    """What a kernel is fitted to (N, K), and the scores (K,) far from all samples, of class indicators (N, K).

    Indicators less each class's share, by the weights (N,) where there are any; balanced ones have variance 1, and far
    from all samples all classes are alike.
    """
    mean = y.mean(dim=0) if weight is None else (y * weight[:, None]).mean(dim=0)
    target = y - mean
    if balanced:
        deviation = (mean * (1 - mean)).sqrt()
        target = torch.where(deviation > 0, target / deviation.clamp(min=1e-6), 0.0)
        mean = torch.where(mean > 0, 0.0, NEVER)
    return target, mean


def squared_distances(a: Tensor, b: Tensor) -> Tensor:
    """(n, m) between features (n, F) and (m, F)."""
    return (a.square().sum(1)[:, None] + b.square().sum(1)).addmm_(a, b.T, alpha=-2).clamp_(min=0)
