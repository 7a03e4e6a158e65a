# SPDX-License-Identifier: GPL-2.0-or-later
"""Each job as one straight recipe: the table of contents of the core.

Enters: a Job, its folder, a progress. Leaves: files in the folder and the values of the result message.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Callable

import numpy as np
import torch
from numpy.typing import NDArray

from . import accuracy, matlab_scene
from .cube import Cube, whole_size
from .denoising import denoised_samples
from .device import Device, choose_device, memory_guard
from .diffusion_model import load_model
from .errors import SceneError, SettingsError
from .extraction import KeptTiles, cluster_samples, scene_tiles, survey, write_features
from .features import FeatureExtractor
from .job_scene import check_bands, check_size, open_scene, standardised
from .learning import Task, learn
from .mapping import MapFiles, mapped_classes, mapped_pixels, predict_map, values_at
from .model_training import train_model
from .pretraining import TrainingState
from .progress import Progress, span
from .protocol import FeatureLayout, Job
from .purification import purify
from .samples import check_classes, part_samples, read_samples
from .settings import ClassificationSettings, ExtractionSettings, PretrainSettings, from_json, to_json

log = logging.getLogger(__name__)

Values = dict[str, Any]


def run(job: Job, folder: Path, progress: Progress) -> Values:
    """Do the job.

    Raises:
        MtmsdError: As the tasks do.
        SettingsError: There is no such task.
    """
    tasks: Mapping[str, Callable[[Job, Path, Progress], Values]] = {
        "pretrain": pretrain,
        "extract": extract,
        "classify": classify,
        "importscene": import_scene,
    }
    if job.task not in tasks:
        raise SettingsError(f"A task of {', '.join(tasks)} was expected, found '{job.task}'.")
    started = time.monotonic()
    values = tasks[job.task](job, folder, progress)
    return {**values, "seconds": round(time.monotonic() - started, 2)}


def pretrain(job: Job, folder: Path, progress: Progress) -> Values:
    """Raster -> diffusion model."""
    settings = from_json(PretrainSettings, job.settings)
    device = _announce(settings.device, settings.seed)
    cube = open_scene(job, folder)
    check_size(cube, settings.patch_size)

    resume, checkpoint = job.inputs.get("resume"), job.outputs.get("checkpoint")
    trained = train_model(
        cube,
        settings,
        device,
        Path(job.outputs["model"]),
        folder,
        progress,
        checkpoint=Path(checkpoint) if checkpoint else None,
        resume=Path(resume) if resume else None,
        source_band_count=int(job.options.get("source_band_count", cube.bands)),
    )
    state, preprocessor = trained.state, trained.preprocessor
    state.network.load_state_dict(state.average)
    return {
        "model": job.outputs["model"],
        "final_loss": _final_loss(state),
        "iterations": state.iteration,
        "loss_curve": [list(point) for point in state.losses],
        "components": preprocessor.components,
        "explained_share": preprocessor.explained_share,
        "bands_used": [band.number for band in preprocessor.bands],
        "bands_left_out": [asdict(band) for band in trained.left_out],
        "denoised": denoised_samples(state.network, trained.sampler, settings),
        "settings": to_json(settings),
        **_device_values(device),
    }


def extract(job: Job, folder: Path, progress: Progress) -> Values:
    """Raster + model -> feature raster."""
    settings = from_json(ExtractionSettings, job.settings)
    device = _announce(settings.device, settings.seed)
    model = load_model(Path(job.inputs["model"]))
    cube = open_scene(job, folder)
    side = model.settings.patch_size
    check_size(cube, side)
    check_bands(cube, model.preprocessor)
    components, valid = standardised(cube, None, model.preprocessor, folder, span(progress, 0.0, 0.03))
    if not valid.any():
        raise SceneError("No valid pixel was found: every pixel is nodata or masked. Check nodata and mask.")

    extractor = FeatureExtractor(model.network.to(device.torch_device), settings)
    scene = scene_tiles(components, valid, side)
    log.info("%d tiles of %d x %d pixels, %d timesteps.", len(scene), side, side, len(settings.timesteps))
    with memory_guard(device, "Choose fewer TIMESTEPS, or DEVICE 'cpu'."):
        samples, purification, note = _purification_samples(job, folder, components, valid, settings)
        kept_tiles = KeptTiles(folder, device.torch_device)
        found = survey(extractor, components, scene, samples, kept_tiles, span(progress, 0.03, 0.75))
        kept = purify(found.class_means, settings.keep)
        if len(kept) == len(extractor.feature_names):
            purification, note = "none", ""
        writing = span(progress, 0.75, 1.0)
        spectra = cube if settings.spectra else None
        raster = write_features(extractor, components, scene, found, kept, kept_tiles, folder, writing, spectra)

    layout = FeatureLayout(
        timesteps=settings.timesteps,
        features=len(kept),
        names=tuple(extractor.feature_names[i] for i in kept),
        window=side,
        purification=purification,
        stages=settings.stages,
        note=note,
        spectra=cube.bands if settings.spectra else 0,
    )
    return {
        "raster": asdict(raster.description),
        "layout": asdict(layout),
        "bands_written": raster.bands,
        **_device_values(device),
    }


def classify(job: Job, folder: Path, progress: Progress) -> Values:
    """Feature raster + samples -> class map, confidence, accuracy."""
    settings = from_json(ClassificationSettings, job.settings)
    device = _announce(settings.device, settings.seed)
    cube = open_scene(job, folder)
    layout = job.layout or FeatureLayout(features=cube.bands)
    if layout.diffusion_bands + layout.spectra != cube.bands:
        behind = f" + {layout.spectra}" if layout.spectra else ""
        raise SceneError(
            f"The feature raster should have {len(layout.timesteps)} x {layout.features}{behind} bands, it has "
            f"{cube.bands}. Extract the features again."
        )
    samples = read_samples(folder, job.samples)
    check_classes(samples[:, 2], job.classes)
    parted = part_samples(job, folder, samples, settings)
    task = Task(cube, layout, parted.training, job.classes, settings, device.torch_device)
    with memory_guard(device, "Extract fewer features (KEEP, TIMESTEPS)."):
        learnt = learn(task, span(progress, 0.0, 0.85))
        files = predict_map(
            learnt.mapper,
            whole_size(cube),
            job.classes,
            folder,
            with_probabilities=bool(job.options.get("probabilities")),
            progress=span(progress, 0.85, 1.0),
        )
    judged, lost = _judge(files, job, parted.validation)
    return {
        "map": asdict(files.classes.description),
        "confidence": asdict(files.confidence.description),
        "probabilities": None if files.probabilities is None else asdict(files.probabilities.description),
        "accuracy": judged,
        "split": {**parted.facts(len(job.classes)), "validation_outside_map": lost},
        "classes": [asdict(entry) for entry in job.classes],
        "mapped_pixels": mapped_pixels(files.classes, job.classes),
        "timesteps": list(layout.timesteps),
        "timestep_weights": {label: round(share, 6) for label, share in learnt.timesteps.items()},
        "stage_weights": {label: round(share, 6) for label, share in learnt.stages.items()},
        "features_per_timestep": learnt.features,
        "purification": {"raster": layout.purification, "note": layout.note},
        "settings": to_json(settings),
        **learnt.facts,
        **_device_values(device),
    }


def import_scene(job: Job, folder: Path, progress: Progress) -> Values:
    """MATLAB file -> raw cube and class ids."""
    array = matlab_scene.read_scene(Path(job.inputs["mat"]), job.options.get("variable") or None)
    progress(0.3, "scene read")
    cube = matlab_scene.write_scene(array, folder)
    progress(0.8, "scene written")
    values: Values = {"cube": asdict(cube.description), "reference": None, "class_names": {}}
    if job.inputs.get("ground_truth"):
        ids, names = matlab_scene.read_ground_truth(Path(job.inputs["ground_truth"]))
        if ids.shape != array.shape[:2]:
            raise SceneError(
                f"The ground truth should have {array.shape[0]} x {array.shape[1]} pixels as the scene has, "
                f"it has {ids.shape[0]} x {ids.shape[1]}."
            )
        values["reference"] = asdict(matlab_scene.write_ground_truth(ids, folder).description)
        values["class_names"] = {str(index): name for index, name in names.items()}
    progress(1.0, "")
    return values


def _announce(wanted: str, seed: int) -> Device:
    device = choose_device(wanted)
    log.info("Device: %s, %s.", device.label, device.reason)
    log.info("Seed %d, torch %s, numpy %s.", seed, torch.__version__, np.__version__)
    return device


def _device_values(device: Device) -> Values:
    return {"device": device.label, "device_reason": device.reason, "torch": str(torch.__version__)}


def _final_loss(state: TrainingState) -> float:
    """Mean of the last twentieth of the loss curve: single batches scatter."""
    tail = state.losses[-max(1, len(state.losses) // 20) :]
    return float(np.mean([loss for _, loss in tail]))


def _purification_samples(
    job: Job, folder: Path, components: Cube, valid: NDArray[np.bool_], settings: ExtractionSettings
) -> tuple[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]], str, str]:
    """Samples for the class means, the kind of purification, and a note for the report."""
    if job.samples is None:
        log.info("No training samples: the class part of the purification uses clusters of the spectra.")
        note = "Features were chosen without labels, by clusters of the spectra."
        return cluster_samples(components, valid, settings.clusters, settings.seed), "clusters", note
    samples = read_samples(folder, job.samples)
    samples = samples[valid[samples[:, 0], samples[:, 1]]]
    check_classes(samples[:, 2], job.classes)
    rows, cols, classes, _ = samples.T
    note = f"Features were chosen with the classes of {len(rows)} samples."
    return (rows, cols, classes), "classes", note


def _judge(files: MapFiles, job: Job, validation: NDArray[np.int64]) -> tuple[Values | None, int]:
    """Accuracy and calibration at the reference samples, and how many of them lie where the map has no class."""
    if len(validation) == 0:
        return None, 0
    rows, cols, classes, features = validation.T
    mapped = mapped_classes(files.classes, job.classes, rows, cols)
    inside = mapped >= 0
    if not inside.any():
        log.warning("No reference sample lies on a mapped pixel, so no accuracy is given.")
        return None, int((~inside).sum())
    confidence = values_at(files.confidence, rows[inside], cols[inside])
    trust = accuracy.calibration(confidence, mapped[inside] == classes[inside])
    judged = accuracy.judge(classes[inside], mapped[inside], features[inside], len(job.classes))
    return {**judged, **accuracy.calibration_to_json(trust)}, int((~inside).sum())
