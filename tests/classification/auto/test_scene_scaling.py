# SPDX-License-Identifier: GPL-2.0-or-later
"""Diffusion features as the models see them, and their guidance image."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mtmsd_qgis.classification.auto.feature_sets import BandPlan
from mtmsd_qgis.classification.auto.scene_scaling import FeatureScaling
from mtmsd_qgis.io.windows import Window
from tests.scenes import cube_of

WINDOWS = [Window(0, 0, 40, 40), Window(0, 40, 40, 40)]


@pytest.fixture
def scene(tmp_path):
    """24 features of 40 x 80 pixels: one direction holds nearly all of the variance; the last feature is constant."""
    rng = np.random.default_rng(0)
    common, own = rng.normal(size=(1, 40, 80)), rng.normal(size=(24, 40, 80))
    values = (5 + 3 * common * rng.uniform(0.5, 2, size=(24, 1, 1)) + 0.5 * own).astype(np.float32)
    values[23] = 7
    values[:, :4] = np.nan
    return values, cube_of(tmp_path, values)


def fitted(cube) -> FeatureScaling:
    plan = BandPlan(base=(0,), features=tuple(range(24)), guide=(3, 4, 5, 6, 7))
    return FeatureScaling.fit(cube, plan, WINDOWS, torch.device("cpu"))


def test_no_direction_outweighs_the_others_and_each_column_is_its_feature(scene):
    values, cube = scene
    pixels = values[:, 4:].reshape(24, -1)[:23]
    before = np.linalg.eigvalsh(np.corrcoef(pixels))
    found = fitted(cube).whitened(torch.from_numpy(values[:, 4:])).numpy().reshape(24, -1)
    after = np.linalg.eigvalsh(np.cov(found[:23]))
    assert before[-1] / before.sum() > 0.9
    assert after[-1] <= 1
    assert after[-1] / after.sum() < 0.25
    assert np.abs(found.mean(axis=1)).max() < 1e-3
    assert np.abs(found[23]).max() == 0
    own = [np.corrcoef(found[i], pixels[j])[0, 1] for i in range(23) for j in range(23)]
    assert (np.reshape(own, (23, 23)).argmax(axis=1) == np.arange(23)).all()


def test_the_guidance_image_is_components_of_its_features_with_a_root_mean_square_near_1(scene):
    values, cube = scene
    image = fitted(cube).guidance(torch.from_numpy(values[3:8, 4:])).numpy().reshape(5, -1)
    assert np.square(image).mean() == pytest.approx(1, abs=1e-3)
    covariance = np.cov(image)
    assert np.abs(covariance - np.diag(np.diag(covariance))).max() < 1e-3
    assert (np.diff(np.diag(covariance)) <= 0).all()
