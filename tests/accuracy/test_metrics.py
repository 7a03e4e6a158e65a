# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import json
import math

import numpy as np
import pytest

from mtmsd_qgis.accuracy.metrics import assess, confusion_matrix, evaluate, figures
from mtmsd_qgis.jobs.accuracy_results import AccuracyFigures
from mtmsd_qgis.jobs.json_dataclasses import from_json, to_json


def test_rows_are_reference_and_columns_are_map():
    matrix = confusion_matrix(np.array([0, 0, 1, 2]), np.array([0, 1, 1, 1]), 3)
    assert matrix.tolist() == [[1, 1, 0], [0, 1, 0], [0, 1, 0]]


def test_a_matrix_worked_by_hand():
    accuracy = assess(np.array([[40, 10], [20, 30]]))
    assert accuracy.oa == pytest.approx(0.7)
    assert accuracy.producers.tolist() == pytest.approx([0.8, 0.6])
    assert accuracy.users.tolist() == pytest.approx([40 / 60, 30 / 40])
    assert accuracy.aa == pytest.approx(0.7)
    assert accuracy.kappa == pytest.approx((0.7 - 0.5) / 0.5)  # chance: 0.5 * 0.6 + 0.5 * 0.4
    assert accuracy.f1.tolist() == pytest.approx([80 / 110, 60 / 90])


@pytest.mark.parametrize(("perfect", "kappa"), [([[5, 0], [0, 7]], 1.0), ([[0, 5], [5, 0]], -1.0)])
def test_kappa_at_its_ends(perfect, kappa):
    assert assess(np.array(perfect)).kappa == pytest.approx(kappa)


def test_absent_classes_are_undefined_and_left_out_of_the_average():
    accuracy = assess(np.array([[8, 0, 2], [0, 0, 0], [0, 0, 0]]))
    assert accuracy.aa == pytest.approx(0.8)
    assert math.isnan(accuracy.producers[1])
    assert math.isnan(accuracy.users[1])
    assert figures(accuracy).producers[1] is None
    assert figures(accuracy).users_interval[1] == (None, None)


def test_one_class_alone_has_no_kappa():
    assert math.isnan(assess(np.array([[5]])).kappa)


def test_no_sample_is_an_error():
    with pytest.raises(ValueError, match="at least one sample"):
        assess(np.zeros((2, 2), dtype=int))


def test_figures_are_in_percent():
    in_percent = figures(assess(np.array([[9, 1], [0, 10]])))
    assert in_percent.oa == pytest.approx(95.0)
    assert in_percent.samples == 20
    assert in_percent.oa_interval[0] < 95 < in_percent.oa_interval[1]


def test_what_whole_features_tell():
    reference = np.repeat([0, 1], 60)
    mapped = np.where(np.arange(120) % 60 < 45, reference, 1 - reference)  # wrong in 6 of 24 polygons
    found = evaluate(reference, mapped, np.arange(120) // 5, 2)
    assert found.features == 24
    low, high = found.oa_interval_by_feature
    assert low < found.oa_interval[0] < 75 < found.oa_interval[1] < high
    assert evaluate(reference, mapped, np.arange(120), 2).oa_interval_by_feature is None
    assert evaluate(reference, mapped, np.arange(120) // 60, 2).oa_interval_by_feature == (None, None)


def test_a_single_sample_has_figures_that_json_can_hold():
    one = np.array([0])
    found = evaluate(one, one, one, 1)
    assert (found.oa, found.aa, found.kappa, found.kappa_interval) == (100, 100, None, (None, None))
    assert from_json(AccuracyFigures, json.loads(json.dumps(to_json(found), allow_nan=False))) == found
