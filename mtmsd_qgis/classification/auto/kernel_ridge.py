# SPDX-License-Identifier: GPL-2.0-or-later
"""Heads of few parameters: shrinkage discriminants and kernel ridge, each fitted for several settings at once.

Enters: standardised features (N, F) with class indices. Leaves: class scores (n, K); calibration makes
probabilities of them.

They stand where the paper's fusion network overfits: with a hundred samples its 20 million parameters lose to a
discriminant on the same features.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

Setting = tuple[float, ...]

SHRINKAGES = (1e-4, 1e-3, 1e-2, 0.1, 0.3, 0.6, 0.9)
WIDTHS = (0.3, 1.0, 3.0)  # of the kernel: exponent at the median squared distance of the samples
RIDGES = (1e-3, 1e-2, 1e-1)
_NEVER = -1e9  # score of a class without a sample
_BLOCK = 4096  # rows of a distance matrix at once


class Head(Protocol):
    """Scores of features."""

    def scores(self, x: Tensor) -> Tensor:
        """Class scores (n, K) of features (n, F)."""


@dataclass(frozen=True)
class LinearHead:
    """Scores x W + b.

    Attributes:
        weight: (F, K).
        bias: (K,).
    """

    weight: Tensor
    bias: Tensor

    def scores(self, x: Tensor) -> Tensor:
        """Class scores (n, K) of features (n, F)."""
        return x @ self.weight + self.bias


@dataclass(frozen=True)
class KernelHead:
    """Scores by a kernel around the training samples, a Gaussian one or one that reaches farther.

    Attributes:
        points: (N, F) training features.
        rate: The kernel is exp(-rate * squared distance), or 1 / (1 + rate * squared distance).
        coefficients: (N, K).
        mean: (K,) score far from all samples: the share of each class, or 0.
        far_reaching: Whether it is the latter.
    """

    points: Tensor
    rate: float
    coefficients: Tensor
    mean: Tensor
    far_reaching: bool = False

    def scores(self, x: Tensor) -> Tensor:
        """Class scores (n, K) of features (n, F)."""
        return kernel_scores([self], x)[0]

    @property
    def form(self) -> tuple[float, bool]:
        """What two heads on the same points must share to have the same kernel."""
        return self.rate, self.far_reaching


def fit_discriminants(
    x: Tensor, classes: Tensor, count: int, shrinkages: Sequence[float] = SHRINKAGES, *, even: bool = False
) -> dict[Setting, LinearHead]:
    """Linear discriminants whose common covariance is shrunk towards a multiple of the identity.

    With more features than samples everything happens in the space that the samples span, where the solution lies.
    Source: Friedman (1989), doi 10.1080/01621459.1989.10478752, with the class covariance pooled.

    Args:
        x: (N, F) standardised.
        classes: (N,) int64.
        count: K.
        shrinkages: Shares of the identity, each in (0, 1].
        even: Whether all classes are equally likely beforehand; else as often as among the samples.

    Returns:
        A head for each shrinkage.
    """
    z = x.double()
    centre = z.mean(dim=0)
    z = z - centre
    basis: Tensor | None = None
    if z.shape[1] > z.shape[0]:
        _, size, axes = torch.linalg.svd(z, full_matrices=False)
        basis = axes[size > 1e-8 * size[0].clamp(min=1e-30)].T
        z = z @ basis
    members = functional.one_hot(classes, count).double()
    numbers = members.sum(dim=0)
    means = members.T @ z / numbers.clamp(min=1)[:, None]
    rest = z - means[classes]
    within = rest.T @ rest / max(1.0, len(z) - float((numbers > 0).sum()))
    variance, axes = torch.linalg.eigh(within)
    variance = variance.clamp(min=0)
    spread = float(variance.sum()) / x.shape[1]
    spread = spread if spread > 0 else 1.0
    rotated = means @ axes
    prior = torch.zeros_like(numbers) if even else (numbers.clamp(min=1) / len(z)).log()
    prior = torch.where(numbers > 0, prior, torch.full_like(numbers, _NEVER))
    heads: dict[Setting, LinearHead] = {}
    for shrinkage in shrinkages:
        inverse = 1 / ((1 - shrinkage) * variance + (shrinkage + 1e-12) * spread)
        weight = axes @ (rotated * inverse).T  # (r, K)
        if basis is not None:
            weight = basis @ weight
        bias = prior - 0.5 * (rotated.square() * inverse).sum(dim=1) - centre @ weight
        heads[(shrinkage,)] = LinearHead(weight.to(x), bias.to(x))
    return heads


def fit_kernels(
    x: Tensor,
    classes: Tensor,
    count: int,
    widths: Sequence[float] = WIDTHS,
    ridges: Sequence[float] = RIDGES,
    *,
    even: bool = False,
    far_reaching: bool = False,
) -> dict[Setting, KernelHead]:
    """Kernel ridge regression on class indicators.

    Source: Rifkin & Klautau (2004), "In defense of one-vs-all classification": regularised least squares on
    indicators does as well as support vectors, and is solved once for all classes.

    Args:
        x: (N, F) standardised.
        classes: (N,) int64.
        count: K.
        widths: Rates of the kernel, times the median squared distance.
        ridges: Added to the kernel's diagonal.
        even: Whether each class's indicator is brought to mean 0 and variance 1, so that classes with few samples are
            as likely as those with many.
        far_reaching: Whether the kernel is not Gaussian but 1 / (1 + rate * squared distance).

    Returns:
        A head for each (width, ridge).
    """
    distance = squared_distances(x, x)
    median = median_distance(distance)
    target, mean = class_targets(classes, count, even=even)
    target, mean = target.to(x), mean.to(x)
    heads: dict[Setting, KernelHead] = {}
    for width in widths:
        kernel = kernel_of(distance, width / median, far_reaching)
        for ridge in ridges:
            loaded = kernel.clone()
            loaded.diagonal().add_(ridge)
            coefficients = torch.cholesky_solve(target, torch.linalg.cholesky(loaded))
            heads[(width, ridge)] = KernelHead(x, width / median, coefficients, mean, far_reaching)
    return heads


def class_targets(classes: Tensor, count: int, *, even: bool) -> tuple[Tensor, Tensor]:
    """What a kernel is fitted to (N, K), and the scores (K,) far from all samples, of classes (N,).

    Indicators less each class's share; where all classes shall be equally likely, of variance 1 and far from all 0.
    """
    target = functional.one_hot(classes, count).float()
    mean = target.mean(dim=0)
    target = target - mean
    if even:
        deviation = (mean * (1 - mean)).sqrt()
        target = torch.where(deviation > 0, target / deviation.clamp(min=1e-6), 0.0)
        mean = torch.where(mean > 0, 0.0, _NEVER)
    return target, mean


def median_distance(distance: Tensor) -> float:
    """Median of the positive ones of squared distances (N, N), or of some of them."""
    every = max(1, len(distance) // 400)
    some = distance[::every, ::every]
    positive = some[some > 0]
    return float(positive.median()) if len(positive) else 1.0


def kernel_scores(heads: Sequence[KernelHead], x: Tensor) -> list[Tensor]:
    """Scores (n, K) of several heads that share their points; distances and kernels are computed once."""
    parts: list[list[Tensor]] = [[] for _ in heads]
    for rows in torch.split(x, _BLOCK):
        distance = squared_distances(rows, heads[0].points)
        kernels = {form: kernel_of(distance, *form) for form in {head.form for head in heads}}
        for head, found in zip(heads, parts):
            found.append(kernels[head.form] @ head.coefficients + head.mean)
    return [torch.cat(found) for found in parts]


def kernel_of(distance: Tensor, rate: float, far_reaching: bool) -> Tensor:
    """The kernel at squared distances (n, m)."""
    return 1 / (1 + rate * distance) if far_reaching else torch.exp(distance * -rate)


def squared_distances(a: Tensor, b: Tensor) -> Tensor:
    """(n, m) between features (n, F) and (m, F)."""
    return (a.square().sum(1)[:, None] + b.square().sum(1) - 2 * a @ b.T).clamp_(min=0)
