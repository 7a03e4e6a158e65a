# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import numpy as np
import pytest
import torch

from mtmsd_qgis.classification.auto.kernel_ridge import fit_discriminants, fit_kernels, kernel_scores


def clusters(count=90, features=5, seed=0):
    generator = torch.Generator().manual_seed(seed)
    classes = torch.arange(count) % 3
    x = torch.randn(count, features, generator=generator)
    x[torch.arange(count), classes] += 4
    return x, classes


def test_a_discriminant_is_the_textbook_formula():
    x, classes = clusters()
    head = fit_discriminants(x, classes, 3, [0.2])[(0.2,)]
    v, k = x.double().numpy(), classes.numpy()
    means = np.stack([v[k == i].mean(0) for i in range(3)])
    rest = v - means[k]
    within = rest.T @ rest / (90 - 3)
    shrunk = 0.8 * within + 0.2 * np.trace(within) / 5 * np.eye(5)
    inverse = np.linalg.inv(shrunk)
    expected = v @ inverse @ means.T - 0.5 * np.einsum("ki,ij,kj->k", means, inverse, means) + np.log(1 / 3)
    found = head.scores(x).double().numpy()
    difference = found - expected  # a common offset of a sample does not matter
    assert np.allclose(difference, difference[:, :1], atol=1e-4)


def test_more_features_than_samples_give_the_same_as_the_full_formula():
    x, classes = clusters(count=12, features=40)
    head = fit_discriminants(x, classes, 3, [0.3])[(0.3,)]
    v, k = x.double().numpy(), classes.numpy()
    means = np.stack([v[k == i].mean(0) for i in range(3)])
    rest = v - means[k]
    within = rest.T @ rest / (12 - 3)
    inverse = np.linalg.inv(0.7 * within + 0.3 * np.trace(within) / 40 * np.eye(40))
    test = np.random.default_rng(1).normal(size=(7, 40))
    expected = test @ inverse @ means.T - 0.5 * np.einsum("ki,ij,kj->k", means, inverse, means)
    found = head.scores(torch.from_numpy(test).float()).double().numpy()
    assert np.allclose(np.diff(found, axis=1), np.diff(expected, axis=1), atol=1e-3)


def test_even_priors_leave_the_number_of_samples_out():
    x, classes = clusters()
    keep = (classes != 0) | (torch.arange(90) < 30)
    own = fit_discriminants(x[keep], classes[keep], 4, [0.2])[(0.2,)]
    even = fit_discriminants(x[keep], classes[keep], 4, [0.2], even=True)[(0.2,)]
    numbers = torch.bincount(classes[keep], minlength=3).float()
    difference = (own.bias - even.bias)[:3]
    assert torch.allclose(difference, (numbers / numbers.sum()).log(), atol=1e-4)
    assert even.bias[3] < -1e8


def test_kernel_ridge_is_the_textbook_formula():
    x, classes = clusters(count=30)
    heads = fit_kernels(x, classes, 3, [1.0], [0.1])
    v = x.double().numpy()
    distance = ((v[:, None] - v[None]) ** 2).sum(-1)
    kernel = np.exp(-distance / np.median(distance[distance > 1e-4]))
    target = np.eye(3)[classes.numpy()]
    alpha = np.linalg.solve(kernel + 0.1 * np.eye(30), target - target.mean(0))
    assert np.allclose(heads[(1.0, 0.1)].scores(x).numpy(), kernel @ alpha + target.mean(0), atol=0.02)


def test_even_kernels_favour_no_class():
    x, classes = clusters(count=300)
    keep = (classes != 0) | (torch.arange(300) < 30)
    noise = torch.randn(2000, 5, generator=torch.Generator().manual_seed(9)) * 2
    own = fit_kernels(x[keep], classes[keep], 4, [1.0], [0.1])[(1.0, 0.1)].scores(noise).argmax(dim=1)
    even = fit_kernels(x[keep], classes[keep], 4, [1.0], [0.1], even=True)[(1.0, 0.1)].scores(noise).argmax(dim=1)
    assert (even == 0).float().mean() > 1.5 * (own == 0).float().mean()
    assert not (even == 3).any()


def test_scores_together_are_the_scores_alone():
    x, classes = clusters()
    heads = list(fit_kernels(x, classes, 3).values())
    for head, scores in zip(heads, kernel_scores(heads, x[:7])):
        assert torch.allclose(head.scores(x[:7]), scores, atol=1e-6)


@pytest.mark.parametrize("fit", [fit_discriminants, fit_kernels])
def test_both_learn_and_a_class_without_samples_never_wins(fit):
    x, classes = clusters()
    test, truth = clusters(seed=1)
    for head in fit(x, classes, 4).values():
        scores = head.scores(test)
        assert torch.isfinite(scores).all()
        winner = scores.argmax(dim=1)
        assert (winner == truth).float().mean() > 0.9
        assert not (winner == 3).any()


@pytest.mark.parametrize("fit", [fit_discriminants, fit_kernels])
def test_features_without_variance_give_finite_scores(fit):
    x, classes = torch.zeros(8, 3), torch.arange(8) % 2
    for head in fit(x, classes, 2).values():
        assert torch.isfinite(head.scores(x)).all()
