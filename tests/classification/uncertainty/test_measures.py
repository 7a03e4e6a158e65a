# SPDX-License-Identifier: GPL-2.0-or-later
"""Entropy, margin, runner-up and disagreement, by hand."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from mtmsd_qgis.classification.auto.ensemble import Ensemble
from mtmsd_qgis.classification.auto.predictor import EnsemblePredictor
from mtmsd_qgis.classification.extras.extras_predictor import ExtrasPredictor
from mtmsd_qgis.classification.uncertainty.kinds import has_several_kinds, probabilities_by_kind
from mtmsd_qgis.classification.uncertainty.measures import disagreement, entropy, margin, runner_up, uncertainty
from mtmsd_qgis.io.windows import Tile, Window


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


def test_the_entropy_of_a_certain_class_is_no_negative_zero():
    assert not np.signbit(entropy(np.array([[1.0], [0.0]], np.float32)))[0]


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


def ensemble_of(by_kind):
    """A predictor of 1 x 2 pixels with one model of each kind, by its probabilities (K, 2)."""
    members = [
        SimpleNamespace(
            spec=SimpleNamespace(estimator=kind, fit_on=(), predict_on=()),
            log_probabilities=lambda pixels, p=p: torch.from_numpy(np.log(p)).T,
        )
        for kind, p in by_kind.items()
    ]
    reader = SimpleNamespace(read=lambda tile, sets: ({}, np.ones((1, 2), bool)))
    return EnsemblePredictor(reader, Ensemble(tuple(members), 1.0, torch.zeros(2), (), 1.0, "groups"))


def test_kinds_disagree_at_each_pixel_by_the_ensemble_that_decides_it():
    plain = ensemble_of({1: np.array([[0.5, 0.5], [0.5, 0.5]]), "a": np.array([[0.9, 0.9], [0.1, 0.1]])})
    extended = ensemble_of({"a": np.array([[0.8, 0.8], [0.2, 0.2]]), 1: np.array([[0.2, 0.2], [0.8, 0.8]])})
    extended.reader.extras = SimpleNamespace(read=lambda window: (None, torch.tensor([[True, False]])))
    predictor = ExtrasPredictor(plain, (extended,), extended.reader.extras)
    tile = Tile(Window(0, 0, 1, 2), Window(0, 0, 1, 2))
    found, _, by_kind = probabilities_by_kind(predictor, tile)
    np.testing.assert_array_equal(found, predictor.probabilities(tile)[0])
    np.testing.assert_allclose(found[0], [[0.5, 0.75]], atol=1e-6)  # geometric means of 0.8, 0.2 and of 0.5, 0.9
    np.testing.assert_allclose(disagreement(by_kind), [[0.6, 0.4]], atol=1e-6)


def test_kinds_are_told_apart_only_where_all_ensembles_have_several():
    p = np.full((2, 2), 0.5)
    both, one = ensemble_of({1: p, "a": p}), ensemble_of({1: p})
    assert has_several_kinds(ExtrasPredictor(both, (both,), None))
    assert not has_several_kinds(ExtrasPredictor(both, (both, one), None))
    assert not has_several_kinds(ExtrasPredictor(one, (both,), None))
