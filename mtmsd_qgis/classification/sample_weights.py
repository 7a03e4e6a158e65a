# SPDX-License-Identifier: GPL-2.0-or-later
"""Weights of training samples in sums, means and losses; without weights, the very numbers of a plain mean.

Enters: weights (N,) of samples, or None where all count alike.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

Weights = NDArray[np.float64]


def mean_one(weights: Weights | None, device: torch.device) -> Tensor | None:
    """(N,) float32 weights that are 1 on the mean, so that penalties keep their scale."""
    if weights is None:
        return None
    return torch.from_numpy(weights / weights.mean()).float().to(device)


def at(weight: Tensor | None, chosen: Tensor) -> Tensor | None:
    """The weights of some samples, by index or mask."""
    return None if weight is None else weight[chosen]


def weighted_mean(values: NDArray[np.float64], weights: Weights | None) -> float:
    """Mean of values (N,)."""
    return float(values.mean() if weights is None else (values * weights).sum() / weights.sum())


def class_counts(class_index: NDArray[np.int64], weights: Weights | None, n_classes: int) -> NDArray[np.float64]:
    """(K,) samples of each class; with weights of mean 1, by as many of mean weight as they count like."""
    return np.bincount(class_index, weights, minlength=n_classes).astype(np.float64)


def cross_entropy(scores: Tensor, classes: Tensor, weight: Tensor | None) -> Tensor:
    """Mean cross-entropy of scores (N, K) against class indices (N,)."""
    if weight is None:
        return functional.cross_entropy(scores, classes)
    return (functional.cross_entropy(scores, classes, reduction="none") * weight).sum() / weight.sum()


def summed_cross_entropy(scores: Tensor, classes: Tensor, weight: Tensor | None) -> Tensor:
    """The same, summed over the samples."""
    if weight is None:
        return functional.cross_entropy(scores, classes, reduction="sum")
    return (functional.cross_entropy(scores, classes, reduction="none") * weight).sum()
