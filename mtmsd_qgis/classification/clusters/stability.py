# SPDX-License-Identifier: GPL-2.0-or-later
"""How many clusters a scene has: the most on which two halves of it agree.

Enters: drawn pixels with the windows that they lie in. Leaves: for each number of clusters how alike the two halves
part the scene, and a number that is proposed, or none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from ...jobs.clusters.cluster_map import LEAST_AGREEMENT, STABLE, StabilityPoint
from ...progress import Progress
from ...sampling.groups import block_ids
from .cluster_model import ClusterModel
from .cluster_scores import adjusted_rand_index
from .pixel_view import PixelDraw
from .ward_tree import WardTree

HALVINGS = 10
_FEWEST_WINDOWS = 16  # of which halves are made; a small scene is cut into smaller ones
_SIDES = (16, 8)  # pixels, of smaller windows; in yet smaller ones smoothed noise looks the same in both halves
_SEED = 20240607  # any number; what matters is that no setting changes it


@dataclass(frozen=True)
class Stability:
    """What two halves of the scene agree on.

    Attributes:
        points: By number of clusters.
        agreements: By number of clusters, share of the pixels that both halves put into the same cluster.
        proposed: Number of clusters; None where the halves have nothing in common.
        is_stable: Whether they agree on the number that is proposed.
    """

    points: tuple[StabilityPoint, ...]
    agreements: dict[int, float]
    proposed: int | None
    is_stable: bool


def stability(
    draw: PixelDraw, brightness: NDArray[np.float64], numbers: Sequence[int], progress: Progress
) -> Stability:
    """Halve the scene by windows some times, part it by the clusters of each half, and compare.

    Args:
        draw: Of the scene.
        brightness: (N,) of its pixels.
        numbers: Of clusters, ascending.
        progress: Told after each halving.
    """
    rng = np.random.default_rng(_SEED)
    windows, tables = _windows(draw), []
    for done in range(HALVINGS):
        first = _half(windows, rng)
        models = [ClusterModel.fit(draw.values[half], brightness[half]) for half in (first, ~first)]
        own = [model.nearest(draw.values)[0] for model in models]
        tables.append(_Halving(models[0], models[1], _pairs(own[0], own[1], models)))
        progress((done + 1) / HALVINGS, "stability of the clusters")
    points, agreements = [], {}
    for number in numbers:
        if min(min(t.one.most_clusters, t.other.most_clusters) for t in tables) < number:
            break
        compared = [halving.compare(number) for halving in tables]
        aris = np.array([ari for ari, _, _ in compared])
        points.append(
            StabilityPoint(
                clusters=number,
                ari=float(aris.mean()),
                error=float(aris.std(ddof=1) / np.sqrt(len(aris))),
                split=float(np.mean([split for _, _, split in compared])),
            )
        )
        agreements[number] = float(np.mean([share for _, share, _ in compared]))
    return Stability(tuple(points), agreements, *_proposed(points))


def _proposed(points: Sequence[StabilityPoint]) -> tuple[int | None, bool]:
    """The number of clusters to propose, and whether it is stable.

    It is the largest number whose parting is stable and whose last step made two clusters that both halves have. Where
    there is none, it is the largest on which the halves agree as well as on any, within a standard error.
    """
    stable = [p.clusters for p in points if p.ari >= STABLE - p.error and p.split >= STABLE - p.error]
    if stable:
        return max(stable), True
    best = max(points, key=lambda point: point.ari, default=None)
    if best is None or best.ari < LEAST_AGREEMENT:
        return None, False
    return max(p.clusters for p in points if p.ari >= best.ari - best.error), False


def _windows(draw: PixelDraw) -> NDArray[np.int64]:
    """(N,) the window of each pixel, of so many that both halves can have all that the scene has."""
    windows = draw.cells
    for side in _SIDES:
        if len(np.unique(windows)) < _FEWEST_WINDOWS:
            windows = block_ids(draw.rows, draw.cols, side)
    return windows


def _half(windows: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.bool_]:
    """(N,) whether each pixel lies in a window of the first half."""
    present = np.unique(windows)
    if len(present) < 2:  # a scene of one window
        return np.asarray(np.arange(len(windows)) < len(windows) / 2)
    chosen = rng.permutation(present)[: len(present) // 2]
    return np.isin(windows, chosen)


def _pairs(one: NDArray[np.int64], other: NDArray[np.int64], models: Sequence[ClusterModel]) -> NDArray[np.int64]:
    """(n, m) pixels by prototype of one and of the other."""
    n, m = (model.most_clusters for model in models)
    return np.bincount(one * m + other, minlength=n * m).reshape(n, m)


@dataclass(frozen=True)
class _Halving:
    """Two models of the same scene, and how many pixels have which prototypes."""

    one: ClusterModel
    other: ClusterModel
    pairs: NDArray[np.int64]

    def compare(self, clusters: int) -> tuple[float, float, float]:
        """Adjusted Rand index, share of pixels in matched clusters, and how alike the last two clusters are."""
        table = self._table(clusters)
        rows, cols = linear_sum_assignment(table, maximize=True)
        share = float(table[rows, cols].sum() / table.sum())
        return adjusted_rand_index(table), share, min(_split(self.one.tree, table), _split(self.other.tree, table.T))

    def _table(self, clusters: int) -> NDArray[np.int64]:
        left, right = self.one.tree.cut(clusters), self.other.tree.cut(clusters)
        by_row = np.zeros((clusters, self.pairs.shape[1]), dtype=np.int64)
        np.add.at(by_row, left, self.pairs)
        table = np.zeros((clusters, clusters), dtype=np.int64)
        np.add.at(table.T, right, by_row.T)
        return table


def _split(tree: WardTree, table: NDArray[np.int64]) -> float:
    """Of the two clusters that the last step made on one side: the smaller Jaccard index with what is most alike.

    Source: Hennig (2007), doi 10.1016/j.csda.2006.11.025: cluster-wise stability.

    Args:
        tree: Of that side.
        table: (K, K) pixels by cluster of that side and of the other.
    """
    clusters = len(table)
    parent = max(tree.roots(clusters - 1))
    made = [tree.roots(clusters).index(int(branch)) for branch in tree.merges[parent - tree.leaves]]
    union = table.sum(axis=1)[made, None] + table.sum(axis=0)[None] - table[made]
    return float((table[made] / np.maximum(union, 1)).max(axis=1).min())
