# SPDX-License-Identifier: GPL-2.0-or-later
"""A sample of weight 2 counts like two samples, in every estimator."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from mtmsd_qgis.classification.auto.calibration import temperature
from mtmsd_qgis.classification.auto.cross_validation import TrainingSet, cross_validate
from mtmsd_qgis.classification.auto.discriminant import Discriminant
from mtmsd_qgis.classification.auto.ensemble import log_prior
from mtmsd_qgis.classification.auto.feature_sets import FeatureSet
from mtmsd_qgis.classification.auto.kernel_ridge import KernelRidge, squared_distances
from mtmsd_qgis.classification.auto.model_library import ModelSpec
from mtmsd_qgis.classification.fusion.timestep_fusion import class_loss
from mtmsd_qgis.classification.logistic_regression import _fit_logistic
from mtmsd_qgis.classification.sample_weights import class_counts, cross_entropy, mean_one, weighted_mean
from mtmsd_qgis.sampling.held_out import hold_out

CPU = torch.device("cpu")


def drawn(count=40, seed=0):
    """Features (N, 3), class index (N,) and how often each sample was taken (N,), 1 to 3."""
    generator = torch.Generator().manual_seed(seed)
    index = torch.arange(count) % 3
    x = torch.randn(count, 3, generator=generator)
    x[torch.arange(count), index] += 1.5
    return x, index, 1 + torch.arange(count) % 7 % 3


def weights_of(times):
    return mean_one(times.double().numpy(), CPU)


def apart(scores):
    """Scores of classes, last, against each other."""
    return scores - scores.mean(dim=-1, keepdim=True)


@pytest.mark.parametrize("balanced", [False, True])
def test_the_discriminant_is_that_of_repeated_samples(balanced):
    x, index, times = drawn()
    again = torch.repeat_interleave(torch.arange(len(x)), times)
    estimator = Discriminant(shrinkages=(1e-3, 0.3), balanced=balanced)
    weighted = estimator.fit(x, functional.one_hot(index), weights_of(times))
    repeated = estimator.fit(x[again], functional.one_hot(index[again]))
    # The covariance is divided by samples less classes, and there are more of the repeated ones.
    factor = (len(x) - 3) / len(x) / ((len(again) - 3) / len(again))
    assert torch.allclose(apart(weighted.weight), apart(repeated.weight) * factor, rtol=1e-3, atol=1e-5)
    prior = torch.zeros(3) if balanced else torch.bincount(index[again]).div(len(again)).log()
    assert torch.allclose(apart(weighted.bias - prior), apart(repeated.bias - prior) * factor, rtol=1e-3, atol=1e-4)


def test_the_kernel_has_the_least_weighted_squares():
    x, index, times = drawn()
    y, weight = functional.one_hot(index).double(), weights_of(times)
    fitted = KernelRidge(widths=(1.0,), ridges=(0.1,)).fit(x, y, weight)
    kernel = torch.exp(squared_distances(x.double(), x.double()) * -fitted.rates[0])
    target = y - (y * weight[:, None]).mean(dim=0)
    w = torch.diag(weight.double())
    expected = torch.linalg.solve(kernel @ w @ kernel + 0.1 * kernel, kernel @ w @ target)  # of the normal equations
    assert torch.allclose(kernel @ fitted.coefficients[0, 0].double(), kernel @ expected, atol=1e-5)


def test_a_kernel_takes_weights_that_differ_a_million_times():
    x, index, _ = drawn(count=200)
    weight = mean_one(np.where(np.arange(200) % 2, 1e-6, 1.0), CPU)
    fitted = KernelRidge().fit(x, functional.one_hot(index), weight)
    assert fitted.coefficients.isfinite().all()
    alone = KernelRidge().fit(x[::2], functional.one_hot(index[::2]), torch.full((100,), 2.0))
    rates = [alone.rates[1] / fitted.rates[1], 1.0]  # the widths go by the distances of all samples
    assert rates[0] == pytest.approx(1.0, abs=0.2)
    test = drawn(seed=1)[0]
    assert (fitted(test)[4].argmax(dim=1) == alone(test)[4].argmax(dim=1)).float().mean() > 0.95


def test_logistic_regression_is_that_of_repeated_samples():
    x, index, times = drawn()
    again = torch.repeat_interleave(torch.arange(len(x)), times)
    weighted = _fit_logistic(x, index, 3, 1e-2, weights_of(times))
    repeated = _fit_logistic(x[again], index[again], 3, 1e-2)
    assert torch.allclose(weighted[0], repeated[0], atol=1e-3)


def test_losses_of_networks_are_those_of_repeated_samples():
    x, index, times = drawn()
    again = torch.repeat_interleave(torch.arange(len(x)), times)
    expected = functional.cross_entropy(x[again], index[again])
    assert torch.allclose(class_loss(x, index, weights_of(times)), expected, rtol=1e-5)
    assert torch.allclose(cross_entropy(x, index, weights_of(times)), expected, rtol=1e-5)


def test_models_are_calibrated_and_chosen_by_the_samples_that_count():
    rng = np.random.default_rng(0)
    scores, truth = rng.normal(size=(60, 3)), np.arange(60) % 3
    scores[np.arange(60), truth] += np.where(np.arange(60) < 30, 1.5, 0.0)  # the second half says nothing
    weight = np.where(np.arange(60) < 30, 1.0, 1e-9)
    assert temperature(scores, truth, weight) == temperature(scores[:30], truth[:30])
    assert temperature(scores, truth, weight) > temperature(scores, truth)
    assert weighted_mean(np.array([1.0, 2.0]), np.array([3.0, 1.0])) == 1.25


def test_the_prior_counts_samples_by_their_weights():
    weight = np.array([3.0] * 10 + [1.0] * 10)
    index = np.array([0] * 10 + [1] * 10)
    assert class_counts(index, weight / weight.mean(), 2).tolist() == [15.0, 5.0]
    training = TrainingSet({}, index, 2, weight=weight / weight.mean())
    assert log_prior(training, np.arange(20)) == pytest.approx(np.log([0.75, 0.25]) * 10 / 20)


def test_cross_validation_hands_the_weights_to_fit_and_score():
    """Samples of the wrong class spoil the model where they count, and do not where they hardly count."""
    x, index, _ = drawn(count=120)
    wrong = np.arange(120) % 2 == 1
    given = np.where(wrong, (index.numpy() + 1) % 3, index.numpy())
    spec = ModelSpec(Discriminant(), (FeatureSet.SPECTRA,), (FeatureSet.SPECTRA,))
    plain = TrainingSet({FeatureSet.SPECTRA: x}, given, 3)
    weighted = TrainingSet({FeatureSet.SPECTRA: x}, given, 3, weight=np.where(wrong, 1e-3, 1.0))
    right = []
    for training in (plain, weighted):
        held_out = hold_out(given, {}, 0).weighted(training.weight)
        model = cross_validate(spec, training, held_out)
        right.append(
            (model.fit(training, 0).log_probabilities({FeatureSet.SPECTRA: x}).argmax(1) == index).float().mean()
        )
    assert right[1] > right[0] + 0.15
