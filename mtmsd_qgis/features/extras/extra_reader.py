# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads the columns of extras by windows.

Enters: the cube of extra rasters, the scene's components, recipes. Leaves: columns side by side, and where all of them
are known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...io.cube import Raster
from ...io.windows import Window, windows_with_margin
from ...jobs.extras.extra_rasters import TEXTURE, ExtraInputs
from ...progress import Progress
from ..tile_lookup import tiles_with_pixels
from .column_recipe import ColumnRecipe

_SIDE = 64  # pixels, of the windows that single pixels are read by


@dataclass(frozen=True)
class SceneExtras:
    """The extras of a job.

    Attributes:
        inputs: What the job says of them.
        raster: The bands of its extra rasters; None where there are none.
    """

    inputs: ExtraInputs
    raster: Raster | None


@dataclass(frozen=True)
class ExtraReader:
    """Columns of some extras.

    Attributes:
        rasters: Bands of all extra rasters; None where there are none.
        components: Of the scene, for textures.
        recipes: Of the extras in use.
    """

    rasters: Raster | None
    components: Raster
    recipes: tuple[ColumnRecipe, ...] = ()

    @property
    def columns(self) -> int:
        """C, of all extras in use."""
        return sum(len(recipe.median) for recipe in self.recipes)

    def with_recipes(self, recipes: Sequence[ColumnRecipe]) -> ExtraReader:
        """The same that reads other extras."""
        return replace(self, recipes=tuple(recipes))

    def source_of(self, kind: str) -> Raster:
        """What extras of a kind are read from."""
        return self.components if kind == TEXTURE or self.rasters is None else self.rasters

    def read(self, window: Window) -> tuple[Tensor, Tensor]:
        """Columns (C, h, w) float32 of a window, 0 where not known, and where all are known (h, w)."""
        parts = [recipe.read(self.source_of(recipe.kind), window) for recipe in self.recipes]
        known = torch.stack([known for _, known in parts]).all(dim=0)
        return torch.where(known, torch.cat([columns for columns, _ in parts]), 0.0), known

    def at_pixels(
        self, rows: NDArray[np.int64], cols: NDArray[np.int64], progress: Progress
    ) -> tuple[Tensor, NDArray[np.bool_]]:
        """Columns (N, C) float32 at single pixels, 0 where not known, and where all are known (N,).

        Args:
            rows: (N,), inside the raster.
            cols: The same.
            progress: Told after each window.
        """
        columns, known = torch.zeros(len(rows), self.columns), np.zeros(len(rows), dtype=bool)
        windows = windows_with_margin(self.components.height, self.components.width, _SIDE, 0, 0)
        for tile, inside in tiles_with_pixels(windows, rows, cols, progress, "reading extra rasters at the samples"):
            values, valid = self.read(tile.core)
            at = rows[inside] - tile.core.row, cols[inside] - tile.core.col
            columns[inside] = values[:, at[0], at[1]].T
            known[inside] = valid.numpy()[at]
        return columns, known
