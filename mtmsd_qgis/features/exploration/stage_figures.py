# SPDX-License-Identifier: GPL-2.0-or-later
"""All that is measured of a stage without labels, timestep by timestep.

Enters: what a walk has kept of a stage. Leaves: StageFigures.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..timestep_intervals.similarity import cka_table
from .gallery import StageColours, stage_colours
from .inspection import InspectedPixels, Inspection
from .pair_sums import LAGS, correlation, range_at_half
from .spectral_quantities import BRIGHTNESS
from .spectral_share import block_folds, spectral_share

_CKA_PIXELS = 2000


@dataclass(frozen=True)
class StageFigures:
    """Figures (T,) of a stage; NaN where undefined.

    Attributes:
        timesteps: Noise levels.
        spectral_share: R² of ridge regression from the spectrum.
        ranges: Distance in pixels at which the autocorrelation falls to one half, and whether it is only known to be
            larger.
        draws: Correlation of two noise draws.
        cka: (T, T).
        colours: Of the pictures.
        channels: Number of features.
    """

    timesteps: tuple[int, ...]
    spectral_share: NDArray[np.float64]
    ranges: list[tuple[float, bool]]
    draws: NDArray[np.float64]
    cka: NDArray[np.float64]
    colours: StageColours
    channels: int


def stage_figures(inspection: Inspection, pixels: InspectedPixels, stage: int, seed: int) -> StageFigures:
    """Measure a stage.

    Args:
        inspection: That has walked.
        pixels: Of the inspection.
        stage: Position among the stages.
        seed: Of the folds.
    """
    features = inspection.features(stage)
    folds = block_folds(pixels.rows, pixels.cols, seed)
    curve = _mean_of_known(correlation(np.moveaxis(inspection.lag_sums(stage), 1, 0)))  # (lags, T)
    distances = [lag * inspection.stride(stage) for lag in LAGS]
    some = np.unique(np.linspace(0, len(features) - 1, min(_CKA_PIXELS, len(features))).round().astype(int))
    return StageFigures(
        timesteps=inspection.scene.run.extractor.settings.timesteps,
        spectral_share=spectral_share(pixels.components, features, folds),
        ranges=[range_at_half(curve[:, t], distances) for t in range(features.shape[1])],
        draws=_mean_of_known(correlation(inspection.draw_sums(stage))),
        cka=cka_table([features[some, t] for t in range(features.shape[1])]),
        colours=stage_colours(features, brightness_of(pixels)),
        channels=features.shape[2],
    )


def brightness_of(pixels: InspectedPixels) -> NDArray[np.float64]:
    """Mean over the bands (N,) of each pixel."""
    values = pixels.quantities[pixels.names.index(BRIGHTNESS)].astype(np.float64)
    middle = float(np.nanmean(values)) if np.isfinite(values).any() else 0.0
    return np.where(np.isfinite(values), values, middle)


def _mean_of_known(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over the last axis of what is defined; NaN where nothing is."""
    known = np.isfinite(values)
    count = known.sum(axis=-1)
    mean = np.where(known, values, 0.0).sum(axis=-1) / np.maximum(count, 1)
    return np.asarray(np.where(count > 0, mean, np.nan))
