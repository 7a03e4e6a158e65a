# SPDX-License-Identifier: GPL-2.0-or-later
"""A discriminant on a part of the features, at groups that are held out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mtmsd_qgis.classification.feature_value.cell_accuracy import folds_of_groups, held_out_accuracy
from mtmsd_qgis.sampling.sample_table import SampleTable

COUNT = 600


def samples(groups=30):
    """Three classes in groups of one class each."""
    group = np.arange(COUNT) % groups
    return SampleTable(np.arange(COUNT), np.arange(COUNT), group % 3, group)


def accuracy_of(features, table):
    return held_out_accuracy(features.astype(np.float32), table, table.group, folds_of_groups(table, table.group, 0))


def test_a_feature_that_tells_classes_apart_is_right_and_noise_is_right_by_chance():
    table, rng = samples(), np.random.default_rng(0)
    noise = rng.normal(size=(COUNT, 5))
    accuracy, error = accuracy_of(np.concatenate([noise, 9 * np.eye(3)[table.class_index]], axis=1), table)
    assert accuracy == 100
    assert error == 0
    accuracy, error = accuracy_of(noise, table)
    assert accuracy == pytest.approx(100 / 3, abs=3 * error)


def test_what_names_the_group_alone_does_not_help_in_other_groups():
    table, rng = samples(), np.random.default_rng(1)
    names = rng.normal(size=(30, 20))[table.group]
    accuracy, error = accuracy_of(names, table)
    assert accuracy < 60
    assert error > 5  # a group counts as one, not as 20 samples


def test_a_constant_feature_is_no_error():
    table = samples()
    features = np.concatenate([np.ones((COUNT, 2)), 9 * np.eye(3)[table.class_index]], axis=1)
    assert accuracy_of(features, table)[0] == 100


def test_one_group_a_class_leaves_nothing_to_hold_out():
    table = samples(groups=3)
    assert folds_of_groups(table, table.group, 0) is None


def test_one_class_with_several_groups_is_no_measure():
    table = samples()
    table = replace(table, group=np.where(table.class_index == 0, table.group, table.class_index + 100))
    assert folds_of_groups(table, table.group, 0) is None
