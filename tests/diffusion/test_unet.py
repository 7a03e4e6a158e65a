# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from mtmsd_qgis.diffusion.group_norm import PATCH_NORM, PatchNorm
from mtmsd_qgis.diffusion.unet import HEADS, Attention, UNet, sinusoid


class _Near(PatchNorm):
    """By patch, with attention to the neighbours alone."""

    attention_radius = 1


NEAR = _Near()


def parameters(module) -> int:
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize(
    ("channels", "expected"),
    [(3, 26_427_910), (6, 26_438_284), (13, 26_462_490), (25, 26_503_986), (34, 26_535_108)],
)
def test_the_papers_network_has_the_papers_parameters(channels, expected):
    assert parameters(UNet(channels, 128, learn_sigma=True)) == expected == 26_417_536 + 3_458 * channels


def test_parameters_by_part():
    network = UNet(25, 128, learn_sigma=True)
    middle = (network.middle_in, network.middle_attention, network.middle_out)
    assert parameters(network.time) == 328_704
    assert parameters(network.encoder) == 7_133_824
    assert sum(parameters(part) for part in middle) == 3_151_360
    assert parameters(network.decoder) == 15_832_192
    assert parameters(network.head_norm) + parameters(network.head) == 57_906
    assert len(network.state_dict()) == 214
    assert parameters(UNet(25, 128)) == 26_475_161


def test_stages_are_declared_and_have_the_declared_shapes():
    network = UNet(3, 128)
    outputs = network.stage_outputs(torch.zeros(1, 3, 48, 48), torch.tensor([5]), range(9))
    assert [(s.channels, s.stride) for s in network.stages] == (
        [(256, 4)] * 2 + [(256, 2)] * 3 + [(256, 1)] + [(128, 1)] * 3
    )
    assert [tuple(o.shape[1:]) for o in outputs] == [
        (s.channels, 48 // s.stride, 48 // s.stride) for s in network.stages
    ]
    assert [b.block.conv_in.in_channels for b in network.decoder] == [512] * 5 + [384, 384, 256, 256]


def test_attention_is_in_the_middle_only_with_4_heads_of_64():
    network = UNet(3, 128)
    found = [name for name, module in network.named_modules() if isinstance(module, Attention)]
    assert found == ["middle_attention"]
    assert network.middle_attention.qkv.in_channels == 4 * 64


def test_cost_of_a_patch_and_of_stopping_early():
    network, x, t = UNet(25, 128, learn_sigma=True), torch.zeros(1, 25, 48, 48), torch.tensor([0])
    with FlopCounterMode(display=False) as whole:
        network(x, t)
    with FlopCounterMode(display=False) as early:
        network.stage_outputs(x, t, [0, 1, 2, 3, 5])
    assert whole.get_total_flops() / 2 == pytest.approx(12.944572e9, rel=1e-6)
    assert early.get_total_flops() / 2 == pytest.approx(9.149841e9, rel=1e-6)


def test_a_fresh_network_predicts_exactly_nothing():
    network = UNet(4, 32)
    assert torch.count_nonzero(network(torch.randn(2, 4, 16, 16), torch.tensor([0, 999]))) == 0


@pytest.mark.parametrize("size", [(50, 50), (48, 46)])
def test_sides_must_be_multiples_of_4(size):
    with pytest.raises(ValueError, match="multiples of 4"):
        UNet(2, 32)(torch.zeros(1, 2, *size), torch.tensor([1]))


def test_sides_need_not_be_equal():
    assert UNet(2, 32)(torch.zeros(1, 2, 52, 60), torch.tensor([1])).shape == (1, 2, 52, 60)


def test_wanted_stages_do_not_depend_on_what_else_is_wanted():
    torch.manual_seed(0)
    network = UNet(3, 32).eval()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    x, t = torch.randn(2, 3, 16, 16), torch.tensor([50, 500])
    every = network.stage_outputs(x, t, range(9))
    some = network.stage_outputs(x, t, [1, 5])
    assert torch.equal(some[0], every[1])
    assert torch.equal(some[1], every[5])


@pytest.mark.card
@pytest.mark.parametrize("attends", [PATCH_NORM, NEAR], ids=["everywhere", "near"])
@pytest.mark.parametrize("size", [(4, 4), (4, 12), (12, 20), (32, 32)])
def test_every_grid_can_be_attended_to_on_every_device(attends, size):
    """Of one cell too: a card's attention refuses the strides that a single cell has."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network = UNet(5, 32).eval().to(device)
    torch.nn.init.normal_(network.middle_attention.out.weight)
    with torch.inference_mode():
        found = network.stage_outputs(torch.ones(2, 5, *size, device=device), torch.zeros(2).to(device), [5], attends)
    assert torch.isfinite(found[0]).all()


def test_a_single_cell_attends_to_itself():
    attention = Attention(128)
    torch.nn.init.normal_(attention.out.weight)
    x = torch.randn(3, 128, 1, 1)
    normalised = attention.norm(x).flatten(2)
    value = attention.qkv(normalised).view(3, HEADS, 3, 32, 1)[:, :, 2].reshape(3, 128, 1)
    torch.testing.assert_close(attention(x, PATCH_NORM), x + attention.out(value)[..., None])
    torch.testing.assert_close(attention(x, NEAR), x + attention.out(value)[..., None])


def test_time_embedding():
    embedded = sinusoid(torch.tensor([50]), 128)[0]
    assert embedded[[0, 1, 2]].tolist() == pytest.approx([0.9650, 0.7750, 0.9792], abs=1e-4)
    assert embedded[[64, 65, 66]].tolist() == pytest.approx([-0.2624, -0.6320, -0.2030], abs=1e-4)
