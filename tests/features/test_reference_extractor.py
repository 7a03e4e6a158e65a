# SPDX-License-Identifier: GPL-2.0-or-later
"""Tiles against the published way, on a network of a few steps' training."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mtmsd_qgis.features.extractor import FeatureExtractor
from mtmsd_qgis.io.windows import Tile, Window
from mtmsd_qgis.jobs.settings import ExtractionSettings
from tests.features.test_extractor import lively
from tests.reference_extractor import PatchExtractor
from tests.scenes import cube_of

SETTINGS = ExtractionSettings(timesteps=(50, 300), stages=(1, 5))


@pytest.fixture
def components(tmp_path):
    return cube_of(tmp_path, np.random.default_rng(0).normal(size=(3, 48, 48)).astype(np.float32))


def test_at_its_own_place_a_patch_is_a_tile(components):
    """A tile whose window is the patch sees what the patch sees; the finest stage is not resized by either."""
    network = lively()
    window = Window(8, 4, 32, 32)
    extractor = FeatureExtractor(network, SETTINGS, torch.float32)
    tile = extractor.tile_features(components.read(window), Tile(window, window))
    pixel = PatchExtractor(network, SETTINGS, 32).pixel_features(components, 24, 20)
    assert pixel.shape == (2, 128)
    assert torch.allclose(pixel[:, 64:], tile[:, 64:, 16, 16], atol=1e-5)
    assert not torch.allclose(pixel[:, :64], tile[:, :64, 16, 16], atol=1e-5)  # coarse cells are placed otherwise


def test_timesteps_one_by_one_or_together(components):
    network = lively()
    single = PatchExtractor(network, SETTINGS, 16).pixel_features(components, 0, 47)
    together = PatchExtractor(network, SETTINGS, 16, together=True).pixel_features(components, 0, 47)
    assert torch.allclose(single, together, atol=1e-5)
