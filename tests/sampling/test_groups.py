# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import numpy as np
import pytest

from mtmsd_qgis.errors import SamplesError
from mtmsd_qgis.sampling.groups import block_ids, fitting_block_size, spatial_groups
from mtmsd_qgis.sampling.sample_table import SampleTable


def test_blocks_follow_the_grid_row_by_row():
    rows, cols = np.array([0, 15, 16, 0, 16]), np.array([0, 15, 0, 16, 95])
    assert block_ids(rows, cols, 16).tolist() == [0, 0, 2, 1, 3]


def test_points_are_grouped_by_blocks_and_polygons_by_themselves():
    def samples(group):
        return SampleTable(np.array([0, 31, 32, 0]), np.array([0, 31, 0, 33]), np.zeros(4, dtype=np.int64), group)

    assert spatial_groups(samples(np.arange(4)), 32).tolist() == [0, 0, 2, 1]
    assert spatial_groups(samples(np.array([5, 5, 6, 6])), 32).tolist() == [5, 5, 6, 6]
    assert spatial_groups(samples(np.array([5, 5, 6, 7])), 100).tolist() == [1, 1, 0, 0]  # one multipoint among points
    assert spatial_groups(samples(np.array([5, 5, 5, 7])), 32).tolist() == [5, 5, 5, 7]


def test_blocks_are_squares_on_both_sides_of_the_origin():
    positions = np.array([[1.0, 1.0], [9.9, 0.0], [10.0, 0.0], [-0.1, 0.0], [0.0, -0.1]])
    groups = block_ids(*positions.T, 10)
    assert groups[0] == groups[1]
    assert sorted(set(groups.tolist())) == [0, 1, 2, 3]


@pytest.mark.parametrize(("width", "height", "size"), [(1000, 1000, 100), (4000, 1000, 200), (500, 0, 5), (0, 700, 7)])
def test_about_a_hundred_blocks_cover_the_extent(width, height, size):
    positions = np.array([[3.0, 4.0], [3.0 + width, 4.0 + height]])
    assert fitting_block_size(positions) == size


def test_samples_at_one_place_have_no_block_size():
    with pytest.raises(SamplesError, match="in one place"):
        fitting_block_size(np.ones((5, 2)))
