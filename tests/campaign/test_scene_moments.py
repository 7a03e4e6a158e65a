# SPDX-License-Identifier: GPL-2.0-or-later
"""Moments of scenes add up to those of the raster that they are cut from, in any partition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtmsd_qgis.campaign.scene_moments import SceneMoments, add_up
from mtmsd_qgis.diffusion.preprocessing import fit_preprocessor, preprocessor_of
from mtmsd_qgis.errors import FileFormatError, SceneError
from mtmsd_qgis.io.moments import Moments
from mtmsd_qgis.jobs.data_model import Band
from mtmsd_qgis.progress import silent
from tests.scenes import cube_of, fields


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 60), max_size=6), st.integers(0, 1000), st.sampled_from([1.0, 1e4]))
def test_moments_of_any_partition_add_up_to_those_of_the_whole(cuts, seed, offset):
    rng = np.random.default_rng(seed)
    values = (rng.normal(size=(3, 60)) * [[1], [5], [0.1]] + offset).astype(np.float32)
    values[:, rng.random(60) < 0.1] = np.nan
    total = Moments.none(3)
    for part in np.split(values, sorted(cuts), axis=1):
        total = total.plus(Moments.of(part))
    known = values[:, np.isfinite(values).all(axis=0)].astype(np.float64)
    assert total.count == known.shape[1]
    np.testing.assert_allclose(total.mean, known.mean(axis=1), rtol=1e-12)
    np.testing.assert_allclose(total.covariance, np.cov(known, bias=True), rtol=1e-7, atol=1e-9)


def measured(tmp_path, arrays):
    paths = {}
    for number, array in enumerate(arrays):
        cube = cube_of(tmp_path, array, nodata=-1, name=f"scene{number}")
        path = paths[f"Scene {number}"] = tmp_path / f"moments-{number}.part"
        SceneMoments.of(cube, silent).save(path)
    return paths


def bands(count):
    return [Band(f"Band {i + 1}", number=i + 1) for i in range(count)]


def test_components_of_a_campaign_are_those_of_one_raster(tmp_path):
    values = fields(40, 36, bands=5)[0].astype(np.float32)
    values[:, 3:9, 4:30] = -1
    values[1:, 3:9, 4:8] = 1e9  # no data in the first band, so that they do not count
    whole, _ = fit_preprocessor(cube_of(tmp_path, values, nodata=-1, name="whole"), 3)
    found = add_up(measured(tmp_path, [values[:, :16], values[:, 16:]]), bands(5))
    joint = preprocessor_of(found.moments, bands(5), 3, "none")
    np.testing.assert_allclose(joint.mean, whole.mean)
    np.testing.assert_allclose(joint.axes, whole.axes, atol=1e-9)
    np.testing.assert_allclose(joint.deviation, whole.deviation)
    valid = values[:, values[0] != -1]
    np.testing.assert_array_equal(found.extent.low, valid.min(axis=1))
    np.testing.assert_array_equal(found.extent.high, valid.max(axis=1))


def test_a_band_is_good_where_it_is_good_in_all_scenes_taken_together(tmp_path, caplog):
    one, two = (fields(20, 20, bands=4, seed=seed)[0].astype(np.float32) for seed in (0, 1))
    one[1] = 7  # constant here, not in the other
    one[2], two[2] = 9, 9
    two[:, :10] = -1
    found = add_up(measured(tmp_path, [one, two]), bands(4))
    assert found.used.tolist() == [0, 1, 3]
    assert found.moments.count == 400 + 200
    assert "Bands left out: 3 constant (9)." in caplog.text


def test_a_scene_that_lacks_a_band_is_told_of_with_what_it_means(tmp_path, caplog):
    one, two, empty = (fields(20, 20, bands=3, seed=seed)[0].astype(np.float32) for seed in (0, 1, 2))
    one[1], empty[:] = -1, -1
    assert add_up(measured(tmp_path, [one, two, two, empty]), bands(3)).moments.count == 800
    assert "Scene 0 has little or no data in the bands 2, which" in caplog.messages[0]
    assert "Pixels without them are not mapped" in caplog.messages[0]
    assert caplog.messages[1:] == ["Scene 3 has no data; its map will be empty."]


@pytest.mark.parametrize(("scale", "told"), [(1e-4, "0.0001"), (1e4, "1e+04"), (0.1, ""), (10, "")])
def test_a_scene_in_another_unit_is_told_of(tmp_path, caplog, scale, told):
    values = np.repeat(fields(20, 20, bands=3)[0].astype(np.float32)[None], 3, axis=0)
    values[0] = -1  # the first one with data counts
    values[2] *= scale
    add_up(measured(tmp_path, values), bands(3))
    found = [line for line in caplog.messages if "times" in line]
    assert len(found) == bool(told)
    assert all(line.startswith(f"The values of Scene 2 are {told} times those of the first scene") for line in found)


def test_a_scene_without_data_adds_nothing(tmp_path):
    full = fields(20, 20, bands=3)[0].astype(np.float32)
    paths = measured(tmp_path, [np.full((3, 20, 33), -1, np.float32), full])
    empty = SceneMoments.load(paths["Scene 0"])
    assert (empty.moments.count, empty.blocks.shape, empty.blocks.sum()) == (0, (2, 3), 0)
    assert add_up(paths, bands(3)).moments.count == 400
    with pytest.raises(SceneError, match="found none of 3"):
        add_up({"Scene 0": paths["Scene 0"]}, bands(3))


def test_a_scene_that_cannot_be_computed_with_is_named(tmp_path, caplog):
    values = np.random.default_rng(0).uniform(0.1, 0.5, (3, 20, 20)).astype(np.float32)
    values[:, 0, :15] = 1
    SceneMoments.of(cube_of(tmp_path, values, name="told"), silent, "Scene 0007 (tile)")
    assert caplog.messages[0].startswith("Scene 0007 (tile): 15 of 400 pixels have the value 1 in all bands")
    values[:, 0, :15] = 1e36
    with pytest.raises(SceneError, match=r"Scene 0007 \(tile\): Values of one range were expected .* 15 of 400 pixels"):
        SceneMoments.of(cube_of(tmp_path, values, name="refused"), silent, "Scene 0007 (tile)")


def test_valid_pixels_are_counted_by_block(tmp_path):
    values = fields(20, 33, bands=3)[0].astype(np.float32)
    values[1, :4] = -1
    found = SceneMoments.load(measured(tmp_path, [values])["Scene 0"])
    assert found.blocks.tolist() == [[12 * 16, 12 * 16, 12], [4 * 16, 4 * 16, 4]]


def test_a_damaged_file_is_refused(tmp_path):
    (path,) = measured(tmp_path, [fields(20, 20, bands=3)[0].astype(np.float32)]).values()
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(FileFormatError, match="incomplete or damaged"):
        SceneMoments.load(path)
