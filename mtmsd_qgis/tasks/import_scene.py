# SPDX-License-Identifier: GPL-2.0-or-later
"""MATLAB file -> raw cube and class ids.

Enters: a job that names a .mat file, and one with a ground truth or none. Leaves: rasters in the job folder.
"""

from __future__ import annotations

from pathlib import Path

from ..errors import SceneError
from ..io import matlab_scene
from ..jobs.protocol import Job
from ..jobs.results import ImportResult
from ..progress import Progress


def import_scene(job: Job, folder: Path, progress: Progress) -> ImportResult:
    """MATLAB file -> raw cube and class ids."""
    array = matlab_scene.read_scene(Path(job.inputs["mat"]), job.options.get("variable") or None)
    progress(0.3, "scene read")
    cube = matlab_scene.write_scene(array, folder)
    progress(0.8, "scene written")
    reference, class_names = None, {}
    if job.inputs.get("ground_truth"):
        ids, names = matlab_scene.read_ground_truth(Path(job.inputs["ground_truth"]), array.shape[:2])
        if ids.shape != array.shape[:2]:
            raise SceneError(
                f"The ground truth should have {array.shape[0]} x {array.shape[1]} pixels as the scene has, "
                f"it has {ids.shape[0]} x {ids.shape[1]}."
            )
        reference = matlab_scene.write_ground_truth(ids, folder).description
        class_names = {str(index): name for index, name in names.items()}
    progress(1.0, "")
    return ImportResult(cube.description, reference, class_names)
