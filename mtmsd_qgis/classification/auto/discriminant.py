# SPDX-License-Identifier: GPL-2.0-or-later
"""Linear discriminant analysis with shrinkage, fitted for several shrinkages at once.

Enters: standardised features (N, F) and class indicators (N, K). Leaves: class scores; calibration makes probabilities
of them.

Source: Friedman (1989), doi 10.1080/01621459.1989.10478752, with the class covariances pooled and shrunk towards a
multiple of the identity.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

SHRINKAGES = (1e-4, 1e-3, 1e-2, 0.1, 0.3, 0.6, 0.9)
NEVER = -1e9  # score of a class without a sample
_RANK = 1e-12  # of the largest eigenvalue of the Gram matrix: what is below is rounding


@dataclass(frozen=True)
class LinearScores:
    """Class scores x W + b, one set for each setting.

    Attributes:
        weight: (S, F, K).
        bias: (S, K).
    """

    weight: Tensor
    bias: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        """Class scores (S, n, K) of features (n, F)."""
        return x @ self.weight + self.bias[:, None]


@dataclass(frozen=True)
class Discriminant:
    """Linear discriminants of several shrinkages.

    Attributes:
        shrinkages: Shares of the identity, each in (0, 1]; one set of scores each.
        balanced: Whether all classes are equally likely beforehand; else as often as among the samples.
    """

    shrinkages: Sequence[float] = SHRINKAGES
    balanced: bool = False

    @property
    def settings(self) -> Sequence[float]:
        """What cross-validation chooses from."""
        return self.shrinkages

    def only(self, setting: int) -> Discriminant:
        """The same with one of its settings, by index."""
        return replace(self, shrinkages=(self.shrinkages[setting],))

    def fit(self, x: Tensor, y: Tensor, weight: Tensor | None = None) -> LinearScores:
        """Learn from samples.

        The inverse of the shrunk covariance is the inverse of its eigenvalues along the axes that the residuals span,
        and that of the identity's share beyond them; so with more features than samples the residuals' Gram matrix is
        decomposed.

        Args:
            x: (N, F) standardised.
            y: (N, K) 1 for the class of the sample, else 0.
            weight: (N,) of the samples, of mean 1; None: all count alike.
        """
        z, indicators = x.double(), y.double()
        weighted = indicators if weight is None else indicators * weight.double()[:, None]
        centre = z.mean(dim=0)
        z = z - centre
        counts = weighted.sum(dim=0)
        means = weighted.T @ z / torch.where(counts > 0, counts, 1.0)[:, None]
        residuals = (z - indicators @ means) / max(1.0, len(z) - float((counts > 0).sum())) ** 0.5
        if weight is not None:
            residuals = residuals * weight.double().sqrt()[:, None]
        variance, axes = _principal_axes(residuals)
        spread = float(variance.sum()) / x.shape[1]
        spread = spread if spread > 0 else 1.0
        along = means @ axes  # (K, r)
        prior = torch.zeros_like(counts) if self.balanced else (torch.where(counts > 0, counts, 1.0) / len(z)).log()
        prior = torch.where(counts > 0, prior, torch.full_like(counts, NEVER))
        weights, biases = [], []
        for shrinkage in self.shrinkages:
            beyond = 1 / ((shrinkage + 1e-12) * spread)
            inverse = 1 / ((1 - shrinkage) * variance + (shrinkage + 1e-12) * spread)
            weight = beyond * means.T + axes @ (along * (inverse - beyond)).T  # (F, K)
            weights.append(weight)
            biases.append(prior - 0.5 * (means.T * weight).sum(dim=0) - centre @ weight)
        return LinearScores(torch.stack(weights).to(x), torch.stack(biases).to(x))


def _principal_axes(residuals: Tensor) -> tuple[Tensor, Tensor]:
    """Variances (r,) and orthonormal axes (F, r) of residuals (N, F), without those that are rounding."""
    n, features = residuals.shape
    variance, vectors = torch.linalg.eigh(residuals.T @ residuals if features <= n else residuals @ residuals.T)
    first = int((variance <= _RANK * variance[-1].clamp(min=1e-30)).sum())  # in ascending order
    variance, vectors = variance[first:], vectors[:, first:]
    return variance, vectors if features <= n else residuals.T @ vectors / variance.sqrt()
