# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import numpy as np
import pytest

from mtmsd_qgis.classification.auto.calibration import FLOOR, log_probabilities, mean_brier, temperature


@pytest.mark.parametrize("factor", [0.1, 1.0, 20.0])
def test_scores_of_any_scale_become_probabilities_that_are_right(factor):
    """Classes are drawn with known probabilities: the temperature undoes the factor on their logarithms."""
    rng = np.random.default_rng(0)
    log_p = np.log(rng.dirichlet(np.ones(4), size=4000))
    class_index = np.array([rng.choice(4, p=np.exp(row)) for row in log_p])
    assert temperature(log_p * factor, class_index) * factor == pytest.approx(1, rel=0.2)


def test_one_wrong_sample_among_sure_ones_does_not_decide():
    scores = np.tile([10.0, 0.0], (100, 1))
    class_index = np.zeros(100, dtype=np.int64)
    class_index[0] = 1
    assert log_probabilities(scores, temperature(scores, class_index))[1, 0] > np.log(0.9)


def test_the_brier_score_by_hand_and_the_floor():
    log_p = np.log([[0.7, 0.2, 0.1]])
    assert mean_brier(log_p, np.array([0])) == pytest.approx(0.49 + 0.04 + 0.01 - 1.4)
    assert log_probabilities(np.array([[0.0, -1e9]]), 1.0).min() == FLOOR


@pytest.mark.parametrize("factor", [2e-3, 0.03, 7.0, 900.0])
def test_the_temperature_has_the_least_loss_of_all_that_are_tried(factor):
    rng = np.random.default_rng(1)
    class_index = rng.integers(0, 3, 300)
    scores = rng.normal(size=(300, 3))
    scores[np.arange(300), class_index] += 1
    scores *= factor
    tried = np.geomspace(5e-5, 1e4, 121)
    losses = [-log_probabilities(scores, each)[np.arange(300), class_index].mean() for each in tried]
    assert temperature(scores, class_index) == pytest.approx(tried[int(np.argmin(losses))])
    assert 0 < np.argmin(losses) < 120
