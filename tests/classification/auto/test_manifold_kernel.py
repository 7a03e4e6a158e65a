# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import numpy as np
import pytest
import torch

from mtmsd_qgis.classification.auto import manifold_kernel as scene_kernel
from mtmsd_qgis.classification.auto.kernel_ridge import fit_kernels, kernel_scores, squared_distances
from mtmsd_qgis.classification.auto.manifold_kernel import bend_kernels, held_out_scores


def arcs(count, seed=0):
    """Points (count, 2) on two arcs that clasp each other, and which arc each is on."""
    rng = np.random.default_rng(seed)
    which = np.arange(count) % 2
    angle = rng.uniform(0, np.pi, count)
    x = np.where(which == 0, np.cos(angle), 1 - np.cos(angle))
    y = np.where(which == 0, np.sin(angle), 0.5 - np.sin(angle))
    points = np.stack([x, y], axis=1) + rng.normal(0, 0.05, (count, 2))
    return torch.from_numpy(points).float(), torch.from_numpy(which)


def right(head, x, classes):
    return (head.scores(x).argmax(dim=1) == classes).double().mean().item()


def test_the_pixels_of_the_scene_lead_a_class_along_its_arc():
    x, classes = arcs(1000)
    few = torch.tensor([0, 1, 2, 3])
    bent = bend_kernels(x[few], x[4:600], (3.0,))[3.0].head(classes[few], 2, 1e-2)
    alone = fit_kernels(x[few], classes[few], 2, (3.0,), (1e-2,))[(3.0, 1e-2)]
    assert right(bent, x[600:], classes[600:]) > 0.97
    assert right(alone, x[600:], classes[600:]) < 0.9


def test_without_a_bend_it_is_the_kernel_that_it_was(monkeypatch):
    monkeypatch.setattr(scene_kernel, "_BEND", 0.0)
    x, classes = arcs(300)
    straight = bend_kernels(x[:40], x[40:200])
    expected = fit_kernels(x[:40], classes[:40], 2, tuple(straight), (1e-2,))
    for width, kernel in straight.items():
        mine = kernel.head(classes[:40], 2, 1e-2).scores(x[200:])
        assert torch.allclose(mine, expected[(width, 1e-2)].scores(x[200:]), atol=1e-4)


def test_held_out_scores_are_those_of_a_head_that_learnt_from_the_others():
    x, classes = arcs(300)
    kernels = bend_kernels(x[:40], x[40:], (1.0,))
    out = torch.arange(40) % 4 == 0
    found = held_out_scores(kernels, classes[:40], 2, out)[(1.0, 1e-2)]
    others = kernels[1.0]
    learnt = scene_kernel.SceneKernel(
        others.points, others.rate, others.reach[:, ~out], others.gram[~out][:, ~out]
    ).head(classes[:40][~out], 2, 1e-2)
    assert torch.allclose(found.float(), kernel_scores([learnt], x[:40][out])[0], atol=1e-3)
    flipped = torch.where(out, 1 - classes[:40], classes[:40])  # their classes have no part in it
    assert torch.equal(found, held_out_scores(kernels, flipped, 2, out)[(1.0, 1e-2)])


def test_the_bent_kernel_is_a_kernel():
    """Symmetric, without a negative eigenvalue, and 1 on the diagonal on average."""
    x, _ = arcs(200)
    for kernel in bend_kernels(x[:50], x[50:]).values():
        assert torch.allclose(kernel.gram, kernel.gram.T, atol=1e-4)
        assert float(torch.linalg.eigvalsh(kernel.gram).min()) > -1e-4
        assert float(kernel.gram.diagonal().mean()) == pytest.approx(1)


@pytest.mark.parametrize("around", [0, 1, 3])
def test_few_and_equal_pixels_are_no_obstacle(around):
    x = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 0.0], [1.0, 0.0]])
    kernels = bend_kernels(x, torch.zeros(around, 2))
    for kernel in kernels.values():
        scores = kernel.head(torch.tensor([0, 1, 0, 1]), 2, 1e-2).scores(x)
        assert scores.argmax(dim=1).tolist() == [0, 1, 0, 1]
    assert float(squared_distances(x, x).max()) == 1.0
