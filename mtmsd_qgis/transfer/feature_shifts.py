# SPDX-License-Identifier: GPL-2.0-or-later
"""Which diffusion features tell two scenes apart: an AUC for each timestep and stage that the map rests on.

Enters: the features of a scene that is learnt from, for its classifier's file; that file's summary and the features of
the scene to be mapped. Leaves: FeatureShifts, the largest first.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from ..errors import FileFormatError
from ..io.cube import Raster
from ..jobs.data_model import FeatureLayout
from ..jobs.transfer_results import FeatureShift
from ..progress import Progress, silent
from .scene_summary import SceneSummary
from .separability import separability

log = logging.getLogger(__name__)

_SHOWN = 3  # in the log
_TOLD_APART = 0.75  # AUC from which features are named there


def diffusion_features(bands: Sequence[int], layout: FeatureLayout) -> list[int]:
    """Those of the bands that a predictor reads that are diffusion features, each once."""
    return sorted({int(band) for band in bands if 0 <= band < layout.diffusion_bands})


def summary_of_features(
    raster: Raster, layout: FeatureLayout, bands: Sequence[int], progress: Progress = silent
) -> SceneSummary | None:
    """What is kept of the features of a scene; None where the map rests on none.

    Args:
        raster: Features, and whatever follows them.
        layout: What its bands are.
        bands: That the predictor reads.
        progress: Told after each window.

    Raises:
        SceneError: No pixel has data.
    """
    chosen = diffusion_features(bands, layout)
    return SceneSummary.of_raster(raster, chosen, progress) if chosen else None


def feature_shifts(
    source: SceneSummary, target: SceneSummary, groups: Sequence[str], progress: Progress = silent
) -> tuple[FeatureShift, ...]:
    """How well the features of each timestep and stage tell two scenes apart, the largest AUC first.

    Args:
        source: Features of the scene that was learnt from.
        target: The same features of the scene to be mapped.
        groups: (F,) as group_names gives them.
        progress: Told after each group.

    Raises:
        FileFormatError: The file keeps other features than the predictor reads.
    """
    if not source.pixels.shape[1] == target.pixels.shape[1] == len(groups):
        raise FileFormatError(
            f"The classifier's file keeps {source.pixels.shape[1]} features of its scene, its map uses "
            f"{len(groups)}. Use a copy, or learn the classifier anew."
        )
    found = separability(source, target, groups, progress).shifts
    shifts = tuple(FeatureShift(*_timestep_and_stage(shift.name), shift.auc) for shift in found)
    told = [f"{shift.title} (AUC {shift.auc:.2f})" for shift in shifts if shift.auc >= _TOLD_APART]
    if told:
        log.info("Features that tell the scenes apart: %s.", ", ".join(told[:_SHOWN]))
    return shifts


def group_names(layout: FeatureLayout, bands: Sequence[int]) -> list[str]:
    """Timestep and stage of each diffusion feature, as "100 3"; without the stage where features have no names."""
    names = []
    for band in bands:
        timestep = layout.timesteps[band // layout.features]
        name = layout.names[band % layout.features] if layout.names else ""
        stage = name.split(" ")[0].removeprefix("s")
        names.append(f"{timestep} {stage}" if stage.isdigit() else str(timestep))
    return names


def _timestep_and_stage(name: str) -> tuple[int, int | None]:
    timestep, _, stage = name.partition(" ")
    return int(timestep), int(stage) if stage else None
