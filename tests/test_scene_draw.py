# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import numpy as np
import torch

from mtmsd_qgis.scene_draw import SceneDraw


def draw(sides, count, seed=0):
    """From windows of such sides; each pixel's view names its window and is there twice."""
    drawn = SceneDraw(["one"], count, seed)
    for number, side in enumerate(sides):
        places = torch.arange(side * side).view(1, side, side) + 1000 * number
        valid = np.ones((side, side), dtype=bool)
        valid[0] = False  # a row without data
        drawn.add({"one": places.repeat(2, 1, 1).float(), "other": torch.zeros(1, side, side)}, valid)
    return drawn.views


def test_every_pixel_is_as_likely_as_any_other():
    sides = (20, 10, 30, 5)
    valid = np.array([side * (side - 1) for side in sides])
    counts = np.zeros(len(sides))
    for seed in range(60):
        views = draw(sides, 100, seed)
        assert list(views) == ["one"]
        assert views["one"].shape == (100, 2)
        found = views["one"][:, 0].numpy().astype(int)
        assert len(np.unique(found)) == 100
        assert all(place % 1000 >= sides[place // 1000] for place in found)  # nothing of the first row
        counts += np.bincount(found // 1000, minlength=len(sides))
    assert np.allclose(counts / counts.sum(), valid / valid.sum(), atol=0.02)


def test_where_there_are_fewer_pixels_all_are_drawn():
    views = draw((4, 3), 100)
    assert sorted(views["one"][:, 0].tolist()) == [*range(4, 16), *range(1003, 1009)]


def test_the_same_seed_draws_the_same_pixels():
    assert torch.equal(draw((20, 10), 50)["one"], draw((20, 10), 50)["one"])
    assert not torch.equal(draw((20, 10), 50)["one"], draw((20, 10), 50, seed=1)["one"])
