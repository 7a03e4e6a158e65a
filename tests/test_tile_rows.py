# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import numpy as np
import pytest

from mtmsd_qgis.cube import create_cube
from mtmsd_qgis.protocol import Band
from mtmsd_qgis.tile_rows import TileRows
from mtmsd_qgis.windows import Window, tiles, whole


@pytest.mark.parametrize("buffer_bytes", [1, 2 * 3 * 8 * 20, 1 << 20])
@pytest.mark.parametrize("left_out", ["none", "left", "rows", "most"])
def test_tiles_end_up_where_they_belong_and_nodata_elsewhere(tmp_path, buffer_bytes, left_out):
    skipped = {
        "none": lambda core: False,
        "left": lambda core: core.col < 24,
        "rows": lambda core: core.row in (0, 16, 32),
        "most": lambda core: (core.row, core.col) != (8, 32),
    }[left_out]
    every = [tile.core for tile in tiles(37, 45, 16, 4) if not skipped(tile.core)]
    values = np.random.default_rng(0).integers(-999, 999, size=(3, 37, 45)).astype(np.int16)
    expected = np.full_like(values, -5)
    cube = create_cube(tmp_path, "rows", (37, 45), "int16", [Band()] * 3)
    rows = TileRows(cube, -5, buffer_bytes)
    for core in every:
        rows.write(core, values[(slice(None), *core.slices)])
        expected[(slice(None), *core.slices)] = values[(slice(None), *core.slices)]
    rows.close()
    assert np.array_equal(cube.read(whole(37, 45)), expected)


def test_a_raster_without_a_tile_is_all_nodata(tmp_path):
    cube = create_cube(tmp_path, "rows", (9, 7), "int16", [Band()])
    TileRows(cube, -1, 16).close()
    assert (cube.read(Window(0, 0, 9, 7)) == -1).all()
