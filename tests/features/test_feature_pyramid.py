# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import numpy as np
import pytest
import torch

from mtmsd_qgis.features.feature_pyramid import TileGrids, cells_needed, linear_weights
from mtmsd_qgis.features.quantization import QuantisedFeatures
from mtmsd_qgis.io.windows import Window

STRIDES = (4, 2, 1)
INNER = Window(8, 4, 18, 21)  # neither side ends on a cell


def outputs(side=40, timesteps=2, channels=3) -> list[torch.Tensor]:
    rng = np.random.default_rng(0)
    shapes = [(timesteps, channels, side // stride, side // stride) for stride in STRIDES]
    return [torch.from_numpy(rng.normal(size=shape).astype(np.float32)) for shape in shapes]


def found(inner=INNER, side=40) -> TileGrids:
    every = outputs(side)
    grids = TileGrids.zeros(2, every, side, inner)
    grids.add(0, [output[:1] for output in every])
    grids.add(1, [output[1:] for output in every])
    return grids


def by_hand(output: torch.Tensor, stride: int, row: int, col: int) -> torch.Tensor:
    """(T, channels) at a pixel of the window, between the four cells around it."""
    last = output.shape[-1] - 1
    r, c = min(row / stride, last), min(col / stride, last)
    i, j = min(int(r), last), min(int(c), last)
    a, b = r - i, c - j
    i1, j1 = min(i + 1, last), min(j + 1, last)
    top = (1 - b) * output[..., i, j] + b * output[..., i, j1]
    return (1 - a) * top + a * ((1 - b) * output[..., i1, j] + b * output[..., i1, j1])


@pytest.mark.parametrize("inner", [INNER, Window(0, 0, 40, 40), Window(20, 36, 1, 4)])
def test_pixels_lie_between_the_cells_around_them(inner):
    """Cell k of a stride-2 convolution is centred on pixel 2k; behind the last cell its value stays."""
    pixels = found(inner).at_pixels()
    assert pixels.shape == (2, 9, inner.height, inner.width)
    for row, col in [(0, 0), (inner.height - 1, inner.width - 1), (inner.height // 2, inner.width // 3)]:
        parts = [by_hand(o, s, inner.row + row, inner.col + col) for o, s in zip(outputs(), STRIDES)]
        assert torch.allclose(pixels[:, :, row, col], torch.cat(parts, dim=1), atol=1e-5)


def test_a_core_between_cells_is_refused():
    with pytest.raises(ValueError, match="between cells"):
        TileGrids.zeros(1, outputs(), 40, Window(2, 4, 8, 8))


def test_sums_over_pixels_are_sums_over_cells():
    grids = found()
    rng = np.random.default_rng(1)
    rows, cols, sets = rng.integers(0, 18, 50), rng.integers(0, 21, 50), rng.integers(0, 3, 50)
    pixels = grids.at_pixels()
    first = 0
    for stage, grid in enumerate(grids.grids):
        weights = torch.from_numpy(grids.weights_of(rows, cols, sets, 4, stage))
        np.testing.assert_allclose(weights.sum(1).numpy(), np.bincount(sets, minlength=4), rtol=1e-5)
        sums = torch.einsum("kp,tcp->ktc", weights, grid.flatten(2))
        for k in range(4):
            mine = pixels[:, first : first + 3, rows[sets == k], cols[sets == k]].sum(2)
            assert torch.allclose(sums[k], mine, atol=1e-4)
        first += 3


@pytest.mark.parametrize("spacing", [1, 2, 4])
def test_cells_with_a_valid_pixel(spacing):
    grids = found().thinned(spacing)
    valid = np.zeros((18, 21), dtype=bool)
    valid[17, 20] = valid[5, 9] = True
    for stage, (grid, stride) in enumerate(zip(grids.grids, grids.strides)):
        assert stride == max(STRIDES[stage], spacing)
        assert grid.shape[-1] == cells_needed(21, stride)
        expected = sorted(row // stride * grid.shape[-1] + col // stride for row, col in [(17, 20), (5, 9)])
        assert grids.cells_of(valid, stage).tolist() == expected


def test_weights_behind_the_last_cell_take_the_last_cell():
    weights = linear_weights(3, 4, 12)
    assert torch.allclose(weights.sum(dim=1), torch.ones(12))
    assert weights[9:].tolist() == [[0, 0, 1]] * 3
    assert linear_weights(1, 4, 4).tolist() == [[1]] * 4


@pytest.mark.parametrize("timesteps", [None, [1]])
def test_quantised_values_are_the_selected_features_in_their_order(timesteps):
    grids, selected = found(), torch.tensor([8, 0, 4, 3])
    rng = np.random.default_rng(2)
    offset, scale = (torch.from_numpy(rng.uniform(0.001, 0.1, (2, 4)).astype(np.float32)) for _ in range(2))
    quantised = QuantisedFeatures(selected, (), offset, scale)
    rows = [0, 1] if timesteps is None else timesteps
    given = grids if timesteps is None else TileGrids(tuple(g[1:] for g in grids.grids), grids.strides, grids.inner)
    numbers = quantised.quantised(given, timesteps)
    assert numbers.shape == (18, 4 * len(rows), 21)
    values = numbers.transpose(0, 1).reshape(len(rows), 4, 18, 21).float()
    read = values * scale[rows, :, None, None] + offset[rows, :, None, None]
    away = (read - grids.at_pixels()[rows][:, selected]).abs() / scale[rows, :, None, None]
    assert away.max() < 0.51
