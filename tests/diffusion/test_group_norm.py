# SPDX-License-Identifier: GPL-2.0-or-later
"""Tiles that are normalised by the statistics of their scene."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from mtmsd_qgis.diffusion.batch_plan import plan_extraction
from mtmsd_qgis.diffusion.group_norm import LIMIT, PatchStatistics
from mtmsd_qgis.diffusion.unet import near_attention
from mtmsd_qgis.errors import Cancelled
from mtmsd_qgis.features.extractor import FeatureExtractor
from mtmsd_qgis.io.windows import Tile, Window
from mtmsd_qgis.jobs.settings import ExtractionSettings
from tests.features.test_extractor import failing, lively

SETTINGS = ExtractionSettings(timesteps=(50, 300, 700), stages=(0, 3, 5))
FAR = 1000  # cells; attention reaches everything


def contrast(side: int) -> np.ndarray:
    """(3, side, side): a bright and a dark half, and noise, so that tiles differ in their statistics."""
    x = np.random.default_rng(0).normal(size=(3, side, side)).astype(np.float32)
    x[:, side // 2 :] += 3
    return x


def collected(network, x: torch.Tensor, timesteps: tuple[int, ...]) -> PatchStatistics:
    found = PatchStatistics(SETTINGS.timesteps)
    with torch.inference_mode():
        network.stage_outputs(x, torch.tensor(timesteps), [5], found.recording(timesteps))
    return found


@pytest.fixture
def nothing_cut(monkeypatch):
    monkeypatch.setattr("mtmsd_qgis.diffusion.group_norm.LIMIT", 100.0)


@pytest.mark.usefixtures("nothing_cut")
def test_by_the_statistics_of_one_patch_that_patch_is_what_it_was():
    network, x = lively().eval(), torch.from_numpy(contrast(32))[None].repeat(3, 1, 1, 1)
    norm_stats = collected(network, x, SETTINGS.timesteps).averaged(FAR).at(SETTINGS.timesteps)
    with torch.inference_mode():
        own = network.stage_outputs(x, torch.tensor(SETTINGS.timesteps), [0, 3, 5])
        ours = network.stage_outputs(x, torch.tensor(SETTINGS.timesteps), [0, 3, 5], norm_stats)
    assert all(torch.allclose(a, b, atol=1e-4) for a, b in zip(own, ours))


@pytest.mark.usefixtures("nothing_cut")
def test_each_timestep_has_statistics_of_its_own():
    network, x = lively().eval(), torch.from_numpy(contrast(32))[None].repeat(3, 1, 1, 1)
    statistics = collected(network, x, SETTINGS.timesteps).averaged(FAR)
    one, other = torch.tensor([50]), (700,)
    with torch.inference_mode():
        right = network.stage_outputs(x[:1], one, [5], statistics.at((50,)))[0]
        own = network.stage_outputs(x[:1], one, [5])[0]
        wrong = network.stage_outputs(x[:1], one, [5], statistics.at(other))[0]
    assert torch.allclose(own, right, atol=1e-4)
    assert not torch.allclose(own, wrong, atol=1e-2)


def test_what_is_normalised_has_mean_0_and_variance_1_over_the_patches_that_were_seen():
    layer = torch.nn.GroupNorm(4, 8)
    x = torch.randn(5, 8, 6, 6) * torch.arange(1, 9).view(8, 1, 1) + torch.arange(5).view(5, 1, 1, 1)
    seen = PatchStatistics([7])
    seen.recording([7] * 5).normalised(layer, x)
    found = seen.averaged(FAR).at([7] * 5).normalised(layer, x).reshape(5, 4, -1)
    assert torch.allclose(found.mean((0, 2)), torch.zeros(4), atol=1e-5)
    assert torch.allclose(found.square().mean((0, 2)), torch.ones(4), atol=1e-3)


def test_what_is_far_from_the_scene_is_cut_and_the_rest_is_as_it_was(monkeypatch):
    torch.manual_seed(0)
    layer, x = torch.nn.GroupNorm(4, 8), torch.randn(5, 8, 6, 6)
    torch.nn.init.normal_(layer.weight)
    torch.nn.init.normal_(layer.bias)
    seen = PatchStatistics([7])
    seen.recording([7] * 5).normalised(layer, x)
    x[2, :, 3, 3] += torch.tensor([1000.0, -1000.0]).repeat(4)  # a roof
    cut = seen.averaged(FAR).at([7] * 5).normalised(layer, x)
    monkeypatch.setattr("mtmsd_qgis.diffusion.group_norm.LIMIT", 1e6)
    whole = seen.averaged(FAR).at([7] * 5).normalised(layer, x)
    weight, bias = layer.weight.view(8, 1, 1), layer.bias.view(8, 1, 1)
    far = ((whole - bias) / weight).abs() > LIMIT
    assert far.sum() == 8
    assert torch.equal(cut[~far], whole[~far])
    assert torch.allclose(((cut - bias) / weight)[far].abs(), torch.tensor(LIMIT), atol=1e-4)


@pytest.mark.parametrize(("radius", "same"), [(1, True), (FAR, False)])
def test_attention_reaches_no_further_than_it_may(radius, same):
    network = lively().eval()
    x = torch.from_numpy(contrast(64))[None]
    norm_stats = collected(network, x, (50,)).averaged(radius).at((50,))
    attention, h = network.middle_attention, torch.randn(1, 64, 16, 16)
    changed = h.clone()
    changed[..., 8:, :] += 1
    with torch.inference_mode():
        before, after = attention(h, norm_stats), attention(changed, norm_stats)
    assert torch.allclose(before[..., :7, :], after[..., :7, :], atol=1e-6) == same


@pytest.mark.parametrize(("height", "width", "radius"), [(25, 25, 4), (26, 9, 6), (5, 7, 1), (3, 3, FAR)])
def test_near_attention_is_attention_under_a_mask(height, width, radius):
    torch.manual_seed(0)
    q, k, v = (torch.randn(2, 4, 16, height, width) for _ in range(3))
    row, col = torch.arange(height).repeat_interleave(width), torch.arange(width).repeat(height)
    mask = ((row[:, None] - row).abs() <= radius) & ((col[:, None] - col).abs() <= radius)
    flat = (part.flatten(3).transpose(-1, -2) for part in (q, k, v))
    whole = torch.nn.functional.scaled_dot_product_attention(*flat, attn_mask=mask)
    expected = whole.transpose(-1, -2).reshape(2, 64, height, width)
    assert torch.allclose(near_attention(q, k, v, radius), expected, atol=1e-5)


def extractor_in(precision: torch.dtype) -> FeatureExtractor:
    return FeatureExtractor(lively(), SETTINGS, precision)


def features_of(extractor: FeatureExtractor, x: np.ndarray, window: Window, core: Window) -> torch.Tensor:
    return extractor.tile_features(np.ascontiguousarray(x[(slice(None), *window.slices)]), Tile(core, window))


def test_tiles_agree_where_they_overlap_as_they_would_not_by_themselves():
    x, core = contrast(112), Window(48, 48, 16, 16)
    upper, lower = Window(0, 0, 80, 80), Window(32, 32, 80, 80)
    apart = {}
    for name in ("by themselves", "by the scene"):
        extractor = extractor_in(torch.float32)
        if name == "by the scene":
            extractor.learn_statistics(np.stack([x[:, :32, :32], x[:, 60:92, :32], x[:, 40:72, 40:72]]))
        one, other = features_of(extractor, x, upper, core), features_of(extractor, x, lower, core)
        apart[name] = float((one - other).square().mean() / one.var())
    assert apart["by the scene"] < 0.1 * apart["by themselves"]


def test_statistics_do_not_depend_on_how_much_goes_at_once(monkeypatch):
    patches = np.stack([contrast(32), contrast(32)[:, ::-1] + 1, 2 * contrast(32)])
    whole, parts = extractor_in(torch.float32), extractor_in(torch.float32)
    whole.learn_statistics(patches)
    monkeypatch.setattr(
        "mtmsd_qgis.features.extractor.plan_extraction",
        lambda *args: replace(plan_extraction(*args), items=2, timesteps=1),
    )
    parts.learn_statistics(patches)
    window = Window(0, 0, 32, 32)
    one, other = (features_of(e, contrast(32), window, Window(8, 8, 16, 16)) for e in (whole, parts))
    assert torch.allclose(one, other, atol=1e-5)


def test_short_numbers_give_the_same():
    patches, window, core = np.stack([contrast(32), contrast(32) + 1]), Window(0, 0, 64, 64), Window(16, 16, 32, 32)
    found = []
    for kind in (torch.float32, torch.bfloat16):
        extractor = extractor_in(kind)
        extractor.learn_statistics(patches)
        found.append(features_of(extractor, contrast(64), window, core))
    assert not torch.equal(*found)
    assert torch.corrcoef(torch.stack([part.flatten() for part in found]))[0, 1] > 0.999


def test_progress_is_told_and_may_cancel():
    told = []
    extractor = extractor_in(torch.float32)
    extractor.learn_statistics(np.stack([contrast(32)] * 3), lambda share, text: told.append((share, text)))
    assert told[-1] == (1.0, "statistics of the scene")

    def cancelled(share: float, text: str) -> None:
        raise Cancelled("Cancelled.")

    with pytest.raises(Cancelled):
        extractor_in(torch.float32).learn_statistics(np.stack([contrast(32)]), cancelled)


def test_out_of_memory_halves_what_goes_at_once(monkeypatch, caplog):
    patches = np.stack([contrast(32), contrast(32) + 1, contrast(32) + 2, contrast(32) + 3])
    taken, expected = extractor_in(torch.float32), extractor_in(torch.float32)
    expected.learn_statistics(patches)
    sizes = failing(taken, monkeypatch, 3)
    with caplog.at_level("WARNING", logger="mtmsd_qgis"):
        taken.learn_statistics(patches)
    assert max(sizes) > 3 >= sizes[-1]
    assert "Out of memory; going on with" in caplog.text
    window = Window(0, 0, 32, 32)
    one, other = (features_of(e, contrast(32), window, window) for e in (taken, expected))
    assert torch.allclose(one[..., :3, :3], other[..., :3, :3], atol=1e-5)


def test_not_even_one_patch_at_one_timestep_fits(monkeypatch):
    taken = extractor_in(torch.float32)
    failing(taken, monkeypatch, 0)
    with pytest.raises(RuntimeError, match="can't allocate"):
        taken.learn_statistics(np.stack([contrast(32)]))


def test_a_part_of_the_timesteps_goes_by_the_same_statistics():
    taken = extractor_in(torch.float32)
    taken.learn_statistics(np.stack([contrast(32), contrast(32) + 1]))
    window = Window(0, 0, 32, 32)
    part, every = (features_of(e, contrast(32), window, window) for e in (taken.at_timesteps([300], 32), taken))
    assert torch.allclose(part[0], every[1], atol=5e-5)
