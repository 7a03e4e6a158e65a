# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import numpy as np
import pytest

from mtmsd_qgis.io.cube import create_cube
from mtmsd_qgis.io.row_writer import AppendedBands, RowWriter
from mtmsd_qgis.io.windows import Window, network_tiles, whole
from mtmsd_qgis.jobs.data_model import Band


@pytest.mark.parametrize("buffer_bytes", [1, 2 * 3 * 8 * 20, 1 << 20])
@pytest.mark.parametrize("left_out", ["none", "left", "rows", "most"])
def test_tiles_end_up_where_they_belong_and_nodata_elsewhere(tmp_path, buffer_bytes, left_out):
    skipped = {
        "none": lambda core: False,
        "left": lambda core: core.col < 24,
        "rows": lambda core: core.row in (0, 16, 32),
        "most": lambda core: (core.row, core.col) != (8, 32),
    }[left_out]
    every = [tile.core for tile in network_tiles(37, 45, 16, 4) if not skipped(tile.core)]
    values = np.random.default_rng(0).integers(-999, 999, size=(3, 37, 45)).astype(np.int16)
    expected = np.full_like(values, -5)
    cube = create_cube(tmp_path, "rows", (37, 45), "int16", [Band()] * 3)
    written = []
    with RowWriter(cube, -5, tmp_path, buffer_bytes, on_written=written.append) as rows:
        for core in every:
            rows.write(core, values[(slice(None), *core.slices)].transpose(1, 0, 2))
            expected[(slice(None), *core.slices)] = values[(slice(None), *core.slices)]
        rows.finish()
    assert not list(tmp_path.glob("row_*"))
    assert [lines.row for lines in written[1:]] == [lines.stop_row for lines in written[:-1]]
    assert (written[0].row, written[-1].stop_row) == (0, 37)
    assert np.array_equal(cube.read(whole(37, 45)), expected)


@pytest.mark.parametrize("buffer_bytes", [1, 1 << 20])
def test_appended_bands_are_written_where_the_tiles_have_data(tmp_path, buffer_bytes):
    rng = np.random.default_rng(0)
    values = rng.integers(-999, 999, size=(5, 20, 24)).astype(np.int16)
    values[:, rng.random((20, 24)) < 0.3] = -5
    values[:, 8:16, :8] = -5
    cube = create_cube(tmp_path, "rows", (20, 24), "int16", [Band()] * 5)
    there = values[3:].copy()
    there[:, values[0] == -5] = 77  # appended bands know nothing of nodata
    appended = AppendedBands(2, lambda window: there[(slice(None), *window.slices)])
    with RowWriter(cube, -5, tmp_path, buffer_bytes, appended=appended) as rows:
        for core in (tile.core for tile in network_tiles(20, 24, 16, 4)):
            if (core.row, core.col) != (8, 0):
                rows.write(core, values[(slice(3), *core.slices)].transpose(1, 0, 2))
        rows.finish()
    assert np.array_equal(cube.read(whole(20, 24)), values)


def test_a_raster_without_a_tile_is_all_nodata(tmp_path):
    cube = create_cube(tmp_path, "rows", (9, 7), "int16", [Band()])
    with RowWriter(cube, -1, tmp_path, 16) as rows:
        rows.finish()
    assert (cube.read(Window(0, 0, 9, 7)) == -1).all()
