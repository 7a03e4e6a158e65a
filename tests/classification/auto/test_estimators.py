# SPDX-License-Identifier: GPL-2.0-or-later
"""Discriminant and kernel ridge against their textbook formulas."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from mtmsd_qgis.classification.auto.discriminant import Discriminant
from mtmsd_qgis.classification.auto.kernel_ridge import KernelRidge

ESTIMATORS = [Discriminant(), KernelRidge()]


def clusters(count=90, features=5, seed=0):
    generator = torch.Generator().manual_seed(seed)
    class_index = torch.arange(count) % 3
    x = torch.randn(count, features, generator=generator)
    x[torch.arange(count), class_index] += 4
    return x, class_index


def indicators(class_index, n_classes=3):
    return functional.one_hot(class_index, n_classes)


def textbook_discriminant(x, class_index, shrinkage, at):
    v, k = x.double().numpy(), class_index.numpy()
    means = np.stack([v[k == i].mean(0) for i in range(3)])
    residuals = v - means[k]
    within = residuals.T @ residuals / (len(v) - 3)
    features = v.shape[1]
    inverse = np.linalg.inv((1 - shrinkage) * within + shrinkage * np.trace(within) / features * np.eye(features))
    prior = np.log(np.bincount(k) / len(k))
    return at @ inverse @ means.T - 0.5 * np.einsum("ki,ij,kj->k", means, inverse, means) + prior


@pytest.mark.parametrize(("count", "features"), [(90, 5), (12, 40)])
def test_a_discriminant_is_the_textbook_formula_with_few_samples_too(count, features):
    x, class_index = clusters(count, features)
    at = np.random.default_rng(1).normal(size=(7, features))
    scores = Discriminant((0.3,)).fit(x, indicators(class_index))(torch.from_numpy(at).float())[0]
    expected = textbook_discriminant(x, class_index, 0.3, at)
    # a common offset of a pixel does not matter
    assert np.allclose(np.diff(scores.numpy(), axis=1), np.diff(expected, axis=1), atol=1e-3)


def test_kernel_ridge_is_the_textbook_formula():
    x, class_index = clusters(count=30)
    scores = KernelRidge((1.0,), (0.1,)).fit(x, indicators(class_index))(x)[0]
    v = x.double().numpy()
    distance = ((v[:, None] - v[None]) ** 2).sum(-1)
    kernel = np.exp(-distance / np.median(distance[distance > 1e-4]))
    target = np.eye(3)[class_index.numpy()]
    alpha = np.linalg.solve(kernel + 0.1 * np.eye(30), target - target.mean(0))
    assert np.allclose(scores.numpy(), kernel @ alpha + target.mean(0), atol=0.02)


def test_balanced_estimators_leave_the_number_of_samples_out():
    x, class_index = clusters(count=300)
    kept = (class_index != 0) | (torch.arange(300) < 30)
    x, y = x[kept], indicators(class_index[kept], 4)
    own, balanced = (Discriminant((0.2,), balanced=flag).fit(x, y).bias[0] for flag in (False, True))
    shares = y.float().mean(dim=0)[:3]
    assert torch.allclose((own - balanced)[:3], shares.log(), atol=1e-4)
    assert balanced[3] < -1e8
    noise = torch.randn(2000, 5, generator=torch.Generator().manual_seed(9)) * 2
    winners = [KernelRidge((1.0,), (0.1,), flag).fit(x, y)(noise)[0].argmax(dim=1) for flag in (False, True)]
    assert (winners[1] == 0).float().mean() > 1.5 * (winners[0] == 0).float().mean()
    assert not (winners[1] == 3).any()


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_all_settings_together_give_what_each_gives_alone(estimator):
    x, class_index = clusters()
    y = indicators(class_index)
    together = estimator.fit(x, y)(x[:7])
    assert len(together) == len(estimator.settings)
    for setting, scores in enumerate(together):
        assert torch.allclose(estimator.only(setting).fit(x, y)(x[:7])[0], scores, atol=1e-4)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_both_learn_and_a_class_without_samples_never_wins(estimator):
    x, class_index = clusters()
    test, truth = clusters(seed=1)
    for scores in estimator.fit(x, indicators(class_index, 4))(test):
        assert torch.isfinite(scores).all()
        winner = scores.argmax(dim=1)
        assert (winner == truth).float().mean() > 0.9
        assert not (winner == 3).any()


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_features_without_variance_give_finite_scores(estimator):
    x, class_index = torch.zeros(8, 3), torch.arange(8) % 2
    assert torch.isfinite(estimator.fit(x, indicators(class_index, 2))(x)).all()


@pytest.mark.parametrize("offset", [30.0, 100.0])
def test_kernel_ridge_of_samples_that_are_almost_alike(offset):
    """Rounding of their distances exceeds the ridge in single precision; then it is solved in double precision."""
    generator = torch.Generator().manual_seed(0)
    class_index = torch.arange(600) % 3
    x = 3 * torch.randn(3, 4, generator=generator)[class_index] + 0.01 * torch.randn(600, 4, generator=generator)
    estimator = KernelRidge()
    with pytest.raises(torch.linalg.LinAlgError):
        estimator._fit(x + offset, indicators(class_index), None)
    scores = estimator.fit(x + offset, indicators(class_index))
    assert scores.coefficients.dtype == x.dtype
    assert all(bool((each.argmax(dim=1) == class_index).all()) for each in scores(x + offset))
