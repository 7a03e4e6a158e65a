# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy.stats import ortho_group

from mtmsd_qgis.features.timestep_intervals.intervals import LEAST_SIMILARITY, choose_timesteps
from mtmsd_qgis.features.timestep_intervals.similarity import cka_table


def planted(borders, noise=0.05):
    """Features at 12 timesteps in three blocks: within a block rotated copies of one view of the pixels, and noise."""
    rng = np.random.default_rng(3)
    views = [rng.standard_normal((400, 6)) for _ in range(len(borders) + 1)]
    features = []
    for t in range(12):
        view = views[sum(t >= border for border in borders)]
        turned = view @ ortho_group.rvs(6, random_state=t) * (1 + t)
        features.append(turned + noise * (1 + t) * rng.standard_normal(turned.shape))
    return features


def test_three_rotated_blocks_give_their_two_borders():
    timesteps = range(10, 130, 10)
    choice = choose_timesteps(cka_table(planted((3, 8))), timesteps)
    assert choice.intervals == ((10, 30), (40, 80), (90, 120))
    assert all(first <= kept <= last for kept, (first, last) in zip(choice.kept, choice.intervals))
    assert choice.similarity > 0.98
    assert min(choice.similarities) > 0.98


def test_a_single_timestep_stands_for_itself():
    choice = choose_timesteps(np.eye(1), [100])
    assert (choice.kept, choice.intervals, choice.similarity) == ((100,), ((100, 100),), 1)
    assert choice.sentence == "1 of 1 timesteps stands for all: 100."


def test_all_are_kept_where_nothing_is_alike():
    choice = choose_timesteps(np.eye(6), range(6))
    assert choice.kept == tuple(range(6))


def test_one_is_kept_where_all_say_the_same():
    choice = choose_timesteps(np.ones((6, 6)), range(6))
    assert (choice.kept, choice.intervals) == ((0,), ((0, 5),))


def test_the_medoid_is_the_one_that_the_others_are_like():
    distance = np.abs(np.subtract.outer(np.arange(5), np.arange(5)))
    assert choose_timesteps(1 - 0.01 * distance, [50, 100, 150, 200, 250]).kept == (150,)


def best_of_all(similarity, wanted):
    """The best partition into so many intervals, by trying all."""
    count, best = len(similarity), (-np.inf, ())
    for cuts in combinations(range(1, count), wanted - 1):
        edges = [0, *cuts, count]
        total = sum(similarity[a:b, a:b].sum(axis=0).max() for a, b in zip(edges, edges[1:]))
        best = max(best, (total / count, tuple(edges[1:])))
    return best


@pytest.mark.parametrize("seed", range(6))
def test_no_partition_is_better_and_no_fewer_intervals_are_enough(seed):
    rng = np.random.default_rng(seed)
    points = np.cumsum(rng.exponential(0.08, size=9))
    similarity = np.exp(-np.abs(np.subtract.outer(points, points)))
    choice = choose_timesteps(similarity, range(9))
    found, ends = best_of_all(similarity, len(choice.kept))
    assert choice.similarity == pytest.approx(found, abs=1e-6)
    assert tuple(last + 1 for _, last in choice.intervals) == ends
    assert choice.similarity >= LEAST_SIMILARITY
    if len(choice.kept) > 1:
        assert best_of_all(similarity, len(choice.kept) - 1)[0] < LEAST_SIMILARITY
