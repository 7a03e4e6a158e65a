# SPDX-License-Identifier: GPL-2.0-or-later
"""A shift between an extra raster and the scene is found, and none is found where there is none."""

from __future__ import annotations

import numpy as np
import pytest

from mtmsd_qgis.features.extras.edge_shift import edge_shift
from tests.scenes import cube_of


def patchwork(seed: int = 0, height: int = 140, width: int = 150) -> np.ndarray:
    """Fields of uneven sizes, (H, W)."""
    rng = np.random.default_rng(seed)
    values = np.zeros((height, width), dtype=np.float32)
    for _ in range(160):
        row, col, tall, wide = rng.integers((0, 0, 5, 5), (height, width, 30, 30))
        values[row : row + tall, col : col + wide] = rng.normal()
    return values


def noisy(values: np.ndarray, seed: int) -> np.ndarray:
    return (values + np.random.default_rng(seed).normal(0, 0.1, size=values.shape)).astype(np.float32)[None]


@pytest.mark.parametrize("shift", [(0, 0), (2, -3), (0, 1)])
def test_the_shift_of_the_edges_is_found(tmp_path, shift):
    scene = patchwork()
    extra = -np.roll(scene, shift, axis=(0, 1))  # what goes up there goes down here
    found = edge_shift(cube_of(tmp_path, noisy(extra, 1), name="extras"), 0, cube_of(tmp_path, noisy(scene, 2)))
    assert found == pytest.approx(shift, abs=0.35)


def test_rasters_without_common_edges_have_no_shift(tmp_path):
    scene = cube_of(tmp_path, noisy(patchwork(), 2))
    for name, other in (("noise", noisy(np.zeros((140, 150)), 3)), ("flat", np.ones((1, 140, 150), np.float32))):
        assert edge_shift(cube_of(tmp_path, other, name=name), 0, scene) is None


def test_a_raster_with_hardly_any_data_has_no_shift(tmp_path):
    scene = patchwork()
    holed = noisy(scene, 1)
    holed[:, 20:] = np.nan
    assert edge_shift(cube_of(tmp_path, holed, name="extras"), 0, cube_of(tmp_path, noisy(scene, 2))) is None


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 40), (3, 3), (5, 30), (6, 6), (7, 7)])
def test_a_small_raster_has_no_shift(tmp_path, height, width):
    scene = np.random.default_rng(0).normal(size=(1, height, width)).astype(np.float32)
    assert edge_shift(cube_of(tmp_path, -scene, name="extras"), 0, cube_of(tmp_path, scene)) is None
