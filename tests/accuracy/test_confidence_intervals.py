# SPDX-License-Identifier: GPL-2.0-or-later
"""Intervals against published ones, against repeated draws, and at their ends."""

from __future__ import annotations

import numpy as np
import pytest

from mtmsd_qgis.accuracy.confidence_intervals import (
    f1_interval,
    interval_of_groups,
    kappa_interval,
    mean_interval,
    ratio_interval,
    wilson_bounds,
    wilson_interval,
)


@pytest.mark.parametrize(
    ("right", "total", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_intervals_of_newcombe(right, total, low, high):
    """Source: Newcombe (1998), doi 10.1002/(SICI)1097-0258(19980430)17:8<857, table I, method 3."""
    assert wilson_interval(right, total) == pytest.approx((low, high), abs=6e-5)


def test_kappa_of_a_usual_matrix():
    """The interval's width is that of the delta method, with derivatives found by small steps."""
    matrix = np.array([[65, 4, 22, 24], [6, 81, 5, 8], [0, 11, 85, 19], [4, 7, 3, 90]])
    low, high = kappa_interval(matrix)
    shares = matrix / matrix.sum()
    steps = 1e-6 * np.eye(16).reshape(16, 4, 4)
    slopes = np.array([kappa(shares + step) - kappa(shares) for step in steps]).reshape(4, 4) / 1e-6
    variance = ((shares * slopes**2).sum() - (shares * slopes).sum() ** 2) / matrix.sum()
    assert (low + high) / 2 == pytest.approx(kappa(shares))
    assert ((high - low) / (2 * 1.959964)) ** 2 == pytest.approx(variance, rel=1e-3)
    assert kappa_interval(matrix.T) == pytest.approx((low, high))


def kappa(cells):
    cells = cells / cells.sum()
    chance = cells.sum(axis=0) @ cells.sum(axis=1)
    return (np.trace(cells) - chance) / (1 - chance)


@pytest.mark.parametrize("matrix", [[[5]], [[5, 0], [0, 7]], [[9, 0], [0, 0]]])
def test_kappa_without_an_error_has_no_interval(matrix):
    assert np.isnan(kappa_interval(np.array(matrix))).all()


def test_one_error_among_many_millions_has_an_interval():
    low, high = kappa_interval(np.array([[40_000_000, 1], [0, 60_000_000]]))
    assert 0 < high - low < 1e-6


@pytest.mark.parametrize("seed", range(20))
def test_kappa_of_classes_that_all_agree_has_no_interval_whatever_their_sizes(seed):
    counts = np.random.default_rng(seed).integers(1, 10**6, 7)
    assert np.isnan(kappa_interval(np.diag(counts))).all()


def test_f1_goes_the_way_of_its_share():
    low, high = f1_interval(40, 50, 60)  # 40 right of 70 that either gives the class
    expected = [2 * end / (1 + end) for end in wilson_interval(40, 70)]
    assert (low, high) == pytest.approx(tuple(expected))
    assert low < 80 / 110 < high
    assert f1_interval(0, 4, 0)[0] == 0
    assert np.isnan(f1_interval(0, 0, 0)).all()


def test_the_mean_of_one_share_has_its_interval():
    interval = wilson_interval(7, 10)
    assert mean_interval([0.7], [interval]) == pytest.approx(interval)
    low, high = mean_interval([0.7] * 4, [interval] * 4)
    assert high - low == pytest.approx((interval[1] - interval[0]) / 2)
    assert mean_interval([1.0, 1.0], [wilson_interval(3, 3)] * 2)[1] == 1
    assert np.isnan(mean_interval([], [])).all()


def test_features_of_one_sample_are_independent_samples():
    right = np.arange(200) % 10 < 8
    low, high = interval_of_groups(right, np.arange(200))
    assert (low, high) == pytest.approx(wilson_interval(160, 200), abs=0.003)
    assert low <= wilson_interval(160, 200)[0]


def test_samples_that_repeat_their_feature_count_once():
    right = np.arange(50) % 5 < 4
    alone = interval_of_groups(right, np.arange(50))
    assert interval_of_groups(np.repeat(right, 20), np.repeat(np.arange(50), 20)) == pytest.approx(alone, abs=1e-6)


def test_features_that_all_agree_count_as_so_many_samples():
    low, high = interval_of_groups(np.ones(400, dtype=bool), np.arange(400) // 20)
    assert high == 1
    assert low < wilson_interval(20, 20)[0]


def test_it_covers_the_truth_in_95_of_100_draws():
    rng = np.random.default_rng(3)
    covered = 0
    for _ in range(400):
        chance = rng.beta(4, 1, 40)  # polygons differ; mean 0.8
        low, high = interval_of_groups(rng.random(1000) < np.repeat(chance, 25), np.repeat(np.arange(40), 25))
        covered += low <= 0.8 <= high
    assert 0.92 <= covered / 400 <= 0.98


def test_few_features_say_nothing():
    assert np.isnan(interval_of_groups(np.ones(90, dtype=bool), np.arange(90) // 10)).all()


def test_wilson_of_arrays_is_that_of_numbers():
    shares, trials = np.array([0.0, 0.3, 1.0]), np.array([20.0, 263.0, 7.0])
    expected = np.array([wilson_interval(share * n, n) for share, n in zip(shares, trials)])
    assert np.transpose(wilson_bounds(shares, trials)) == pytest.approx(expected)
    assert np.transpose(wilson_bounds(shares, np.full(3, np.inf))) == pytest.approx(np.transpose([shares, shares]))


def test_a_ratio_of_right_to_all_is_a_share():
    """Where right and wrong are all there is, one is what the other is not."""
    low, high = wilson_interval(15, 20)
    ends = ratio_interval(
        tuple(np.array([v]) for v in (0.75, low, high)),
        tuple(np.array([v]) for v in (0.25, 1 - high, 1 - low)),
        np.array([-1.0]),
    )
    assert [float(end[0]) for end in ends] == pytest.approx([low, high])


def test_a_ratio_without_wrong_ones_may_still_have_some():
    ends = ratio_interval(
        tuple(np.array([v]) for v in (100.0, 90.0, 110.0)), tuple(np.array([v]) for v in (0.0, 0.0, 25.0)), np.zeros(1)
    )
    assert float(ends[1][0]) == pytest.approx(1)
    assert 0.75 < float(ends[0][0]) < 0.85  # 100 / 125 and a little less
