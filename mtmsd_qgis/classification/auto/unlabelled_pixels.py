# SPDX-License-Identifier: GPL-2.0-or-later
"""Pixels of the scene, drawn from windows as they are read.

Enters: cells of a grid to draw from, and views of one window after another. Leaves: views of so many pixels, each as
likely as any other in the cells. Which ones they are does not depend on how the raster is cut into windows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...io.windows import Window

CELL = 32  # pixels, the side also of the windows that a costly raster is read by: a cell is one window


class SceneDraw:
    """A draw without replacement; every pixel has a random number of its own, and those with the smallest are drawn.

    Attributes:
        corners: (C, 2) row and column of the first pixel of each cell.
    """

    def __init__(self, names: Sequence[str], places: NDArray[np.int64], count: int, seed: int) -> None:
        """Nothing is drawn yet.

        Args:
            names: Of the views to keep.
            places: (N, 2) row and column of pixels whose cells of CELL x CELL pixels are drawn from.
            count: The most pixels.
            seed: Of the draw.
        """
        self.corners = np.unique(places // CELL, axis=0) * CELL
        self._names, self._count, self._seed = names, count, seed
        self._drawn = np.zeros((0, 3))  # random number, row, column
        self._views: dict[str, Tensor] = {}

    def add(self, views: Mapping[str, Tensor], valid: NDArray[np.bool_], core: Window) -> None:
        """Draw from one more window.

        Args:
            views: (F, h, w) each.
            valid: (h, w), where a pixel may be drawn.
            core: Where the window lies.
        """
        keys = np.full(valid.shape, np.inf)
        for row, col in self.corners:
            top, left = row - core.row, col - core.col
            within = (slice(max(0, top), max(0, top + CELL)), slice(max(0, left), max(0, left + CELL)))
            height, width = keys[within].shape
            if height and width:
                numbers = np.random.default_rng((self._seed, row, col)).random((CELL, CELL))
                first = max(0, -top), max(0, -left)
                keys[within] = numbers[first[0] : first[0] + height, first[1] : first[1] + width]
        rows, cols = np.nonzero(valid & np.isfinite(keys))
        fresh = np.stack([keys[rows, cols], rows + core.row, cols + core.col], axis=1)
        every = np.concatenate([self._drawn, fresh])
        kept = np.argsort(every[:, 0], kind="stable")[: self._count]
        new = kept[kept >= len(self._drawn)] - len(self._drawn)
        old = kept[kept < len(self._drawn)]
        for name in self._names:
            added = views[name][:, rows[new], cols[new]].T
            before = self._views.get(name, added[:0])
            self._views[name] = torch.cat([before[torch.from_numpy(old).to(added.device)], added])
        self._drawn = np.concatenate([self._drawn[old], fresh[new]])

    def views(self) -> dict[str, Tensor]:
        """Of the pixels drawn, (M, F) each, row by row."""
        order = torch.from_numpy(np.lexsort((self._drawn[:, 2], self._drawn[:, 1])))
        return {name: view[order.to(view.device)] for name, view in self._views.items()}
