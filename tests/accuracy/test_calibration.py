# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import numpy as np
import pytest

from mtmsd_qgis.accuracy.calibration import (
    error_under_perfect_calibration,
    evaluate_confidence,
    measure_calibration,
)


def test_calibration_is_the_distance_of_confidence_and_accuracy():
    confidence = np.array([0.95] * 10 + [0.55] * 10)
    right = np.array([True] * 9 + [False] + [True] * 3 + [False] * 7)
    measured = measure_calibration(confidence, right)
    assert measured.error == pytest.approx(0.5 * 0.05 + 0.5 * 0.25)
    assert measured.samples.sum() == 20
    figures = evaluate_confidence(confidence, right, np.arange(20))
    assert [each.samples for each in figures.bins] == [10, 10]
    assert figures.error == measured.error
    assert 0 < figures.expected_error < figures.expected_error_at_most < 0.5
    assert measure_calibration(np.array([1.0, 0.0]), np.array([True, False])).error == 0


def simulated(groups, pixels, together, seed=0, over=0.0):
    """A map with groups of pixels, right or wrong together or one by one: confidence, right, group.

    The confidence exceeds the true probability by `over`.
    """
    rng = np.random.default_rng(seed)
    truth = rng.uniform(0.3, 0.9, size=groups).repeat(pixels)
    drawn = rng.random(groups).repeat(pixels) if together else rng.random(groups * pixels)
    return truth + over, drawn < truth, np.arange(groups).repeat(pixels)


@pytest.mark.parametrize("groups", [1, 2, 5])
def test_a_few_groups_say_nothing_of_perfect_calibration(groups):
    """Each of their sign patterns gives the error as measured: rounding alone said that a map was overconfident."""
    figures = evaluate_confidence(*simulated(groups, 50, True, over=0.1))
    assert figures.groups == groups
    assert figures.error > 0
    assert figures.expected_error is None
    assert figures.expected_error_at_most is None
    assert evaluate_confidence(*simulated(6, 50, True, over=0.1)).expected_error is not None


@pytest.mark.parametrize(("groups", "pixels", "together"), [(12, 50, True), (12, 50, False), (100, 1, False)])
def test_the_expected_error_is_that_of_simulated_perfectly_calibrated_maps(groups, pixels, together):
    """Each map estimates from itself the error that all of them have on average."""
    errors, expected, upper = [], [], []
    for seed in range(60):
        confidence, right, group = simulated(groups, pixels, together, seed)
        errors.append(measure_calibration(confidence, right).error)
        mean, most = error_under_perfect_calibration(confidence, right, group)
        expected.append(mean)
        upper.append(most)
    assert np.mean(expected) == pytest.approx(np.mean(errors), rel=0.15)
    assert np.mean(np.array(errors) <= upper) > 0.85


def test_groups_right_as_a_whole_raise_the_expected_error_and_overconfidence_exceeds_it():
    whole, single = (error_under_perfect_calibration(*simulated(12, 50, together))[0] for together in (True, False))
    assert whole > 3 * single
    confidence, right, group = simulated(300, 10, True, over=0.1)
    assert measure_calibration(confidence, right).error > error_under_perfect_calibration(confidence, right, group)[1]
    assert error_under_perfect_calibration(confidence[:0], right[:0], group[:0]) == (0.0, 0.0)
