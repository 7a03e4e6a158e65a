# SPDX-License-Identifier: GPL-2.0-or-later
"""A forest of extremely randomised trees, grown level by level for all trees at once.

Enters: features (N, F) with class indices. Leaves: class scores (n, K), logarithms of the mean shares of the classes in
the leaves.

Trees see single features and their order alone. They err elsewhere than discriminants and kernels, which is what a
pool of models lives on.

Source: Geurts, Ernst & Wehenkel (2006), doi 10.1007/s10994-006-6226-1: all samples in each tree, at each node a random
threshold for each of sqrt(F) random features, of which the best by Gini impurity splits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

TREES = 100
_LEAST_LEAF = 2  # samples
_DEEPEST = 40
_ROWS = 8192  # predicted at once


@dataclass(frozen=True)
class ForestHead:
    """Nodes of all trees, the roots first; a leaf is its own left child.

    Attributes:
        feature: (nodes,) int64 that a node looks at.
        threshold: (nodes,) float32; samples from it on go to the right, infinite in a leaf.
        left: (nodes,) int64 of the left child; the right one is behind it.
        shares: (nodes, K) float32 of the classes, in leaves.
        trees: How many.
        depth: Steps from a root to the farthest leaf.
    """

    feature: Tensor
    threshold: Tensor
    left: Tensor
    shares: Tensor
    trees: int
    depth: int

    def scores(self, x: Tensor) -> Tensor:
        """Class scores (n, K) of features (n, F)."""
        floor = 0.5 / self.trees  # a class that no leaf has may still be
        return torch.cat([self._shares_of(rows).clamp(min=floor).log() for rows in torch.split(x, _ROWS)])

    def _shares_of(self, x: Tensor) -> Tensor:
        node = torch.arange(self.trees, device=x.device).expand(len(x), -1)
        for _ in range(self.depth):
            right = x.gather(1, self.feature[node]) >= self.threshold[node]
            node = self.left[node] + right
        return functional.embedding_bag(node, self.shares, mode="mean")


def fit_forest(
    x: Tensor, classes: Tensor, count: int, seed: int, *, even: bool = False, trees: int = TREES
) -> ForestHead:
    """Grow a forest.

    Args:
        x: (N, F).
        classes: (N,) int64.
        count: K.
        seed: Of features and thresholds.
        even: Whether all classes weigh the same, whatever their number of samples.
        trees: How many.
    """
    target = classes.cpu().numpy()
    numbers = np.bincount(target, minlength=count)
    weight = (1.0 / np.maximum(numbers, 1) if even else np.ones(count))[target]
    grower = _Grower(x.float().cpu().numpy(), target, weight, count, np.random.default_rng(seed))
    levels = grower.grow(trees)
    feature, threshold, left, shares = (np.concatenate(column) for column in zip(*levels))
    on = [torch.from_numpy(part).to(x.device) for part in (feature, threshold, left, shares)]
    return ForestHead(on[0], on[1], on[2], on[3], trees, len(levels) - 1)


_Level = tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.int64], NDArray[np.float32]]
"""Feature, threshold, left child and shares of the nodes of a level."""


class _Grower:
    """Splits the nodes of a level, all trees together."""

    def __init__(
        self,
        x: NDArray[np.float32],
        target: NDArray[np.int64],
        weight: NDArray[np.float64],
        count: int,
        rng: np.random.Generator,
    ) -> None:
        self._columns = np.ascontiguousarray(x.T)
        self._target, self._weight, self._count, self._rng = target, weight, count, rng
        self._tried = max(1, round(x.shape[1] ** 0.5))

    def grow(self, trees: int) -> list[_Level]:
        """The levels, from the roots down."""
        samples = np.tile(np.arange(len(self._target)), trees)  # by node
        node = np.repeat(np.arange(trees), len(self._target))  # of each, ascending
        nodes, first = trees, 0
        levels: list[_Level] = []
        while nodes:
            splits = _Splits(nodes)
            if len(levels) < _DEEPEST:
                self._look(samples, node, splits)
            found = np.isfinite(splits.score)
            left = np.arange(first, first + nodes)
            left[found] = first + nodes + 2 * np.arange(found.sum())
            threshold = np.where(found, splits.threshold, np.float32(np.inf)).astype(np.float32)
            levels.append((splits.feature, threshold, left, self._shares(samples, node, nodes).astype(np.float32)))
            goes_on = found[node]
            child = left[node] - (first + nodes) + splits.right(self._columns, samples, node)
            samples, node = samples[goes_on], child[goes_on]
            order = np.argsort(node, kind="stable")
            samples, node = samples[order], node[order]
            first, nodes = first + nodes, 2 * int(found.sum())
        return levels

    def _shares(self, samples: NDArray[np.int64], node: NDArray[np.int64], nodes: int) -> NDArray[np.float64]:
        held = self._held(samples, node, nodes, None)
        return np.asarray(held / held.sum(axis=1, keepdims=True))

    def _held(
        self, samples: NDArray[np.int64], node: NDArray[np.int64], nodes: int, mask: NDArray[np.bool_] | None
    ) -> NDArray[np.float64]:
        """(nodes, K) weight of each class in each node, of the samples of a mask."""
        place, weight = node * self._count + self._target[samples], self._weight[samples]
        held = np.bincount(place, weight if mask is None else weight * mask, nodes * self._count)
        return held.astype(np.float64).reshape(nodes, self._count)

    def _look(self, samples: NDArray[np.int64], node: NDArray[np.int64], splits: _Splits) -> None:
        """Draw features and thresholds for all nodes, and remember the best of each."""
        nodes = len(splits.score)
        start = np.searchsorted(node, np.arange(nodes))
        size = np.diff(np.append(start, len(node)))
        held = self._held(samples, node, nodes, None)
        open_nodes = (size >= 2 * _LEAST_LEAF) & ((held > 0).sum(axis=1) > 1)
        inside = open_nodes[node]
        if not inside.any():
            return
        for _ in range(self._tried):
            feature = self._rng.integers(len(self._columns), size=nodes)
            values = self._columns[feature[node], samples]
            low, high = np.minimum.reduceat(values, start), np.maximum.reduceat(values, start)
            threshold = (low + (high - low) * self._rng.random(nodes)).astype(np.float32)
            right = values >= threshold[node]
            there = np.add.reduceat(right, start, dtype=np.int64)
            right_held = self._held(samples, node, nodes, right)
            left_held = held - right_held
            score = _purity(left_held) + _purity(right_held)
            usable = open_nodes & (there >= _LEAST_LEAF) & (size - there >= _LEAST_LEAF)
            splits.take(np.where(usable, score, -np.inf), feature, threshold)


class _Splits:
    """The best split of each node of a level so far; a score that is not finite: none."""

    def __init__(self, nodes: int) -> None:
        self.score = np.full(nodes, -np.inf)
        self.feature = np.zeros(nodes, dtype=np.int64)
        self.threshold = np.zeros(nodes, dtype=np.float32)

    def take(self, score: NDArray[np.float64], feature: NDArray[np.int64], threshold: NDArray[np.float32]) -> None:
        """Keep what is better than before."""
        better = score > self.score
        self.score[better], self.feature[better], self.threshold[better] = (
            score[better],
            feature[better],
            threshold[better],
        )

    def right(
        self, columns: NDArray[np.float32], samples: NDArray[np.int64], node: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """Whether samples go to the right of their nodes."""
        return np.asarray(columns[self.feature[node], samples] >= self.threshold[node])


def _purity(held: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum of squared class weights over their sum: the larger over both sides, the lower the Gini impurity."""
    return np.asarray((held * held).sum(axis=1) / np.maximum(held.sum(axis=1), 1e-300))
