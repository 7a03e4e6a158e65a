# SPDX-License-Identifier: GPL-2.0-or-later
"""Clusters of pixels: prototypes in a metric of their own, and the tree that joins them.

Enters: drawn pixels. Leaves: a ClusterModel, which finds the prototype of any pixel. The metric is learnt from the
clusters themselves: directions in which pixels of one cluster differ count less.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .prototypes import k_means, nearest
from .ward_tree import WardTree, ward_tree

PROTOTYPES = 200
_METRIC_ROUNDS = 2
_METRIC_CLUSTERS = 40  # whose inner spread the metric is learnt from; more than a map has as a rule
_METRIC_RIDGE = 0.1  # of the mean inner variance, added to each


@dataclass(frozen=True)
class ClusterModel:
    """Prototypes and their tree.

    Attributes:
        metric: (F, d) columns of the view to the space in which distances are measured.
        prototypes: (n, d) in that space.
        sizes: (n,) drawn pixels of each.
        tree: Joins them.
    """

    metric: Tensor
    prototypes: Tensor
    sizes: NDArray[np.int64]
    tree: WardTree

    @classmethod
    def fit(cls, values: Tensor, brightness: NDArray[np.float64]) -> ClusterModel:
        """Learn from drawn pixels.

        Source: pooled covariance within clusters as metric, in turn with the clusters, as Maronna & Jacovkis (1974),
        doi 10.2307/2529203, discuss; here between prototypes and Ward's tree.

        Args:
            values: (N, F) of the view, N from 1.
            brightness: (N,) by which branches of the tree are put in order.
        """
        metric = torch.eye(values.shape[1], dtype=torch.float32)
        for _ in range(_METRIC_ROUNDS):
            model = cls._in_metric(values, metric, brightness)
            labels = model.tree.cut(min(_METRIC_CLUSTERS, model.tree.leaves))
            own, _ = model.nearest(values)
            metric = _metric(values, labels[own])
        return cls._in_metric(values, metric, brightness)

    @classmethod
    def _in_metric(cls, values: Tensor, metric: Tensor, brightness: NDArray[np.float64]) -> ClusterModel:
        prototypes, own = k_means(values @ metric, PROTOTYPES)
        sizes = np.bincount(own, minlength=len(prototypes))
        light = np.bincount(own, brightness, minlength=len(prototypes)) / sizes
        tree = ward_tree(prototypes.double().numpy(), sizes.astype(np.float64), light)
        return cls(metric, prototypes, sizes, tree)

    def nearest(self, values: Tensor) -> tuple[NDArray[np.int64], Tensor]:
        """The nearest prototype (N,) of pixels (N, F) of the view, and the squared distances (N, n) to all."""
        own, distances = nearest(values @ self.metric.to(values), self.prototypes.to(values))
        return own.cpu().numpy(), distances

    def of_first_columns(self, values: Tensor, columns: int) -> ClusterModel:
        """The same prototypes and tree, for pixels of which only the first columns are known.

        Args:
            values: (N, F) that the model was learnt from.
            columns: How many are known.
        """
        own, _ = self.nearest(values)
        metric = _metric(values[:, :columns], self.tree.cut(min(_METRIC_CLUSTERS, self.tree.leaves))[own])
        points = (values[:, :columns] @ metric).double()
        index = torch.from_numpy(own)
        sums = torch.zeros(len(self.prototypes), points.shape[1], dtype=torch.float64).index_add_(0, index, points)
        sizes = torch.bincount(index, minlength=len(sums)).clamp(min=1)
        return replace(self, metric=metric, prototypes=(sums / sizes[:, None]).float())

    @property
    def most_clusters(self) -> int:
        """That the tree can be cut into."""
        return self.tree.leaves


def _metric(values: Tensor, labels: NDArray[np.int64]) -> Tensor:
    """(F, F) that makes the spread within clusters nearly the same in all directions."""
    pixels = values.double().numpy()
    sizes = np.bincount(labels)
    means = np.stack([np.bincount(labels, column) for column in pixels.T], axis=1) / np.maximum(sizes, 1)[:, None]
    inner = pixels - means[labels]
    variance, axes = np.linalg.eigh(inner.T @ inner / len(inner))
    ridge = _METRIC_RIDGE * max(float(variance.mean()), 1e-12)
    return torch.from_numpy((axes / np.sqrt(np.maximum(variance, 0) + ridge)).astype(np.float32))
