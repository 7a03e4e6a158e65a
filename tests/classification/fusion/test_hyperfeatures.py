# SPDX-License-Identifier: GPL-2.0-or-later
"""The classifier hyperfeatures: weights of timesteps and stages, and logistic regression with them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mtmsd_qgis.classification.estimator import LabelledFeatures
from mtmsd_qgis.classification.fusion.cell_alignment import (
    alignment,
    cell_alignment,
    class_targets,
    column_scale,
)
from mtmsd_qgis.classification.fusion.hyperfeatures import HyperfeatureRegression
from mtmsd_qgis.classification.logistic_regression import LogisticRegression
from mtmsd_qgis.classification.standardizer import Standardizer
from mtmsd_qgis.progress import silent
from mtmsd_qgis.report.exploration.cell_weights import alignment_parts

STAGES = torch.tensor([1, 1, 1, 1, 5, 5])


def samples_of(informative, timesteps=5, count=200, seed=0):
    """Noise (count, timesteps, 6) of four classes, where the features of one cell (timestep, stage) tell them apart."""
    rng = np.random.default_rng(seed)
    classes = torch.from_numpy(rng.integers(0, 4, count))
    local, around = (torch.from_numpy(rng.normal(size=(count, timesteps, 6))).float() for _ in range(2))
    timestep, stage = informative
    columns = torch.nonzero(stage == STAGES).flatten()
    for number, column in enumerate(columns):
        local[:, timestep, column] += 4 * ((classes >> (number % 2)) & 1)
    return LabelledFeatures(local, around, classes)


def fitted(samples, of_local=STAGES):
    return HyperfeatureRegression(4, 0, of_local, STAGES).fit(samples, silent)


def test_weights_sum_to_one_and_find_the_planted_cell():
    """One of 20 cells knows the classes."""
    _, weights = fitted(samples_of((3, 5)))
    assert (weights.local >= 0).all()
    assert (weights.around >= 0).all()
    assert float(weights.local.sum() + weights.around.sum()) == pytest.approx(1)
    assert float(weights.local[3, 1]) >= 0.8
    table = weights.table((50, 100, 150, 200, 250))
    assert max(((w, t, s) for t, row in table.items() for s, w in row.items()))[1:] == ("200", "5")


def test_a_cell_of_other_units_and_other_order_changes_nothing():
    samples = samples_of((1, 1))
    rule, weights = fitted(samples)
    factor = torch.ones(1, 5, 6)
    factor[:, 2] = 10
    scaled = LabelledFeatures(samples.local * factor, samples.around, samples.classes)
    scaled_rule, scaled_weights = fitted(scaled)
    torch.testing.assert_close(scaled_weights.local, weights.local, rtol=1e-4, atol=1e-8)
    expected = rule.predict(samples.local, samples.around)
    torch.testing.assert_close(scaled_rule.predict(scaled.local, scaled.around), expected, rtol=1e-3, atol=1e-4)

    order = torch.tensor([4, 2, 0, 1, 3])
    turned = LabelledFeatures(samples.local[:, order], samples.around[:, order], samples.classes)
    turned_rule, turned_weights = fitted(turned)
    torch.testing.assert_close(turned_weights.local, weights.local[order])
    torch.testing.assert_close(turned_rule.predict(turned.local, turned.around), expected, rtol=1e-3, atol=1e-4)


def test_a_single_cell_has_all_the_weight():
    """All features of one timestep and stage, and none around that say anything."""
    samples = samples_of((0, 1), timesteps=1)
    local = samples.local[:, :, :4]
    weights = cell_alignment(
        local, torch.zeros(200, 1, 4), torch.ones(4), torch.ones(4), class_targets(samples.classes, 4)
    )
    assert float(weights.local) == pytest.approx(1)
    assert weights.stages == [1]


def test_constant_cells_have_no_weight_and_nothing_is_no_number():
    samples = samples_of((0, 1))
    samples.local[:, 2] = 7.0
    rule, weights = fitted(samples)
    assert (weights.local[2] == 0).all()
    assert torch.isfinite(rule.predict(samples.local, samples.around)).all()


def test_where_no_cell_tells_classes_apart_all_count_alike():
    flat = LabelledFeatures(torch.ones(20, 2, 6), torch.ones(20, 2, 6), torch.arange(20) % 4)
    rule, weights = fitted(flat)
    torch.testing.assert_close(weights.local, torch.full((2, 2), 1 / 8, dtype=torch.float64))
    assert torch.isfinite(rule.predict(flat.local, flat.around)).all()


def test_weights_are_the_variance_that_a_cell_has():
    """So that even weights are plain logistic regression where all cells are equally large."""
    weights = torch.tensor([[0.3, 0.1], [0.6, 0.0]], dtype=torch.float64)
    scale = column_scale(weights, STAGES, (1, 5), 12)
    variance = scale.square()
    torch.testing.assert_close(variance[:, :4].sum(1), torch.tensor([3.6, 7.2]))
    torch.testing.assert_close(variance[:, 4:].sum(1), torch.tensor([1.2, 0.0]))

    samples = samples_of((1, 1), timesteps=2)
    stages = torch.tensor([1, 1, 1, 5, 5, 5])
    local, around = Standardizer.fit(samples.local), Standardizer.fit(samples.around)
    even = column_scale(torch.full((2, 2), 1 / 8), stages, (1, 5), 24)
    plain = LogisticRegression(4, 0)
    scaled = plain.fit_scaled(
        samples, Standardizer(local.mean, local.scale * even), Standardizer(around.mean, around.scale * even), silent
    )
    torch.testing.assert_close(
        scaled.predict(samples.local, samples.around),
        plain.fit(samples, silent).predict(samples.local, samples.around),
    )


def predictions(samples, weights, stages, reference):
    """Of logistic regression with weights of the local cells alone, and of `linear` on a reference.

    The cells share the variance of the reference, so that the penalty holds both back alike. The classifier shares
    that of all features instead, so that even weights there are `linear` on all.
    """
    columns = reference.local.shape[1:].numel()
    local, around = Standardizer.fit(samples.local), Standardizer.fit(samples.around)
    scaled = [
        Standardizer(scaler.mean, scaler.scale * column_scale(weight, stages, (1, 5), columns))
        for scaler, weight in ((local, weights), (around, torch.zeros_like(weights)))
    ]
    plain = LogisticRegression(4, 0)
    weighed = plain.fit_scaled(samples, scaled[0], scaled[1], silent)
    expected = plain.fit(reference, silent)
    return weighed.predict(samples.local, samples.around), expected.predict(reference.local, reference.around)


@pytest.mark.parametrize(("stage", "number"), [(1, 0), (5, 1)])
def test_all_weight_on_a_cell_is_linear_on_that_cell_alone(stage, number):
    samples = samples_of((3, 5))
    weights = torch.zeros(5, 2, dtype=torch.float64)
    weights[3, number] = 1
    cell = samples.local[:, 3:4, stage == STAGES]
    found, expected = predictions(
        samples, weights, STAGES, LabelledFeatures(cell, torch.zeros_like(cell), samples.classes)
    )
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)


def test_even_weights_of_equal_timesteps_are_linear_on_one():
    stages = torch.tensor([1, 1, 1, 5, 5, 5])
    one = samples_of((0, 5), timesteps=1)
    reference = LabelledFeatures(one.local, torch.zeros_like(one.local), one.classes)
    repeated = LabelledFeatures(one.local.expand(-1, 5, -1), one.around.expand(-1, 5, -1), one.classes)
    found, expected = predictions(repeated, torch.full((5, 2), 1 / 10, dtype=torch.float64), stages, reference)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)


def test_alignment_is_what_the_kernels_say():
    """Against the centred kernel matrices themselves (Cortes et al. 2012), less what chance gives."""
    samples = samples_of((3, 5), count=60)
    values = Standardizer.fit(samples.local)(samples.local)
    targets = class_targets(samples.classes, 4)
    found = alignment(values, STAGES, (1, 5), targets)
    centring = torch.eye(60, dtype=torch.float64) - 1 / 60
    for timestep in range(5):
        for number, stage in enumerate((1, 5)):
            cell = values[:, timestep, stage == STAGES].double()
            kernel = centring @ (cell @ cell.T) @ centring
            by_chance = torch.trace(targets @ targets.T) * torch.trace(kernel) / 59
            expected = ((kernel * (targets @ targets.T)).sum() - by_chance) / kernel.norm()
            assert float(found[timestep, number]) == pytest.approx(max(float(expected), 0), rel=1e-6, abs=1e-9)


def test_features_without_relation_to_the_classes_align_no_better_than_chance():
    """Their alignment, before what lies below 0 is cut off, is 0 on average; so about half of them get nothing."""
    zero = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        values = torch.from_numpy(rng.normal(size=(100, 1, 6))).float()
        targets = class_targets(torch.from_numpy(rng.integers(0, 4, 100)), 4)
        zero.append((alignment(values, STAGES, (1, 5), targets) == 0).double().mean())
    assert 0.3 < float(torch.stack(zero).mean()) < 0.8


def test_report_names_the_heaviest_cell():
    parts = "".join(alignment_parts({"50": {"1": 0.1, "5": 0.2}, "100": {"1": 0.1, "5": 0.6}}))
    sentence = "t = 100 at stage 5 weighs most, 2.4 times an even weight, t = 50 at stage 1 least, 0.4 times."
    assert sentence in parts
    assert ">2.4<" in parts
    assert alignment_parts(None) == []
