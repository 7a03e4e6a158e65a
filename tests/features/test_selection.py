# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import numpy as np

from mtmsd_qgis.features.selection import _draw_valid


def test_valid_pixels_are_drawn_without_a_list_of_all():
    rng = np.random.default_rng(4)
    valid = rng.random((40, 30)) < 0.3
    valid[[0, 7, 39]] = False
    rows, cols = _draw_valid(valid, 100, np.random.default_rng(1))
    flat = np.flatnonzero(valid)
    listed = np.sort(np.random.default_rng(1).choice(flat, size=100, replace=False))
    assert np.array_equal(rows * 30 + cols, listed)
    assert len(_draw_valid(valid, 10_000, rng)[0]) == valid.sum()
