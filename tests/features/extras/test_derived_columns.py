# SPDX-License-Identifier: GPL-2.0-or-later
"""Columns of extra rasters by small numbers: relief, decibels, scaling, holes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mtmsd_qgis.features.extras.column_recipe import CUT, ColumnRecipe
from mtmsd_qgis.features.extras.derived_columns import derived, textures
from mtmsd_qgis.features.extras.extra_reader import ExtraReader
from mtmsd_qgis.io.windows import Window, whole
from mtmsd_qgis.jobs.extras.extra_rasters import ExtraRaster
from mtmsd_qgis.progress import silent
from tests.scenes import cube_of

NONE = torch.zeros(1, dtype=torch.int64)


def test_a_slope_of_heights_is_the_same_everywhere_and_holds_no_height():
    down, right = np.mgrid[0:60, 0:60]
    height = torch.from_numpy(3.0 * right + 4.0 * down + 1000)[None]
    known = torch.ones(60, 60, dtype=torch.bool)
    columns = derived(height, known, "elevation", NONE, False)
    slope, above_11, above_35, roughness = (column[20:40, 20:40] for column in columns)
    assert torch.allclose(slope, torch.full_like(slope, 5.0))
    assert torch.allclose(above_11, torch.zeros_like(above_11), atol=1e-6)
    assert torch.allclose(above_35, torch.zeros_like(above_35), atol=1e-6)
    assert roughness.std() < 1e-6
    assert len(derived(height, known, "elevation", NONE, True)) == 5


def test_decibels_stand_beside_their_means():
    power = torch.full((1, 9, 9), 0.01, dtype=torch.float64)
    power[0, 4, 4] = 1.0
    columns = derived(power, torch.ones(9, 9, dtype=torch.bool), "values", torch.ones(1, dtype=torch.int64), False)
    assert columns[0, 4, 4] == pytest.approx(0)
    assert columns[0, 0, 0] == pytest.approx(-20)
    assert columns[1, 4, 4] == pytest.approx(-20 * 24 / 25)


def test_textures_are_deviations_over_boxes():
    values = torch.zeros(1, 30, 30, dtype=torch.float64)
    values[0, :, 15:] = 2.0
    columns = textures(values, torch.ones(30, 30, dtype=torch.bool))
    assert columns.shape == (3, 30, 30)
    assert columns[:, 15, 2].abs().max() < 1e-9
    assert columns[0, 15, 15] == pytest.approx(2 * (2 / 9) ** 0.5)


def recipe_of(cube, kind="values", absolute=False):
    recipe = ColumnRecipe.fit(cube, ExtraRaster("extra", kind, ("1",)), 0, absolute)
    assert recipe is not None
    return recipe


def test_values_are_scaled_by_quartiles_and_cut(tmp_path):
    values = np.random.default_rng(0).normal(50, 3, size=(1, 64, 64)).astype(np.float32)
    values[0, 0, 0] = 1e6
    recipe = recipe_of(cube_of(tmp_path, values))
    columns, known = recipe.read(cube_of(tmp_path, values), whole(64, 64))
    assert known.all()
    assert columns[0].median().abs() < 0.01
    assert columns[0].flatten()[1:].std() == pytest.approx(1, abs=0.1)
    assert columns[0, 0, 0] == CUT


def test_backscatter_is_measured_in_decibels_and_other_values_are_not(tmp_path):
    rng = np.random.default_rng(0)
    speckled = rng.exponential(0.1, size=(1, 64, 64)).astype(np.float32) + 1e-6
    assert recipe_of(cube_of(tmp_path, np.exp(3 * speckled * 10), name="long")).decibel.tolist() == [1]
    assert recipe_of(cube_of(tmp_path, -speckled, name="negative")).decibel.tolist() == [0]


def test_what_is_not_known_is_not_filled(tmp_path):
    values = np.random.default_rng(0).normal(size=(1, 64, 64)).astype(np.float32)
    values[0, 10:20, 10:20] = np.nan
    cube = cube_of(tmp_path, values)
    reader = ExtraReader(cube, cube, (recipe_of(cube),))
    columns, known = reader.read(Window(5, 5, 20, 20))
    assert int((~known).sum()) == 100
    assert not columns[:, ~known].any()
    at, where = reader.at_pixels(np.array([0, 12]), np.array([0, 12]), silent)
    assert where.tolist() == [True, False]
    assert at[1] == 0


def test_a_raster_without_data_has_no_recipe(tmp_path):
    cube = cube_of(tmp_path, np.full((1, 20, 20), np.nan, dtype=np.float32))
    assert ColumnRecipe.fit(cube, ExtraRaster("empty", "values", ("1",)), 0, False) is None
