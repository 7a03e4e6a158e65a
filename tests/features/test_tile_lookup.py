# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import numpy as np

from mtmsd_qgis.features.tile_lookup import pixels_by_tile, tiles_with_pixels
from mtmsd_qgis.io.windows import network_tiles


def test_each_sample_belongs_to_the_tile_with_it_in_its_core():
    all_tiles = network_tiles(70, 90, 32, 8)
    rng = np.random.default_rng(0)
    rows, cols = rng.integers(0, 70, 200), rng.integers(0, 90, 200)
    by_tile = pixels_by_tile(all_tiles, rows, cols)
    assert sorted(np.concatenate(by_tile).tolist()) == list(range(200))
    subset = all_tiles[1::2]
    assert [n.tolist() for n in pixels_by_tile(subset, rows, cols)] == [n.tolist() for n in by_tile[1::2]]
    for tile, indices in zip(all_tiles, by_tile):
        assert np.all((rows[indices] >= tile.core.row) & (rows[indices] < tile.core.stop_row))
        assert np.all((cols[indices] >= tile.core.col) & (cols[indices] < tile.core.stop_col))


def test_tiles_without_pixels_are_left_out_and_count_in_the_progress():
    all_tiles = network_tiles(70, 90, 32, 8)
    told = []
    rows, cols = np.array([3, 69]), np.array([3, 89])
    found = list(tiles_with_pixels(all_tiles, rows, cols, lambda share, text: told.append(share)))
    assert [(tile.core, indices.tolist()) for tile, indices in found] == [
        (all_tiles[0].core, [0]),
        (all_tiles[-1].core, [1]),
    ]
    assert len(told) == len(all_tiles)
    assert told[-1] == 1.0
