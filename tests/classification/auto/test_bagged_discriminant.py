# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import numpy as np
import pytest
import torch

from mtmsd_qgis.classification.auto.bagged_discriminant import (
    SMOOTH_RIDGES,
    fit_axes_forest,
    fit_committee,
    fit_smooth_kernel,
    fit_smooth_kernels,
    halves,
)
from mtmsd_qgis.classification.auto.cross_validation import Learning, smoothest
from mtmsd_qgis.classification.auto.extra_trees import fit_forest
from mtmsd_qgis.classification.auto.kernel_ridge import fit_discriminants
from mtmsd_qgis.sampling.folds import random_folds


def places(count, each, features=20, seed=0, first=0):
    """Samples of three classes at places, each of which has a light of its own beside what its class looks like."""
    rng = np.random.default_rng(seed)
    looks = np.random.default_rng(99).normal(size=(3, features))
    group = np.repeat(np.arange(count), each)
    classes = group % 3
    light = rng.normal(0, 1.2, size=(count, features))
    x = looks[classes] + light[group] + rng.normal(0, 0.7, size=(len(group), features))
    return torch.from_numpy(x).float(), torch.from_numpy(classes), group + first


def right(head, x, classes):
    return (head.scores(x).argmax(dim=1) == classes).double().mean().item()


def test_a_half_has_half_of_the_places_of_each_class():
    classes = np.repeat([0, 1, 2, 2], [40, 30, 9, 1])
    groups = np.concatenate([np.repeat(np.arange(4), 10), np.repeat(np.arange(3, 6), 10), np.full(10, 7)])
    drawn = halves(classes, groups, 40, 0)
    numbers = np.array([[len(np.unique(groups[d][classes[d] == k])) for k in range(3)] for d in drawn])
    assert set(numbers[:, 0]) == {2}
    assert set(numbers[:, 1]) == {1, 2}  # three places, halved up or down
    assert all((classes[d] == 2).sum() == 5 for d in drawn)  # one place: half of its samples
    for d in drawn:
        two = d[classes[d] < 2]
        _, sizes = np.unique(np.stack([classes[two], groups[two]]), axis=1, return_counts=True)
        assert set(sizes) == {10}
        assert np.array_equal(d, np.unique(d))
    assert len({tuple(d) for d in drawn}) > 10
    assert all(np.array_equal(a, b) for a, b in zip(drawn, halves(classes, groups, 40, 0)))


def test_two_samples_of_a_class_are_kept():
    for drawn in halves(np.array([0, 0, 1, 1]), np.array([0, 0, 1, 1]), 5, 0):
        assert drawn.tolist() == [0, 1, 2, 3]


def test_a_committee_is_right_at_new_places_more_often_than_one_discriminant():
    gains = []
    for seed in range(10):
        x, classes, groups = places(18, 10, features=40, seed=seed)
        new, truth, _ = places(90, 5, features=40, seed=100 + seed)
        alone = fit_discriminants(x, classes, 3, (1e-3, 1e-2, 0.1), even=True).values()
        committee = right(fit_committee(x, classes, groups, 3, 0), new, truth)
        gains.append(committee - np.mean([right(head, new, truth) for head in alone]))
    assert np.mean(gains) > 0.005
    assert np.mean(np.array(gains) > 0) >= 0.7


def test_a_committee_gives_the_mean_probability_of_its_members():
    x, classes, groups = places(12, 8)
    committee = fit_committee(x, classes, groups, 4, 0)  # the fourth class has no sample
    assert len(committee.members) == 36
    expected = torch.stack([torch.softmax(m.scores(x), dim=1) for m in committee.members]).mean(dim=0)
    assert torch.allclose(committee.scores(x).exp(), expected.clamp(min=1e-6), atol=1e-5)
    assert float(committee.scores(x)[:, 3].exp().max()) <= 1.1e-6
    assert torch.equal(committee.scores(x), fit_committee(x, classes, groups, 4, 0).scores(x))


def test_a_forest_on_axes_sees_a_colour_that_no_single_band_shows():
    """Brightness moves all bands together; the classes differ in what is left, which takes several bands to see."""
    rng = np.random.default_rng(2)
    classes = torch.from_numpy(np.arange(900) % 3)
    x = rng.normal(0, 4, size=(900, 1)) + rng.normal(0, 0.3, size=(900, 12))
    x[:, 0] += 0.5 * (classes.numpy() - 1)
    x[:, 7] -= 0.5 * (classes.numpy() - 1)
    values = torch.from_numpy(x).float()
    axes = fit_axes_forest(values[:450], classes[:450], 3, 0)
    bands = fit_forest(values[:450], classes[:450], 3, 0, even=True)
    assert axes.axes.shape == (12, 3)
    assert right(axes, values[450:], classes[450:]) > right(bands, values[450:], classes[450:]) + 0.15
    assert torch.equal(axes.scores(values), fit_axes_forest(values[:450], classes[:450], 3, 0).scores(values))


def test_the_smooth_kernel_is_the_textbook_formula():
    x, classes, _ = places(12, 5)
    head = fit_smooth_kernels(x, classes, 3, (0.3,))[0.3]
    v = x.double().numpy()
    distance = ((v[:, None] - v) ** 2).sum(axis=2)
    kernel = 1 / (1 + distance / np.median(distance[distance > 1e-9]))
    one_of = np.eye(3)[classes.numpy()]
    target = (one_of - one_of.mean(axis=0)) / one_of.std(axis=0)
    expected = kernel @ np.linalg.solve(kernel + 0.3 * np.eye(len(v)), target)
    assert np.allclose(head.scores(x).numpy(), expected, atol=2e-3)


def test_ridges_are_averaged_with_one_spread():
    x, classes, _ = places(12, 8)
    ridges = (0.01, 0.1, 10.0)
    parts = [head.scores(x) for head in fit_smooth_kernels(x, classes, 3, ridges).values()]
    expected = torch.stack([p / p.std() for p in parts]).mean(dim=0)
    assert torch.allclose(fit_smooth_kernel(x, classes, 3, ridges).scores(x), expected, atol=1e-3)


@pytest.mark.parametrize(("fine", "expected"), [(True, SMOOTH_RIDGES[:2]), (False, SMOOTH_RIDGES[-3:])])
def test_a_kernel_is_as_smooth_as_the_differences_between_the_classes_allow(fine, expected):
    """Classes that differ in a faint detail of bands that go up and down together need small ridges."""
    rng = np.random.default_rng(1)
    classes = np.arange(360) % 3
    together = rng.normal(0, 3, size=(360, 1)) if fine else 0.0
    spectra = together + rng.normal(0, 0.05 if fine else 0.3, size=(360, 6))
    spectra[:, 0] += 0.5 * classes
    views = {"spectra": torch.from_numpy(spectra).float()}
    learning = Learning(views, torch.from_numpy(classes), np.arange(360), 3, None, 0, even=True)
    assert smoothest(learning, random_folds(classes, 4, 0)) == expected
