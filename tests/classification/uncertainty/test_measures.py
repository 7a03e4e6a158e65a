# SPDX-License-Identifier: GPL-2.0-or-later
"""Entropy, margin, runner-up and disagreement, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mtmsd_qgis.classification.uncertainty.measures import disagreement, entropy, margin, runner_up, uncertainty


def column(*values):
    """(K, 1) probabilities of one pixel."""
    return np.array(values, dtype=np.float32)[:, None]


@pytest.mark.parametrize(
    ("probabilities", "expected_entropy", "expected_margin", "second"),
    [
        ((1.0, 0.0, 0.0), 0.0, 1.0, 1),
        ((1 / 3, 1 / 3, 1 / 3), 1.0, 0.0, 1),
        ((0.5, 0.5, 0.0), math.log(2) / math.log(3), 0.0, 1),
        ((0.1, 0.2, 0.7), 0.8018186 / math.log(3), 0.5, 1),
    ],
)
def test_measures_of_one_pixel(probabilities, expected_entropy, expected_margin, second):
    values = column(*probabilities)
    assert entropy(values)[0] == pytest.approx(expected_entropy, abs=1e-6)
    assert margin(values)[0] == pytest.approx(expected_margin, abs=1e-6)
    assert runner_up(values)[0] == second


def test_disagreement_is_the_mean_distance_of_any_two_kinds():
    one, same, other = column(0.5, 0.5, 0.0), column(0.5, 0.5, 0.0), column(0.0, 0.5, 0.5)
    assert disagreement(np.stack([one, same]))[0] == 0
    assert disagreement(np.stack([one, other]))[0] == pytest.approx(0.5)
    assert disagreement(np.stack([one, same, other]))[0] == pytest.approx(1 / 3)
    assert disagreement(np.stack([column(1, 0), column(0, 1)]))[0] == 1


def test_pixels_without_data_have_no_measure():
    probabilities = np.zeros((2, 1, 2), dtype=np.float32)
    probabilities[:, 0, 0] = 0.5
    found = uncertainty(probabilities, None, np.array([[True, False]]))
    assert found.dtype == np.float32
    assert found.tolist() == [[[1.0, -1.0]], [[0.0, -1.0]]]
    assert uncertainty(probabilities, np.stack([probabilities] * 2), np.array([[True, False]])).shape == (3, 1, 2)
