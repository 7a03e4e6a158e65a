# SPDX-License-Identifier: GPL-2.0-or-later
"""A tree of prototypes by Ward's method: nested clusters for every number of them, from one run.

Enters: prototypes with the number of pixels that each stands for. Leaves: a WardTree, which is cut into any number of
clusters.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class WardTree:
    """Which branches are joined, in the order of rising cost.

    Attributes:
        merges: (n - 1, 2) int64 branches; 0 to n - 1 are prototypes, n + i is what merge i made. The darker branch is
            the left one.
        costs: (n - 1,) float64 growth of the sum of squares by each merge.
    """

    merges: NDArray[np.int64]
    costs: NDArray[np.float64]

    @property
    def leaves(self) -> int:
        """Number of prototypes n."""
        return len(self.merges) + 1

    def roots(self, clusters: int) -> list[int]:
        """The branches of the cut into so many clusters, from left to right."""
        remaining = [self.leaves + len(self.merges) - 1] if len(self.merges) else [0]
        while len(remaining) < clusters:
            last = max(remaining)
            place = remaining.index(last)
            remaining[place : place + 1] = [int(branch) for branch in self.merges[last - self.leaves]]
        return remaining

    @cached_property
    def _order(self) -> NDArray[np.int64]:
        """(n,) prototypes from left to right."""
        members = [[leaf] for leaf in range(self.leaves)]
        for left, right in self.merges.tolist():
            members.append(members[left] + members[right])
        return np.array(members[-1])

    @cached_property
    def _sizes(self) -> list[int]:
        """Prototypes of each branch."""
        sizes = [1] * self.leaves
        for left, right in self.merges.tolist():
            sizes.append(sizes[left] + sizes[right])
        return sizes

    def cut(self, clusters: int) -> NDArray[np.int64]:
        """(n,) cluster of each prototype, 0 to clusters - 1 from left to right.

        Args:
            clusters: From 1 to n.
        """
        labels = np.empty(self.leaves, dtype=np.int64)
        labels[self._order] = np.repeat(np.arange(clusters), [self._sizes[branch] for branch in self.roots(clusters)])
        return labels


def ward_tree(points: NDArray[np.float64], weights: NDArray[np.float64], brightness: NDArray[np.float64]) -> WardTree:
    """Join the two branches whose union makes the sum of squares grow least, until one is left.

    Source: Ward (1963), doi 10.1080/01621459.1963.10500845, with points that stand for several pixels each.

    Args:
        points: (n, F) prototypes.
        weights: (n,) pixels that each stands for, above 0.
        brightness: (n,) of each, by which branches are put in order.
    """
    n = len(points)
    centre, weight, light = points.astype(np.float64), weights.astype(np.float64), brightness.astype(np.float64)
    branch = np.arange(n)
    cost = _costs(centre, weight, np.arange(n))
    np.fill_diagonal(cost, np.inf)
    gone = np.zeros(n, dtype=bool)
    merges, costs = np.empty((max(n - 1, 0), 2), dtype=np.int64), np.empty(max(n - 1, 0))
    for step in range(n - 1):
        i, j = sorted(divmod(int(cost.argmin()), n))
        merges[step] = (branch[i], branch[j]) if light[i] <= light[j] else (branch[j], branch[i])
        costs[step] = cost[i, j]
        total = weight[i] + weight[j]
        centre[i] = (centre[i] * weight[i] + centre[j] * weight[j]) / total
        light[i] = (light[i] * weight[i] + light[j] * weight[j]) / total
        weight[i], branch[i] = total, n + step
        gone[j] = True
        row = _costs(centre, weight, np.array([i]))[0]
        row[gone] = row[i] = np.inf
        cost[i], cost[:, i] = row, row
        cost[j], cost[:, j] = np.inf, np.inf
    return WardTree(merges, costs)


def _costs(centre: NDArray[np.float64], weight: NDArray[np.float64], of: NDArray[np.int64]) -> NDArray[np.float64]:
    """(len(of), n) growth of the sum of squares where two branches are joined."""
    square = (centre**2).sum(axis=1)
    distance = np.maximum(square[of, None] + square[None] - 2 * centre[of] @ centre.T, 0)
    return np.asarray(distance * (weight[of, None] * weight[None] / (weight[of, None] + weight[None])))
