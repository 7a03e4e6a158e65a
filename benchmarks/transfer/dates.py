# SPDX-License-Identifier: GPL-2.0-or-later
"""Two dates of one place: a classifier of one on the other, beside one that is learnt there.

Enters: both Landsat scenes of Chiapas and the polygons of 1999. Leaves: lines on standard output.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.scenes import DATA, Scene, VectorSource, known_scenes, prepare, select_bands
from mtmsd_qgis.io.cube import Cube, valid_pixels
from mtmsd_qgis.io.windows import whole
from mtmsd_qgis.jobs.settings import ClassificationSettings
from mtmsd_qgis.sampling.folds import group_folds
from mtmsd_qgis.sampling.sample_table import SampleTable

from .learner import Applied, Learner, Mask, ModelTraining, ids_of, model_of, percent, read, with_its_classes

_FOLDS = 5
_SATURATED = 16000.0  # in the scene of 2002, far from all other values; taken as no data


def date_of_chiapas(year: int, folder: Path, qgis: Path) -> Scene:
    """One of both dates, the seven bands of reflectance and temperature, with the polygons of 1999."""
    source = known_scenes()["landsat7_chiapas"]
    if year == 1999:
        return prepare("landsat7_chiapas", source, folder, qgis)
    place = DATA / "landsat7_chiapas"
    other = VectorSource(place / "LE70220492002106EDC00_stack.gtif", place / "training_data.shp", "class")
    scene = prepare(f"chiapas_{year}", other, folder, qgis)
    bands = tuple(replace(band, excluded=((_SATURATED, _SATURATED),)) for band in scene.cube.bands)
    return replace(scene, cube=select_bands(folder, replace(scene.cube, bands=bands), list(range(7)), "seven"))


def unchanged_groups(first: Scene, second: Scene) -> NDArray[np.int64]:
    """The half of the polygons whose mean spectra changed least, once both dates have median 0 and spread 1."""
    samples, spectra = first.samples, []
    for scene in (first, second):
        values = Cube(scene.folder, scene.cube).read(whole(scene.cube.height, scene.cube.width))
        median = np.nanmedian(values, axis=(1, 2), keepdims=True)
        spread = 1.4826 * np.nanmedian(np.abs(values - median), axis=(1, 2), keepdims=True)
        spectra.append(((values - median) / spread)[:, samples.rows, samples.cols])
    change = spectra[1] - spectra[0]
    groups = np.unique(samples.group)
    moved = [np.sqrt(np.square(np.nanmean(change[:, samples.group == g], axis=1)).mean()) for g in groups]
    return groups[np.argsort(moved)[: len(groups) // 2]]


def cross_validated(learner: Learner, samples: SampleTable) -> Mask:
    """Which samples (N,) are right on maps learnt without their polygons; those of a class's only polygon are wrong."""
    folds = group_folds(samples.class_index, samples.group, _FOLDS, 0)
    right = np.zeros(len(samples), dtype=bool)
    for fold in range(_FOLDS):
        held_out = np.flatnonzero(folds == fold)
        if len(held_out):
            result = learner.learn(samples.subset(folds != fold), ClassificationSettings(split="none"))
            mapped = read(learner.scene.folder, result.map)[0]
            chosen = samples.subset(held_out)
            right[held_out] = mapped[chosen.rows, chosen.cols] == ids_of(learner.scene, chosen)
    return right


def two_dates(options: argparse.Namespace, folder: Path) -> None:
    """1999 to 2002: on plain bands, and with diffusion models."""
    first, second = (date_of_chiapas(year, folder / str(year), options.qgis) for year in (1999, 2002))
    groups = unchanged_groups(first, second)
    has_data = valid_pixels(Cube(second.folder, second.cube))
    samples = first.samples.subset(np.flatnonzero(has_data[first.samples.rows, first.samples.cols]))
    stable = np.isin(samples.group, groups)
    counts = samples.subset(stable).count_by_class(len(first.classes))
    names = [f"{entry.name} {n}" for entry, n in zip(first.classes, counts)]
    print(f"{len(groups)} polygons look unchanged, {stable.sum()} pixels with data: {', '.join(names)}")
    own = cross_validated(Learner(first), first.samples)
    print(f"bands, 1999 itself, whole polygons held out: {percent(own):.1f} of all", flush=True)
    learners = [("bands", Learner(first), Learner(second))]
    for seed in range(options.trainings):
        models = [model_of(scene, options.models, ModelTraining(seed)) for scene in (first, second)]
        learners.append((f"features {seed}", Learner(first, models[0]), Learner.of_features(second, models[1])))
    for kind, learner, there in learners:
        learner.learn(first.samples, ClassificationSettings(split="none"))
        for adapt in ("none", "scale"):
            applied = learner.apply(second.folder, second.cube, adapt)
            print(f"{kind}, ADAPT='{adapt}': {told(applied, first, samples, stable)}", flush=True)
        for chosen, title in ((stable, "the other unchanged polygons"), (np.ones_like(stable), "all other polygons")):
            known, here = with_its_classes(there.scene, samples.subset(chosen))
            right = cross_validated(replace(there, scene=known), here)[np.isin(here.group, groups)]
            print(f"{kind}, 2002 itself, learnt from {title}: {percent(right):.1f} of unchanged", flush=True)


def told(applied: Applied, scene: Scene, samples: SampleTable, stable: Mask) -> str:
    """Accuracies at samples, of which some (N,) look unchanged, and what the report says."""
    right = applied.classes[samples.rows, samples.cols] == ids_of(scene, samples)
    inside, facts = applied.inside[samples.rows, samples.cols], applied.facts
    bands = ", ".join(f"{band.name} {band.auc:.2f} {'+' if band.higher else '-'}" for band in facts.bands)
    classes = samples.class_index
    by_class = ", ".join(
        f"{entry.name} {percent(right[stable & (classes == k)]):.1f}" for k, entry in enumerate(scene.classes)
    )
    return (
        f"AUC {facts.shift_auc:.2f}, inside {facts.inside_share:.3f}, right {percent(right[stable]):.1f} of unchanged "
        f"({by_class}) "
        f"(inside {percent(right[stable & inside]):.1f}, outside {percent(right[stable & ~inside]):.1f}; "
        f"{(stable & inside).sum()} pixels inside), {percent(right):.1f} of all. {facts.sentence} Bands: {bands}"
    )
