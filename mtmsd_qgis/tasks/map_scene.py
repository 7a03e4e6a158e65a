# SPDX-License-Identifier: GPL-2.0-or-later
"""The three steps in one: from a scene to its class map, with no feature raster on disk.

Enters: a job with a scene and samples, and a model or none. Leaves: the map's rasters. The samples are split before
anything learns from them: purification and classifier see the training part alone.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..classification.choices.class_priors import with_class_weights
from ..classification.choices.finished_map import finish_map
from ..classification.fit import fit_classifier
from ..classification.segments.segment_map import decide_by_segments
from ..classification.training_task import TrainingTask
from ..diffusion.batch_plan import memory_guard
from ..diffusion.device import Device
from ..diffusion.model import DiffusionModel, load_model
from ..diffusion.patch_sampler import PatchSampler
from ..features.extraction_run import ExtractionRun, scene_tiles
from ..features.extractor import FeatureExtractor
from ..features.feature_recipe import FeatureRecipe
from ..features.lazy_raster import LazyFeatures
from ..features.quantization import QuantisedSpectra
from ..features.selection import cluster_samples, labelled_layout, select_features
from ..features.statistics_pass import STATISTICS_TILES
from ..features.tile_cache import TileCache
from ..features.timestep_intervals.chosen_extractor import PatchSource, at_chosen_timesteps
from ..io.cube import Cube, whole_size
from ..io.run_directory import RunDirectory, open_run_directory
from ..io.windows import HALO, MOST_CORE
from ..jobs.data_model import FeatureLayout
from ..jobs.protocol import Job
from ..jobs.results import SceneMapResult
from ..jobs.settings import ClassificationSettings, ExtractionSettings, PretrainSettings, from_json
from ..jobs.timesteps.trained_timesteps import refuse_untrained
from ..progress import Progress, span
from ..sampling.sample_split import split_samples
from ..sampling.sample_table import SampleTable, check_classes, read_samples
from ..sampling.sample_weights import read_sample_weights
from .classifier_output import MapOfScene, SceneSource, save_if_wanted
from .explanation.explained_points import explained_points, wants_explanation
from .job_device import announce_device
from .lazy_map import SceneFeatures, map_lazily
from .map_result import keeps_probabilities, map_grid, map_result
from .pretrain import ModelTraining, train_model
from .scene_input import (
    OTHER_MODEL,
    band_positions,
    check_bands,
    check_size,
    open_extras,
    open_scene,
    source_band_count,
    standardised,
)
from .segments.segment_outputs import segment_step, with_segments
from .uncertainty.suggested_samples import suggested_samples

log = logging.getLogger(__name__)

MODEL_FILE = "model.mtmsd"
_BACKWARD = 3.0  # a training step costs three forward passes
_MAPPED = 0.95  # of the time that mapping takes, where segments follow
_MAP_TIMESTEPS = 3  # that the default classifier's map usually rests on


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
class MapRun:
    """A job that maps a scene.

    Attributes:
        job: As QGIS gave it.
        folder: Of the job.
        steps: Settings of its steps.
        device: That computes.
        cube: The scene's bands.
        run_directory: For the map, the statistics and a model that is trained.
    """

    job: Job
    folder: Path
    steps: Steps
    device: Device
    cube: Cube
    run_directory: RunDirectory

    @property
    def model_file(self) -> Path:
        """Of a model that is trained in this run."""
        return self.run_directory.folder / MODEL_FILE


@dataclass(frozen=True)
class PreparedScene:
    """A scene ready for its features.

    Attributes:
        model: The network and the preparation of the bands.
        model_file: That it was read from.
        positions: Of the bands it uses, in the scene.
        components: Standardised, NaN where there is no data.
        valid: (H, W).
    """

    model: DiffusionModel
    model_file: Path
    positions: list[int]
    components: Cube
    valid: NDArray[np.bool_]


def map_scene(job: Job, folder: Path, progress: Progress) -> SceneMapResult:
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
    run = MapRun(job, folder, steps, device, cube, open_run_directory(job, folder))
    trained, fitted = _shares(steps, cube)
    scene = prepared_scene(run, span(progress, 0.0, trained))
    with memory_guard(device, "Choose fewer TIMESTEPS, a smaller KEEP, or DEVICE 'cpu'."):
        fitting = span(progress, trained, fitted)
        source = scene_features(run, scene, split.training, span(fitting, 0.0, 0.5))
        features, layout = source.raster, source.layout
        extras = open_extras(job, folder, cube)
        weights = read_sample_weights(folder, job.sample_weights)
        task = TrainingTask(
            features,
            layout,
            split.training,
            job.classes,
            steps.classify,
            device.torch_device,
            extras,
            weights,
            explains=wants_explanation(job, steps.classify),
        )
        classifier = fit_classifier(task, span(fitting, 0.5, 1.0))
        classifier = with_class_weights(classifier, task, job.options.get("class_areas"))
        keep = keeps_probabilities(steps.classify)
        grid = map_grid(job, run.run_directory, whole_size(cube), keep_probabilities=keep)
        mapped = 1.0 if steps.classify.segments is None else fitted + _MAPPED * (1 - fitted)
        files = map_lazily(classifier.predictor, source, grid, span(progress, fitted, mapped))
        spectra = [cube.description.bands[position] for position in scene.positions]
        step = segment_step(job, task, spectra, grid.size)
        segmented = decide_by_segments(step, files, grid, span(progress, mapped, 1.0))
        finished = finish_map(segmented.files, grid, steps.classify.finish, grid.size, span(progress, 1.0, 1.0))
    result = map_result(finished, task, split, classifier, device)
    result = with_segments(result, segmented, step, split.validation)
    labelled = [samples, split.validation]
    result = replace(result, suggestions=suggested_samples(job, folder, files, task, labelled))
    result = replace(result, explanations=explained_points(job, task, classifier))
    result = replace(result, purification=replace(result.purification, after_split=True))
    origin = SceneSource(source.recipe, steps.extract.at(layout.timesteps), scene.model, scene.model_file)
    save_if_wanted(MapOfScene(job, cube, task, classifier, result, files, split.validation, origin))
    return SceneMapResult(
        **vars(result),
        folder=str(run.run_directory.folder),
        model=str(run.model_file) if steps.pretrain else None,
    )


def scene_features(
    run: MapRun, scene: PreparedScene, training: SampleTable | None, progress: Progress
) -> SceneFeatures:
    """The features selected with the training samples, computed where they are read.

    Args:
        run: The job.
        scene: Ready for its features.
        training: Samples; None where there are none, and clusters of the spectra stand for classes.
        progress: Told after each tile.
    """
    settings, side = run.steps.extract, scene.model.settings.patch_size
    extractor = FeatureExtractor(scene.model.network.to(run.device.torch_device), settings)
    tiles = scene_tiles(scene.components, scene.valid)
    sampler = PatchSampler(scene.components, scene.valid, side)
    extractor.learn_statistics(sampler.for_statistics(settings.seed), span(progress, 0.0, 0.1), scene.model.statistics)
    places = PatchSource(sampler, run.run_directory, tiles[0].window.height)
    extractor, choice = at_chosen_timesteps(extractor, places, span(progress, 0.1, 0.2))
    extraction = ExtractionRun(extractor, scene.components, scene.valid, tiles, run.run_directory)
    log.info("%s.", extraction.tiles_text)
    if training is None:
        samples = cluster_samples(scene.components, scene.valid, settings.clusters, settings.seed)
        layout = FeatureLayout(purification="clusters", window=side)
    else:
        samples = training.subset(scene.valid[training.rows, training.cols])
        layout = replace(labelled_layout(samples, run.job.classes), window=side)
    no_cache = TileCache(run.folder, run.device.torch_device, limit_bytes=0)
    selecting = span(progress, 0.2 if choice else 0.1, 1.0)
    selection = select_features(extraction, samples, replace(layout, timestep_choice=choice), no_cache, selecting)
    spectra = QuantisedSpectra.of(run.cube, tiles, scene.positions) if settings.spectra else None
    layout = replace(selection.layout, spectra=len(scene.positions) if spectra else 0)
    raster = LazyFeatures(extraction, selection.features, spectra)
    return SceneFeatures(raster, layout, FeatureRecipe.of(extractor, selection.features))


def prepared_scene(run: MapRun, progress: Progress) -> PreparedScene:
    """The scene's components and the model: given, trained before an interruption, or trained now."""
    cube, settings, persistent = run.cube, run.steps.pretrain, run.run_directory.persistent
    if settings is not None:
        refuse_untrained(run.steps.extract.timesteps, settings.last_timestep)
    else:
        given = Path(run.job.inputs["model"])
        model = load_model(given)
        refuse_untrained(run.steps.extract.timesteps, model.settings.last_timestep)
        check_bands(cube, model.preprocessor)
        return _with_components(run, (model, given), list(range(cube.bands)), progress)
    check_size(cube, settings.patch_size)
    if persistent and run.model_file.is_file():
        log.info("The model is trained already.")
        model = load_model(run.model_file)
        return _with_components(run, (model, run.model_file), band_positions(cube, model.preprocessor), progress)
    checkpoint = run.run_directory.folder / f"{MODEL_FILE}.checkpoint"
    training = ModelTraining(
        settings,
        run.device,
        run.folder,
        model_file=run.model_file,
        checkpoint=checkpoint if persistent else None,
        resume=checkpoint if persistent and checkpoint.is_file() else None,
        source_band_count=source_band_count(run.job, cube),
    )
    trained = train_model(training, cube, progress)
    positions = band_positions(cube, trained.preprocessor)
    return PreparedScene(load_model(run.model_file), run.model_file, positions, trained.components, trained.valid)


