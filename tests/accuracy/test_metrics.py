# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import json
import math

import numpy as np
import pytest

from mtmsd_qgis.accuracy.metrics import (
    assess,
    calibration,
    calibration_by_chance,
    confusion_matrix,
    judge,
    judge_confidence,
    to_json,
)


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
    values = judge_confidence(confidence, right, np.arange(20))
    assert [b["samples"] for b in values["calibration"]] == [10, 10]
    assert values["calibration_error"] == found.error
    assert 0 < values["calibration_error_by_chance"] < values["calibration_error_by_chance_at_most"] < 0.5
    assert calibration(np.array([1.0, 0.0]), np.array([True, False])).error == 0


def confident(places, pixels, together, seed=0, over=0.0):
    """A map with that many places of so many pixels: its confidence, what is right, places; how sure it is too much."""
    rng = np.random.default_rng(seed)
    truth = rng.uniform(0.3, 0.9, size=places).repeat(pixels)
    tossed = rng.random(places).repeat(pixels) if together else rng.random(places * pixels)
    return truth + over, tossed < truth, np.arange(places).repeat(pixels)


@pytest.mark.parametrize(("places", "pixels", "together"), [(12, 50, True), (12, 50, False), (100, 1, False)])
def test_by_chance_is_what_maps_with_exactly_the_right_confidence_show(places, pixels, together):
    """Many maps are simulated; each says by itself what their errors are on average."""
    errors, said, most = [], [], []
    for seed in range(60):
        confidence, right, features = confident(places, pixels, together, seed)
        errors.append(calibration(confidence, right).error)
        mean, upper = calibration_by_chance(confidence, right, features)
        said.append(mean)
        most.append(upper)
    assert np.mean(said) == pytest.approx(np.mean(errors), rel=0.15)
    assert np.mean(np.array(errors) <= most) > 0.85


def test_places_that_are_right_as_a_whole_make_chance_large_and_too_much_confidence_shows():
    whole, single = (calibration_by_chance(*confident(12, 50, together))[0] for together in (True, False))
    assert whole > 3 * single
    confidence, right, features = confident(300, 10, True, over=0.1)
    assert calibration(confidence, right).error > calibration_by_chance(confidence, right, features)[1]
    assert calibration_by_chance(confidence[:0], right[:0], features[:0]) == (0.0, 0.0)


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
