# SPDX-License-Identifier: GPL-2.0-or-later
"""Rasters at their places are read as the raster that they are cut from."""

from __future__ import annotations

import numpy as np
import pytest

from mtmsd_qgis.campaign import mosaic as module
from mtmsd_qgis.campaign.mosaic import Mosaic, MosaicMask
from mtmsd_qgis.errors import FileFormatError, SceneError
from mtmsd_qgis.io.windows import Window
from tests.campaigns import TWO, campaign_of
from tests.scenes import cube_of

PLACES = (Window(0, 0, 9, 14), Window(0, 14, 9, 6), Window(9, 2, 11, 18))
SIZE = (20, 20)


def cut(folder, values, places=PLACES, size=SIZE):
    cubes = []
    for number, place in enumerate(places):
        rows, cols = place.slices
        cubes.append(cube_of(folder, values[:, rows, cols], nodata=-1, name=f"part{number}"))
    opened = []
    return Mosaic(size, places, lambda number: opened.append(number) or cubes[number]), opened


@pytest.mark.parametrize(
    "window", [Window(0, 0, 20, 20), Window(5, 10, 8, 7), Window(-3, -2, 9, 6), Window(15, 0, 9, 3), Window(9, 9, 1, 1)]
)
def test_a_window_is_that_of_the_whole(tmp_path, window):
    values = np.random.default_rng(0).normal(size=(3, *SIZE)).astype(np.float32)
    mosaic, _ = cut(tmp_path, values)
    padded = np.full((3, 40, 40), np.nan, np.float32)
    padded[:, 10:30, 10:30] = values
    padded[:, 19:30, 10:12] = np.nan  # no raster lies there
    rows, cols = Window(window.row + 10, window.col + 10, window.height, window.width).slices
    np.testing.assert_array_equal(mosaic.read(window), padded[:, rows, cols])
    np.testing.assert_array_equal(mosaic.read(window, [2, 0]), padded[[2, 0]][:, rows, cols])


def test_the_later_raster_fills_what_the_earlier_lacks(tmp_path):
    one, two = np.full((1, 4, 6), 1, np.float32), np.full((1, 4, 6), 2, np.float32)
    one[0, 0] = -1
    cubes = [cube_of(tmp_path, one, nodata=-1, name="one"), cube_of(tmp_path, two, name="two")]
    mosaic = Mosaic((4, 10), (Window(0, 0, 4, 6), Window(0, 4, 4, 6)), cubes.__getitem__)
    found = mosaic.read(Window(0, 0, 2, 10))[0]
    np.testing.assert_array_equal(found[0], [np.nan] * 4 + [2] * 6)
    np.testing.assert_array_equal(found[1], [1] * 6 + [2] * 4)
    np.testing.assert_array_equal(MosaicMask(mosaic, [0])[0:2, 2:5], [[False, False, True], [True] * 3])


def test_few_rasters_are_open(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_MOST_OPEN", 2)
    mosaic, opened = cut(tmp_path, np.zeros((2, *SIZE), np.float32))
    mosaic.read(Window(0, 0, 3, 3))
    mosaic.read(Window(12, 12, 3, 3))
    assert opened == [0, 2]
    mosaic.read(Window(0, 14, 3, 3))
    mosaic.read(Window(0, 0, 3, 3))
    assert opened == [0, 2, 1, 0]


def test_a_scene_that_is_lost_or_cut_is_named(tmp_path):
    campaign = campaign_of(tmp_path, TWO)
    raster = tmp_path / "scenes" / "0002" / "scene.raw"
    raster.write_bytes(raster.read_bytes()[:-1])
    with pytest.raises(FileFormatError, match=r"Scene 0002 \(tile 2.tif\): scene.raw should have .* Copy .*0002 anew"):
        Mosaic.of_scenes(campaign, tmp_path).raster(1)


def test_a_scene_with_other_bands_is_refused(tmp_path):
    cubes = [cube_of(tmp_path, np.zeros((count, 4, 4), np.float32), name=f"n{count}") for count in (3, 2)]
    mosaic = Mosaic((8, 4), (Window(0, 0, 4, 4), Window(4, 0, 4, 4)), cubes.__getitem__)
    with pytest.raises(SceneError, match="should have 3 bands as the first has, number 2 has 2"):
        mosaic.read(Window(0, 0, 8, 4))
