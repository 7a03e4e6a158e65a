# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import numpy as np
import pytest

from mtmsd_qgis.io.windows import (
    GRID,
    HALO,
    MOST_CORE,
    Window,
    WindowGrid,
    block_counts,
    clip,
    expand,
    network_tile_side,
    network_tiles,
    row_strips,
    touch,
)


@pytest.mark.parametrize(
    ("height", "width", "side"),
    [(145, 145, 108), (33, 200, 100), (48, 48, 80), (7, 5, 40), (80, 81, 112), (330, 200, 100), (4096, 20, 112)],
)
def test_tiles_have_even_cores(height, width, side):
    assert network_tile_side(height, width) == side <= MOST_CORE + 2 * HALO
    assert side % GRID == 0


@pytest.mark.parametrize(("height", "width", "side"), [(145, 145, 40), (33, 200, 48), (48, 48, 48), (7, 5, 40)])
def test_tiles_cover_every_pixel_once_and_start_on_the_grid(height, width, side):
    count = np.zeros((height, width), dtype=int)
    for tile in network_tiles(height, width, side):
        count[tile.core.slices] += 1
        assert (tile.window.height, tile.window.width) == (side, side)
        assert tile.window.row % GRID == 0
        assert tile.window.col % GRID == 0
        inner = tile.inner
        assert inner.row >= HALO
        assert inner.stop_row <= side - HALO
    assert (count == 1).all()


@pytest.mark.parametrize(("side", "halo"), [(30, 8), (32, 6), (32, 16)])
def test_tiles_refuse_sizes_off_the_grid(side, halo):
    with pytest.raises(ValueError, match="multiples of 4"):
        network_tiles(64, 64, side, halo)


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        (Window(-4, -4, 8, 8), Window(0, 0, 4, 4)),
        (Window(8, 8, 8, 8), Window(8, 8, 2, 4)),
        (Window(20, 0, 8, 8), Window(10, 0, 0, 8)),
    ],
)
def test_clip(window, expected):
    assert clip(window, 10, 12) == expected


def test_expand_adds_before_and_after():
    assert expand(Window(5, 6, 2, 3), 4, 1) == Window(1, 2, 7, 8)


def test_cover_covers_every_pixel_once_with_its_surroundings():
    from mtmsd_qgis.io.windows import windows_with_margin

    seen = np.zeros((37, 50), dtype=int)
    for tile in windows_with_margin(37, 50, 16, 3, 2):
        seen[tile.core.slices] += 1
        assert tile.window == expand(tile.core, 3, 2)
    assert (seen == 1).all()


@pytest.mark.parametrize(
    "area",
    [Window(0, 0, 37, 50), Window(16, 15, 1, 2), Window(30, 40, 99, 99), Window(-5, 3, 6, 4), Window(37, 0, 5, 5)],
)
def test_windows_of_an_area_are_those_of_all_that_touch_it(area):
    grid = WindowGrid(37, 50, 16, 3, 2)
    clipped = clip(area, 37, 50)
    assert touch(area, Window(0, 0, 37, 50)) == (clipped.height * clipped.width > 0)
    touched = np.zeros((37, 50), dtype=bool)
    touched[clipped.slices] = True
    assert grid.tiles(area) == [tile for tile in grid.tiles() if touched[tile.core.slices].any()]


def test_windows_of_an_area_cost_nothing_of_a_raster_without_end():
    cores = [tile.core for tile in WindowGrid(10**9, 10**9, 32, 3, 2).tiles(Window(640_000_000, 7, 64, 50))]
    assert cores == [Window(640_000_000 + row, col, 32, 32) for row in (0, 32) for col in (0, 32)]


def test_strips_cover_all_rows_within_the_budget():
    found = list(row_strips(100, 10, bytes_per_pixel=8, budget_bytes=800))
    assert [w.height for w in found] == [10] * 10
    assert [w.row for w in found] == list(range(0, 100, 10))
    assert next(row_strips(3, 10, bytes_per_pixel=10**9)).height == 1


def test_block_counts_match_a_loop():
    valid = np.random.default_rng(0).random((37, 50)) < 0.3
    naive = [[valid[r : r + 16, c : c + 16].sum() for c in range(0, 50, 16)] for r in range(0, 37, 16)]
    assert block_counts(valid, 16).tolist() == naive
