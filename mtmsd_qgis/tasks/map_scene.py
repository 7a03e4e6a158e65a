# SPDX-License-Identifier: GPL-2.0-or-later
"""The three steps in one: from a scene to its class map, with no feature raster on disk.

Enters: a job with a scene and samples, and a model or none. Leaves: the map's rasters. The samples are split before
anything learns from them: purification and classifier see the training part alone.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..classification.auto.feature_sets import MARGIN
from ..classification.fit import Task, learn
from ..classification.predict_map import map_values, predict_map
from ..diffusion.batch_plan import memory_guard
from ..diffusion.device import Device
from ..diffusion.model import DiffusionModel, load_model
from ..features.extractor import FeatureExtractor
from ..features.lazy_raster import LazyFeatures
from ..features.quantization import QuantisedSpectra
from ..features.raster_writer import TileCache, learn_statistics, scene_tiles, tiles_text
from ..features.selection import STATISTICS_TILES, labelled_layout, select_features
from ..io.cube import Cube, whole_size
from ..io.run_directory import RunDirectory, open_run_directory
from ..io.windows import HALO, MOST_CORE
from ..jobs.data_model import FeatureLayout
from ..jobs.protocol import Job
from ..jobs.settings import ClassificationSettings, ExtractionSettings, PretrainSettings, from_json, to_json
from ..progress import Progress, span
from ..sampling.sample_split import split_samples
from ..sampling.sample_table import check_classes, read_samples
from .job_device import announce_device, device_values
from .pretrain import train_model
from .scene_input import band_positions, check_bands, check_size, open_scene, standardised

log = logging.getLogger(__name__)

MODEL_FILE = "model.mtmsd"
_BACKWARD = 3.0  # a training step costs three forward passes
_MAP_TIMESTEPS = 4  # that the default classifier's map usually rests on


@dataclass(frozen=True)
class Steps:
    """The settings of the three steps; without pretraining where there is a model."""

    pretrain: PretrainSettings | None
    extract: ExtractionSettings
    classify: ClassificationSettings

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Steps:
        """From the job's settings.

        Raises:
            SettingsError: A value is out of range.
        """
        pretrain = values.get("pretrain")
        return cls(
            None if pretrain is None else from_json(PretrainSettings, pretrain),
            from_json(ExtractionSettings, values["extract"]),
            from_json(ClassificationSettings, values["classify"]),
        )


@dataclass(frozen=True)
class Ready:
    """A scene ready for its features.

    Attributes:
        model: The network and the preparation of the bands.
        positions: Of the bands it uses, in the scene.
        components: Standardised, NaN where there is no data.
        valid: (H, W).
    """

    model: DiffusionModel
    positions: list[int]
    components: Cube
    valid: NDArray[np.bool_]


def map_scene(job: Job, folder: Path, progress: Progress) -> dict[str, Any]:
    """Raster + samples -> class map; the model is trained where none is given.

    Raises:
        MtmsdError: As the three steps do.
    """
    steps = Steps.of(job.settings)
    device = announce_device(steps.classify.device, steps.classify.seed)
    cube = open_scene(job, folder)
    samples = read_samples(folder, job.samples)
    check_classes(samples.class_index, job.classes)
    split = split_samples(job, folder, samples, steps.classify)
    place = open_run_directory(job, folder)
    trained, looked = _shares(steps, cube)
    ready = _ready(job, cube, steps, place, folder, device, span(progress, 0.0, trained))

    extractor = FeatureExtractor(ready.model.network.to(device.torch_device), steps.extract)
    scene = scene_tiles(ready.components, ready.valid)
    log.info("%s.", tiles_text(scene))
    looking = span(progress, trained, looked)
    with memory_guard(device, "Choose fewer TIMESTEPS, a smaller KEEP, or DEVICE 'cpu'."):
        training = split.training
        inside = training.subset(ready.valid[training.rows, training.cols])
        side = ready.model.settings.patch_size
        learning, known = span(looking, 0.0, 0.05), ready.model.statistics
        learn_statistics(extractor, ready.components, ready.valid, side, learning, known)
        layout = replace(labelled_layout(inside, job.classes), window=side)
        none = TileCache(folder, device.torch_device, limit_bytes=0)
        chosen = select_features(
            extractor, ready.components, scene, inside, layout, none, place, span(looking, 0.05, 0.5)
        )
        spectra = QuantisedSpectra.of(cube, scene, ready.positions) if steps.extract.spectra else None
        live = LazyFeatures(extractor, ready.components, ready.valid, chosen.stored, spectra)
        layout = replace(chosen.layout, spectra=len(ready.positions) if spectra else 0)
        task = Task(live, layout, split.training, job.classes, steps.classify, device.torch_device)
        learnt = learn(task, span(looking, 0.5, 1.0))
        live.expect(learnt.mapper.bands)
        _say_what_is_computed(learnt.mapper.bands, layout)
        windows = learnt.mapper.windows()
        files = predict_map(
            learnt.mapper,
            whole_size(cube),
            job.classes,
            place,
            with_probabilities=bool(job.options.get("probabilities")),
            progress=span(progress, looked, 1.0),
            strip_width=live.strip_width(windows[0].core.width + 2 * max(scene[0].window.height, MARGIN)),
        )
    return {
        **map_values(files, job, split, learnt, layout),
        "purification": {"raster": layout.purification, "note": layout.note, "after_split": True},
        "folder": str(place.folder),
        "model": str(place.folder / MODEL_FILE) if steps.pretrain else None,
        "settings": to_json(steps.classify),
        **device_values(device),
    }


def _ready(
    job: Job, cube: Cube, steps: Steps, place: RunDirectory, folder: Path, device: Device, progress: Progress
) -> Ready:
    """The scene's components and the model: given, trained before an interruption, or trained now."""
    if steps.pretrain is None:
        model = load_model(Path(job.inputs["model"]))
        check_bands(cube, model.preprocessor)
        return _prepared(model, list(range(cube.bands)), cube, folder, progress)
    check_size(cube, steps.pretrain.patch_size)
    path, checkpoint = place.folder / MODEL_FILE, place.folder / f"{MODEL_FILE}.checkpoint"
    if place.persistent and path.is_file():
        log.info("The model is trained already.")
        model = load_model(path)
        return _prepared(model, band_positions(cube, model.preprocessor), cube, folder, progress)
    trained = train_model(
        cube,
        steps.pretrain,
        device,
        path,
        folder,
        progress,
        checkpoint=checkpoint if place.persistent else None,
        resume=checkpoint if place.persistent and checkpoint.is_file() else None,
        source_band_count=int(job.options.get("source_band_count", cube.bands)),
    )
    positions = band_positions(cube, trained.preprocessor)
    return Ready(load_model(path), positions, trained.components, trained.valid)


