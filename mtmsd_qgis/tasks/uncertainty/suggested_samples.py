# SPDX-License-Identifier: GPL-2.0-or-later
"""Samples to take next, for a map task whose job asks for them.

Enters: the job, the map, what it was learnt from. Leaves: Suggestions.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...classification.auto.feature_sets import BandPlan
from ...classification.predict_map import MapFiles
from ...classification.training_task import TrainingTask
from ...classification.uncertainty.scene_suggestions import MappedScene, suggest_in_scene
from ...errors import FileFormatError
from ...io.cube import whole_size
from ...jobs.json_dataclasses import from_json
from ...jobs.protocol import Job
from ...jobs.suggestions import REACHABLE_FILE, Suggestion, SuggestionSettings
from ...sampling.sample_table import SampleTable

log = logging.getLogger(__name__)

OPTION = "suggestions"


def suggested_samples(
    job: Job, folder: Path, files: MapFiles, task: TrainingTask, labelled: Sequence[SampleTable]
) -> tuple[Suggestion, ...] | None:
    """What the job asks for; None where it asks for nothing.

    Args:
        job: Its option "suggestions" says how many.
        folder: The job folder.
        files: The map, with uncertainty and runner-up.
        task: What was learnt from.
        labelled: All samples of the job, those too that a buffer left out.
    """
    if OPTION not in job.options:
        return None
    settings = from_json(SuggestionSettings, job.options[OPTION])
    scene = job.scene
    size = whole_size(task.cube) if scene is None else (scene.height, scene.width)
    reachable = _reachable(folder, size) if settings.within_reach else None
    taken = np.concatenate([samples.positions for samples in labelled])
    bands = BandPlan.of(task.layout, task.cube.bands).base
    mapped = MappedScene(files, task.cube, bands, size, taken, reachable)
    found = suggest_in_scene(mapped, settings.count, task.settings.seed)
    if found:
        log.info("%d samples to take next are suggested.", len(found))
    return found


def _reachable(folder: Path, size: tuple[int, int]) -> NDArray[np.uint8]:
    path = folder / REACHABLE_FILE
    try:
        return np.memmap(path, dtype=np.uint8, mode="r", shape=size)
    except (OSError, ValueError) as error:
        raise FileFormatError(f"{path} should be a raster of {size[0]} x {size[1]} bytes ({error}).") from None
