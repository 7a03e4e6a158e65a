# SPDX-License-Identifier: GPL-2.0-or-later
"""What the default classifier has learnt, apart from the raster: an ensemble, and the scaling of its feature sets.

The scaling was learnt without labels, from the scene; another scene is scaled in the same way.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ...io.cube import Raster
from ...jobs.data_model import FeatureLayout
from .ensemble import Ensemble
from .feature_reader import FeatureSetReader
from .feature_sets import BandPlan
from .predictor import EnsemblePredictor
from .scene_scaling import GuideScaling, SpectraScaling


@dataclass(frozen=True)
class EnsembleRule:
    """An ensemble and the scaling of what it sees.

    Attributes:
        ensemble: Fitted.
        scaling: Of the spectra.
        guide_scaling: Of the guidance image; None where no diffusion features are used.
    """

    ensemble: Ensemble
    scaling: SpectraScaling
    guide_scaling: GuideScaling | None

    @classmethod
    def of(cls, predictor: EnsemblePredictor) -> EnsembleRule:
        """That a predictor applies to its raster."""
        reader = predictor.reader
        return cls(predictor.ensemble, reader.scaling, reader.guide_scaling)

    @property
    def n_classes(self) -> int:
        """K."""
        return len(self.ensemble.log_prior)

    def predictor(self, cube: Raster, layout: FeatureLayout, device: torch.device) -> EnsemblePredictor:
        """Apply it to a raster with the features of the layout."""
        plan = BandPlan.of(layout, cube.bands)
        reader = FeatureSetReader(cube, layout, device, plan, self.scaling, self.guide_scaling, None)
        return EnsemblePredictor(reader if self.guide_scaling else reader.without_features(), self.ensemble)
