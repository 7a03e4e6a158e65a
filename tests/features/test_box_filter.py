# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import numpy as np
import pytest
import torch

from mtmsd_qgis.features.box_filter import box_margin, box_mean


def test_box_mean_is_the_mean_over_the_papers_window():
    rng = np.random.default_rng(0)
    values = torch.from_numpy(rng.normal(size=(2, 20, 24)).astype(np.float32))
    valid = torch.from_numpy(rng.random((20, 24)) < 0.7)
    found = box_mean(values, valid, slice(3, 17), slice(0, 24), 8)
    for row, col in [(3, 0), (10, 11), (16, 23)]:
        rows, cols = slice(max(0, row - 4), row + 4), slice(max(0, col - 4), col + 4)
        inside = values[:, rows, cols][:, valid[rows, cols]]
        assert torch.allclose(found[:, row - 3, col], inside.mean(dim=1), atol=1e-5)


@pytest.mark.parametrize("side", [1, 7, 48])
def test_box_mean_of_an_even_map_is_its_value(side):
    valid = torch.ones(60, 60, dtype=torch.bool)
    valid[::3] = False
    found = box_mean(torch.full((1, 60, 60), 2.5), valid, slice(0, 60), slice(0, 60), side)
    seen = box_mean(torch.ones(1, 60, 60), valid, slice(0, 60), slice(0, 60), side)
    assert torch.allclose(found, 2.5 * seen)
    assert side == 1 or torch.allclose(found, torch.tensor(2.5))


def test_the_papers_window_reaches_24_back_and_23_ahead():
    assert box_margin(48) == (24, 23)
    assert box_margin(1) == (0, 0)


def test_nodata_does_not_enter_a_box_mean():
    values = torch.ones(1, 8, 8)
    values[0, 4, 4] = float("nan")
    valid = ~torch.isnan(values[0])
    assert torch.allclose(box_mean(values, valid, slice(0, 8), slice(0, 8), 4), torch.ones(1, 8, 8))
