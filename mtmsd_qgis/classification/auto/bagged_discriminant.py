# SPDX-License-Identifier: GPL-2.0-or-later
"""Plain models for places never seen: a committee of discriminants, smooth kernels, a forest on discriminant axes.

Enters: standardised features (N, F) with class indices and places. Leaves: a head each. Cross-validation on places,
which are few, chooses nothing in them.

What a discriminant says of a new place depends on which places it was shown. Members that saw different halves of them
disagree on just that, so their mean keeps what all places have in common. A kernel is averaged over ridges instead; how
large they may be is asked of all samples (smoothest in trials.py).

Source: bagging as in Breiman (1996), doi 10.1007/BF00058655, with halves drawn without replacement (Bühlmann & Yu 2002,
doi 10.1214/aos/1031689014), of places instead of samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .extra_trees import ForestHead, fit_forest
from .kernel_ridge import KernelHead, LinearHead, fit_discriminants, fit_kernels, kernel_scores

SMOOTH_RIDGES = (3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0, 3.0, 10.0)  # of the smooth kernel
_HALVES = 12
_SHRINKAGES = (1e-3, 1e-2, 0.1)  # of the discriminants, all of them in each half (docs/decisions.md, 26)
_AXES_SHRINKAGE = 1e-2  # of the discriminant whose scores a forest looks at


@dataclass(frozen=True)
class Committee:
    """The mean of the probabilities that linear heads give.

    Attributes:
        members: The heads.
    """

    members: tuple[LinearHead, ...]

    def scores(self, x: Tensor) -> Tensor:
        """Logarithms (n, K) of the mean probabilities of features (n, F)."""
        total = torch.zeros(len(x), len(self.members[0].bias)).to(x)
        for member in self.members:
            total += torch.softmax(member.scores(x), dim=1)
        return (total / len(self.members)).clamp(min=1e-6).log()


@dataclass(frozen=True)
class AxesForest:
    """A forest that sees how well each class fits, instead of bands.

    Attributes:
        axes: (F, K) of a discriminant.
        forest: On its scores.
    """

    axes: Tensor
    forest: ForestHead

    def scores(self, x: Tensor) -> Tensor:
        """Class scores (n, K) of features (n, F)."""
        return self.forest.scores(x @ self.axes)


def halves(classes: NDArray[np.int64], groups: NDArray[np.int64], number: int, seed: int) -> list[NDArray[np.int64]]:
    """Half of each class's places, drawn again and again; of a class with one place, half of its samples.

    An odd number of places is halved up or down by chance; one place, or two samples, are left at least.

    Args:
        classes: (N,) class indices.
        groups: (N,) the place of each sample; one may hold several classes.
        number: Of draws.
        seed: Of the draws.

    Returns:
        The samples of each draw, in order.
    """
    rng = np.random.default_rng(seed)
    of_class = [np.flatnonzero(classes == index) for index in np.unique(classes)]
    drawn = []
    for _ in range(number):
        taken = []
        for samples in of_class:
            places = rng.permutation(np.unique(groups[samples]))
            if len(places) > 1:
                half = len(places) // 2 + len(places) % 2 * int(rng.integers(2))
                taken.append(samples[np.isin(groups[samples], places[:half])])
            else:
                taken.append(rng.permutation(samples)[: max(2, len(samples) // 2)])
        drawn.append(np.sort(np.concatenate(taken)))
    return drawn


def fit_committee(x: Tensor, classes: Tensor, groups: NDArray[np.int64], count: int, seed: int) -> Committee:
    """Shrinkage discriminants of halves of the places, for which all classes are equally likely.

    Args:
        x: (N, F) standardised.
        classes: (N,) int64.
        groups: (N,) the place of each sample.
        count: K.
        seed: Of the halves.
    """
    members: list[LinearHead] = []
    for half in halves(classes.cpu().numpy(), groups, _HALVES, seed):
        some = torch.from_numpy(half).to(x.device)
        members += fit_discriminants(x[some], classes[some], count, _SHRINKAGES, even=True).values()
    return Committee(tuple(members))


def fit_smooth_kernels(
    x: Tensor, classes: Tensor, count: int, ridges: Sequence[float] = SMOOTH_RIDGES
) -> dict[float, KernelHead]:
    """A head for each ridge, with the far-reaching kernel, for which all classes are equally likely.

    The kernel is 1 / (1 + squared distance / median): Gaussian kernels of all widths, their rates weighed by an
    exponential law, so that there is no width to choose.

    Args:
        x: (N, F) standardised.
        classes: (N,) int64.
        count: K.
        ridges: Added to the kernel's diagonal.
    """
    heads = fit_kernels(x, classes, count, (1.0,), ridges, even=True, far_reaching=True)
    return {ridge: head for (_, ridge), head in heads.items()}


def fit_smooth_kernel(x: Tensor, classes: Tensor, count: int, ridges: Sequence[float]) -> KernelHead:
    """The mean of the heads of several ridges, each with the same spread of its scores.

    Args:
        x: (N, F) standardised.
        classes: (N,) int64.
        count: K.
        ridges: Of the heads.
    """
    heads = list(fit_smooth_kernels(x, classes, count, ridges).values())
    spreads = [max(1e-12, float((scores - head.mean).std())) for scores, head in zip(kernel_scores(heads, x), heads)]
    mean = torch.stack([head.coefficients / spread for head, spread in zip(heads, spreads)]).mean(dim=0)
    return replace(heads[0], coefficients=mean)


def fit_axes_forest(x: Tensor, classes: Tensor, count: int, seed: int) -> AxesForest:
    """A forest on the scores of a shrinkage discriminant, for which all classes are equally likely.

    Bands of an imaging spectrometer move together, and a tree that looks at one of them sees mostly brightness.

    Args:
        x: (N, F) standardised.
        classes: (N,) int64.
        count: K.
        seed: Of features and thresholds.
    """
    axes = fit_discriminants(x, classes, count, (_AXES_SHRINKAGE,), even=True)[(_AXES_SHRINKAGE,)].weight
    return AxesForest(axes, fit_forest(x @ axes, classes, count, seed, even=True))
