# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtmsd_qgis.spatial_split import no_split, random_split, sample_groups, spatial_split


@pytest.mark.parametrize(("count", "share", "training"), [(1000, 0.9, 100), (20, 0.9, 2), (46, 0.9, 5), (2, 0.9, 2)])
def test_a_random_split_leaves_the_share_of_each_class_and_at_least_two(count, share, training):
    classes = np.repeat([0, 1], [count, 500])
    split = random_split(classes, share, seed=0)
    assert np.sum(~split.held_out[classes == 0]) == training
    assert split.not_held_out == (() if count > 2 else (0,))


def test_indian_pines_ten_percent():
    """Class sizes of the scene: about a tenth is for training, nine tenths for the test, none in both."""
    sizes = [46, 1428, 830, 237, 483, 730, 28, 478, 20, 972, 2455, 593, 205, 1265, 386, 93]
    split = random_split(np.repeat(range(16), sizes), 0.9, seed=827)
    assert sum(sizes) == 10_249
    assert abs(int(np.sum(~split.held_out)) - 1_024) <= 8
    assert np.sum(split.held_out) + np.sum(~split.held_out) == 10_249


def test_seeds_give_other_splits_and_the_same_seed_the_same():
    classes = np.repeat([0, 1], 50)
    one, same, other = (random_split(classes, 0.5, seed) for seed in (0, 0, 1))
    assert np.array_equal(one.held_out, same.held_out)
    assert not np.array_equal(one.held_out, other.held_out)


@given(st.integers(0, 1000), st.floats(0.1, 0.8))
def test_a_spatial_split_never_parts_a_group_and_leaves_two_of_each_class(seed, share):
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, 25, 300)
    classes = rng.integers(0, 4, 300)
    split = spatial_split(classes, groups, share, seed)
    for group in np.unique(groups):
        assert len(np.unique(split.held_out[groups == group])) == 1
    assert (np.bincount(classes[~split.held_out], minlength=4) >= 2).all()


def test_a_spatial_split_comes_near_the_share():
    groups = np.repeat(range(60), 10)
    classes = np.repeat(range(3), 200)
    shares = [spatial_split(classes, groups, 0.3, seed).held_out.mean() for seed in range(10)]
    assert 0.25 < np.mean(shares) < 0.35


def test_a_class_with_one_group_is_for_training_and_named():
    split = spatial_split(np.array([0] * 10 + [1] * 10), np.array([0] * 10 + [1, 2] * 5), 0.4, seed=0)
    assert split.not_held_out == (0,)
    assert not split.held_out[:10].any()


def test_points_are_grouped_by_blocks_and_polygons_by_themselves():
    rows, cols = np.array([0, 31, 32, 0]), np.array([0, 31, 0, 33])
    blocks = sample_groups(np.arange(4), rows, cols, 32)
    assert blocks[0] == blocks[1]
    assert len(set(blocks.tolist())) == 3
    assert sample_groups(np.array([5, 5, 6, 6]), rows, cols, 32).tolist() == [5, 5, 6, 6]


def test_sentences_say_what_the_split_does():
    classes, groups = np.repeat([0, 1], 50), np.repeat(range(20), 5)
    assert "overstates" in random_split(classes, 0.5, 0).sentence
    assert "kept apart" in spatial_split(classes, groups, 0.5, 0).sentence
    assert "no accuracy" in no_split(5).sentence
