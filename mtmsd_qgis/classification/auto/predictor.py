# SPDX-License-Identifier: GPL-2.0-or-later
"""The default classifier once it is fitted: what it has learnt, and how it predicts a raster from that.

Enters: an ensemble and a reader of feature sets. Leaves: class probabilities of windows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ...io.cube import Raster
from ...io.windows import Tile, Window
from ...jobs.data_model import FeatureLayout
from ..predictor import at_valid, in_window
from .ensemble import Ensemble
from .feature_reader import FeatureSetReader
from .feature_sets import BandPlan
from .scene_scaling import FeatureScaling, SpectraScaling


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


@dataclass(frozen=True)
class EnsembleRule:
    """What is learnt, apart from the raster: an ensemble, and the scaling of what it sees, in other scenes too.

    Attributes:
        ensemble: Fitted.
        scaling: Of the spectra.
        feature_scaling: Of the diffusion features; None where none are used.
    """

    ensemble: Ensemble
    scaling: SpectraScaling
    feature_scaling: FeatureScaling | None

    @classmethod
    def of(cls, predictor: EnsemblePredictor) -> EnsembleRule:
        """That a predictor applies to its raster."""
        reader = predictor.reader
        return cls(predictor.ensemble, reader.scaling, reader.feature_scaling)

    @property
    def n_classes(self) -> int:
        """K."""
        return len(self.ensemble.log_prior)

    def predictor(self, cube: Raster, layout: FeatureLayout, device: torch.device) -> EnsemblePredictor:
        """Apply it to a raster with the features of the layout."""
        plan = BandPlan.of(layout, cube.bands)
        reader = FeatureSetReader(cube, layout, device, plan, self.scaling, self.feature_scaling, None)
        return EnsemblePredictor(reader if self.feature_scaling else reader.without_features(), self.ensemble)
