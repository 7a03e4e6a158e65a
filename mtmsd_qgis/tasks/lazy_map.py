# SPDX-License-Identifier: GPL-2.0-or-later
"""The map of a scene whose features are computed where they are read.

Enters: a predictor and lazy features. Leaves: the map's rasters, each tile of the network computed once.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..classification.auto.feature_sets import MARGIN
from ..classification.predict_map import MapFiles, predict_map
from ..classification.predictor import MapGrid, Predictor
from ..features.feature_recipe import FeatureRecipe
from ..features.lazy_raster import LazyFeatures
from ..jobs.data_model import FeatureLayout
from ..progress import Progress

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SceneFeatures:
    """Features of a scene.

    Attributes:
        raster: Computes them where it is read.
        layout: What its bands are.
        recipe: How they are computed, for another scene.
    """

    raster: LazyFeatures
    layout: FeatureLayout
    recipe: FeatureRecipe


def map_lazily(predictor: Predictor, features: SceneFeatures, grid: MapGrid, progress: Progress) -> MapFiles:
    """Predict a map in strips in which no tile of the network is computed twice.

    Args:
        predictor: Reads the features.
        features: Of the scene.
        grid: Of the map.
        progress: Told after each window.
    """
    raster = features.raster
    raster.expect(predictor.bands)
    _log_computed_timesteps(predictor.bands, features.layout)
    window_side = predictor.windows()[0].core.width + 2 * max(raster.tile_side, MARGIN)
    return predict_map(predictor, replace(grid, strip_width=raster.strip_width(window_side)), progress)


def _log_computed_timesteps(bands: Sequence[int], layout: FeatureLayout) -> None:
    used = sorted({layout.timesteps[band // layout.features] for band in bands if band < layout.diffusion_bands})
    if used:
        log.info("The map uses %d of %d timesteps: %s.", len(used), len(layout.timesteps), ", ".join(map(str, used)))
    else:
        log.info("The map uses the spectra alone; no features are computed for it.")
