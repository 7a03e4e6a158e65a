# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import numpy as np
import pytest

from mtmsd_qgis.errors import SceneError
from mtmsd_qgis.io.cube import Cube
from mtmsd_qgis.jobs.transfer_results import MOST_PIXELS, PROBABILITIES
from mtmsd_qgis.transfer import scene_summary
from mtmsd_qgis.transfer.adaptation import Adaptation
from mtmsd_qgis.transfer.scene_summary import SceneSummary
from tests.scenes import cube_of

BYTES = 1_000_000


def noise(bands: int, height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(100, 10, (bands, height, width)).astype(np.float32)


def size_of(summary: SceneSummary) -> int:
    return sum(array.nbytes for array in summary.to_arrays().values())


def test_a_small_scene_is_seen_whole(tmp_path):
    values = noise(3, 40, 50)
    summary = SceneSummary.of_raster(cube_of(tmp_path, values))
    exact = np.quantile(values.reshape(3, -1).astype(np.float64), PROBABILITIES, axis=1).T
    np.testing.assert_allclose(summary.quantiles, exact)
    assert len(summary.pixels) == MOST_PIXELS == 40 * 50
    assert {tuple(pixel) for pixel in summary.pixels} == {tuple(pixel) for pixel in values.reshape(3, -1).T}


def test_pixels_are_spread_over_a_large_scene(tmp_path):
    rows, cols = np.mgrid[:1000, :600].astype(np.float32)
    summary = SceneSummary.of_raster(cube_of(tmp_path, np.stack([rows, cols])))
    counts, *_ = np.histogram2d(*summary.pixels.T, bins=(5, 3), range=((0, 1000), (0, 600)))
    assert len(summary.pixels) == MOST_PIXELS
    assert counts.min() > 0.6 * MOST_PIXELS / 15
    assert len(np.unique(summary.blocks)) == 100
    assert np.bincount(summary.blocks).max() == 20
    places = summary.pixels / np.array([1000, 600])
    assert np.abs(places - summary.places).max() < 0.02
    np.testing.assert_allclose(summary.quantiles[0, 2], 500, atol=25)


def test_a_block_is_a_window_of_its_own(tmp_path):
    rows, cols = np.mgrid[:600, :600].astype(np.float32)
    summary = SceneSummary.of_raster(cube_of(tmp_path, np.stack([rows, cols])))
    for block in np.unique(summary.blocks):
        assert np.ptp(summary.pixels[summary.blocks == block], axis=0).max() < 16
        assert len(np.unique(summary.places[summary.blocks == block], axis=0)) == 1


@pytest.mark.parametrize("bands", [1, 8, 224, 950])
def test_what_is_kept_is_at_most_a_megabyte(tmp_path, bands):
    summary = SceneSummary.of_raster(cube_of(tmp_path, noise(bands, 100, 60))).with_classes([1] * 100)
    assert size_of(summary) <= BYTES
    assert len(summary.pixels) >= min(MOST_PIXELS, 200)


def test_bands_come_in_the_order_wanted(tmp_path):
    cube = cube_of(tmp_path, noise(4, 30, 30))
    every, some = SceneSummary.of_raster(cube), SceneSummary.of_raster(cube, [2, 0])
    np.testing.assert_array_equal(some.pixels, every.pixels[:, [2, 0]])
    np.testing.assert_array_equal(some.quantiles, every.quantiles[[2, 0]])


def test_scenes_of_one_size_give_the_same_places(tmp_path):
    values = noise(2, 300, 200)
    one = SceneSummary.of_raster(cube_of(tmp_path, values))
    other = SceneSummary.of_raster(cube_of(tmp_path, values * 2 + 1, name="other"))
    np.testing.assert_array_equal(other.pixels, one.pixels * 2 + 1)
    np.testing.assert_array_equal(other.blocks, one.blocks)


def test_pixels_without_data_do_not_count(tmp_path):
    values = noise(2, 100, 100)
    values[0, :, :90] = np.nan
    values[1, :50] = np.nan
    summary = SceneSummary.of_raster(cube_of(tmp_path, values))
    assert np.isfinite(summary.pixels).all()
    assert (summary.places[:, 0] > 0.45).all()
    assert (summary.places[:, 1] > 0.85).all()


def test_rare_data_are_found(tmp_path, monkeypatch):
    monkeypatch.setattr(scene_summary, "_MOST_TRIED", 30)
    values = np.full((2, 400, 400), np.nan, dtype=np.float32)
    values[:, 320:352, 208:240] = noise(2, 32, 32)
    summary = SceneSummary.of_raster(cube_of(tmp_path, values))
    assert len(np.unique(summary.blocks)) == 4
    assert len(summary.pixels) == 32 * 32


def test_memory_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(scene_summary, "_READ_BYTES", 100 * 4 * 3 * 5)  # five pixels of each of a hundred windows
    summary = SceneSummary.of_raster(cube_of(tmp_path, noise(3, 300, 300)))
    assert np.bincount(summary.blocks).tolist() == [5] * 100


class Costly(Cube):
    """Counts the windows that are read."""

    costly = True
    windows = 0

    def read(self, window, bands=None):
        self.windows += 1
        return super().read(window, bands)


def test_fewer_windows_of_a_costly_raster_are_read(tmp_path):
    cube = cube_of(tmp_path, noise(2, 500, 500))
    costly = Costly(tmp_path, cube.description)
    assert len(np.unique(SceneSummary.of_raster(costly).blocks)) == costly.windows == 9


def test_no_data_at_all_is_an_error(tmp_path):
    values = noise(2, 40, 40)
    values[0, :20], values[1, 20:] = np.nan, np.nan
    with pytest.raises(SceneError, match="data in all of 2 bands were expected, none was found"):
        SceneSummary.of_raster(cube_of(tmp_path, values))


def test_class_proportions(tmp_path):
    summary = SceneSummary.of_raster(cube_of(tmp_path, noise(1, 20, 20)))
    assert summary.class_proportions.shape == (0,)
    assert summary.with_classes([30, 0, 10]).class_proportions.tolist() == [0.75, 0, 0.25]
    assert summary.with_classes([0, 0]).class_proportions.tolist() == [0, 0]


def test_an_adapted_summary_is_that_of_the_adapted_raster(tmp_path):
    source = SceneSummary.of_raster(cube_of(tmp_path, noise(2, 60, 60)))
    target = SceneSummary.of_raster(cube_of(tmp_path, noise(2, 60, 60, seed=1) * 3 + 7, name="target"))
    adapted = target.adapted(Adaptation.between(source.scaling, target.scaling))
    np.testing.assert_allclose(adapted.scaling.median, source.scaling.median, rtol=1e-5)
    np.testing.assert_allclose(adapted.scaling.spread, source.scaling.spread, rtol=1e-5)
    assert adapted.pixels.dtype == np.float32
    np.testing.assert_array_equal(adapted.blocks, target.blocks)


def test_arrays_and_back(tmp_path):
    summary = SceneSummary.of_raster(cube_of(tmp_path, noise(3, 50, 50))).with_classes([1, 2, 3])
    again = SceneSummary.from_arrays(summary.to_arrays())
    for name, array in summary.to_arrays().items():
        np.testing.assert_array_equal(getattr(again, name), array)


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("quantiles", lambda a: a[:, ::-1]),
        ("quantiles", lambda a: a[:1]),
        ("quantiles", lambda a: None),
        ("pixels", lambda a: a[:-1]),
        ("pixels", lambda a: a.astype(np.float64)),
        ("pixels", lambda a: a * np.float32(np.inf)),
        ("pixels", lambda a: a[:, 0]),
        ("blocks", lambda a: a[:, None]),
        ("places", lambda a: a[:, :1]),
        ("class_proportions", lambda a: -a),
        ("class_proportions", lambda a: a + 1),
    ],
)
def test_damaged_arrays_are_refused(tmp_path, name, damage):
    arrays = SceneSummary.of_raster(cube_of(tmp_path, noise(3, 20, 20))).with_classes([1, 2]).to_arrays()
    arrays[name] = damage(arrays[name])
    with pytest.raises(ValueError, match="of the scene"):
        SceneSummary.from_arrays({key: value for key, value in arrays.items() if value is not None})
