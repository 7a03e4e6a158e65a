# SPDX-License-Identifier: GPL-2.0-or-later
"""The tasks of the worker, by the name that a job gives them.

Enters: a Job, its folder, a progress. Leaves: files in the folder, and what the task has found.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Callable, Union

from ..diffusion.matrix_errors import matrix_errors_in_words
from ..errors import SettingsError
from ..jobs.clusters.cluster_map import ClusterResult
from ..jobs.exploration.exploration import ExplorationResult
from ..jobs.protocol import Job
from ..jobs.results import TaskResult
from ..progress import Progress
from .apply_classifier import apply_classifier
from .classify import classify
from .clusters.cluster_scene import cluster_scene
from .exploration.explore_features import explore_features
from .exploration.short_gallery import pretrain_and_show
from .extract import extract
from .import_scene import import_scene
from .map_scene import map_scene

Result = Union[TaskResult, ClusterResult, ExplorationResult]

TASKS: Mapping[str, Callable[[Job, Path, Progress], Result]] = {
    "pretrain": pretrain_and_show,
    "extract": extract,
    "classify": classify,
    "mapscene": map_scene,
    "applyclassifier": apply_classifier,
    "importscene": import_scene,
    "clusterscene": cluster_scene,
    "explorefeatures": explore_features,
}


def run(job: Job, folder: Path, progress: Progress) -> Result:
    """Do the job.

    Raises:
        MtmsdError: As the tasks do.
        SettingsError: There is no such task.
        SceneError: A matrix of the data cannot be decomposed or inverted.
    """
    if job.task not in TASKS:
        raise SettingsError(f"A task of {', '.join(TASKS)} was expected, found '{job.task}'.")
    started = time.monotonic()
    with matrix_errors_in_words():
        result = TASKS[job.task](job, folder, progress)
    return replace(result, seconds=round(time.monotonic() - started, 2))
