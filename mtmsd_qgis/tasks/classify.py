# SPDX-License-Identifier: GPL-2.0-or-later
"""Feature rasters and samples -> class map, confidence, accuracy.

Enters: a job with features and training samples, of one raster or of several. Leaves: the map's rasters, and what the
report says of them.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from ..classification.choices.class_priors import with_class_weights
from ..classification.choices.finished_map import finish_map
from ..classification.fit import fit_classifier
from ..classification.predict_map import predict_map
from ..classification.segments.segment_map import decide_by_segments
from ..classification.training_task import TrainingTask
from ..diffusion.batch_plan import memory_guard
from ..errors import SceneError
from ..io.cube import Cube, whole_size
from ..io.raster_stack import RasterStack
from ..io.run_directory import RunDirectory
from ..jobs.data_model import FeatureLayout
from ..jobs.protocol import Job
from ..jobs.results import MapResult
from ..jobs.settings import ClassificationSettings, from_json
from ..progress import Progress, span
from ..sampling.sample_split import split_samples
from ..sampling.sample_table import check_classes, read_samples
from ..sampling.sample_weights import read_sample_weights
from .classifier_output import MapOfScene, save_if_wanted
from .explanation.explained_points import explained_points, wants_explanation
from .job_device import announce_device
from .map_result import keeps_probabilities, map_grid, map_result
from .scene_input import open_extra_scenes, open_extras, open_scene
from .scene_stack import SceneStack
from .segments.segment_outputs import segment_step, with_segments
from .uncertainty.suggested_samples import suggested_samples

_MAPPED = 0.95  # of the time, where segments follow
_LEARNING_SHARE = {"auto": 0.85}  # of the time, as measured on Indian Pines; networks take all but the last of it


def classify(job: Job, folder: Path, progress: Progress) -> MapResult:
    """Feature raster + samples -> class map, confidence, accuracy."""
    settings = from_json(ClassificationSettings, job.settings)
    device = announce_device(settings.device, settings.seed)
    cube = open_scene(job, folder)
    layout = job.layout or FeatureLayout(features=cube.bands)
    if layout.diffusion_bands + layout.spectra != cube.bands:
        spectra = f" + {layout.spectra}" if layout.spectra else ""
        raise SceneError(
            f"The feature raster should have {len(layout.timesteps)} x {layout.features}{spectra} bands, it has "
            f"{cube.bands}. Extract the features again."
        )
    stack = None
    raster: Cube | RasterStack = cube
    if job.extra_scenes:
        stack = SceneStack.of(job, folder, [cube, *open_extra_scenes(job, folder, cube)], settings)
        raster = stack.raster
    samples = stack.samples if stack else read_samples(folder, job.samples)
    check_classes(samples.class_index, job.classes)
    split = split_samples(job, folder, samples, settings, stack.scene_of_sample if stack else None)
    extras = open_extras(job, folder, raster)
    weights = read_sample_weights(folder, job.sample_weights)
    explains = wants_explanation(job, settings)
    task = TrainingTask(
        raster, layout, split.training, job.classes, settings, device.torch_device, extras, weights, explains
    )
    with memory_guard(device, "Extract fewer features (KEEP, TIMESTEPS)."):
        learning = _LEARNING_SHARE.get(settings.classifier, 0.95)
        classifier = fit_classifier(task, span(progress, 0.0, learning))
        classifier = with_class_weights(classifier, task, job.options.get("class_areas"))
        keep = keeps_probabilities(settings)
        place = RunDirectory(stack.folder if stack else folder)
        grid = map_grid(job, place, whole_size(raster), keep_probabilities=keep)
        if stack is not None and not keep:  # what needs them needs the whole map
            grid = replace(grid, is_needed=partial(stack.needs, held_out=split.validation))
        mapped = 1.0 if settings.segments is None else _MAPPED
        files = predict_map(classifier.predictor, grid, span(progress, learning, mapped))
        described = cube.description.bands[layout.diffusion_bands if layout.spectra else 0 :]
        step = segment_step(job, task, described, whole_size(cube))
        segmented = decide_by_segments(step, files, grid, span(progress, mapped, 1.0))
        finished = finish_map(segmented.files, grid, settings.finish, whole_size(cube), span(progress, 1.0, 1.0))
    result = with_segments(map_result(finished, task, split, classifier, device), segmented, step, split.validation)
    labelled = [samples, split.validation]
    result = replace(result, suggestions=suggested_samples(job, folder, files, task, labelled))
    result = replace(result, explanations=explained_points(job, task, classifier))
    if stack:
        result = stack.own_result(result, finished.files, folder)
    save_if_wanted(MapOfScene(job, raster, task, classifier, result, files, split.validation))
    return result
