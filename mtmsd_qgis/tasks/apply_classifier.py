# SPDX-License-Identifier: GPL-2.0-or-later
"""A classifier from a file on another raster: class map, confidence, and whether the map may be believed.

Enters: a job with a raster, a classifier file, and a model where the file does not hold it. Leaves: the map's rasters.
Nothing is learnt: features are computed and classified as in the scene that the classifier was learnt from.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path

from ..accuracy.map_accuracy import mapped_pixels
from ..classification.choices.finished_map import finish_map, needs_probabilities
from ..classification.classifier_file import StoredClassifier, load_classifier, load_its_model
from ..classification.extras.extras_predictor import ExtrasPredictor
from ..classification.predict_map import MapFiles, predict_map
from ..classification.predictor import MapGrid, Predictor
from ..classification.segments.segment_map import SegmentStep, decide_by_segments
from ..classification.segments.segment_map import needs_probabilities as segments_need_them
from ..classification.segments.segment_rules import LearntRule
from ..diffusion.batch_plan import memory_guard
from ..diffusion.device import Device
from ..errors import FileFormatError, SceneError
from ..features.extraction_run import ExtractionRun, scene_tiles
from ..features.lazy_raster import LazyFeatures
from ..features.quantization import QuantisedSpectra
from ..io.band_subset import BandsOfBoth
from ..io.bands import describe, inspect_bands
from ..io.cube import Cube, Raster
from ..io.run_directory import RunDirectory, open_run_directory
from ..jobs.classifier_description import BANDS, FEATURES, ClassifierDescription
from ..jobs.extras.extra_rasters import TEXTURE, check_extras
from ..jobs.protocol import Job
from ..jobs.results import ApplyResult
from ..jobs.settings import ApplySettings, from_json
from ..jobs.transfer_results import ExtraComparison, FeatureShift
from ..progress import Progress, span
from ..sampling.sample_table import NO_SAMPLES
from ..transfer.feature_shifts import diffusion_features, feature_shifts, group_names, summary_of_features
from ..transfer.matched_raster import MatchedRaster
from ..transfer.scene_comparison import SourceFacts, SurePixels, TargetFacts, write_applicability
from ..transfer.scene_summary import SceneSummary
from .job_device import announce_device, computation
from .lazy_map import SceneFeatures, map_lazily
from .map_result import map_grid
from .scene_input import OTHER_MODEL, check_size, check_valid, open_extras, open_scene, source_band_count, standardised
from .segments.segment_outputs import OPTION as SEGMENTS
from .segments.segment_outputs import with_segments

log = logging.getLogger(__name__)

_LOOKED_AT = 0.02  # of the time, as are the following ends of stages
_COMPARED = 0.05
_PREPARED = 0.08
_TOLD_APART = 0.1
_MAPPED_BY_PIXELS = 0.92  # where segments follow
_MAPPED = 0.97


@dataclass(frozen=True)
class ApplyRun:
    """A job that applies a classifier.

    Attributes:
        job: As QGIS gave it.
        folder: Of the job.
        classifier: From its file.
        path: Of that file.
        device: That computes.
        run_directory: For the map.
    """

    job: Job
    folder: Path
    classifier: StoredClassifier
    path: Path
    device: Device
    run_directory: RunDirectory

    @property
    def grid(self) -> MapGrid:
        """Of the map."""
        scene = self.job.scene
        if scene is None:
            raise SceneError("The job should name a raster; it names none.")
        classes = self.classifier.description.classes
        job, settings = replace(self.job, classes=classes), from_json(ApplySettings, self.job.settings)
        size = scene.height, scene.width
        keep = needs_probabilities(settings.finish) or segments_need_them(settings.segments)
        return map_grid(job, self.run_directory, size, keep_probabilities=keep)


@dataclass(frozen=True)
class _Made:
    """A map and what was found on the way.

    Attributes:
        files: Its rasters.
        raster: Of features or bands, that it is made of.
        shifts: How well its features tell the scenes apart.
        extras: Extra rasters in use beside those of the scene that was learnt from.
        share_without: Of the mapped pixels, those that lack one of them.
    """

    files: MapFiles
    raster: Raster
    shifts: tuple[FeatureShift, ...]
    extras: tuple[ExtraComparison, ...]
    share_without: float


def apply_classifier(job: Job, folder: Path, progress: Progress) -> ApplyResult:
    """Raster + classifier file -> class map, confidence, applicability.

    Raises:
        MtmsdError: The classifier's file is not right, its model is missing or another one, or the raster lacks a band.
    """
    settings = from_json(ApplySettings, job.settings)
    path = Path(job.inputs["classifier"])
    device = announce_device(settings.device, seed=0)
    run = ApplyRun(
        job, folder, load_classifier(path, device.torch_device), path, device, open_run_directory(job, folder)
    )
    description = run.classifier.description
    cube = open_scene(job, folder)
    if job.layout is None:  # features have been computed from what was looked at
        _tell_of_values(cube, description, span(progress, 0.0, _LOOKED_AT))
    target = MatchedRaster.find(cube, job.layout, description, source_band_count(job, cube))
    source = SourceFacts.of_file(run.classifier.source, path)
    facts = TargetFacts.of(source, target, settings.adapt, span(progress, _LOOKED_AT, _COMPARED))
    target = facts.raster
    log.info("%s", facts.results().sentence)
    with memory_guard(device, "Choose DEVICE 'cpu'."):
        mapped = _MAPPED if settings.segments is None else _MAPPED_BY_PIXELS
        made = _map_of(run, target, source.features, span(progress, _COMPARED, mapped))
        classified = made.files
        step = _segment_step(run, settings, made.raster)
        segmented = decide_by_segments(step, classified, run.grid, span(progress, mapped, _MAPPED))
        finished = finish_map(
            segmented.files, run.grid, settings.finish, run.grid.size, span(progress, _MAPPED, _MAPPED)
        )
    files = finished.files
    applicability = None
    if job.options.get("applicability"):
        if source.applicability is None:
            raise FileFormatError(f"{path} does not say where it applies. Learn it anew, or leave out APPLICABILITY.")
        least = facts.least_confidence
        sure = None if least is None else SurePixels(classified.confidence, least)
        applicability = write_applicability(
            source.applicability, target.compared, sure, run.run_directory, span(progress, _MAPPED, 1.0)
        )
    first = mapped_pixels(classified.classes, description.classes)  # as the classifier's file counts those of its scene
    transfer = facts.results(description.classes, first, made.extras, made.share_without)
    result = ApplyResult(
        folder=str(run.run_directory.folder),
        map=files.classes.description,
        confidence=files.confidence.description,
        probabilities=None if files.probabilities is None else files.probabilities.description,
        uncertainty=None if files.uncertainty is None else files.uncertainty.description,
        applicability=applicability,
        classes=description.classes,
        mapped_pixels=mapped_pixels(files.classes, description.classes),
        transfer=replace(transfer, features=made.shifts),
        settings=settings,
        computation=computation(device),
        choices=finished.facts(NO_SAMPLES),
    )
    return with_segments(result, segmented, step, NO_SAMPLES)


def _segment_step(run: ApplyRun, settings: ApplySettings, raster: Raster) -> SegmentStep:
    """What segments are made from: the raster without extra rasters, as where the classifier was learnt."""
    description, wanted = run.classifier.description, bool(run.job.options.get(SEGMENTS))
    layout = description.layout
    bands = description.bands[layout.diffusion_bands if description.input == FEATURES and layout.spectra else 0 :]
    rule = LearntRule(description.segments)
    device = run.device.torch_device
    return SegmentStep(raster, layout, device, bands, settings.segments, rule, wanted, run.grid.size)


def _tell_of_values(cube: Cube, description: ClassifierDescription, progress: Progress) -> None:
    """Pixels of a value that looks like no data are mapped as all others are; the log says that there are such.

    So it does of plain bands that training would have left out; standardised tells of those of a diffusion model.
    """
    inspected = inspect_bands(cube, progress)
    if inspected.fill is not None:
        log.warning("%s These pixels are mapped all the same.", inspected.fill.sentence)
    if description.input == BANDS and inspected.left_out:
        log.warning(
            "Bands that the classifier uses tell little of this raster: %s. Pixels without data in one of them are not "
            "mapped.",
            describe(inspected.left_out),
        )


def _map_of(run: ApplyRun, target: MatchedRaster, source: SceneSummary | None, progress: Progress) -> _Made:
    """The map, of features that are read or of features that are computed where they are read.

    Args:
        run: The job.
        target: The raster.
        source: What the file keeps of the features of its scene; None: nothing.
        progress: Told how far it is.
    """
    rule, layout = run.classifier.rule, run.classifier.description.layout
    features = _lazy_features(run, target, span(progress, 0.0, _PREPARED)) if target.is_scene else None
    raster = target.raster if features is None else features.raster
    predictor = rule.predictor(_with_extras(run, raster), layout, run.device.torch_device)
    extras = _compared_extras(run, predictor)
    shifts: tuple[FeatureShift, ...] = ()
    if source is not None:
        chosen = diffusion_features(predictor.bands, layout)
        found = summary_of_features(raster, layout, chosen, span(progress, _PREPARED, _TOLD_APART)) or source
        shifts = feature_shifts(source, found, group_names(layout, chosen))
    mapping = span(progress, _TOLD_APART, 1.0)
    if features is None:
        files = predict_map(predictor, run.grid, mapping)
    else:
        files = map_lazily(predictor, features, run.grid, mapping)
    share = predictor.share_without(files.classes) if isinstance(predictor, ExtrasPredictor) else 0.0
    return _Made(files, raster, shifts, extras, share)


def _compared_extras(run: ApplyRun, predictor: Predictor) -> tuple[ExtraComparison, ...]:
    """The extra rasters in use beside those of the scene that was learnt from; the log names those that differ."""
    if not isinstance(predictor, ExtrasPredictor) or run.job.extras is None:
        return ()
    reader = predictor.extras
    recipes = [recipe for recipe in reader.recipes if recipe.kind != TEXTURE]
    found = []
    for raster, recipe in zip(run.job.extras.rasters, recipes):
        found.append(ExtraComparison(raster.name, recipe.difference(reader.source_of(recipe.kind))))
        if found[-1].difference:
            log.warning("Extra raster %s, beside the one that was learnt with: %s", raster.name, found[-1].difference)
    return tuple(found)


def _with_extras(run: ApplyRun, raster: Raster) -> Raster:
    """The raster with the bands of the extra rasters behind its own.

    Raises:
        SceneError: The job's extra rasters are not those that the classifier was learnt with.
    """
    wanted, extras = run.classifier.description.extras or (), open_extras(run.job, run.folder, raster)
    given = () if extras is None else extras.inputs.rasters
    check_extras(wanted, given)
    return raster if extras is None or extras.raster is None else BandsOfBoth(raster, extras.raster)


def _lazy_features(run: ApplyRun, target: MatchedRaster, progress: Progress) -> SceneFeatures:
    """Features of a scene as its classifier's file says.

    Raises:
        FileFormatError: The file's parts do not fit the model.
        SceneError: The scene is too small, or has no valid pixel.
    """
    stored, description = run.classifier, run.classifier.description
    given = run.job.inputs.get("model")
    model = load_its_model(stored, Path(given) if given else None)
    recipe, settings, layout = stored.recipe, description.extraction, description.layout
    if recipe is None or settings is None:
        raise FileFormatError(f"{run.path} does not say how features are computed. Learn the classifier anew.")
    check_size(target.raster, model.settings.patch_size, f"a classifier with {OTHER_MODEL}")
    if target.raster.bands != len(model.preprocessor.bands):
        raise FileFormatError(
            f"{run.path} names {target.raster.bands} bands, its diffusion model has {len(model.preprocessor.bands)}. "
            "Use a copy, or learn the classifier anew."
        )
    components, valid = standardised(target.raster, None, model.preprocessor, run.folder, progress)
    check_valid(target.raster, model.preprocessor.bands, valid)
    try:
        extractor = recipe.extractor(model.network.to(run.device.torch_device), settings, model.settings.patch_size)
        features = recipe.features(extractor, layout)
    except ValueError as error:
        raise FileFormatError(f"{run.path} does not fit its diffusion model ({error}). Learn it anew.") from None
    tiles = scene_tiles(components, valid)
    spectra = None
    if layout.spectra:
        positions = range(target.raster.bands)
        spectra = QuantisedSpectra.of_bands(target.raster, tiles, positions, model.preprocessor.bands)
    extraction = ExtractionRun(extractor, components, valid, tiles, run.run_directory)
    log.info("%s.", extraction.tiles_text)
    return SceneFeatures(LazyFeatures(extraction, features, spectra), layout, recipe)
