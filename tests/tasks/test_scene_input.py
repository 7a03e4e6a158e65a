# SPDX-License-Identifier: GPL-2.0-or-later
"""A scene that a model is given to, with values far from those that the model knows."""

from __future__ import annotations

import numpy as np
import pytest

from mtmsd_qgis.diffusion.preprocessing import fit_preprocessor
from mtmsd_qgis.errors import SceneError
from mtmsd_qgis.progress import silent
from mtmsd_qgis.tasks.scene_input import band_positions, check_valid, standardised
from tests.scenes import cube_of


def reflectances():
    return np.random.default_rng(0).uniform(0.1, 0.5, (4, 20, 30)).astype(np.float32)


def components_of(folder, values):
    preprocessor, _ = fit_preprocessor(cube_of(folder, reflectances(), name="model"), 3)
    return standardised(cube_of(folder, values), None, preprocessor, folder, silent)


def test_a_fill_value_in_another_scene_is_refused(tmp_path):
    values = reflectances()
    values[:, 5, 5:8] = 1e36
    with pytest.raises(SceneError, match=r"3 of 600 pixels are far .* with values such as 1e\+36"):
        components_of(tmp_path, values)


def test_a_scene_in_a_far_larger_unit_is_told_of(tmp_path, caplog):
    components_of(tmp_path, reflectances() * 100_000)
    assert "of 600 pixels are far" in caplog.text
    assert "another unit" in caplog.text


@pytest.mark.parametrize(("factor", "told"), [(1e-4, True), (0.01, True), (0.1, False), (10, False), (100, True)])
def test_a_scene_of_smaller_or_larger_numbers_is_told_of(tmp_path, caplog, factor, told):
    components_of(tmp_path, reflectances() * np.float32(factor))
    assert (f"{factor:.2g} times those that the components were made of" in caplog.text) == told
    assert bool(caplog.text) == told


def test_a_scene_around_0_is_judged_by_how_its_values_differ(tmp_path, caplog):
    values = np.random.default_rng(0).normal(0, 1, (4, 20, 30)).astype(np.float32)
    preprocessor, _ = fit_preprocessor(cube_of(tmp_path, values, name="model"), 4)
    assert np.allclose(preprocessor.magnitude, np.sqrt(np.square(values.astype(float)).mean(axis=(1, 2))))
    standardised(cube_of(tmp_path, values), None, preprocessor, tmp_path, silent)
    assert caplog.text == ""


def test_the_scene_itself_is_not_far(tmp_path, caplog):
    _, valid = components_of(tmp_path, reflectances())
    assert valid.all()
    assert caplog.text == ""


@pytest.mark.parametrize("value", [0, 0.3])
def test_bands_of_one_value_in_another_scene_are_told_of(tmp_path, caplog, value):
    values = reflectances()
    values[[1, 3]] = value
    values[:, :5] = np.nan
    components_of(tmp_path, values)
    (line,) = caplog.messages
    assert line.startswith("Bands that the model uses have one value at all pixels of the raster")
    assert "measured: band 2, band 4. If so" in line


def test_bands_with_little_data_in_another_scene_are_told_of(tmp_path, caplog):
    values = reflectances()
    values[:, :5] = np.nan  # a mask, or a scene that was turned
    components_of(tmp_path, values)
    assert caplog.messages == []
    values[2, 8:] = np.nan
    components_of(tmp_path, values)
    (line,) = caplog.messages
    assert line.startswith("Bands that the model uses have data at few pixels of the raster: band 3. Pixels without")


def test_bands_that_a_checkpoint_has_and_the_raster_lacks_are_named(tmp_path):
    preprocessor, _ = fit_preprocessor(cube_of(tmp_path, reflectances()), 3)
    fewer = cube_of(tmp_path, reflectances()[:2], name="fewer")
    with pytest.raises(SceneError, match="bands that are not chosen now: 3, 4"):
        band_positions(fewer, preprocessor)


def test_bands_that_another_scene_has_no_data_in_are_named(tmp_path):
    preprocessor, _ = fit_preprocessor(cube_of(tmp_path, reflectances(), name="model"), 3)
    for empty, message in (([1, 3], "these have none: band 2, band 4. Use"), ([0, 1, 2, 3], "No valid pixel")):
        values = reflectances()
        values[empty] = np.nan
        cube = cube_of(tmp_path, values)
        _, valid = standardised(cube, None, preprocessor, tmp_path, silent)
        with pytest.raises(SceneError, match=message):
            check_valid(cube, preprocessor.bands, valid)
