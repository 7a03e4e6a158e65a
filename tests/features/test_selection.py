# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import numpy as np

from mtmsd_qgis.features.quantization import QuantisedSpectra
from mtmsd_qgis.features.selection import _draw_valid
from mtmsd_qgis.io.windows import Tile, Window
from tests.scenes import cube_of


def test_valid_pixels_are_drawn_without_a_list_of_all():
    rng = np.random.default_rng(4)
    valid = rng.random((40, 30)) < 0.3
    valid[[0, 7, 39]] = False
    rows, cols = _draw_valid(valid, 100, np.random.default_rng(1))
    flat = np.flatnonzero(valid)
    listed = np.sort(np.random.default_rng(1).choice(flat, size=100, replace=False))
    assert np.array_equal(rows * 30 + cols, listed)
    assert len(_draw_valid(valid, 10_000, rng)[0]) == valid.sum()


def test_spectra_are_stored_over_their_range_where_all_bands_have_data(tmp_path):
    values = np.random.default_rng(0).uniform(0.1, 0.5, (3, 20, 30)).astype(np.float32)
    values[0, :, :9] = np.nan
    values[1, :, :9] = 1e30  # a fill value of its own, where the first band says that there is no data
    cube = cube_of(tmp_path, values)
    core = Window(0, 0, 20, 30)
    spectra = QuantisedSpectra.of(cube, [Tile(core, core)])
    scale, offset = (np.array([getattr(band, end) for band in spectra.bands]) for end in ("scale", "offset"))
    stored = spectra.read(core) * scale[:, None, None] + offset[:, None, None]
    assert np.abs(stored - values)[:, :, 9:].max() < 1e-5
