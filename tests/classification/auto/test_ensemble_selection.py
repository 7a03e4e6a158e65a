# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import numpy as np
import pytest
from scipy.special import log_softmax

from mtmsd_qgis.classification.auto.ensemble_selection import (
    FLOOR,
    better_half,
    brier,
    choose_pool,
    even_kinds,
    log_probabilities,
    same_say,
    seems_worse,
    temperature,
    unless_surely_worse,
)


def drawn(count=4000, seed=0):
    """Scores whose softmax is the true probability, and classes drawn from it."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(0, 1.5, size=(count, 3))
    p = np.exp(log_softmax(scores, axis=1))
    classes = (p.cumsum(axis=1) > rng.random((count, 1))).argmax(axis=1)
    return scores, classes


@pytest.mark.parametrize("factor", [0.2, 1.0, 5.0])
def test_the_temperature_undoes_a_factor(factor):
    scores, classes = drawn()
    assert temperature(scores * factor, classes) == pytest.approx(1 / factor, rel=0.25)


def test_log_probabilities_sum_to_one_and_have_a_floor():
    scores, _ = drawn(20)
    assert np.allclose(np.exp(log_probabilities(scores, 1.0)).sum(axis=1), 1)
    assert log_probabilities(scores, 100.0).min() == FLOOR


def test_the_brier_score_is_least_for_the_truth():
    scores, classes = drawn()
    ones = np.ones(len(classes))
    right = brier(log_softmax(scores, axis=1), classes, ones)
    assert right < brier(log_softmax(3 * scores, axis=1), classes, ones)
    assert right < brier(log_softmax(0.3 * scores, axis=1), classes, ones)


def test_the_pool_takes_what_helps_and_leaves_the_rest():
    scores, classes = drawn()
    rng = np.random.default_rng(5)
    noise = log_softmax(rng.normal(size=scores.shape), axis=1)
    part_a = log_softmax(scores * [1, 1, 0], axis=1)
    part_b = log_softmax(scores * [0, 1, 1], axis=1)
    groups = np.arange(len(classes)) // 10
    weights = choose_pool([noise, part_a, part_b], classes, groups, None, 0)
    assert weights.sum() == pytest.approx(1)
    assert weights[0] < 0.05
    assert min(weights[1:]) > 0.2


def test_a_plain_model_keeps_a_part_where_it_is_named():
    scores, classes = drawn()
    rng = np.random.default_rng(5)
    noise = log_softmax(0.1 * rng.normal(size=scores.shape), axis=1)
    weights = choose_pool([noise, log_softmax(scores, axis=1)], classes, np.arange(len(classes)), 0, 0)
    assert 0.1 <= weights[0] <= 0.5
    again = choose_pool([noise, log_softmax(scores, axis=1)], classes, np.arange(len(classes)), 0, 0)
    assert np.array_equal(weights, again)


def test_a_model_seems_worse_where_many_groups_say_so():
    classes, groups = np.zeros(400, dtype=int), np.repeat(np.arange(40), 10)
    right, wrong = np.array([0.0, -9.0]), np.array([-9.0, 0.0])
    good = np.tile(right, (400, 1))
    everywhere, in_one = good.copy(), good.copy()
    everywhere[::4] = wrong  # some in each group
    in_one[groups == 3] = wrong
    assert seems_worse(everywhere, good, classes, groups)
    assert not seems_worse(in_one, good, classes, groups)
    assert not seems_worse(good, everywhere, classes, groups)
    assert not seems_worse(good, good, classes, groups)


def test_the_better_half_is_of_the_models_that_are_right_more_often():
    scores, classes = drawn(200)
    models = [log_softmax(factor * scores, axis=1) for factor in (-1, 1, -2, 0.8, -0.5)]
    assert better_half(models, classes).tolist() == pytest.approx([0, 1 / 3, 0, 1 / 3, 1 / 3])
    assert better_half(models[:1], classes).tolist() == [1]


KINDS = ["a", "b", "b", "b"]  # of four models; their forest is a third kind


def of_kinds(forest, second="good", factor=1.0):
    """Weights of a model of one kind, three of another, and a forest."""
    scores, classes = drawn(800)
    noise = log_softmax(0.1 * np.random.default_rng(5).normal(size=scores.shape), axis=1)
    words = {"good": log_softmax(scores, axis=1), "noise": noise, "wrong": log_softmax(-2 * scores, axis=1)}
    models = [factor * words["good"], factor * words[second], words["good"], words["good"]]
    return even_kinds(models, KINDS, words[forest], classes, np.arange(len(classes)) // 8)


def test_every_kind_has_the_same_say_and_every_model_of_a_kind():
    weights = of_kinds("good")
    assert weights.sum() == pytest.approx(1)
    assert weights[0] == pytest.approx(1 / 3, abs=0.05)
    assert weights[1] == weights[2] == weights[3] == pytest.approx(1 / 9, abs=0.02)
    assert weights[4] == pytest.approx(1 / 3, abs=0.05)


def test_a_forest_that_seems_to_harm_has_no_say():
    weights = of_kinds("wrong")
    assert weights[4] == 0
    assert weights.sum() == pytest.approx(1)
    assert weights[0] == pytest.approx(1 / 2, abs=0.05)


def test_a_poor_model_keeps_its_say_within_its_kind():
    weights = of_kinds("good", "noise")
    assert weights[1] == weights[2] == weights[3] > 0.08


def test_a_kind_whose_mean_knows_nothing_has_no_say():
    weights = of_kinds("good", "wrong")  # as sure of the wrong class as two are of the right one
    assert weights[1] == weights[2] == weights[3] < 0.01


def test_the_same_say_is_of_calibrated_probabilities():
    """A kind that is not sure enough of itself (its scores are too small) has a larger weight for it."""
    weights, shrunk = of_kinds("good"), of_kinds("good", factor=0.2)
    assert shrunk[0] / shrunk[4] == pytest.approx(5 * weights[0] / weights[4], rel=0.2)


def test_the_mean_with_the_same_say_is_calibrated():
    scores, classes = drawn(4000)
    models = [log_softmax(factor * scores, axis=1) for factor in (0.4, 1.0, 3.0)]
    weights = same_say(models, ["a", "b", "b"], classes)
    mean = np.tensordot(weights, np.stack(models), axes=1)
    assert temperature(mean, classes) == pytest.approx(1, rel=0.2)
    assert weights[1] == weights[2]


def weights_of(plain, chosen, factor=1.0):
    """Weights of a pool of one model and of a plain model."""
    scores, classes = drawn(800)
    noise = log_softmax(0.1 * np.random.default_rng(5).normal(size=scores.shape), axis=1)
    kinds = {"good": log_softmax(scores, axis=1), "noise": noise, "wrong": log_softmax(-2 * scores, axis=1)}
    return joined([factor * kinds[chosen]], [kinds[plain]], classes, np.arange(len(classes)) // 8)


def joined(candidates, plain, classes, groups):
    alone = np.repeat([0.0, 1 / len(plain)], [len(candidates), len(plain)])
    weights, chosen = unless_surely_worse(alone, [*candidates, *plain], len(candidates), classes, groups, 0)
    assert chosen == (weights[0] > 0)
    return weights


@pytest.mark.parametrize(("plain", "chosen"), [("good", "good"), ("good", "noise"), ("good", "wrong")])
def test_plain_models_have_all_of_the_say_unless_a_pool_is_better(plain, chosen):
    assert weights_of(plain, chosen).tolist() == [0, 1]


def test_a_pool_that_is_surely_better_has_half_of_the_say():
    weights = weights_of("noise", "good")
    assert weights.sum() == pytest.approx(1)
    scores, classes = drawn(800)
    noise = log_softmax(0.1 * np.random.default_rng(5).normal(size=scores.shape), axis=1)
    factors = temperature(log_softmax(scores, axis=1), classes), temperature(noise, classes)
    assert weights[0] / weights[1] == pytest.approx(factors[0] / factors[1])


def test_half_of_the_say_is_of_calibrated_probabilities():
    """A pool that is not sure enough of itself (its scores are too small) does not lose its half by that."""
    weights, shrunk = weights_of("noise", "good"), weights_of("noise", "good", factor=0.2)
    assert shrunk[0] / shrunk[1] == pytest.approx(5 * weights[0] / weights[1], rel=0.2)


def test_a_pool_must_be_better_at_many_places():
    """At three of four places it is far better than the plain model, and at the others as much worse."""
    classes, groups = np.zeros(400, dtype=int), np.repeat(np.arange(4), 100)
    plain, chosen = np.log(np.full((400, 2), 0.5)), np.log(np.tile([0.9, 0.1], (400, 1)))
    chosen[groups == 3] = np.log([0.1, 0.9])
    assert joined([chosen], [plain], classes, groups).tolist() == [0, 1]
    assert joined([chosen], [plain], classes, np.arange(400))[0] > 0
