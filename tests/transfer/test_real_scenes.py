# SPDX-License-Identifier: GPL-2.0-or-later
"""Differences between scenes and area of applicability on public scenes, where they are present."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from benchmarks.scenes import MatlabSource, connected_fields, known_scenes
from mtmsd_qgis.io.cube import Cube
from mtmsd_qgis.io.matlab_scene import read_ground_truth, read_scene
from mtmsd_qgis.io.windows import whole
from mtmsd_qgis.sampling.folds import group_folds
from mtmsd_qgis.sampling.subsampling import subsample
from mtmsd_qgis.transfer.adaptation import Adaptation
from mtmsd_qgis.transfer.scene_applicability import RasterWithDifferences, SceneApplicability
from mtmsd_qgis.transfer.scene_summary import SceneSummary
from mtmsd_qgis.transfer.separability import separability
from tests.scenes import cube_of

pytestmark = pytest.mark.scene


@dataclass
class Scene:
    folder: Path
    values: np.ndarray  # (B, H, W) float32
    ids: np.ndarray  # (H, W)

    def cube(self, values: np.ndarray) -> Cube:
        return cube_of(self.folder, values.astype(np.float32))

    def summary(self, values: np.ndarray | None = None) -> SceneSummary:
        return SceneSummary.of_raster(self.cube(self.values if values is None else values))

    def noise(self) -> np.ndarray:
        """White noise of the scene's mean and deviation in each band."""
        rng = np.random.default_rng(0)
        mean, deviation = (f(axis=(1, 2), keepdims=True) for f in (self.values.mean, self.values.std))
        return rng.normal(mean, deviation, self.values.shape)


@pytest.fixture(params=["indian_pines", "zion_landsat8"])
def scene(request, tmp_path):
    source = known_scenes()[request.param]
    if not (isinstance(source, MatlabSource) and source.cube.exists() and source.ground_truth.exists()):
        pytest.skip(f"{request.param} is not there; MTMSD_DATA names the folder of the scenes")
    values = read_scene(source.cube, None).transpose(2, 0, 1).astype(np.float32)
    return Scene(tmp_path, values, read_ground_truth(source.ground_truth)[0].astype(np.int64))


def auc_of(source: SceneSummary, target: SceneSummary) -> float:
    return separability(source, target, [str(i) for i in range(source.pixels.shape[1])]).auc


@pytest.mark.parametrize("side", [8, 16, 32])
def test_interleaved_blocks_of_a_scene_are_alike(scene, side):
    rows, cols = np.mgrid[: scene.ids.shape[0], : scene.ids.shape[1]] // side
    odd = (rows + cols) % 2 == 1
    parts = [scene.summary(np.where(part, scene.values, np.nan)) for part in (odd, ~odd)]
    assert auc_of(*parts) == pytest.approx(0.5, abs=0.1)


def test_noise_and_another_gain_are_another_world(scene):
    source = scene.summary()
    assert auc_of(source, scene.summary(scene.noise())) > 0.95
    brighter = scene.summary(scene.values * 1.1 + 50)
    assert auc_of(source, brighter) > 0.9
    adapted = brighter.adapted(Adaptation.between(source.scaling, brighter.scaling))
    assert auc_of(source, adapted) == pytest.approx(0.5, abs=0.03)


def test_training_pixels_have_index_0_and_noise_is_outside(scene):
    labelled = np.flatnonzero(scene.ids)
    chosen = labelled[subsample(scene.ids.reshape(-1)[labelled] - 1, 1500, 0, balanced=True)]
    fields = connected_fields(scene.ids).reshape(-1)[chosen]
    folds = group_folds(scene.ids.reshape(-1)[chosen] - 1, fields, 4, 0)
    positions = np.stack(np.unravel_index(chosen, scene.ids.shape), axis=1)
    raster = RasterWithDifferences(scene.cube(scene.values))
    applicability = SceneApplicability.fit(raster, positions, folds)
    index = applicability.index(raster, whole(*scene.ids.shape))
    assert (index[tuple(positions.T)] == 0).all()
    assert applicability.area.inside(index).mean() > 0.9
    noise = RasterWithDifferences(cube_of(scene.folder, scene.noise().astype(np.float32), name="noise"))
    inside = applicability.area.inside(applicability.index(noise, whole(*scene.ids.shape))).mean()
    assert inside < 0.05
    assert applicability.noise_inside_share() == pytest.approx(inside, abs=0.01)
