# SPDX-License-Identifier: GPL-2.0-or-later
"""Kernels that unlabelled pixels of the scene have bent, for where samples are few.

Enters: standardised features of samples (N, F) and of pixels of the scene (M, F). Leaves: kernels in which two pixels
are as near as the way between them through the scene's pixels is short, and heads fitted with them.

With five samples a class a field's edge lies anywhere between two samples; the scene's pixels say where it is thinly
populated. The bent kernel is that of Sindhwani, Niyogi & Belkin (2005), "Beyond the point cloud", doi
10.1145/1102351.1102455: k(x, z) - k_x' (I + r L K)^-1 r L k_z, with L the normalised Laplacian of the graph of nearest
neighbours. Its edges are weighed by the distance against the distance to the last neighbour of either end, after
Zelnik-Manor & Perona (2004), "Self-tuning spectral clustering".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .kernel_ridge import RIDGES, WIDTHS, KernelHead, Setting, class_targets, median_distance, squared_distances

_NEIGHBOURS = 10
_BEND = 100.0  # weight of the graph against that of the kernel (docs/decisions.md, 25)


@dataclass(frozen=True)
class SceneKernel:
    """A bent kernel around samples.

    Attributes:
        points: (M + N, F) pixels of the scene, then the samples.
        rate: The kernel before it was bent is exp(-rate * squared distance).
        reach: (M + N, N) weights of the points in the bent kernel around each sample.
        gram: (N, N) of the bent kernel, of mean 1 on the diagonal.
    """

    points: Tensor
    rate: float
    reach: Tensor
    gram: Tensor

    def head(self, classes: Tensor, count: int, ridge: float) -> KernelHead:
        """Ridge regression on class indicators, as that of heads.fit_kernels.

        Args:
            classes: (N,) int64 of the samples.
            count: K.
            ridge: Added to the kernel's diagonal.
        """
        weights, mean = self._regression(classes, count, torch.ones_like(classes, dtype=torch.bool), ridge)
        return KernelHead(self.points, self.rate, (self.reach @ weights).to(self.points), mean.to(self.points))

    def held_out(self, classes: Tensor, count: int, out: Tensor, ridge: float) -> Tensor:
        """Scores (n, K) of the samples where out (N,) is true, learnt from the others."""
        weights, mean = self._regression(classes, count, ~out, ridge)
        return self.gram[out][:, ~out] @ weights + mean

    def _regression(self, classes: Tensor, count: int, some: Tensor, ridge: float) -> tuple[Tensor, Tensor]:
        target, mean = class_targets(classes[some], count, even=False)
        loaded = self.gram[some][:, some]
        loaded.diagonal().add_(ridge)
        return torch.linalg.solve(loaded, target.to(loaded)), mean.to(loaded)


def bend_kernels(x: Tensor, around: Tensor, widths: Sequence[float] = WIDTHS) -> dict[float, SceneKernel]:
    """The bent kernel of each width.

    Args:
        x: (N, F) samples, standardised.
        around: (M, F) pixels of the scene, standardised likewise.
        widths: Exponents of the kernel at the median squared distance of the samples.
    """
    points = torch.cat([around, x])
    distance = squared_distances(points, points).double()
    laplacian = _laplacian(distance)
    median = median_distance(squared_distances(x, x))
    samples = torch.eye(len(points), dtype=distance.dtype, device=x.device)[:, len(around) :]
    bent = {}
    for width in widths:
        kernel = torch.exp(distance * (-width / median))
        loaded = torch.sparse.mm(laplacian, kernel).mul_(_BEND)
        loaded.diagonal().add_(1.0)
        reach = torch.linalg.solve(loaded, samples)
        gram = kernel[len(around) :] @ reach
        size = gram.diagonal().mean().clamp(min=1e-30)
        bent[width] = SceneKernel(points, width / median, reach / size, gram / size)
    return bent


def held_out_scores(
    kernels: Mapping[float, SceneKernel], classes: Tensor, count: int, out: Tensor
) -> dict[Setting, Tensor]:
    """Scores (n, K) of held-out samples for each width and ridge."""
    return {
        (width, ridge): kernel.held_out(classes, count, out, ridge)
        for width, kernel in kernels.items()
        for ridge in RIDGES
    }


def _laplacian(distance: Tensor) -> Tensor:
    """(n, n) normalised Laplacian, sparse, of the graph of nearest neighbours, from squared distances (n, n)."""
    apart = distance.clone()
    apart.fill_diagonal_(torch.inf)
    near, index = apart.topk(min(_NEIGHBOURS, len(apart) - 1), largest=False)
    last = near[:, -1].clamp(min=1e-12)
    edges = torch.zeros_like(distance).scatter_(1, index, torch.exp(-near / (last[:, None] * last[index]).sqrt()))
    edges = torch.maximum(edges, edges.T)
    degree = edges.sum(dim=1).clamp(min=1e-12).rsqrt()
    laplacian = -degree[:, None] * edges * degree
    laplacian.diagonal().add_(1.0)
    return laplacian.to_sparse()
