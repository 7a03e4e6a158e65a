# SPDX-License-Identifier: GPL-2.0-or-later
"""Patches of a feature raster: cut out at samples to learn from, and around every pixel to predict a map.

Enters: a Cube of features with its layout, pixels. Leaves: projected patches, or probabilities of windows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...features.tile_lookup import tiles_with_pixels
from ...io.cube import Raster
from ...io.windows import Tile, Window, WindowGrid
from ...jobs.data_model import FeatureLayout
from ...progress import Progress
from ...sampling.sample_table import SampleTable
from .patch_classifier import FeatureProjection, FittedPatches, cut_patches

SIDE = 9  # of a patch, pixels
_MARGIN = SIDE // 2
_WINDOW_BYTES = 192 << 20  # of the features of one window


@dataclass(frozen=True)
class PatchReader:
    """Reads the features of all timesteps.

    Attributes:
        cube: T * D bands first.
        layout: Says T and D.
        device: Where the features shall lie.
    """

    cube: Raster
    layout: FeatureLayout
    device: torch.device

    def windows(self, area: Window | None = None) -> list[Tile]:
        """Windows that cover the raster once, as large as memory allows, a multiple of 16 pixels."""
        per_pixel = 2 * 4 * self.layout.diffusion_bands
        side = max(16, min(128, math.isqrt(_WINDOW_BYTES // per_pixel) - 2 * _MARGIN) // 16 * 16)
        return WindowGrid(self.cube.height, self.cube.width, side, _MARGIN, _MARGIN).tiles(area)

    def features(self, window: Window) -> Tensor:
        """(T D, h, w) float32, NaN where there is no data."""
        return torch.from_numpy(self.cube.read(window, range(self.layout.diffusion_bands))).to(self.device)

    def pixels(self, samples: SampleTable, progress: Progress) -> tuple[Tensor, NDArray[np.int64]]:
        """Features (N', T D) at the samples on valid pixels, and the indices of those, in window order."""
        rows, cols = samples.rows, samples.cols
        values: list[Tensor] = []
        used: list[NDArray[np.int64]] = []
        for tile, indices in tiles_with_pixels(self.windows(), rows, cols, progress):
            features = self.features(tile.core)[:, rows[indices] - tile.core.row, cols[indices] - tile.core.col].T
            usable = features.isfinite().all(dim=1).cpu().numpy()
            values.append(features[torch.from_numpy(usable).to(features.device)])
            used.append(indices[usable])
        return torch.cat(values), np.concatenate(used)

    def patches(self, projection: FeatureProjection, samples: SampleTable, progress: Progress) -> Tensor:
        """Projected patches (N, depth, 9, 9) around the samples, in their order."""
        rows, cols = samples.rows, samples.cols
        out = torch.zeros(len(rows), projection.depth, SIDE, SIDE, device=self.device)
        for tile, indices in tiles_with_pixels(self.windows(), rows, cols, progress, "cutting patches"):
            projected = projection(self.features(tile.window))
            positions = torch.from_numpy(indices).to(self.device)
            out[positions] = cut_patches(
                projected, rows[indices] - tile.window.row, cols[indices] - tile.window.col, SIDE
            )
        return out


@dataclass(frozen=True)
class PatchRule:
    """What was learnt from patches.

    Attributes:
        projection: Of the features.
        classifier: Fitted.
        n_classes: K.
    """

    projection: FeatureProjection
    classifier: FittedPatches
    n_classes: int

    def predictor(self, cube: Raster, layout: FeatureLayout, device: torch.device) -> PatchPredictor:
        """Apply it to a raster with the features of the layout."""
        return PatchPredictor(PatchReader(cube, layout, device), self)


@dataclass(frozen=True)
class PatchPredictor:
    """Predicts from patches of projected features."""

    reader: PatchReader
    rule: PatchRule

    @property
    def bands(self) -> range:
        """Bands that prediction reads: all features."""
        return range(self.reader.layout.diffusion_bands)

    def windows(self, area: Window | None = None) -> list[Tile]:
        """Windows whose cores cover the raster once; only those that touch an area, where one is given."""
        return self.reader.windows(area)

    def probabilities(self, tile: Tile) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Probabilities (K, h, w) of a window's core, 0 where invalid, and where it is valid (h, w)."""
        features = self.reader.features(tile.window)
        inner = tile.inner
        valid = features[:, inner.slices[0], inner.slices[1]].isfinite().all(dim=0).cpu().numpy()
        predicted = np.zeros((self.rule.n_classes, *valid.shape), dtype=np.float32)
        rows, cols = np.nonzero(valid)
        if len(rows):
            classifier = self.rule.classifier
            projected = self.rule.projection(features)
            parts = [
                classifier.predict(cut_patches(projected, r + inner.row, c + inner.col, SIDE)).cpu().numpy()
                for r, c in zip(
                    np.array_split(rows, len(rows) // 2048 + 1), np.array_split(cols, len(cols) // 2048 + 1)
                )
            ]
            predicted[:, rows, cols] = np.concatenate(parts).T
        return predicted, valid
