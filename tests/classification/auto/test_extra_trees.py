# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import numpy as np
import pytest
import torch

from mtmsd_qgis.classification.auto.extra_trees import ForestHead, fit_forest


def rings(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Two classes that no straight line parts, and features that say nothing."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, 6)).astype(np.float32)
    return torch.from_numpy(x), torch.from_numpy((np.hypot(x[:, 0], x[:, 1]) > 1.2).astype(np.int64))


def right(head: ForestHead, x: torch.Tensor, classes: torch.Tensor) -> float:
    return float((head.scores(x).argmax(1) == classes).float().mean())


def test_what_no_line_parts_is_learnt():
    head = fit_forest(*rings(600, 0), 2, 0)
    assert right(head, *rings(600, 0)) > 0.98
    assert right(head, *rings(2000, 1)) > 0.85


def test_it_does_as_well_as_that_of_the_library():
    ensemble = pytest.importorskip("sklearn.ensemble")
    (x, classes), (new, truth) = rings(600, 0), rings(4000, 1)
    theirs = ensemble.ExtraTreesClassifier(200, min_samples_leaf=2, random_state=0).fit(x.numpy(), classes.numpy())
    assert right(fit_forest(x, classes, 2, 0), new, truth) > theirs.score(new.numpy(), truth.numpy()) - 0.02


def test_the_same_seed_gives_the_same_forest():
    x, classes = rings(200, 0)
    one, same, other = (fit_forest(x, classes, 2, seed, trees=20).scores(x) for seed in (0, 0, 1))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_leaves_hold_shares_and_every_sample_finds_one():
    x, classes = rings(300, 0)
    head = fit_forest(x, classes, 3, 0, trees=10)
    leaves = torch.isinf(head.threshold)
    assert torch.equal(head.left[leaves], torch.nonzero(leaves)[:, 0])
    assert torch.allclose(head.shares.sum(1), torch.ones(len(head.shares)))
    probabilities = head.scores(x).exp()
    assert probabilities[:, 2].max() <= 0.051  # a class without a sample
    assert torch.isfinite(head.scores(1e30 * x)).all()


def test_even_classes_weigh_the_same():
    """Where two classes lie on each other, the rarer one is likelier if they are even."""
    rng = np.random.default_rng(0)
    x = torch.from_numpy(rng.normal(size=(440, 3)).astype(np.float32))
    classes = torch.from_numpy((np.arange(440) >= 400).astype(np.int64))
    new = torch.from_numpy(rng.normal(size=(2000, 3)).astype(np.float32))
    counted, even = (fit_forest(x, classes, 2, 0, even=even).scores(new).exp()[:, 1].mean() for even in (False, True))
    assert counted == pytest.approx(40 / 440, abs=0.05)
    assert even > 2 * counted


@pytest.mark.parametrize("samples", [1, 3])
def test_few_or_equal_samples_give_one_leaf(samples):
    x, classes = torch.ones(samples, 4), torch.arange(samples) % 2
    head = fit_forest(x, classes, 2, 0, trees=5)
    assert head.depth == 0
    expected = torch.bincount(classes, minlength=2) / samples
    assert torch.allclose(head.scores(torch.zeros(2, 4)).exp(), expected.clamp(min=0.1).expand(2, -1), atol=1e-6)
