# SPDX-License-Identifier: GPL-2.0-or-later
"""From a feature raster to a class map: gather the features of samples, purify, fit, predict every pixel.

Enters: a Cube of features with its layout (T timesteps of D features), samples. Leaves: raw rasters of class ids,
confidence and probabilities.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...features.box_filter import box_margin, box_mean
from ...features.purification import purify
from ...features.tile_lookup import tiles_with_pixels
from ...io.cube import Raster
from ...io.windows import Tile, Window, WindowGrid
from ...jobs.data_model import FeatureLayout
from ...progress import Progress
from ...sampling.sample_table import SampleTable
from ..estimator import LabelledFeatures, TimestepClassifier
from ..logistic_regression import FittedLogistic
from .fusion_ensemble import FittedFusion

_WINDOW_BYTES = 192 << 20  # of local and global features of one window
_PREDICTION_BYTES = 64 << 20  # of the features of pixels predicted at once
_SAMPLE_BYTES = 2 << 30  # of the training samples' features


@dataclass(frozen=True)
class FeatureReader:
    """Reads local and global features of windows of a feature raster.

    Attributes:
        cube: T * D bands first.
        layout: Says T, D and the window of the global features.
        device: Where the features shall lie.
    """

    cube: Raster
    layout: FeatureLayout
    device: torch.device

    def windows(self, area: Window | None = None) -> list[Tile]:
        """Windows that cover the raster once, as large as memory allows, a multiple of 16 pixels."""
        per_pixel = 2 * 4 * self.layout.diffusion_bands
        side = max(16, min(256, math.isqrt(_WINDOW_BYTES // per_pixel)) // 16 * 16)
        return WindowGrid(self.cube.height, self.cube.width, side, *box_margin(self.layout.window)).tiles(area)

    def read(self, tile: Tile) -> tuple[Tensor, Tensor, NDArray[np.bool_]]:
        """Features of a window.

        Returns:
            local: (T, D, h, w) float32, 0 where invalid.
            around: (T, D, h, w) float32, the mean over the layout's window.
            valid: (h, w) bool.
        """
        local, around = [], []
        valid = np.ones((tile.core.height, tile.core.width), dtype=bool)
        rows, cols = tile.inner.slices
        for t in range(len(self.layout.timesteps)):
            first = t * self.layout.features
            stored = self.cube.read(tile.window, range(first, first + self.layout.features))
            is_valid = np.asarray(np.isfinite(stored).all(axis=0))
            valid &= is_valid[rows, cols]
            values = torch.from_numpy(np.where(is_valid, stored, np.float32(0))).to(self.device)
            local.append(values[:, rows, cols])
            around.append(box_mean(values, torch.from_numpy(is_valid).to(self.device), rows, cols, self.layout.window))
        return torch.stack(local), torch.stack(around), valid


@dataclass(frozen=True)
class Purified:
    """Indices of the features kept, for local and for global features, each (D',) int64 on the features' device."""

    local: Tensor
    around: Tensor

    def __call__(self, local: Tensor, around: Tensor) -> tuple[Tensor, Tensor]:
        """Features (N, T, D) reduced to (N, T, D')."""
        return local[:, :, self.local], around[:, :, self.around]


@dataclass(frozen=True)
class FusionRule:
    """What was learnt from the features of the timesteps.

    Attributes:
        classifier: Fitted.
        purified: The features that it sees.
        n_classes: K.
    """

    classifier: FittedFusion | FittedLogistic
    purified: Purified
    n_classes: int

    def predictor(self, cube: Raster, layout: FeatureLayout, device: torch.device) -> FusionPredictor:
        """Apply it to a raster with the features of the layout."""
        return FusionPredictor(FeatureReader(cube, layout, device), self)


def sample_limit(layout: FeatureLayout) -> int:
    """Most training samples whose features fit into memory."""
    return int(_SAMPLE_BYTES // (2 * 4 * len(layout.timesteps) * layout.features))


def gather(reader: FeatureReader, table: SampleTable, progress: Progress) -> tuple[LabelledFeatures, NDArray[np.int64]]:
    """Features at samples.

    Args:
        reader: Of the feature raster.
        table: The samples.
        progress: Told after each window.

    Returns:
        Those that lie on valid pixels, and their indices into the table.
    """
    local: list[Tensor] = []
    around: list[Tensor] = []
    used: list[NDArray[np.int64]] = []
    for tile, indices in tiles_with_pixels(reader.windows(), table.rows, table.cols, progress):
        at_pixel, mean_around, valid = reader.read(tile)
        r, c = table.rows[indices] - tile.core.row, table.cols[indices] - tile.core.col
        usable = valid[r, c]
        r, c = r[usable], c[usable]
        local.append(at_pixel[:, :, r, c].permute(2, 0, 1))
        around.append(mean_around[:, :, r, c].permute(2, 0, 1))
        used.append(indices[usable])
    order = np.concatenate(used)
    target = torch.from_numpy(table.class_index[order]).to(reader.device)
    return LabelledFeatures(torch.cat(local), torch.cat(around), target), order


def purify_samples(samples: LabelledFeatures, keep: int) -> Purified:
    """Choose features by class and timestep, local and global ones apart, from training samples only."""
    device = samples.local.device
    index = [
        torch.from_numpy(purify(_class_means(values, samples.classes), keep)).to(device)
        for values in (samples.local, samples.around)
    ]
    return Purified(index[0], index[1])


@dataclass(frozen=True)
class FusionPredictor:
    """Predicts from the local and global features of the timesteps."""

    reader: FeatureReader
    rule: FusionRule

    @property
    def bands(self) -> range:
        """Bands that prediction reads: all features."""
        return range(self.reader.layout.diffusion_bands)

    def windows(self, area: Window | None = None) -> list[Tile]:
        """Windows whose cores cover the raster once; only those that touch an area, where one is given."""
        return self.reader.windows(area)

    def probabilities(self, tile: Tile) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Probabilities (K, h, w) of a window's core, 0 where invalid, and where it is valid (h, w)."""
        local, around, valid = self.reader.read(tile)
        rule = self.rule
        predicted = np.zeros((rule.n_classes, *valid.shape), dtype=np.float32)
        predicted[:, valid] = _predict(rule.classifier, rule.purified, local[:, :, valid], around[:, :, valid]).T
        return predicted, valid


def _predict(classifier: TimestepClassifier, purified: Purified, local: Tensor, around: Tensor) -> NDArray[np.float32]:
    """Probabilities (N, K) of pixels (T, D, N)."""
    step = max(1, _PREDICTION_BYTES // (8 * local.shape[0] * local.shape[1]))
    parts = [
        classifier.predict(*purified(x.permute(2, 0, 1), g.permute(2, 0, 1))).cpu().numpy()
        for x, g in zip(torch.split(local, step, dim=2), torch.split(around, step, dim=2))
    ]
    return np.concatenate(parts)


def _class_means(values: Tensor, classes: Tensor) -> NDArray[np.float64]:
    """(K, T, D) means of (N, T, D) over the classes present."""
    return np.stack([values[classes == index].double().mean(dim=0).cpu().numpy() for index in torch.unique(classes)])
