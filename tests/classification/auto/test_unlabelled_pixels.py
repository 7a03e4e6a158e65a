# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import numpy as np
import pytest
import torch

from mtmsd_qgis.classification.auto.unlabelled_pixels import CELL, SceneDraw
from mtmsd_qgis.io.windows import Window

IN_CELLS = np.array([(3, 5), (40, 70), (41, 71), (99, 31)])  # three of them
SIDE = 100
PLACES = torch.arange(SIDE * SIDE).view(SIDE, SIDE).float()


def draw(side, count, seed=0, backwards=False):
    """Rows and columns drawn from 100 x 100 pixels in windows of such a side; the first ten rows are void."""
    drawn = SceneDraw(["one"], IN_CELLS, count, seed)
    tops = range(0, SIDE, side)
    windows = [Window(r, c, min(side, SIDE - r), min(side, SIDE - c)) for r in tops for c in tops]
    for core in windows[::-1] if backwards else windows:
        valid = np.broadcast_to(np.arange(core.row, core.stop_row)[:, None] >= 10, (core.height, core.width))
        drawn.add({"one": PLACES[core.slices].repeat(2, 1, 1), "other": torch.zeros(1)}, valid, core)
    views = drawn.views()
    assert list(views) == ["one"]
    assert drawn.corners.tolist() == [[0, 0], [32, 64], [96, 0]]
    return np.divmod(views["one"][:, 0].numpy().astype(int), SIDE)


def in_cells():
    """How many valid pixels the cells have."""
    return [(CELL - 10) * CELL, CELL * CELL, 4 * CELL]


def test_every_pixel_of_the_cells_is_as_likely_as_any_other():
    counts = np.zeros(3)
    for seed in range(60):
        rows, cols = draw(50, 100, seed)
        assert len(set(zip(rows, cols))) == 100
        assert rows.min() >= 10
        names = [(0, 0), (1, 2), (3, 0)]
        counts += np.bincount([names.index(cell) for cell in zip(rows // CELL, cols // CELL)], minlength=3)
    assert np.allclose(counts / counts.sum(), np.array(in_cells()) / sum(in_cells()), atol=0.03)


@pytest.mark.parametrize("side", [CELL, 16, 48, 100])
def test_windows_make_no_difference(side):
    expected = draw(37, 150)
    for backwards in (False, True):
        np.testing.assert_array_equal(draw(side, 150, backwards=backwards), expected)


def test_where_there_are_fewer_pixels_all_are_drawn():
    assert len(draw(50, 10_000)[0]) == sum(in_cells())


def test_another_seed_draws_other_pixels():
    assert not np.array_equal(draw(50, 100), draw(50, 100, seed=1))
