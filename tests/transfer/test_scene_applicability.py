# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import numpy as np
import pytest

from mtmsd_qgis.io.windows import Window, whole
from mtmsd_qgis.transfer import scene_applicability
from mtmsd_qgis.transfer.scene_applicability import (
    RasterWithDifferences,
    SceneApplicability,
    read_pixels,
    with_differences,
)
from mtmsd_qgis.transfer.scene_summary import SceneSummary
from tests.scenes import cube_of, fields


@pytest.fixture
def scene() -> np.ndarray:
    values, _ = fields(64, 64, bands=4)
    return values.astype(np.float32)


def positions(step: int = 4) -> np.ndarray:
    return np.stack(np.mgrid[1:64:step, 1:64:step], axis=-1).reshape(-1, 2).astype(np.int64)


def fitted(folder, scene, folds=None) -> tuple[RasterWithDifferences, SceneApplicability]:
    raster, where = RasterWithDifferences(cube_of(folder, scene)), positions()
    return raster, SceneApplicability.fit(raster, where, np.arange(len(where)) % 4 if folds is None else folds)


def test_differences_are_those_from_the_known_neighbours():
    values = np.arange(25, dtype=np.float32).reshape(1, 5, 5) ** 2
    values[0, 0, 0] = values[0, 2, 3] = np.nan
    found = with_differences(values)
    assert found.shape == (2, 3, 3)
    np.testing.assert_array_equal(found[0], values[0, 1:-1, 1:-1])
    for row, col in ((0, 0), (1, 1), (2, 2)):
        around = values[0, row : row + 3, col : col + 3]
        np.testing.assert_allclose(found[1, row, col], values[0, row + 1, col + 1] - np.nanmean(around), rtol=1e-6)
    assert np.isnan(found[:, 1, 2]).all()


def test_any_window_has_the_same_values(tmp_path, scene):
    raster = RasterWithDifferences(cube_of(tmp_path, scene), [3, 1])
    everything = raster.read(whole(64, 64))
    assert everything.shape == (raster.bands, 64, 64) == (4, 64, 64)
    np.testing.assert_array_equal(everything[:2], scene[[3, 1]])
    assert np.isfinite(everything).all()
    part = raster.read(Window(50, 7, 20, 9), [2, 0])
    np.testing.assert_array_equal(part[:, :14], everything[[2, 0], 50:, 7:16])
    assert np.isnan(part[:, 14:]).all()
    assert raster.filled([0]).all()


def test_pixels_are_read_at_their_positions(tmp_path, scene):
    where = np.random.default_rng(0).integers(0, 64, (200, 2))
    rows, cols = where.T
    np.testing.assert_array_equal(read_pixels(cube_of(tmp_path, scene), where), scene[:, rows, cols].T)


def test_training_pixels_have_index_0(tmp_path, scene):
    raster, applicability = fitted(tmp_path, scene)
    index = applicability.index(raster, whole(64, 64))
    assert index.shape == (64, 64)
    assert (index[tuple(positions().T)] == 0).all()
    assert applicability.area.inside(index).mean() > 0.9


def test_windows_do_not_show(tmp_path, scene, monkeypatch):
    raster, applicability = fitted(tmp_path, scene)
    index = applicability.index(raster, whole(64, 64))
    monkeypatch.setattr(scene_applicability, "_STRIP_BYTES", 4 * raster.bands * 64 * 5)  # five rows
    np.testing.assert_array_equal(applicability.index(raster, whole(64, 64)), index)
    np.testing.assert_array_equal(applicability.index(raster, Window(13, 30, 9, 30)), index[13:22, 30:60])


def test_noise_is_outside_although_each_pixel_alone_could_be_one_of_the_scene(tmp_path):
    rng = np.random.default_rng(1)
    land = np.kron(rng.normal(100, 20, (1, 16, 16)), np.ones((4, 4))).astype(np.float32)
    scene = np.round(land + rng.normal(0, 1, (1, 64, 64))).astype(np.float32)
    _, applicability = fitted(tmp_path, scene)
    shuffled = rng.permutation(scene.reshape(-1)).reshape(1, 64, 64)
    noise = RasterWithDifferences(cube_of(tmp_path, shuffled, name="noise"))
    assert applicability.area.inside(applicability.index(noise, whole(64, 64))).mean() < 0.2
    alone = SceneApplicability.of_pixels(
        scene.reshape(1, -1).T, scene[:, ::4, ::4].reshape(1, -1).T, np.arange(256) % 4
    )
    assert alone.inside_share(shuffled.reshape(1, -1).T) > 0.9


def test_no_data_has_no_index_and_samples_without_do_not_count(tmp_path, scene):
    scene[2, :10] = np.nan
    raster, applicability = fitted(tmp_path, scene)
    index = applicability.index(raster, whole(64, 64))
    assert np.isnan(index[:10]).all()
    assert np.isfinite(index[10:]).all()
    assert len(applicability.area.samples) == (positions()[:, 0] >= 10).sum()


def test_shares_of_the_scene_and_of_noise(tmp_path, scene):
    raster, applicability = fitted(tmp_path, scene)
    pixels = SceneSummary.of_raster(raster).pixels
    index = applicability.area.inside(applicability.index_of(pixels))
    assert applicability.inside_share(pixels) == pytest.approx(index.mean())
    assert applicability.inside_share(np.full((3, 8), np.nan, dtype=np.float32)) == 0
    assert applicability.noise_inside_share() < 0.01


def test_where_the_scene_is_noise_the_index_cannot_tell_noise(tmp_path):
    scene = np.random.default_rng(0).normal(50, 5, (2, 64, 64)).astype(np.float32)
    assert fitted(tmp_path, scene)[1].noise_inside_share() > 0.9


def test_arrays_and_back(tmp_path, scene):
    raster, applicability = fitted(tmp_path, scene)
    again = SceneApplicability.from_arrays(applicability.to_arrays())
    window = Window(3, 3, 20, 20)
    np.testing.assert_array_equal(again.index(raster, window), applicability.index(raster, window))


@pytest.mark.parametrize(
    "damage",
    [
        lambda arrays: arrays.pop("space.axes"),
        lambda arrays: arrays.pop("area.samples"),
        lambda arrays: arrays.update({"space.axes": arrays["space.axes"][:-1]}),
        lambda arrays: arrays.update(
            {f"space.{name}": arrays[f"space.{name}"][..., :-1] for name in ("axes", "mean", "inverse")}
        ),
    ],
)
def test_damaged_arrays_are_refused(tmp_path, scene, damage):
    arrays = fitted(tmp_path, scene)[1].to_arrays()
    damage(arrays)
    with pytest.raises(ValueError, match=r"of the (spectral space|applicability)"):
        SceneApplicability.from_arrays(arrays)
