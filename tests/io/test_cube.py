# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mtmsd_qgis.errors import FileFormatError
from mtmsd_qgis.io.cube import Cube, create_cube, valid_pixels
from mtmsd_qgis.io.windows import Window, whole
from mtmsd_qgis.jobs.data_model import Band, CubeFile
from tests.scenes import cube_of


def test_windows_outside_the_raster_are_nan(tmp_path):
    array = np.arange(2 * 3 * 4, dtype=np.int16).reshape(2, 3, 4)
    cube = cube_of(tmp_path, array)
    read = cube.read(Window(-1, 2, 3, 4))
    assert np.isnan(read[:, 0]).all()
    assert np.isnan(read[:, :, 2:]).all()
    assert np.array_equal(read[:, 1:, :2], array[:, :2, 2:])
    assert np.isnan(cube.read(Window(50, 50, 2, 2))).all()


def test_bands_are_read_in_the_asked_order(tmp_path):
    array = np.arange(24, dtype=np.float32).reshape(4, 2, 3)
    cube = cube_of(tmp_path, array)
    assert np.array_equal(cube.read(whole(2, 3), [3, 1]), array[[3, 1]])


def test_single_pixels_are_those_of_a_window(tmp_path):
    rng = np.random.default_rng(0)
    array = rng.integers(-5, 5, size=(3, 9, 11)).astype(np.int16)
    cube = cube_of(tmp_path, array, nodata=0)
    rows, cols = rng.integers(0, 9, 40), rng.integers(0, 11, 40)
    assert np.array_equal(cube.pixels(rows, cols, at_once=7), cube.read(whole(9, 11))[:, rows, cols], equal_nan=True)
    assert cube.pixels(rows[:0], cols[:0]).shape == (3, 0)


@pytest.mark.parametrize(
    ("dtype", "nodata", "stored", "expected"),
    [
        ("int16", -32768, [-32768, 5], [np.nan, 5]),
        ("uint8", 255, [255, 0], [np.nan, 0]),
        ("uint8", -9999, [241, 0], [241, 0]),
        ("uint8", 0.5, [0, 1], [0, 1]),
        ("float32", np.float32(-3.4e38), [np.float32(-3.4e38), 1], [np.nan, 1]),
        ("float32", -3.40282e38, [-3.4028235e38, 1], [np.nan, 1]),
        ("float32", -1.797e308, [-3.4028235e38, 1], [np.nan, 1]),
        ("float32", -np.inf, [-3.4028235e38, 1], [np.nan, 1]),
        ("float32", 3.4e38, [3.4028235e38, -3.4028235e38], [np.nan, -3.4028235e38]),
        ("float64", -3.4e38, [-3.4028234663852886e38, 1], [np.nan, 1]),
        ("float32", 1e36, [1e36, 1.1e36], [np.nan, 1.1e36]),
        ("float64", -9999, [-9999.0001, -9998], [np.nan, -9998]),
        ("int16", -np.inf, [-32768, 5], [-32768, 5]),
        ("float32", None, [np.inf, 1], [np.nan, 1]),
        ("float64", np.nan, [np.nan, 1], [np.nan, 1]),
        ("uint16", None, [65535, 1], [65535, 1]),
    ],
)
def test_nodata(tmp_path, dtype, nodata, stored, expected):
    cube = cube_of(tmp_path, np.array(stored, dtype=dtype).reshape(1, 1, 2), nodata=nodata)
    assert np.array_equal(cube.read(whole(1, 2))[0, 0], np.float32(expected), equal_nan=True)


def test_scale_offset_and_mask(tmp_path):
    cube = create_cube(tmp_path, "c", (1, 3), "int16", [Band("a", scale=0.5, offset=10.0, nodata=-1)])
    cube.write(whole(1, 3), np.array([[[4, -1, 6]]], dtype=np.int16))
    cube.flush()
    (tmp_path / "mask.raw").write_bytes(bytes([1, 1, 0]))
    masked = Cube(tmp_path, replace(cube.description, mask="mask.raw"))
    assert np.array_equal(masked.read(whole(1, 3))[0, 0], [12, np.nan, np.nan], equal_nan=True)
    assert valid_pixels(masked).tolist() == [[True, False, False]]


def test_excluded_ranges_are_physical_values(tmp_path):
    band = Band("a", scale=0.5, excluded=((1.0, 1.0), (2.5, 1.7e308)))
    cube = create_cube(tmp_path, "c", (1, 5), "uint8", [band])
    cube.write(whole(1, 5), np.array([[[1, 2, 3, 5, 200]]], dtype=np.uint8))
    cube.flush()
    assert np.array_equal(cube.read(whole(1, 5))[0, 0], [0.5, np.nan, 1.5, np.nan, np.nan], equal_nan=True)


@pytest.mark.parametrize("size", [0, 5, 13])
def test_a_file_of_the_wrong_size_is_refused(tmp_path, size):
    (tmp_path / "c.raw").write_bytes(b"\0" * size)
    with pytest.raises(FileFormatError, match="should have 12 bytes"):
        Cube(tmp_path, CubeFile("c.raw", 2, 3, "int16", (Band(),)))


@pytest.mark.parametrize(("dtype", "height"), [("complex64", 2), ("object", 2), ("int16", 0), ("int16", -1)])
def test_a_description_that_is_no_raster_is_refused(tmp_path, dtype, height):
    with pytest.raises(FileFormatError):
        Cube(tmp_path, CubeFile("c.raw", height, 3, dtype, (Band(),)))


def test_the_envi_header_describes_the_file(tmp_path):
    create_cube(tmp_path, "c", (2, 3), "uint16", [Band("red, {x}"), Band("green")])
    header = (tmp_path / "c.hdr").read_text()
    assert "data type = 12" in header
    assert "interleave = bil" in header
    assert "band names = {red  (x), green}" in header


def mapped_bytes() -> int:
    """Memory of this process that belongs to files."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line.split()[1] for line in lines if line.startswith("RssFile")))


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_walking_over_a_raster_does_not_keep_it_in_memory(tmp_path):
    cube = create_cube(tmp_path, "large", (2048, 2048), "uint8", [Band()] * 96)
    before = mapped_bytes()
    for row in range(0, 2048, 64):
        cube.write(Window(row, 0, 64, 2048), np.full((96, 64, 2048), row // 64, dtype=np.uint8))
    written = mapped_bytes() - before
    for row in range(2048):
        assert cube.read(Window(row, 8, 1, 8), [3])[0, 0, 0] == row // 64
    read = mapped_bytes() - before
    assert max(written, read) < 160 << 20  # of 403 MB
