# SPDX-License-Identifier: GPL-2.0-or-later
"""The default classifier as a predictor: feature sets of a window to class probabilities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...io.windows import Tile, Window
from ..predictor import at_valid, in_window
from .ensemble import Ensemble
from .feature_reader import FeatureSetReader


@dataclass(frozen=True)
class EnsemblePredictor:
    """Predicts from the feature sets that an ensemble needs.

    Attributes:
        reader: Of the feature sets.
        ensemble: Fitted.
    """

    reader: FeatureSetReader
    ensemble: Ensemble

    @property
    def bands(self) -> list[int]:
        """Bands that prediction reads."""
        return self.reader.plan.bands_of(self.ensemble.feature_sets)

    def windows(self, area: Window | None = None) -> list[Tile]:
        """Windows whose cores cover the raster once; only those that touch an area, where one is given."""
        return self.reader.windows(self.ensemble.feature_sets, area)

    def probabilities(self, tile: Tile) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Probabilities (K, h, w) of a window's core, 0 where invalid, and where it is valid (h, w)."""
        features, valid = self.reader.read(tile, self.ensemble.feature_sets)
        pixels = {feature_set: at_valid(values, valid) for feature_set, values in features.items()}
        return in_window(self.ensemble.predict(pixels), valid), valid
