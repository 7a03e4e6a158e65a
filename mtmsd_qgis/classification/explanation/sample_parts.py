# SPDX-License-Identifier: GPL-2.0-or-later
"""The score of a class, less that of another one, as a sum over the training samples.

Enters: a fitted model, the samples it was fitted to, and the features of one pixel. Leaves: what each sample adds.

Kernel ridge regression is such a sum as it stands: a kernel around each sample times its coefficient. A linear
discriminant is one as well, once the spread within the classes S (the shrunk covariance) is taken as given. With x and
the samples z measured from the centre of all, n_k samples and the mean m_k of class k (weighted, where samples are),

    score_k(x) = m_k' S^-1 (x - m_k / 2) + prior_k = sum over i in k of z_i' S^-1 (x - m_k / 2) / n_k + prior_k.

So only samples of the two classes have a part in a discriminant; those of other classes shape S alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...sampling.subsampling import subsample
from ..auto.cross_validation import FittedModel, TrainingSet, side_by_side
from ..auto.discriminant import Discriminant
from ..auto.kernel_ridge import MOST_SAMPLES, KernelScores, squared_distances
from ..sample_weights import mean_one


@dataclass(frozen=True)
class SampleParts:
    """A difference of two scores: start + sum of parts.

    Attributes:
        parts: (N,) float64 of the training samples.
        start: What is left without any sample.
    """

    parts: NDArray[np.float64]
    start: float


def sample_parts(model: FittedModel, x: Tensor, training: TrainingSet, pair: tuple[int, int], seed: int) -> SampleParts:
    """What each sample adds to the score of the first class less that of the second.

    Args:
        model: Fitted to the samples.
        x: (1, F) columns of a pixel, as the model predicts from them, not standardised.
        training: (N,) samples; feature sets of models that are no kernels.
        pair: Two class indices.
        seed: That drew samples where there were too many for a kernel.
    """
    x = x if model.standardizer is None else model.standardizer(x)
    if isinstance(model.scorer, KernelScores):
        chosen = subsample(training.class_index, MOST_SAMPLES, seed, balanced=False)
        return _of_kernel(model.scorer, x, (len(training), chosen), pair)
    z = side_by_side(training.features, model.spec.fit_on)
    z = z if model.standardizer is None else model.standardizer(z)
    estimator = model.spec.estimator
    if not isinstance(estimator, Discriminant):
        raise ValueError("a model that is no kernel should be a discriminant")
    return _of_discriminant(estimator, (x, z), training, pair)


def _of_kernel(
    scorer: KernelScores, x: Tensor, among: tuple[int, NDArray[np.int64]], pair: tuple[int, int]
) -> SampleParts:
    """Kernels times coefficients; among: the number of samples, and indices of those that have a kernel."""
    count, chosen = among
    kernels = torch.exp(squared_distances(x.double(), scorer.points.double())[0] * -scorer.rates[0])
    coefficients = scorer.coefficients[0, 0].double()
    parts = np.zeros(count)
    parts[chosen] = (kernels * (coefficients[:, pair[0]] - coefficients[:, pair[1]])).cpu().numpy()
    return SampleParts(parts, float(scorer.offset[pair[0]].double() - scorer.offset[pair[1]].double()))


def _of_discriminant(
    estimator: Discriminant, columns: tuple[Tensor, Tensor], training: TrainingSet, pair: tuple[int, int]
) -> SampleParts:
    """Products of samples and pixel in the metric of the shrunk covariance; columns: of the pixel, of the samples."""
    x, z = (part.double() for part in columns)
    centre = z.mean(dim=0)
    x, z = x[0] - centre, z - centre
    index = torch.from_numpy(training.class_index).to(z.device)
    given = mean_one(training.weight, z.device)
    weight = torch.ones_like(z[:, 0]) if given is None else given.double()
    counts = torch.bincount(index, weight)
    means = torch.zeros(len(counts), z.shape[1], dtype=z.dtype, device=z.device)
    means.index_add_(0, index, z * weight[:, None])
    means /= torch.where(counts > 0, counts, 1.0)[:, None]
    residuals = (z - means[index]) * weight.sqrt()[:, None]
    residuals /= max(1.0, len(z) - float((counts > 0).sum())) ** 0.5
    towards = _solved(residuals, torch.stack([x - means[k] / 2 for k in pair]), estimator.shrinkages[0])
    parts = torch.zeros(len(z), dtype=z.dtype, device=z.device)
    for k, sign, direction in zip(pair, (1, -1), towards):
        own = index == k
        parts[own] = sign * weight[own] * (z[own] @ direction) / counts[k]
    prior = 0.0 if estimator.balanced else float((counts[pair[0]] / counts[pair[1]]).log())
    return SampleParts(parts.cpu().numpy(), prior)


def _solved(residuals: Tensor, right: Tensor, shrinkage: float) -> Tensor:
    """(n, F) solutions of the shrunk covariance of residuals (N, F) times them = right (n, F).

    With more features than samples by Woodbury's identity, in the space of the samples.
    """
    count, features = residuals.shape
    spread = float(residuals.square().sum()) / features
    own, ridge = 1 - shrinkage, (shrinkage + 1e-12) * (spread if spread > 0 else 1.0)
    if features <= count:
        covariance = own * residuals.T @ residuals
        covariance.diagonal().add_(ridge)
        solved: Tensor = torch.linalg.solve(covariance, right.T).T
        return solved
    gram = own * residuals @ residuals.T
    gram.diagonal().add_(ridge)
    along: Tensor = torch.linalg.solve(gram, residuals @ right.T)
    return (right - own * along.T @ residuals) / ridge
