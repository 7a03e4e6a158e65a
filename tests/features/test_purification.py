# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtmsd_qgis.features.purification import _distinction, purification_scores, purify


def example():
    c, t, d = np.meshgrid(range(3), range(4), range(6), indexing="ij")
    return np.sin(1 + 2 * c + 3 * t + 5 * d + 0.7 * c * t)


def naive(means):
    """Loops over pairs, as the definition reads."""
    classes, steps, features = means.shape
    score = np.zeros(features)
    for d in range(features):
        for axis, (outer, inner) in enumerate([(steps, classes), (classes, steps)]):
            weight = (1.0, 0.5)[axis]
            for o in range(outer):
                v = means[:, o, d] if axis == 0 else means[o, :, d]
                a = (v - v.min()) / (v.max() - v.min())
                pairs = sum(a[i] * a[j] for i in range(inner) for j in range(inner) if i != j)
                score[d] += weight * (-0.8 * pairs / (inner * (inner - 1)) + 0.2 * a.var())
    return score


def test_the_published_example():
    means = example()
    assert np.allclose(
        _distinction(means, 0).sum(0), [-0.426188, -0.438383, -0.417100, -0.425044, -0.440057, -0.528159], atol=1e-6
    )
    assert np.allclose(
        _distinction(means, 1).sum(0), [-0.372335, -0.378649, -0.400000, -0.333007, -0.352812, -0.378471], atol=1e-6
    )
    assert np.allclose(
        purification_scores(means), [-0.612356, -0.627707, -0.617100, -0.591548, -0.616463, -0.717395], atol=1e-6
    )
    assert purify(means, 5).tolist() == [3, 0, 4, 2, 1]


@given(st.integers(0, 10_000), st.integers(2, 5), st.integers(2, 5))
def test_the_closed_form_equals_the_loops(seed, classes, steps):
    means = np.random.default_rng(seed).normal(size=(classes, steps, 4))
    assert np.allclose(purification_scores(means), naive(means), atol=1e-12)


@given(st.integers(0, 10_000), st.floats(0.01, 100), st.floats(-100, 100))
def test_scale_and_offset_of_a_feature_do_not_matter(seed, scale, offset):
    means = np.random.default_rng(seed).normal(size=(4, 3, 5))
    assert np.allclose(purification_scores(means), purification_scores(scale * means + offset), atol=1e-6)


@pytest.mark.parametrize("value", [0.0, 3.0, np.nan, np.inf])
def test_a_feature_that_is_constant_or_no_number_ranks_last(value):
    means = example()
    means[:, :, 3] = value
    assert purify(means, 6 - 1).tolist().count(3) == 0
    assert purify(means, 0).tolist() == [0, 1, 2, 3, 4, 5]


def test_two_classes_are_ranked_by_timesteps_alone():
    means = np.random.default_rng(1).normal(size=(2, 19, 10))
    between_classes = _distinction(means, 0).sum(0)
    assert np.allclose(between_classes, 19 * 0.05)
    assert np.array_equal(np.argsort(-_distinction(means, 1).sum(0), kind="stable")[:4], purify(means, 4))


@pytest.mark.parametrize("shape", [(1, 4, 5), (3, 1, 5), (1, 1, 5)])
def test_one_class_or_one_timestep_is_defined(shape):
    scores = purification_scores(np.random.default_rng(0).normal(size=shape))
    assert np.isfinite(scores).all()
