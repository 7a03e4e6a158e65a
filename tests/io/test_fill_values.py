# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import numpy as np
import pytest

from mtmsd_qgis.errors import SceneError
from mtmsd_qgis.io.bands import inspect_bands
from mtmsd_qgis.io.fill_values import fill_value_in_all, fill_value_of
from tests.scenes import cube_of

CORNER = (slice(None), slice(0, 4), slice(0, 5))  # 20 pixels


def reflectances(bands=6, height=30, width=40, scale=1.0):
    rng = np.random.default_rng(0)
    return (rng.uniform(0.01, 0.6, (bands, height, width)) * scale).astype(np.float32)


def fill_of(folder, values, **given):
    return inspect_bands(cube_of(folder, values, **given)).fill


@pytest.mark.parametrize("fill", [1e36, -9999.0, 1e20, -3.4e38, 65535.0])
def test_a_fill_value_in_a_corner_is_found_with_its_pixels(tmp_path, fill):
    values = reflectances()
    values[CORNER] = fill
    found = fill_of(tmp_path, values)
    assert found.value == pytest.approx(fill)
    assert (found.pixels, found.all_pixels, found.in_all_bands) == (20, 1200, True)
    assert 0 < found.low < found.high < 1
    with pytest.raises(SceneError, match=r"20 of 1200 pixels have the value .* in all bands"):
        found.refuse_if_spoiling()


def test_most_of_the_raster_may_be_fill(tmp_path):
    values = reflectances()
    values[:, :20] = -9999
    assert fill_of(tmp_path, values).pixels == 800


def test_a_value_that_does_not_spoil_is_only_told_of(tmp_path):
    values = reflectances(scale=10_000)
    values[CORNER] = -9999
    found = fill_of(tmp_path, values)
    assert (found.value, found.pixels) == (-9999, 20)
    found.refuse_if_spoiling()


def test_a_fill_value_of_one_band_is_found(tmp_path):
    values = reflectances()
    values[2, :4, :5] = -9999
    found = fill_of(tmp_path, values)
    assert (found.value, found.pixels, found.in_all_bands) == (-9999, 20, False)


def test_several_values_that_nothing_measures_are_found(tmp_path):
    values = reflectances()
    values[:, 0, :3] = [1e33, -2e34, 1e35]
    found = fill_of(tmp_path, values)
    assert (found.value, found.pixels) == (pytest.approx(1e35), 3)
    assert found.spoils


def signed_bytes(bands):
    return np.random.default_rng(0).integers(-120, 121, (bands, 30, 40)).astype(np.float32)


@pytest.mark.parametrize("fill", [-128, 0])
def test_a_value_near_the_others_is_found_where_pixels_of_many_bands_hold_nothing_else(tmp_path, fill):
    values = signed_bytes(64)
    values[CORNER] = fill
    found = fill_of(tmp_path, values)
    assert (found.value, found.pixels, found.in_all_bands, found.high) == (fill, 20, True, 120)
    assert not found.spoils
    assert "20 of 1200 pixels have the value" in found.sentence
    assert "far from" not in found.sentence


@pytest.mark.parametrize(("bands", "pixels", "value"), [(8, 20, 125), (8, 20, 0), (8, 9, -128), (64, 9, -128)])
def test_one_value_in_few_bands_or_few_pixels_may_be_measured(tmp_path, bands, pixels, value):
    values = signed_bytes(bands)
    values.reshape(bands, -1)[:, :pixels] = value
    assert fill_of(tmp_path, values) is None


@pytest.mark.parametrize("bands", [2, 6, 15])
def test_the_lowest_value_is_found_where_pixels_of_few_bands_hold_nothing_else(tmp_path, bands):
    """0 around a scene is near its reflectances."""
    values = reflectances(bands, scale=10_000)
    values[CORNER] = 0
    values[0, 20, :5] = 0  # a few pixels are as dark in one band
    found = fill_of(tmp_path, values)
    assert (found.value, found.pixels, found.spoils) == (0, 20, False)
    assert "20 of 1200 pixels have the value 0 in all bands, as hardly a measurement gives" in found.sentence


def declared(values):
    values[CORNER] = 1e36
    return {"nodata": 1e36}


def dark_water(values):
    """0 in all bands where it is darkest, in most of them around that."""
    values[CORNER] = 0
    values[1:, 4:14, :5] = 0


def bright_tail(values):
    values[:, 0, :8] = np.geomspace(0.6, 40, 8)


def glint(values):
    values[1, 3, 3] = 5


def two_values(values):
    values[:] = np.where(values > 0.3, 100, 1)


@pytest.mark.parametrize("change", [declared, dark_water, bright_tail, glint, two_values], ids=lambda c: c.__name__)
def test_data_are_no_fill(tmp_path, change):
    values = reflectances()
    given = change(values) or {}
    assert fill_of(tmp_path, values, **given) is None


def test_pixels_under_a_mask_do_not_count(tmp_path):
    values = reflectances()
    values[CORNER] = np.nan
    assert fill_of(tmp_path, values) is None


@pytest.mark.parametrize(
    ("scale", "words"),
    [
        (1e20, r"at most 1e\+15 were expected in the raster, found 6e\+19"),
        (1e-25, r"differ by 1e-15 or more were expected .* differ by 5\.\d+e-26"),
    ],
)
def test_values_that_32_bits_cannot_compute_with_are_refused(tmp_path, scale, words):
    with pytest.raises(SceneError, match=words):
        inspect_bands(cube_of(tmp_path, reflectances(scale=scale))).warning()


def test_values_of_any_usual_unit_are_fine(tmp_path):
    for number, scale in enumerate((1e-9, 1.0, 1e12)):
        assert inspect_bands(cube_of(tmp_path, reflectances(scale=scale), name=f"s{number}")).warning() == ""


@pytest.mark.parametrize(
    ("fill", "count", "expected"),
    [(1e36, 1, 1e36), (-9999.0, 20, -9999.0), (-9999.0, 0, None), (0.0, 20, None), (31.0, 20, None), (50.0, 5, None)],
)
def test_the_fill_value_of_one_band(fill, count, expected):
    values = np.concatenate([np.linspace(2, 30, 400), np.full(count, fill)])
    found = fill_value_of(values)
    assert (found and found.value) == expected
    if found is not None:
        assert (found.pixels, found.all_pixels, found.low, found.high) == (count, 400 + count, 2, 30)


def test_no_values_have_no_fill_value():
    assert fill_value_of(np.empty(0)) is None
    assert fill_value_of(np.full(30, 7.0)) is None


@pytest.mark.parametrize(
    ("both", "one", "expected"),
    [(20, 0, 20), (20, 15, 20), (20, 60, None), (9, 0, None), (0, 60, None)],  # pixels that are 0, in both or one band
)
def test_a_value_that_pixels_have_in_all_of_a_few_bands_is_found(both, one, expected):
    """As 0 around a radar image in linear units; where one band has it often too, it is a measurement."""
    values = np.random.default_rng(0).uniform(0.001, 1, (2, 400)).astype(np.float32)
    values[:, :both] = 0
    values[0, both : both + one] = 0
    found = fill_value_in_all(values)
    assert (found and (found.value, found.pixels, found.all_pixels)) == (expected and (0, expected, 400))


def test_values_of_no_pixel_or_all_alike_have_none_in_all_bands():
    assert fill_value_in_all(np.empty((2, 0), np.float32)) is None
    assert fill_value_in_all(np.full((2, 30), 7, np.float32)) is None
    assert fill_value_in_all(np.append(np.ones(30, np.float32), 0)[None]) is None
