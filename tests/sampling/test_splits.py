# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtmsd_qgis.sampling.splits import (
    apart,
    draw_per_class,
    group_count_split,
    group_split,
    no_split,
    random_count_split,
    random_split,
)


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


def test_a_group_split_comes_near_the_share():
    groups = np.repeat(range(60), 10)
    classes = np.repeat(range(3), 200)
    shares = [group_split(classes, groups, 0.3, seed).held_out.mean() for seed in range(10)]
    assert 0.25 < np.mean(shares) < 0.35


def test_a_class_with_one_group_is_for_training_and_named():
    split = group_split(np.array([0] * 10 + [1] * 10), np.array([0] * 10 + [1, 2] * 5), 0.4, seed=0)
    assert split.not_held_out == (0,)
    assert not split.held_out[:10].any()


def test_sentences_say_what_the_split_does():
    classes, groups = np.repeat([0, 1], 50), np.repeat(range(20), 5)
    assert "overstates" in random_split(classes, 0.5, 0).sentence
    assert "Whole polygons" in group_split(classes, groups, 0.5, 0).sentence
    assert "no accuracy" in no_split(5).sentence


def test_a_count_of_each_class_is_for_training_and_the_rest_held_out():
    classes = np.repeat([0, 1, 2], [100, 11, 10])
    split = random_count_split(classes, 10, seed=0)
    assert np.bincount(classes[~split.held_out]).tolist() == [10, 10, 10]
    assert split.not_held_out == (2,)
    assert split.method == "random"
    assert "overstates" in split.sentence
    assert np.array_equal(split.held_out, random_count_split(classes, 10, seed=0).held_out)
    assert not np.array_equal(split.held_out, random_count_split(classes, 10, seed=1).held_out)


def test_a_draw_takes_candidates_only():
    classes = np.array([0, 0, 0, 0, 1, 1])
    candidates = np.array([True, True, True, False, False, True])
    drawn = draw_per_class(classes, candidates, 2, seed=3)
    assert np.bincount(classes[drawn], minlength=2).tolist() == [2, 1]
    assert not drawn[~candidates].any()


@given(st.integers(0, 1000), st.floats(0.05, 0.9), st.integers(1, 2))
def test_a_group_split_splits_no_group_and_leaves_enough_of_each_class(seed, share, least):
    rng = np.random.default_rng(seed)
    classes = rng.integers(0, 4, 40)
    groups = rng.integers(0, 12, 40)
    split = group_split(classes, groups, share, seed, least)
    assert all(len(np.unique(split.held_out[groups == group])) == 1 for group in groups)
    present = np.bincount(classes, minlength=4)
    assert (np.bincount(classes[~split.held_out], minlength=4) >= np.minimum(present, least)).all()


@pytest.mark.parametrize("share", [0.05, 0.3, 0.95])
@pytest.mark.parametrize("seed", range(5))
def test_a_group_split_holds_out_one_group_of_every_class_that_has_two(share, seed):
    classes = np.repeat([0, 1, 2], [100, 20, 5])
    groups = np.repeat([0, 1, 2, 3, 4], [40, 60, 10, 10, 5])  # two, two, and one group
    split = group_split(classes, groups, share, seed)
    assert split.not_held_out == (2,)
    assert len(np.unique(groups[split.held_out])) == 2
    if share < 0.2:
        assert np.sum(split.held_out) == 40 + 10  # the smaller ones


def test_a_group_split_of_single_features_holds_out_the_rounded_share():
    classes = np.repeat([0, 1, 2], [10, 7, 2])
    split = group_split(classes, np.arange(19), 0.3, seed=0, least=1)
    assert np.bincount(classes[split.held_out]).tolist() == [3, 2, 1]


def test_a_group_count_split_takes_groups_until_the_count_is_reached():
    classes = np.repeat([0, 1], [100, 30])
    groups = np.repeat(np.arange(13), 10)  # ten groups, three groups
    split = group_count_split(classes, groups, 25, seed=0)
    assert np.bincount(classes[~split.held_out]).tolist() == [30, 20]  # the last group of class 1 is for validation
    assert split.not_held_out == ()


@given(st.integers(0, 1000), st.integers(1, 60))
def test_a_group_count_split_learns_every_class_and_splits_no_group(seed, count):
    rng = np.random.default_rng(seed)
    classes = rng.integers(0, 5, 60)
    groups = rng.integers(0, 10, 60)
    split = group_count_split(classes, groups, count, seed)
    assert all(len(np.unique(split.held_out[groups == group])) == 1 for group in groups)
    assert set(classes[~split.held_out]) == set(classes)


def test_a_class_of_one_group_is_learnt_also_by_count():
    split = group_count_split(np.array([0, 0, 1, 1]), np.array([0, 0, 1, 2]), 1, seed=0)
    assert split.held_out[:2].tolist() == [False, False]
    assert split.not_held_out == (0,)


def test_apart_from_a_single_sample():
    training = np.array([[0, 0], [3, 4], [6, 8], [0, 5]])
    assert apart(training, np.array([[0, 0]]), 5).tolist() == [False, False, True, False]  # 5 is not farther than 5
    assert apart(training, np.array([[0, 0]]), 4.9).tolist() == [False, True, True, True]
    assert apart(training, np.array([[0, 0]]), 0).tolist() == [False, True, True, True]


@given(st.integers(0, 1000), st.floats(0, 8))
def test_apart_is_what_all_pairs_say(seed, distance):
    rng = np.random.default_rng(seed)
    training, validation = rng.integers(0, 20, (30, 2)), rng.integers(0, 20, (8, 2))
    pairs = np.sqrt(((training[:, None] - validation) ** 2).sum(axis=2))
    assert np.array_equal(apart(training, validation, distance), (pairs > distance).all(axis=1))


def test_apart_with_nothing_on_one_side():
    none = np.empty((0, 2))
    assert apart(np.array([[1, 2]]), none, 3).tolist() == [True]
    assert apart(none, np.array([[1, 2]]), 3).tolist() == []


@pytest.mark.parametrize(
    ("split", "words"),
    [
        (group_split(np.array([0, 0, 0, 1, 1, 1]), np.array([5, 5, 5, 6, 6, 6]), 0.3, 0), "two polygons or blocks"),
        (group_count_split(np.array([0, 0, 1, 1]), np.array([5, 5, 6, 6]), 1, 0), "two polygons or blocks"),
        (random_split(np.array([0, 0, 1, 1]), 0.3, 0), "more samples than are needed"),
        (random_count_split(np.array([0, 0, 1, 1]), 2, 0), "more samples than are needed"),
    ],
)
def test_where_nothing_can_be_held_out_no_figure_is_spoken_of(split, words):
    assert not split.held_out.any()
    assert "no accuracy is given" in split.sentence
    assert words in split.sentence
    assert "this figure" not in split.sentence
