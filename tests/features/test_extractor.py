# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from mtmsd_qgis.diffusion.unet import UNet
from mtmsd_qgis.features.extractor import FeatureExtractor
from mtmsd_qgis.io.windows import Tile, Window, network_tiles
from mtmsd_qgis.jobs.settings import ExtractionSettings


def lively(channels=3, width=32, seed=0) -> UNet:
    """A network whose branches are not silent."""
    torch.manual_seed(seed)
    network = UNet(channels, width)
    for parameter in network.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.05)
    return network


def extractor(**settings) -> FeatureExtractor:
    return FeatureExtractor(lively(), ExtractionSettings(**{"timesteps": (50, 300), "stages": (0, 3, 5), **settings}))


def in_float32(**settings) -> FeatureExtractor:
    usual = ExtractionSettings(**{"timesteps": (50, 300), "stages": (0, 3, 5), **settings})
    return FeatureExtractor(lively(), usual, torch.float32)


def test_length_and_order_of_the_paper():
    every = FeatureExtractor(UNet(2, 128), ExtractionSettings())
    assert len(every.feature_names) * len(every.timesteps) == 24_320
    names = extractor().feature_names
    assert names[0] == "s0 c000"
    assert names[64] == "s3 c000"
    assert names[-1] == "s5 c063"


def test_the_same_place_gives_the_same_features_and_another_place_other_noise():
    x = np.random.default_rng(0).normal(size=(3, 32, 32)).astype(np.float32)
    here = Tile(Window(8, 8, 16, 16), Window(0, 0, 32, 32))
    there = Tile(Window(24, 8, 16, 16), Window(16, 0, 32, 32))
    taken = extractor()
    first = taken.tile_features(x, here)
    assert first.shape == (2, 192, 16, 16)
    assert torch.equal(first, taken.tile_features(x, here))
    assert not torch.equal(first, taken.tile_features(x, there))


def test_timesteps_can_be_computed_one_by_one_or_together():
    x = np.random.default_rng(0).normal(size=(3, 32, 32)).astype(np.float32)
    tile = Tile(Window(8, 8, 16, 16), Window(0, 0, 32, 32))
    together = in_float32().tile_features(x, tile)
    single = in_float32()
    single.plan = replace(single.prepare(32), timesteps=1)
    assert torch.allclose(together, single.tile_features(x, tile), atol=5e-5)
    assert single.plan.timesteps == 1


def test_a_tile_is_the_same_bit_for_bit_whatever_was_computed_before():
    every = network_tiles(70, 80, 40)
    x = list(np.random.default_rng(0).normal(size=(len(every), 3, 40, 40)).astype(np.float32))
    first, again = in_float32(), in_float32()
    found = [first.tile_features(values, tile) for values, tile in zip(x, every)]
    for i in (4, 1, 7):
        assert found[i].shape[2:] == (every[i].core.height, every[i].core.width)
        assert torch.equal(found[i], again.tile_features(x[i], every[i]))


def failing(taken: FeatureExtractor, monkeypatch, most: int) -> list[int]:
    """Let the network run out of memory beyond so many tiles times timesteps; returns the sizes that were tried."""
    sizes = []
    honest = taken.network.stage_outputs

    def limited(x, timesteps, wanted, norm_stats):
        sizes.append(len(x))
        if len(x) > most:
            raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory")
        return honest(x, timesteps, wanted, norm_stats)

    monkeypatch.setattr(taken.network, "stage_outputs", limited)
    return sizes


def test_out_of_memory_halves_the_timesteps_and_says_so(monkeypatch, caplog):
    x = np.random.default_rng(0).normal(size=(3, 32, 32)).astype(np.float32)
    tile = Tile(Window(8, 8, 16, 16), Window(0, 0, 32, 32))
    taken = in_float32(timesteps=(50, 100, 200, 300))
    expected = taken.tile_features(x, tile)
    sizes = failing(taken, monkeypatch, 1)
    with caplog.at_level("WARNING", logger="mtmsd_qgis"):
        found = taken.tile_features(x, tile)
    assert sizes == [4, 2, 1, 1, 1, 1]
    assert (taken.plan.items, taken.plan.timesteps) == (1, 1)
    assert torch.allclose(found, expected, atol=5e-5)
    assert "Out of memory; going on with 1 tile at 2 timesteps a pass" in caplog.text


def test_out_of_memory_with_one_of_both_is_an_error(monkeypatch):
    taken = in_float32()
    failing(taken, monkeypatch, 0)
    with pytest.raises(RuntimeError, match="can't allocate"):
        taken.tile_features(np.zeros((3, 32, 32), np.float32), Tile(Window(8, 8, 16, 16), Window(0, 0, 32, 32)))


def test_short_numbers_are_used_where_they_give_the_same(monkeypatch):
    monkeypatch.setattr("mtmsd_qgis.features.precision.short_type", lambda device: torch.bfloat16)
    x = np.random.default_rng(0).normal(size=(3, 32, 32)).astype(np.float32)
    tile = Tile(Window(8, 8, 16, 16), Window(0, 0, 32, 32))
    short = extractor()
    found = short.tile_features(x, tile)
    assert found.dtype == torch.float32
    monkeypatch.setattr("mtmsd_qgis.features.precision._LEAST_CORRELATION", 1.1)
    full = extractor().tile_features(x, tile)
    assert not torch.equal(found, full)
    a, b = found - found.mean((2, 3), keepdim=True), full - full.mean((2, 3), keepdim=True)
    assert (a * b).sum() / (a.square().sum() * b.square().sum()).sqrt() > 0.999


def test_averaging_draws_is_the_mean_of_single_draws():
    x = np.random.default_rng(0).normal(size=(3, 32, 32)).astype(np.float32)
    tile = Tile(Window(8, 8, 16, 16), Window(0, 0, 32, 32))
    many = extractor(noise_draws=8).tile_features(x, tile)
    other = extractor(noise_draws=8, seed=1).tile_features(x, tile)
    one, another = (extractor(seed=s).tile_features(x, tile) for s in (0, 1))
    assert (many - other).square().mean() < 0.5 * (one - another).square().mean()
