# SPDX-License-Identifier: GPL-2.0-or-later
"""A map's classifier as a file, for other scenes.

Enters: what a map task has learnt and found. Leaves: a classifier file, where the job asks for one.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ..accuracy.map_accuracy import values_at
from ..classification.classifier_file import StoredClassifier, save_classifier
from ..classification.extras.extras_rule import ExtrasRule
from ..classification.predict_map import MapFiles
from ..classification.training_task import FittedClassifier, TrainingTask
from ..diffusion.model import DiffusionModel
from ..errors import SettingsError
from ..features.feature_recipe import FeatureRecipe
from ..io.array_file import KIND_MODEL, read_summary
from ..io.cube import Cube, Raster
from ..io.raster_stack import RasterStack
from ..jobs.choice_results import ChoiceFacts, RejectFacts, SegmentFacts, SieveFacts
from ..jobs.classifier_description import BANDS, FEATURES, SCENE, ClassifierDescription, SourceScene, UsedModel
from ..jobs.data_model import Band
from ..jobs.extras.extra_rasters import ExtraRaster
from ..jobs.protocol import Job
from ..jobs.results import MapResult
from ..jobs.settings import ExtractionSettings
from ..sampling.folds import group_folds, random_folds
from ..sampling.groups import block_ids, spatial_groups
from ..sampling.sample_table import SampleTable
from ..sampling.subsampling import subsample
from ..transfer.feature_shifts import summary_of_features
from ..transfer.matched_raster import MatchedRaster
from ..transfer.scene_comparison import SourceFacts, least_confidence_of
from ..transfer.scene_summary import SceneSummary
from .scene_input import source_band_count

log = logging.getLogger(__name__)

_MOST_SAMPLES = 1000  # that pixels of other scenes are compared with
_FOLDS = 4
OUTPUT = "classifier"  # name of the file among the job's outputs
INCLUDE_MODEL = "include_model"  # name of the option that puts the diffusion model into the file


@dataclass(frozen=True)
class SceneSource:
    """Where the features of a scene come from.

    Attributes:
        recipe: How they are computed.
        settings: Of their extraction.
        model: The diffusion model.
        model_file: Its file.
    """

    recipe: FeatureRecipe
    settings: ExtractionSettings
    model: DiffusionModel
    model_file: Path


@dataclass(frozen=True)
class MapOfScene:
    """A map and what made it.

    Attributes:
        job: That asked for it.
        cube: The raster as QGIS gave it.
        task: What was to be learnt.
        classifier: What was.
        result: What the map task has found.
        files: The map as the classifier has made it.
        held_out: Samples that its accuracy was measured with.
        scene: Where features come from that were computed; None where they were read.
    """

    job: Job
    cube: Cube | RasterStack
    task: TrainingTask
    classifier: FittedClassifier
    result: MapResult
    files: MapFiles
    held_out: SampleTable
    scene: SceneSource | None = None


def save_if_wanted(made: MapOfScene) -> None:
    """Write the classifier file that the job names among its outputs.

    Raises:
        SettingsError: The classifier cannot be stored, or a model is to be included that the job does not know.
    """
    if OUTPUT not in made.job.outputs:
        return
    rule, scene = made.classifier.rule, made.scene
    if rule is None:
        raise SettingsError(f"The classifier '{made.task.settings.classifier}' cannot be written to a file.")
    included = bool(made.job.options.get(INCLUDE_MODEL))
    if included and scene is None:
        raise SettingsError(
            "INCLUDE_MODEL puts the diffusion model into the classifier's file; here the features were read, and their "
            "model is not known. Leave it off."
        )
    path = Path(made.job.outputs[OUTPUT])
    description = _description(made, included)
    band_count = source_band_count(made.job, made.cube)
    compared = MatchedRaster.find(made.cube, made.job.layout, description, band_count).compared
    stored = StoredClassifier(
        description,
        rule,
        None if scene is None else scene.recipe,
        replace(_source_facts(made, compared), features=_features(made)).arrays(),
    )
    save_classifier(path, stored, scene.model_file if scene is not None and included else None)
    log.info("The classifier's file has %.1f MB.", path.stat().st_size / 1e6)


def _source_facts(made: MapOfScene, compared: Raster) -> SourceFacts:
    """Of the scene, with samples held out as the map's accuracy holds them out."""
    settings, training = made.task.settings, made.task.training
    training = training.subset(subsample(training.class_index, _MOST_SAMPLES, settings.seed, balanced=True))
    if settings.split == "random":
        folds = random_folds(training.class_index, _FOLDS, settings.seed)
    else:
        blocks = settings.split == "block"
        groups = (
            block_ids(training.rows, training.cols, settings.block_size)
            if blocks
            else spatial_groups(training, settings.block_size)
        )
        folds = group_folds(training.class_index, groups, _FOLDS, settings.seed)
    facts = SourceFacts.of_scene(compared, training.positions, folds, _unfinished(made.result).mapped_pixels)
    return replace(facts, least_confidence=least_confidence_of(_held_out_confidence(made)))


