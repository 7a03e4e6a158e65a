# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import nn

from mtmsd_qgis.classification.network_training import NetworkRecipe, _batches, _learning_rate, train_networks
from mtmsd_qgis.jobs.settings import ClassificationSettings
from mtmsd_qgis.progress import silent


def test_every_sample_is_in_one_batch_of_about_the_wanted_size():
    batches = _batches(33, ClassificationSettings(batch_size=16))
    assert [len(batch) for batch in batches] == [17, 16]
    assert sorted(torch.cat(batches).tolist()) == list(range(33))


def test_the_rate_falls_along_a_half_cosine():
    settings = ClassificationSettings(classifier="mtmsd", epochs=4, learning_rate=1e-3)
    low = 5e-6
    expected = [1e-3, low + (1e-3 - low) * 0.5 * (1 + 2**-0.5), low + (1e-3 - low) * 0.5]
    assert [_learning_rate(settings, epoch) for epoch in range(3)] == pytest.approx(expected)


def test_networks_differ_by_their_start_and_one_seed_gives_the_same_ones():
    def loss(network, batch):
        return network(torch.ones(len(batch), 2)).square().mean()

    recipe = NetworkRecipe(lambda: nn.Linear(2, 1), partial(torch.optim.Adam, foreach=True), loss)
    settings = ClassificationSettings(ensemble=2, epochs=2, batch_size=4, seed=5)
    one, two = (train_networks(recipe, 10, settings, silent) for _ in range(2))
    assert not torch.equal(one[0].weight, one[1].weight)
    assert [torch.equal(a.weight, b.weight) for a, b in zip(one, two)] == [True, True]
    assert not one[0].training