def _prepared(model: DiffusionModel, positions: list[int], cube: Cube, folder: Path, progress: Progress) -> Ready:
    check_size(cube, model.settings.patch_size)
    components, valid = standardised(cube, positions, model.preprocessor, folder, progress)
    return Ready(model, positions, components, valid)


def _shares(steps: Steps, cube: Cube) -> tuple[float, float]:
    """When training ends and when mapping begins, as shares of the whole, by pixels that go through the network."""
    scene = cube.height * cube.width * (1 + 2 * HALO / MOST_CORE) ** 2
    training = 0.0
    if steps.pretrain is not None:
        settings = steps.pretrain
        training = _BACKWARD * settings.iterations * settings.batch_size * settings.patch_size**2
    timesteps = len(steps.extract.timesteps)
    looking = min(scene, STATISTICS_TILES * (MOST_CORE + 2 * HALO) ** 2.0) * timesteps * 1.5
    mapping = scene * (min(_MAP_TIMESTEPS, timesteps) if steps.classify.classifier == "auto" else timesteps)
    total = training + looking + mapping
    trained = max(0.02, training / total)
    return trained, min(0.98, trained + (1 - trained) * looking / (looking + mapping))


def _say_what_is_computed(bands: Sequence[int], layout: FeatureLayout) -> None:
    used = sorted({layout.timesteps[band // layout.features] for band in bands if band < layout.diffusion_bands})
    if used:
        log.info(
            "The map rests on %d of %d timesteps: %s.", len(used), len(layout.timesteps), ", ".join(map(str, used))
        )
    else:
        log.info("The map rests on the spectra alone; no features are computed for it.")
