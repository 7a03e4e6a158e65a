# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import json
import math

import numpy as np
import pytest

from mtmsd_qgis.accuracy import assess, calibration, calibration_to_json, confusion_matrix, judge, to_json


def test_rows_are_reference_and_columns_are_map():
    matrix = confusion_matrix(np.array([0, 0, 1, 2]), np.array([0, 1, 1, 1]), 3)
    assert matrix.tolist() == [[1, 1, 0], [0, 1, 0], [0, 1, 0]]


def test_a_matrix_worked_by_hand():
    judged = assess(np.array([[40, 10], [20, 30]]))
    assert judged.oa == pytest.approx(0.7)
    assert judged.producers.tolist() == pytest.approx([0.8, 0.6])
    assert judged.users.tolist() == pytest.approx([40 / 60, 30 / 40])
    assert judged.aa == pytest.approx(0.7)
    assert judged.kappa == pytest.approx((0.7 - 0.5) / 0.5)  # chance: 0.5 * 0.6 + 0.5 * 0.4
    assert judged.f1.tolist() == pytest.approx([80 / 110, 60 / 90])


@pytest.mark.parametrize(("perfect", "kappa"), [([[5, 0], [0, 7]], 1.0), ([[0, 5], [5, 0]], -1.0)])
def test_kappa_at_its_ends(perfect, kappa):
    assert assess(np.array(perfect)).kappa == pytest.approx(kappa)


def test_absent_classes_are_undefined_and_left_out_of_the_average():
    judged = assess(np.array([[8, 0, 2], [0, 0, 0], [0, 0, 0]]))
    assert judged.aa == pytest.approx(0.8)
    assert math.isnan(judged.producers[1])
    assert math.isnan(judged.users[1])
    values = to_json(judged)
    assert values["producers"][1] is None
    assert values["users_interval"][1] == [None, None]


def test_one_class_alone_has_no_kappa():
    assert math.isnan(assess(np.array([[5]])).kappa)


def test_no_sample_is_an_error():
    with pytest.raises(ValueError, match="at least one sample"):
        assess(np.zeros((2, 2), dtype=int))


def test_percent_in_json():
    values = to_json(assess(np.array([[9, 1], [0, 10]])))
    assert values["oa"] == pytest.approx(95.0)
    assert values["samples"] == 20
    assert values["oa_interval"][0] < 95 < values["oa_interval"][1]


def test_calibration_is_the_distance_of_confidence_and_accuracy():
    confidence = np.array([0.95] * 10 + [0.55] * 10)
    right = np.array([True] * 9 + [False] + [True] * 3 + [False] * 7)
    found = calibration(confidence, right)
    assert found.error == pytest.approx(0.5 * 0.05 + 0.5 * 0.25)
    assert found.samples.sum() == 20
    values = calibration_to_json(found)
    assert [b["samples"] for b in values["calibration"]] == [10, 10]
    assert calibration(np.array([1.0, 0.0]), np.array([True, False])).error == 0


def test_what_whole_features_tell():
    reference = np.repeat([0, 1], 60)
    mapped = np.where(np.arange(120) % 60 < 45, reference, 1 - reference)  # wrong in 6 of 24 polygons
    judged = judge(reference, mapped, np.arange(120) // 5, 2)
    assert judged["features"] == 24
    low, high = judged["oa_interval_by_feature"]
    assert low < judged["oa_interval"][0] < 75 < judged["oa_interval"][1] < high
    assert judge(reference, mapped, np.arange(120), 2)["oa_interval_by_feature"] is None
    assert judge(reference, mapped, np.arange(120) // 60, 2)["oa_interval_by_feature"] == [None, None]


def test_a_single_sample_has_figures_that_json_can_hold():
    one = np.array([0])
    judged = judge(one, one, one, 1)
    assert (judged["oa"], judged["aa"], judged["kappa"], judged["kappa_interval"]) == (100, 100, None, [None, None])
    assert json.loads(json.dumps(judged, allow_nan=False)) == judged
