# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import pytest
import torch

from mtmsd_qgis.classification.fusion.timestep_fusion import FusionClassifier, SelectiveTimestepFusion, TimestepLinear


def parameters(module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_parameters_of_the_paper():
    assert parameters(SelectiveTimestepFusion(19, 768)) == 20_077_440
    assert parameters(SelectiveTimestepFusion(19, 768, guided=False)) == 5_913_216


@pytest.mark.parametrize(("classes", "expected"), [(9, 20_180_617), (16, 20_180_848), (20, 20_180_980)])
def test_parameters_of_the_whole_classifier(classes, expected):
    assert parameters(FusionClassifier(19, 768, classes)) == expected


@pytest.mark.parametrize("guided", [True, False])
def test_weights_sum_to_1_over_timesteps(guided):
    fusion = SelectiveTimestepFusion(5, 8, guided=guided)
    x, g = torch.randn(7, 5, 8), torch.randn(7, 5, 8)
    fused, weights = fusion(x, g)
    assert weights.shape == (7, 5, 8)
    assert torch.allclose(weights.sum(dim=1), torch.ones(7, 8), atol=1e-6)
    assert torch.allclose(fused, (weights * x).sum(dim=1))


def test_equal_scores_give_the_mean_over_timesteps():
    fusion = SelectiveTimestepFusion(5, 8)
    torch.nn.init.zeros_(fusion.score.weight)
    x = torch.randn(7, 5, 8)
    assert torch.allclose(fusion(x, torch.randn(7, 5, 8))[0], x.mean(dim=1), atol=1e-6)


def test_equal_timesteps_give_the_input_whatever_the_weights():
    x = torch.randn(7, 1, 8).expand(-1, 5, -1)
    assert torch.allclose(SelectiveTimestepFusion(5, 8)(x, torch.randn(7, 5, 8))[0], x[:, 0], atol=1e-6)


def test_batched_layers_equal_a_loop_over_timesteps():
    layers = TimestepLinear(4, 3, 2)
    torch.nn.init.normal_(layers.bias)
    x = torch.randn(6, 4, 3)
    loop = torch.stack([x[:, t] @ layers.weight[t] + layers.bias[t] for t in range(4)], dim=1)
    assert torch.allclose(layers(x), loop, atol=1e-6)


def test_global_features_steer_the_weights():
    fusion = SelectiveTimestepFusion(5, 8).eval()
    x = torch.randn(2, 5, 8)
    assert not torch.allclose(fusion(x, torch.zeros(2, 5, 8))[1], fusion(x, 50 * torch.randn(2, 5, 8))[1])