def _with_components(
    run: MapRun, model: tuple[DiffusionModel, Path], positions: list[int], progress: Progress
) -> PreparedScene:
    check_size(run.cube, model[0].settings.patch_size, OTHER_MODEL)
    components, valid = standardised(run.cube, positions, model[0].preprocessor, run.folder, progress)
    return PreparedScene(*model, positions, components, valid)


def _shares(steps: Steps, cube: Cube) -> tuple[float, float]:
    """When training ends and when mapping begins, as shares of the whole, by pixels that go through the network."""
    scene = cube.height * cube.width * (1 + 2 * HALO / MOST_CORE) ** 2
    training = 0.0
    if steps.pretrain is not None:
        settings = steps.pretrain
        training = _BACKWARD * settings.iterations * settings.batch_size * settings.patch_size**2
    timesteps = len(steps.extract.timesteps)
    fitting = min(scene, STATISTICS_TILES * (MOST_CORE + 2 * HALO) ** 2.0) * timesteps * 1.5
    mapping = scene * (min(_MAP_TIMESTEPS, timesteps) if steps.classify.classifier == "auto" else timesteps)
    total = training + fitting + mapping
    trained = max(0.02, training / total)
    return trained, min(0.98, trained + (1 - trained) * fitting / (fitting + mapping))
