# SPDX-License-Identifier: GPL-2.0-or-later
"""What the features of a scene mean: figures and pictures of each timestep and stage.

Enters: a job with a scene and a model, and samples or none. Leaves: an ExplorationResult.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...classification.feature_value.cell_accuracy import folds_of_groups, held_out_accuracy
from ...diffusion.batch_plan import memory_guard
from ...diffusion.model import load_model
from ...diffusion.patch_sampler import PatchSampler
from ...errors import SamplesError
from ...features.exploration.inspected_tiles import InspectionPlan
from ...features.exploration.inspection import InspectedPixels, InspectedScene, Inspection, StageFeatures
from ...features.exploration.spectral_quantities import natural_colour_bands
from ...features.exploration.stage_figures import StageFigures, stage_figures
from ...features.extraction_run import ExtractionRun, scene_tiles
from ...features.extractor import FeatureExtractor
from ...features.selection import cluster_samples
from ...features.tile_lookup import pixels_by_tile
from ...features.timestep_intervals.intervals import choose_timesteps
from ...io.run_directory import open_run_directory
from ...jobs.exploration.exploration import (
    CellFacts,
    ExplorationResult,
    InspectionFacts,
    StageSimilarity,
    TrainingFacts,
)
from ...jobs.protocol import Job
from ...jobs.settings import ExtractionSettings, from_json
from ...progress import Progress, span
from ...sampling.groups import block_ids
from ...sampling.sample_table import SampleTable, check_classes, read_samples
from ...sampling.subsampling import subsample
from ..job_device import announce_device, computation
from ..scene_input import OTHER_MODEL, check_bands, check_size, check_valid, open_scene, standardised
from .cards import FirstChannels
from .gallery_raster import Gallery
from .pictures import colour_picture, scene_picture, size_of, stretched

log = logging.getLogger(__name__)

GALLERY = "gallery"  # option of the job: whether the pictures are wanted as a raster
_MOST_SAMPLES = 2000
_BLOCK = 32  # pixels, side of the blocks that are held out where each sample is a feature of its own
_WALKED = 0.8  # of the time


def explore_features(job: Job, folder: Path, progress: Progress) -> ExplorationResult:
    """Raster + model, and samples or none -> what each timestep and stage shows, and what it knows.

    Raises:
        MtmsdError: Raster and model do not fit each other, there is no valid pixel, or the samples are no use.
    """
    settings = from_json(ExtractionSettings, job.settings)
    device = announce_device(settings.device, settings.seed)
    model = load_model(Path(job.inputs["model"]))
    cube = open_scene(job, folder)
    check_size(cube, model.settings.patch_size, OTHER_MODEL)
    check_bands(cube, model.preprocessor)
    components, valid = standardised(cube, None, model.preprocessor, folder, span(progress, 0.0, 0.03))
    check_valid(cube, model.preprocessor.bands, valid)
    extractor = FeatureExtractor(model.network.to(device.torch_device), settings)
    tiles = scene_tiles(components, valid)
    run = ExtractionRun(extractor, components, valid, tiles, open_run_directory(job, folder))
    with memory_guard(device, "Choose fewer TIMESTEPS, or DEVICE 'cpu'."):
        patches = PatchSampler(components, valid, model.settings.patch_size).for_statistics(settings.seed)
        extractor.learn_statistics(patches, span(progress, 0.03, 0.08), model.statistics)
        samples = _samples(job, folder, valid)
        stand_in = samples is None
        if samples is None:
            samples = cluster_samples(components, valid, settings.clusters, settings.seed)
        plan = InspectionPlan.of(tiles, samples)
        inspection = Inspection(InspectedScene(run, cube, components, plan, _some_of(samples, plan, settings.seed)))
        log.info("%s, %d of them looked at; %d timesteps.", run.tiles_text, len(plan.tiles), len(settings.timesteps))
        inspection.walk(span(progress, 0.08, _WALKED))
    pixels = inspection.pixels()
    held_out = None if stand_in else _HeldOut.of(inspection.samples, settings.seed)
    if not stand_in and held_out is None:
        log.warning(
            "Fewer than two classes have samples in two polygons or blocks of those that are looked at, so nothing can "
            "be held out: the report has no accuracies."
        )
    channels = FirstChannels(inspection, pixels)
    gallery, shows = Gallery.of(pixels.rows, pixels.cols, plan.step), bool(job.options.get(GALLERY))
    cells: list[CellFacts] = []
    similarity: list[StageSimilarity] = []
    for position, stage in enumerate(settings.stages):
        figures = stage_figures(inspection, pixels, position, settings.seed)
        at_samples = inspection.at_samples(position)
        cells += _cells(stage, figures, pixels, held_out.of_cells(at_samples) if held_out else None)
        rounded = np.round(figures.cka, 4).tolist()
        kept = choose_timesteps(figures.cka, settings.timesteps).kept
        similarity.append(StageSimilarity(stage, tuple(tuple(row) for row in rounded), kept))
        channels.add_stage(at_samples)
        if shows:
            gallery.add_stage(stage, settings.timesteps, figures.colours.values)
        progress(_WALKED + (0.95 - _WALKED) * (position + 1) / len(settings.stages), f"figures of stage {stage}")
    training = None if held_out is None else held_out.facts(inspection, len(job.classes))
    if training is not None and training.classes < training.all_classes:
        log.warning("Accuracies are of %s.", training.classes_text)
    picture, natural_colours = _scene_picture(inspection, pixels)
    facts = _facts(inspection, pixels, "clusters" if stand_in else "classes")
    return ExplorationResult(
        timesteps=settings.timesteps,
        stages=settings.stages,
        cells=tuple(cells),
        similarity=tuple(similarity),
        cards=channels.cards(span(progress, 0.95, 1.0)),
        training=training,
        inspection=replace(facts, natural_colours=natural_colours),
        scene_picture=picture,
        settings=settings,
        computation=computation(device),
        gallery=gallery.write(folder) if shows else None,
    )


def _facts(inspection: Inspection, pixels: InspectedPixels, class_source: str) -> InspectionFacts:
    """What was looked at."""
    plan, (height, width) = inspection.scene.plan, size_of(pixels.places)
    return InspectionFacts(
        tiles=len(plan.tiles),
        scene_tiles=len(inspection.scene.run.tiles),
        tiles_drawn_twice=len(plan.drawn_twice),
        pixels=len(pixels.rows),
        step=plan.step,
        picture_height=height,
        picture_width=width,
        natural_colours=False,
        quantities=pixels.names,
        class_source=class_source,
    )


@dataclass(frozen=True)
class _HeldOut:
    """Training samples, what is held out together, and in which fold."""

    samples: SampleTable
    groups: NDArray[np.int64]
    folds: NDArray[np.int64]
    unit: str

    @classmethod
    def of(cls, samples: SampleTable, seed: int) -> _HeldOut | None:
        """None where nothing can be held out."""
        are_points = len(np.unique(samples.group)) == len(samples)
        groups = block_ids(samples.rows, samples.cols, _BLOCK) if are_points else samples.group
        folds = folds_of_groups(samples, groups, seed)
        return None if folds is None else cls(samples, groups, folds, "blocks" if are_points else "polygons")

    def of_cells(self, features: StageFeatures) -> list[tuple[float, float | None]]:
        """Accuracy and standard error by each timestep of features (N, T, C)."""
        timesteps = range(features.shape[1])
        return [held_out_accuracy(features[:, t], self.samples, self.groups, self.folds) for t in timesteps]

    def facts(self, inspection: Inspection, all_classes: int) -> TrainingFacts:
        """How many they are, of how many classes in all, and what the spectrum alone knows of them."""
        counted = self.folds >= 0
        components = inspection.scene.components.pixels(self.samples.rows, self.samples.cols)
        accuracy, error = held_out_accuracy(components.T, self.samples, self.groups, self.folds)
        by_class = np.bincount(self.samples.class_index[counted])
        return TrainingFacts(
            samples=int(counted.sum()),
            groups=len(np.unique(self.groups[counted])),
            unit=self.unit,
            classes=int((by_class > 0).sum()),
            most_frequent=round(100 * float(by_class.max()) / int(counted.sum()), 2),
            spectral_accuracy=round(accuracy, 2),
            spectral_error=None if error is None else round(error, 2),
            all_classes=all_classes,
        )


def _samples(job: Job, folder: Path, valid: NDArray[np.bool_]) -> SampleTable | None:
    """Training samples on valid pixels; None where none are given.

    Raises:
        SamplesError: Too few of a class.
    """
    if job.samples is None:
        log.info("No training layer: clusters of the spectra stand in for classes, and there are no accuracies.")
        return None
    samples = read_samples(folder, job.samples)
    samples = samples.subset(valid[samples.rows, samples.cols])
    check_classes(samples.class_index, job.classes)
    return samples


def _some_of(samples: SampleTable, plan: InspectionPlan, seed: int) -> SampleTable:
    """Samples in the tiles of the plan, at most so many that their features lie in memory.

    Raises:
        SamplesError: There is none.
    """
    inside = np.sort(np.concatenate(pixels_by_tile(plan.tiles, samples.rows, samples.cols)))
    if not len(inside):
        raise SamplesError("Samples on valid pixels of the raster were expected, found none.")
    there = samples.subset(inside)
    return there.subset(subsample(there.class_index, _MOST_SAMPLES, seed, balanced=True))


def _cells(
    stage: int, figures: StageFigures, pixels: InspectedPixels, accuracies: list[tuple[float, float | None]] | None
) -> list[CellFacts]:
    """The cells of a stage; the timesteps are those of the figures, in their order."""
    cells = []
    for t, timestep in enumerate(figures.timesteps):
        distance, is_larger = figures.ranges[t]
        accuracy, error = accuracies[t] if accuracies else (None, None)
        cells.append(
            CellFacts(
                timestep=timestep,
                stage=stage,
                channels=figures.channels,
                spectral_share=_rounded(figures.spectral_share[t], 4),
                range_pixels=_rounded(distance, 2),
                range_is_larger=is_larger,
                draw_correlation=_rounded(figures.draws[t], 4),
                accuracy=_rounded(accuracy, 2),
                accuracy_error=_rounded(error, 2),
                shown=round(float(figures.colours.shown[t]), 4),
                picture=colour_picture(figures.colours.values[:, t], pixels.places),
            )
        )
    return cells


def _rounded(value: float | None, digits: int) -> float | None:
    """None where it is not defined; no minus before a zero."""
    return None if value is None or not np.isfinite(value) else round(float(value), digits) + 0.0


def _scene_picture(inspection: Inspection, pixels: InspectedPixels) -> tuple[str, bool]:
    """The scene as one sees it, and whether in natural colours."""
    natural = natural_colour_bands(inspection.scene.cube.description.bands)
    if natural is not None:
        return scene_picture(stretched(inspection.bands(natural)), pixels.places), True
    first = [min(i, pixels.components.shape[1] - 1) for i in range(3)]
    return scene_picture(stretched(pixels.components[:, first]), pixels.places), False
