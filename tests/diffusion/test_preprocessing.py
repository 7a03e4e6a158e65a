# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import numpy as np
import pytest

from mtmsd_qgis.diffusion.preprocessing import fit_preprocessor
from mtmsd_qgis.errors import SceneError
from mtmsd_qgis.io.windows import row_strips, whole
from tests.scenes import cube_of


def scene(bands=6, height=20, width=30, seed=0):
    rng = np.random.default_rng(seed)
    mixed = rng.normal(size=(bands, bands)) @ rng.normal(size=(bands, height * width)) * 50 + 1000
    return mixed.reshape(bands, height, width).astype(np.float32)


def test_components_have_mean_0_and_variance_1_and_are_uncorrelated(tmp_path):
    preprocessor, left_out = fit_preprocessor(cube_of(tmp_path, scene()), 4)
    components, valid = preprocessor.transform(scene())
    flat = components.reshape(4, -1)
    assert left_out == []
    assert valid.all()
    assert np.allclose(flat.mean(axis=1), 0, atol=1e-4)
    assert np.allclose(np.cov(flat, bias=True), np.eye(4), atol=1e-3)


def test_streamed_pca_equals_pca_of_the_whole(tmp_path, monkeypatch):
    array = scene()
    monkeypatch.setattr("mtmsd_qgis.diffusion.preprocessing.row_strips", lambda h, w, n: row_strips(h, w, 1, 3 * w))
    preprocessor, _ = fit_preprocessor(cube_of(tmp_path, array), 6)
    flat = array.reshape(6, -1).astype(float)
    variance, vectors = np.linalg.eigh(np.cov(flat, bias=True))
    assert np.allclose(preprocessor.mean, flat.mean(axis=1))
    assert np.allclose(preprocessor.deviation**2, variance[::-1], rtol=1e-9)
    assert np.allclose(np.abs((preprocessor.axes * vectors[:, ::-1].T).sum(axis=1)), 1)


def test_bad_bands_are_left_out_and_named(tmp_path):
    array = scene(bands=8)
    array[1] = -9999
    array[3] = 7
    array[5, 2:] = -9999
    preprocessor, left_out = fit_preprocessor(cube_of(tmp_path, array, nodata=-9999), 10)
    assert [(band.number, band.reason) for band in left_out] == [
        (2, "no data"),
        (4, "constant (7)"),
        (6, "data at only 60 of 600 pixels"),
    ]
    assert [band.number for band in preprocessor.bands] == [1, 3, 5, 7, 8]
    assert preprocessor.components == 5


def test_nodata_pixels_do_not_enter_and_become_the_mean(tmp_path):
    array = scene()
    clean, _ = fit_preprocessor(cube_of(tmp_path, array[:, :10], name="half"), 3)
    array[:, 10:] = np.nan
    array[2, 10:] = 1e30  # one band has values there, the others do not
    spoilt, _ = fit_preprocessor(cube_of(tmp_path, array, name="spoilt"), 3)
    components, valid = spoilt.transform(array)
    assert np.allclose(spoilt.axes, clean.axes)
    assert not valid[10:].any()
    assert (components[:, 10:] == 0).all()


def test_dependent_bands_give_fewer_components(tmp_path):
    array = scene(bands=3)
    doubled = np.concatenate([array, 2 * array[:1]])
    preprocessor, _ = fit_preprocessor(cube_of(tmp_path, doubled.astype(np.float64)), 4)
    assert preprocessor.components == 3


def test_standard_scaling_ignores_the_units_of_bands(tmp_path):
    array = scene()
    other = array * np.array([1, 10, 100, 1, 1, 0.1], dtype=np.float32)[:, None, None]
    one, _ = fit_preprocessor(cube_of(tmp_path, array, name="one"), 3, "standard")
    two, _ = fit_preprocessor(cube_of(tmp_path, other, name="two"), 3, "standard")
    assert np.allclose(np.abs(one.transform(array)[0]), np.abs(two.transform(other)[0]), atol=2e-3)


@pytest.mark.parametrize("constant", [7.0, 0.1])
def test_a_band_that_differs_only_where_others_have_no_data_has_no_part(tmp_path, constant):
    array = scene(bands=3)
    array[2] = constant
    array[2, :5] = np.linspace(0, 9, 30)
    array[0, :5] = np.nan
    preprocessor, _ = fit_preprocessor(cube_of(tmp_path, array), 3, "standard")
    assert preprocessor.scale[2] == 1
    assert preprocessor.components == 2
    assert np.allclose(preprocessor.axes[:, 2], 0)


def test_one_band_is_one_component(tmp_path):
    array = scene()[:1]
    preprocessor, left_out = fit_preprocessor(cube_of(tmp_path, array), 4)
    components, valid = preprocessor.transform(array)
    assert (preprocessor.components, left_out, valid.all()) == (1, [], True)
    assert np.allclose((components.mean(), components.std()), (0, 1), atol=1e-3)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.ones((1, 4, 4), np.float32), "At least one usable band .*constant"),
        (np.full((3, 4, 4), np.nan, np.float32), "At least one usable band .*no data"),
        (
            np.stack(
                [np.where(np.arange(16).reshape(4, 4) % 2 == i, np.arange(16).reshape(4, 4), np.nan) for i in (0, 1)]
            ).astype(np.float32),
            "No valid pixel",
        ),
        (
            np.array([[[1, 2, 3, 3], [9, np.nan, 3, 3]], [[np.nan, np.nan, 5, 5], [np.nan, 8, 5, 5]]], np.float32),
            "all are constant at the 4 pixels where every band has data",
        ),
    ],
)
def test_scenes_that_cannot_be_used(tmp_path, array, message):
    with pytest.raises(SceneError, match=message):
        fit_preprocessor(cube_of(tmp_path, array), 3)


def test_the_transform_of_a_window_is_the_window_of_the_transform(tmp_path):
    array = scene()
    preprocessor, _ = fit_preprocessor(cube_of(tmp_path, array), 4)
    whole_scene, _ = preprocessor.transform(array)
    part, _ = preprocessor.transform(array[:, 5:9, 3:20])
    assert np.allclose(part, whole_scene[:, 5:9, 3:20], atol=1e-5)
    assert whole(20, 30).height == 20


def test_a_fill_value_that_nobody_declared_is_refused_or_told_of(tmp_path, caplog):
    array = scene()
    array[:, :2, :3] = 1e36
    with pytest.raises(SceneError, match=r"6 of 600 pixels have the value 1e\+36 in all bands"):
        fit_preprocessor(cube_of(tmp_path, array), 4)
    array[:, :2, :3] = 4 * np.median(array)
    fit_preprocessor(cube_of(tmp_path, array, name="mild"), 4)
    assert "6 of 600 pixels have the value" in caplog.text


def test_components_that_cannot_be_made_are_told_of(tmp_path, caplog):
    array = scene(bands=1).repeat(5, axis=0)
    preprocessor, _ = fit_preprocessor(cube_of(tmp_path, array), 4)
    assert preprocessor.components == 1
    assert "Only 1 components could be made of 5 bands" in caplog.text
