# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from mtmsd_qgis.classification.transformer.spectral_spatial_transformer import SoftTokens, SpectralSpatialTransformer


@pytest.mark.parametrize(
    ("count", "depth", "side", "classes"),
    [(4, 48, 9, 16), (3, 32, 7, 2), (2, 1, 1, 2), (1, 2, 3, 5), (2, 64, 11, 30)],
)
def test_one_score_a_class(count, depth, side, classes):
    network = SpectralSpatialTransformer(depth, classes).eval()
    assert network(torch.randn(count, depth, side, side)).shape == (count, classes)


@pytest.mark.parametrize("depth", [32, 48, 64])
def test_it_is_small(depth):
    parameters = sum(p.numel() for p in SpectralSpatialTransformer(depth, 16).parameters())
    assert parameters < 250_000


def test_a_single_sample_can_be_trained_on():
    network = SpectralSpatialTransformer(6, 3).train()
    functional.cross_entropy(network(torch.randn(1, 6, 5, 5)), torch.tensor([1])).backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in network.parameters())


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 10, 11, 12, 48])
def test_every_plane_and_every_position_counts(depth):
    torch.manual_seed(0)
    network = SpectralSpatialTransformer(depth, 3).eval()
    patch = torch.randn(1, depth, 5, 5, requires_grad=True)
    network(patch)[0, 0].backward()
    assert (patch.grad != 0).all()


def test_a_patch_does_not_see_the_others_in_evaluation():
    network = SpectralSpatialTransformer(7, 3).eval()
    patches = torch.randn(5, 7, 5, 5)
    with torch.inference_mode():
        assert torch.allclose(network(patches)[2:3], network(patches[2:3]), atol=1e-5)


def test_tokens_are_weighted_means_of_the_positions_values():
    """Without a preference the attention is even, so that every token is the mean value."""
    tokens = SoftTokens(8, 3)
    positions = torch.randn(2, 25, 8)
    torch.nn.init.zeros_(tokens.score.weight)
    expected = tokens.value(positions).mean(dim=1, keepdim=True).expand(-1, 3, -1)
    assert torch.allclose(tokens(positions), expected, atol=1e-6)


def test_a_token_can_pick_one_position():
    tokens = SoftTokens(8, 1)
    positions = torch.zeros(1, 9, 8)
    positions[0, 4, 0] = 1.0
    torch.nn.init.zeros_(tokens.score.weight)
    tokens.score.weight.data[0, 0] = 50.0
    assert torch.allclose(tokens(positions)[0, 0], tokens.value(positions)[0, 4], atol=1e-6)


def test_dropout_acts_in_training_only():
    torch.manual_seed(0)
    network = SpectralSpatialTransformer(6, 3, dropout=0.5)
    patches = torch.randn(4, 6, 5, 5)
    assert not torch.equal(network(patches), network(patches))
    network.eval()
    assert torch.equal(network(patches), network(patches))
