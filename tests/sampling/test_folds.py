# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtmsd_qgis.sampling.folds import ALWAYS_TRAINING, group_folds, random_folds

labels = st.lists(st.integers(0, 4), min_size=1, max_size=60).map(lambda v: np.unique(v, return_inverse=True)[1])


@given(labels, st.integers(0, 99))
def test_random_folds_deal_each_class_out_evenly(classes, seed):
    fold = random_folds(classes, 4, seed)
    for index in np.unique(classes):
        counts = np.bincount(fold[classes == index], minlength=4)
        assert counts.max() - counts.min() <= 1


@given(st.integers(1, 12), st.integers(0, 99))
def test_a_group_is_never_split(group_count, seed):
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, group_count, 80)
    classes = groups % 3
    fold = group_folds(classes, groups, 4, seed)
    for group in np.unique(groups):
        assert len(np.unique(fold[groups == group])) == 1


def test_a_class_with_one_group_is_always_training():
    classes = np.array([0, 0, 0, 1, 1, 1])
    groups = np.array([0, 0, 1, 2, 2, 2])
    fold = group_folds(classes, groups, 4, 0)
    assert (fold[classes == 1] == ALWAYS_TRAINING).all()
    assert fold[0] != fold[2]
    assert (fold[:3] != ALWAYS_TRAINING).all()


def test_large_groups_are_spread_over_the_folds():
    groups = np.repeat(np.arange(8), 25)
    fold = group_folds(np.zeros(200, dtype=int), groups, 4, 1)
    assert np.bincount(fold).tolist() == [50, 50, 50, 50]


@pytest.mark.parametrize("function", [random_folds, lambda c, n, s: group_folds(c, np.arange(len(c)), n, s)])
def test_the_seed_decides(function):
    classes = np.arange(40) % 3
    assert np.array_equal(function(classes, 4, 7), function(classes, 4, 7))
    assert not np.array_equal(function(classes, 4, 7), function(classes, 4, 8))
