# SPDX-License-Identifier: GPL-2.0-or-later
"""A cut of the tree: which cluster each prototype is in, and how sure a pixel is of its cluster.

Enters: a ClusterModel and a number of clusters. Leaves: clusters and confidences of pixels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .cluster_model import ClusterModel

_COOLEST, _HOTTEST = 1e-4, 1e4  # temperatures that are tried
_HALVINGS = 60


@dataclass(frozen=True)
class ClusterCut:
    """A map's clusters.

    Attributes:
        model: Whose tree is cut.
        clusters: Their number K.
        labels: (n,) cluster of each prototype, from 0.
        temperature: Difference of squared distances at which a cluster is e times less sure.
        without: The same cut for pixels without extra rasters; None where all pixels have the same columns.
    """

    model: ClusterModel
    clusters: int
    labels: NDArray[np.int64]
    temperature: float = 1.0
    without: ClusterCut | None = None

    @classmethod
    def of(cls, model: ClusterModel, clusters: int) -> ClusterCut:
        """The cut into so many clusters."""
        return cls(model, clusters, model.tree.cut(clusters))

    def calibrated(self, values: Tensor, agreement: float) -> ClusterCut:
        """The same with a mean confidence of pixels (N, F) as large as the share on which two halves agree."""
        distances = self.distances(values)[1]
        low, high = _COOLEST, _HOTTEST
        for _ in range(_HALVINGS):
            middle = float(np.sqrt(low * high))
            surer = float(_confidence(distances, middle).mean()) > agreement
            low, high = (middle, high) if surer else (low, middle)
        return replace(self, temperature=float(np.sqrt(low * high)))

    def distances(self, values: Tensor) -> tuple[NDArray[np.int64], Tensor]:
        """The nearest prototype (N,) of pixels (N, F), and the squared distance (N, K) to each cluster."""
        own, distances = self.model.nearest(values)
        index = torch.from_numpy(self.labels).to(distances.device).expand(len(distances), -1)
        clusters = torch.full((len(distances), self.clusters), np.inf, dtype=distances.dtype, device=distances.device)
        return own, clusters.scatter_reduce(1, index, distances, "amin")

    def find(self, values: Tensor) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The nearest prototype (N,) of pixels (N, F), and how sure the cluster of each is (N,), 1 / K to 1."""
        own, distances = self.distances(values)
        return own, _confidence(distances, self.temperature).cpu().numpy().astype(np.float32)

    def find_each(
        self, values: Tensor, known: NDArray[np.bool_] | None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The same of pixels (N, F) some of which have no extra columns: known (N,) says which have; None: all."""
        if self.without is None or known is None or known.all():
            return self.find(values)
        own, confidence = np.zeros(len(known), dtype=np.int64), np.zeros(len(known), dtype=np.float32)
        for chosen, cut in ((known, self), (~known, self.without)):
            if chosen.any():
                columns = values[torch.from_numpy(chosen).to(values.device), : len(cut.model.metric)]
                own[chosen], confidence[chosen] = cut.find(columns)
        return own, confidence


def _confidence(distances: Tensor, temperature: float) -> Tensor:
    nearest = distances.min(dim=1, keepdim=True).values
    return 1 / torch.exp((nearest - distances) / temperature).sum(dim=1)
