# SPDX-License-Identifier: GPL-2.0-or-later
"""Which pixels to label next: those where the map is least sure, one for each kind of pixel among them.

Enters: margins of pixels, and where they lie in a space of features and in the scene. Leaves: the pixels to label, the
most useful first.

Source: clusters of a batch weighted by uncertainty as in Zhdanov (2019), "Diverse mini-batch Active Learning",
arXiv 1901.05954, among the least certain tenth. Decision 41 says what other strategies gave.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEAST_CERTAIN = 0.1  # share of the pixels that are candidates
_LEAST_CANDIDATES = 50
_CANDIDATES_EACH = 3  # for each pixel that is wanted
_ITERATIONS = 30
_NEAREST = 5  # to the centre of a cluster; of these the one is taken that lies farthest from what is chosen already

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Suggestions:
    """Pixels to label next, the most useful first.

    Attributes:
        index: (k,) into the candidates.
        share: (k,) share of the candidates' doubt that the cluster of each holds, 0 to 1.
    """

    index: NDArray[np.int64]
    share: Vector


def least_certain(margin: Vector, count: int) -> NDArray[np.int64]:
    """Indices of the tenth of pixels (n,) with the smallest margins; at least three times as many as are wanted."""
    wanted = max(round(LEAST_CERTAIN * len(margin)), _LEAST_CANDIDATES, _CANDIDATES_EACH * count)
    return np.sort(np.argsort(margin, kind="stable")[:wanted])


def suggest(margin: Vector, space: Vector, positions: NDArray[np.int64], count: int, seed: int) -> Suggestions:
    """One candidate for each of so many clusters, weighted by how unsure they are.

    Args:
        margin: (n,) of the candidates, 0 to 1.
        space: (n, F) features that tell kinds of pixels apart; F is 0 where all are alike.
        positions: (n, 2) rows and columns.
        count: Wanted; fewer where there are fewer candidates.
        seed: Of the first centres.
    """
    count = min(count, len(margin))
    weight = 1 - margin + 1e-9
    distance = _distances_to_centres(space, weight, count, np.random.default_rng(seed))
    cluster = distance.argmin(axis=1)
    share = np.bincount(cluster, weight, minlength=count) / weight.sum()
    chosen: list[int] = []
    taken = np.zeros(len(margin), dtype=bool)
    order = np.argsort(-share, kind="stable")
    for number in order:
        nearest = np.argsort(distance[:, number], kind="stable")
        free = nearest[~taken[nearest]][:_NEAREST]
        best = 0
        if chosen:
            gap = ((positions[free][:, None] - positions[chosen][None]) ** 2).sum(axis=2).min(axis=1)
            best = int(gap.argmax())
        chosen.append(int(free[best]))
        taken[chosen[-1]] = True
    return Suggestions(np.array(chosen, dtype=np.int64), share[order])


def _distances_to_centres(x: Vector, weight: Vector, count: int, rng: np.random.Generator) -> Vector:
    """(n, k) squared distances to the centres of weighted k-means, begun as k-means++ does."""
    centres = [x[rng.choice(len(x), p=weight / weight.sum())]]
    nearest = ((x - centres[0]) ** 2).sum(axis=1)
    while len(centres) < count:
        chance = nearest * weight
        total = chance.sum()
        centres.append(x[rng.choice(len(x), p=chance / total) if total > 0 else rng.integers(len(x))])
        nearest = np.minimum(nearest, ((x - centres[-1]) ** 2).sum(axis=1))
    centre = np.array(centres)
    for _ in range(_ITERATIONS):
        own = _squared_distances(x, centre).argmin(axis=1)
        total = np.bincount(own, weight, minlength=count)
        columns = [np.bincount(own, weight * column, minlength=count) for column in x.T]
        sums = np.array(columns).reshape(x.shape[1], count).T
        moved = np.where(total[:, None] > 0, sums / np.maximum(total, 1e-300)[:, None], centre)
        if np.allclose(moved, centre):
            break
        centre = moved
    return _squared_distances(x, centre)


def _squared_distances(a: Vector, b: Vector) -> Vector:
    squared = (a * a).sum(axis=1)[:, None] + (b * b).sum(axis=1) - 2 * a @ b.T
    return np.asarray(np.maximum(squared, 0))
