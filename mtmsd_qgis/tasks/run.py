# SPDX-License-Identifier: GPL-2.0-or-later
"""The tasks of the worker, by the name that a job gives them.

Enters: a Job, its folder, a progress. Leaves: files in the folder and the values of the result message.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Callable

from ..errors import SettingsError
from ..jobs.protocol import Job
from ..progress import Progress
from .classify import classify
from .extract import extract
from .import_scene import import_scene
from .map_scene import map_scene
from .pretrain import pretrain

TASKS: Mapping[str, Callable[[Job, Path, Progress], dict[str, Any]]] = {
    "pretrain": pretrain,
    "extract": extract,
    "classify": classify,
    "mapscene": map_scene,
    "importscene": import_scene,
}


def run(job: Job, folder: Path, progress: Progress) -> dict[str, Any]:
    """Do the job.

    Raises:
        MtmsdError: As the tasks do.
        SettingsError: There is no such task.
    """
    if job.task not in TASKS:
        raise SettingsError(f"A task of {', '.join(TASKS)} was expected, found '{job.task}'.")
    started = time.monotonic()
    values = TASKS[job.task](job, folder, progress)
    return {**values, "seconds": round(time.monotonic() - started, 2)}
