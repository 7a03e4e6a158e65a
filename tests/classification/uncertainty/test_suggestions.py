# SPDX-License-Identifier: GPL-2.0-or-later
"""Suggested pixels are unsure, of several kinds, and the same again."""

from __future__ import annotations

import numpy as np
import pytest

from mtmsd_qgis.classification.uncertainty.suggestions import least_certain, suggest


def two_kinds():
    """Three hundred candidates: a large unsure group, a small unsure one, and sure pixels between them."""
    rng = np.random.default_rng(0)
    space = np.concatenate([rng.normal(centre, 0.2, (count, 2)) for centre, count in ((0, 160), (5, 40), (2.5, 100))])
    margin = np.concatenate([np.full(160, 0.1), np.full(40, 0.1), np.full(100, 1.0)])
    return margin, space, rng.integers(0, 500, (300, 2))


def test_candidates_are_the_least_certain():
    margin = np.linspace(1, 0, 1000)
    assert np.array_equal(least_certain(margin, 10), np.arange(900, 1000))
    assert len(least_certain(margin, 60)) == 180
    assert len(least_certain(margin[:30], 10)) == 30


def test_each_kind_of_unsure_pixels_has_one_the_larger_first_and_sure_ones_have_none():
    margin, space, positions = two_kinds()
    found = suggest(margin, space, positions, 2, seed=0)
    assert [0 if index < 160 else 1 if index < 200 else 2 for index in found.index] == [0, 1]
    assert found.share == pytest.approx([0.8, 0.2], abs=0.01)
    assert np.linalg.norm(space[found.index[0]]) < 0.15  # typical: near the centre of its kind


def test_of_the_nearest_to_a_centre_the_one_far_from_the_others_is_taken():
    margin, space = np.full(12, 0.5), np.repeat([[0.0], [9.0]], 6, axis=0)
    positions = np.array([[0, column] for column in range(12)])
    first, second = suggest(margin, space, positions, 2, seed=1).index
    assert abs(int(first) - int(second)) >= 6
    assert {bool(first < 6), bool(second < 6)} == {True, False}


def test_the_same_seed_suggests_the_same_and_never_one_twice():
    margin, space, positions = two_kinds()
    one, other = (suggest(margin, space, positions, 40, seed=3) for _ in range(2))
    assert np.array_equal(one.index, other.index)
    assert len(set(one.index.tolist())) == 40
    assert one.share.sum() == pytest.approx(1)
    assert len(suggest(margin[:5], space[:5], positions[:5], 20, seed=0).index) == 5


@pytest.mark.parametrize("features", [0, 1, 3])
def test_candidates_that_are_all_the_same_are_suggested_too(features):
    found = suggest(np.zeros(8), np.zeros((8, features)), np.arange(16).reshape(8, 2), 4, seed=0)
    assert len(set(found.index.tolist())) == 4
