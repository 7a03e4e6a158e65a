# SPDX-License-Identifier: GPL-2.0-or-later
"""The default classifier as a predictor: feature sets of a window to class probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...io.windows import Tile
from ..context.probability_filter import ProbabilityFilter
from .ensemble import Ensemble
from .feature_reader import FeatureSetReader
from .feature_sets import FeatureSet


@dataclass(frozen=True)
class EnsemblePredictor:
    """Predicts from the feature sets that an ensemble needs.

    Attributes:
        reader: Of the feature sets.
        ensemble: Fitted.
        n_classes: K.
        smoother: How probabilities are filtered; None: not at all.
    """

    reader: FeatureSetReader
    ensemble: Ensemble
    n_classes: int
    smoother: ProbabilityFilter | None = None

    @property
    def device(self) -> torch.device:
        """Where feature sets lie."""
        return self.reader.device

    @property
    def bands(self) -> list[int]:
        """Bands that prediction reads."""
        return self.reader.plan.bands_of(self._wanted)

    def windows(self) -> list[Tile]:
        """Windows whose cores cover the raster once."""
        return self.reader.windows(self._wanted)

    def probabilities(self, tile: Tile) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Probabilities (K, h, w) of a window's core, 0 where invalid, and where it is valid (h, w)."""
        features, valid = self.reader.read(tile, self.ensemble.feature_sets)
        return self._predicted(features, valid), valid

    def probabilities_and_guide(self, tile: Tile) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Probabilities and guidance image (K + G, h, w) of a window's core, and where it is valid (h, w)."""
        features, valid = self.reader.read(tile, [*self.ensemble.feature_sets, FeatureSet.GUIDE])
        guide = features.pop(FeatureSet.GUIDE)
        return np.concatenate([self._predicted(features, valid), guide.cpu().numpy()]), valid

    @property
    def _wanted(self) -> list[FeatureSet]:
        guide = [] if self.smoother is None else [FeatureSet.GUIDE]
        return [*self.ensemble.feature_sets, *guide]

    def _predicted(self, features: Mapping[FeatureSet, Tensor], valid: NDArray[np.bool_]) -> NDArray[np.float32]:
        probabilities = np.zeros((self.n_classes, *valid.shape), dtype=np.float32)
        if valid.any():
            known = torch.from_numpy(valid).to(self.device)
            pixels = {feature_set: values[:, known].T for feature_set, values in features.items()}
            probabilities[:, valid] = self.ensemble.predict(pixels).cpu().numpy().T
        return probabilities
