# SPDX-License-Identifier: GPL-2.0-or-later
"""Each job as one straight recipe: the table of contents of the core.

Enters: a Job, its folder, a progress. Leaves: files in the folder and the values of the result message.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Callable

import numpy as np
import torch
from numpy.typing import NDArray

from ..classification.fit import Task, learn
from ..classification.predict_map import map_values, predict_map
from ..diffusion.device import Device, choose_device, memory_guard
from ..diffusion.model import load_model
from ..errors import SceneError, SettingsError
from ..features.extractor import FeatureExtractor
from ..features.quantization import PlainBands
from ..features.raster_writer import KeptTiles, learn_statistics, scene_tiles, tiles_text, write_features
from ..features.selection import SURVEY_TILES, Labelled, choose_features, cluster_samples, labelled
from ..io import matlab_scene
from ..io.cube import Cube, whole_size
from ..io.run_directory import Workplace, workplace
from ..jobs.data_model import FeatureLayout
from ..jobs.protocol import Job
from ..jobs.settings import ClassificationSettings, ExtractionSettings, PretrainSettings, from_json, to_json
from ..progress import Progress, span
from ..sampling.sample_table import check_classes, part_samples, read_samples
from .denoising_preview import denoised_samples
from .map_scene import map_scene
from .pretrain import train_model
from .scene_input import check_bands, check_size, open_scene, standardised

log = logging.getLogger(__name__)

Values = dict[str, Any]

_LEARNING_SHARE = {"auto": 0.85}  # of the time, as measured on Indian Pines; networks take all but the last of it


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
        "mapscene": map_whole_scene,
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
        "final_loss": trained.final_loss,
        "iterations": state.iteration,
        "rollbacks": state.rollbacks,
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

    place = workplace(job, folder)
    extractor = FeatureExtractor(model.network.to(device.torch_device), settings)
    scene = scene_tiles(components, valid)
    log.info("%s, %d timesteps.", tiles_text(scene), len(settings.timesteps))
    with memory_guard(device, "Choose fewer TIMESTEPS, or DEVICE 'cpu'."):
        samples, layout = _purification_samples(job, folder, components, valid, settings)
        kept_tiles = KeptTiles(folder, device.torch_device, _result_bytes(extractor, cube))
        surveyed = 0.03 + 0.97 * _survey_share(len(scene), device)
        surveying, writing = span(progress, 0.03, surveyed), span(progress, surveyed, 1.0)
        learn_statistics(extractor, components, valid, side, span(surveying, 0.0, 0.1), model.statistics)
        layout, surveying = replace(layout, window=side), span(surveying, 0.1, 1.0)
        chosen = choose_features(extractor, components, scene, samples, layout, kept_tiles, place, surveying)
        spectra = PlainBands.of(cube, scene) if settings.spectra else None
        raster = write_features(extractor, components, scene, chosen.stored, kept_tiles, place, writing, spectra)

    return {
        "folder": str(place.folder),
        "raster": asdict(raster.description),
        "layout": asdict(replace(chosen.layout, spectra=cube.bands if settings.spectra else 0)),
        "bands_written": raster.bands,
        **_device_values(device),
    }


def _result_bytes(extractor: FeatureExtractor, cube: Cube) -> int:
    """Of the feature raster on disk: raw, and as the output."""
    settings, every = extractor.settings, len(extractor.feature_names)
    bands = min(settings.keep or every, every) * len(settings.timesteps) + (cube.bands if settings.spectra else 0)
    return 2 * 2 * bands * cube.height * cube.width


def _survey_share(tiles: int, device: Device) -> float:
    """Of the time of an extraction: a processor computes a surveyed tile once; storing one costs a quarter of that."""
    surveyed = min(tiles, SURVEY_TILES)
    computed_again = tiles - (surveyed if device.torch_device.type == "cpu" else 0)
    return surveyed / (surveyed + computed_again + 0.25 * tiles)


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
        learning = _LEARNING_SHARE.get(settings.classifier, 0.95)
        learnt = learn(task, span(progress, 0.0, learning))
        files = predict_map(
            learnt.mapper,
            whole_size(cube),
            job.classes,
            Workplace(folder),
            with_probabilities=bool(job.options.get("probabilities")),
            progress=span(progress, learning, 1.0),
        )
    return {**map_values(files, job, parted, learnt, layout), "settings": to_json(settings), **_device_values(device)}


def map_whole_scene(job: Job, folder: Path, progress: Progress) -> Values:
    """Raster + samples -> class map; the three steps in one."""
    wanted = job.settings["classify"]
    device = _announce(wanted["device"], wanted["seed"])
    return {**map_scene(job, folder, device, progress), **_device_values(device)}


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


def _purification_samples(
    job: Job, folder: Path, components: Cube, valid: NDArray[np.bool_], settings: ExtractionSettings
) -> tuple[Labelled, FeatureLayout]:
    """Samples for the class means, and a layout that says where they come from."""
    if job.samples is None:
        log.info("No training samples: the class part of the purification uses clusters of the spectra.")
        note = "Features were chosen without labels, by clusters of the spectra."
        return cluster_samples(components, valid, settings.clusters, settings.seed), FeatureLayout(
            purification="clusters", note=note
        )
    samples = read_samples(folder, job.samples)
    return labelled(samples[valid[samples[:, 0], samples[:, 1]]], job.classes)