def _held_out_confidence(made: MapOfScene) -> NDArray[np.float64]:
    """(n,) of the held-out samples on the classifier's own map; NaN where it has no class."""
    return values_at(made.files.confidence, made.held_out.rows, made.held_out.cols)


def _features(made: MapOfScene) -> SceneSummary | None:
    """What is kept of the diffusion features that the map rests on."""
    if made.job.layout is None and made.scene is None:
        return None
    return summary_of_features(made.task.cube, made.task.layout, made.classifier.predictor.bands)


def _description(made: MapOfScene, included: bool) -> ClassifierDescription:
    result, layout, cube, scene = _unfinished(made.result), made.task.layout, made.cube, made.scene
    bands: tuple[Band, ...] = cube.description.bands
    band_count = source_band_count(made.job, cube)
    model: UsedModel | None = None
    if scene is not None:
        bands, band_count = scene.model.preprocessor.bands, scene.model.source_band_count
        sha256 = read_summary(scene.model_file, KIND_MODEL).sha256
        model = UsedModel(sha256, scene.model.settings.preset, included)
    elif layout.model:
        model = UsedModel(layout.model, "", included=False)
    return ClassifierDescription(
        input=SCENE if scene is not None else BANDS if made.job.layout is None else FEATURES,
        classes=made.task.classes,
        bands=bands,
        source_band_count=band_count,
        layout=layout,
        settings=replace(made.task.settings, finish=None, segments=None),  # of this map, not of what was learnt
        split=result.split,
        accuracy=result.accuracy,
        source=SourceScene(
            str(made.job.options.get("source_name", "")), cube.description.height, cube.description.width
        ),
        torch=str(torch.__version__),
        extraction=None if scene is None else scene.settings,
        diffusion_model=model,
        ensemble=result.ensemble,
        timestep_weights=result.timestep_weights,
        stage_weights=result.stage_weights,
        extras=_used_extras(made),
        cell_weights=result.cell_weights,
        segments=_segments(made.result),
    )


def _segments(result: MapResult) -> SegmentFacts | None:
    """What was found of segments, without what they did to this map."""
    segments = None if result.choices is None else result.choices.segments
    return None if segments is None else replace(segments, changed=0, mapped_pixels=(), accuracy=None)


def _unfinished(result: MapResult) -> MapResult:
    """The result before its map was finished: what the classifier itself has reached."""
    choices = result.choices
    first = None if choices is None else _first_change(choices)
    return result if first is None else replace(result, accuracy=first.accuracy, mapped_pixels=first.mapped_pixels)


def _first_change(choices: ChoiceFacts) -> SegmentFacts | SieveFacts | RejectFacts | None:
    """What was done with the map first, which knows how it was before; None where nothing was done."""
    segments = choices.segments
    return segments if segments is not None and segments.used else choices.sieve or choices.reject


def _used_extras(made: MapOfScene) -> tuple[ExtraRaster, ...] | None:
    """The extra rasters that the classifier uses, which another scene must have too; None without any."""
    inputs, rule = made.job.extras, made.classifier.rule
    if inputs is None or not isinstance(rule, ExtrasRule):
        return None
    findings = made.classifier.extras or ()
    return tuple(raster for raster, finding in zip(inputs.rasters, findings) if finding.joined) or None
