# SPDX-License-Identifier: GPL-2.0-or-later
"""Percentages as they read: 0 and 100 % are said of nothing and of all alone, in every sentence."""

from __future__ import annotations

import numpy as np
import pytest

from mtmsd_qgis.accuracy.assessment import Compared, assess_map
from mtmsd_qgis.jobs.accuracy_results import four_digits, percent_number, whole_percent
from mtmsd_qgis.jobs.choice_results import SampleWeightFacts
from mtmsd_qgis.sampling.sample_split import with_reference
from mtmsd_qgis.sampling.sample_table import SampleTable
from mtmsd_qgis.sampling.splits import group_split


@pytest.mark.parametrize(
    ("share", "text"),
    [(1, "100 %"), (0.996, "more than 99 %"), (0.994, "99 %"), (0.004, "less than 1 %"), (0, "0 %")],
)
def test_only_all_and_nothing_are_100_and_0_in_whole_percent(share, text):
    assert whole_percent(share) == text


@pytest.mark.parametrize(("value", "text"), [(100, "100.0"), (99.97, "99.97"), (0.0025, "0.003"), (0, "0.0")])
def test_only_all_and_nothing_are_100_and_0_with_decimals(value, text):
    assert percent_number(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.031234, "0.03123"), (9999.4, "9999"), (12345.6, "12346"), (-2e5, "-200000")]
)
def test_large_numbers_have_no_powers_of_ten(value, text):
    assert four_digits(value) == text


def test_the_largest_weight_is_no_power_of_ten():
    assert "from 0.01 to 120 times their mean" in SampleWeightFacts("w", 0.01, 123.4, 500, 2.0).sentence


def test_a_few_held_out_samples_are_not_0_percent():
    classes = np.zeros(1000, dtype=np.int64)
    groups = np.minimum(np.arange(1000), 2)  # two single samples, and all the others
    assert "Whole polygons or blocks, less than 1 % of the samples" in group_split(classes, groups, 0.002, 0).sentence


def test_almost_all_beside_training_pixels_are_not_100_percent():
    rows, one = np.arange(301), np.ones(301, dtype=np.int64)
    training = SampleTable.from_array(np.stack([rows, 0 * one, 0 * one, rows], 1))
    beside = np.stack([rows, one, 0 * one, rows], 1)
    reference = SampleTable.from_array(np.concatenate([beside, [[1000, 1, 0, 400]]]))
    sentence = with_reference(training, reference, 0, ()).sentence
    assert " More than 99 % of the held-out pixels lie right beside" in sentence


def test_a_few_pixels_without_samples_are_not_0_percent_of_the_map():
    reference = np.repeat([0, 1], 10)
    found = Compared(reference, reference, np.arange(20), np.array([99_995, 100_000, 5]), ("a", "b", "c"))
    assert any("without these 0.003 % of its pixels" in note for note in assess_map(found).notes)
