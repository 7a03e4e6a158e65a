# SPDX-License-Identifier: GPL-2.0-or-later
"""A diffusion model of two scenes against a model of each, in equal time: one of two is trained twice as long as one.

Enters: two dates of Chiapas, and both halves of Zion. Leaves: a line for each training, scene, model and split, and
their means, on standard output. With --halved the model of both is trained as long as one model of one scene alone is,
so with it a pair costs half of the time.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.accuracy.labelled_pixels import LabelledPixels
from benchmarks.accuracy.methods import our_entry
from benchmarks.accuracy.replacement import replaced
from benchmarks.features import Features
from benchmarks.scenes import Scene, known_scenes, prepare
from benchmarks.splits import SPLITS
from benchmarks.training_length import NO_REPORT, READ
from mtmsd_qgis.io.cube import Cube, valid_pixels
from mtmsd_qgis.jobs.settings import ClassificationSettings, pretrain_settings
from mtmsd_qgis.sampling.sample_table import SampleTable

from .dates import date_of_chiapas, unchanged_groups
from .halves import left_half
from .learner import Learner, ModelTraining, masked, model_of

_FIRST_DRAW = 20  # draws below are those of the accuracy page


def dates_of_chiapas(options: argparse.Namespace, folder: Path) -> tuple[Scene, Scene]:
    """Both dates; of the polygons of 1999 the later one has those that look unchanged."""
    first, second = (date_of_chiapas(year, folder / str(year), options.qgis) for year in (1999, 2002))
    has_data = valid_pixels(Cube(second.folder, second.cube))
    known = np.isin(first.samples.group, unchanged_groups(first, second))
    known &= has_data[first.samples.rows, first.samples.cols]
    return first, with_classes_of(replace(second, classes=first.classes), first.samples.subset(known))


def with_classes_of(scene: Scene, samples: SampleTable) -> Scene:
    """The scene with some samples, and the classes that these have."""
    present, index = np.unique(samples.class_index, return_inverse=True)
    classes = tuple(scene.classes[int(number)] for number in present)
    return replace(scene, samples=replace(samples, class_index=index), classes=classes)


def halves_of_zion(options: argparse.Namespace, folder: Path) -> tuple[Scene, Scene]:
    """West and east, of which each knows its own pixels alone."""
    whole = prepare("zion_landsat8", known_scenes()["zion_landsat8"], folder / "zion", options.qgis)
    west = left_half(whole, 0)
    parts = []
    for name, within in (("west", west), ("east", ~west)):
        inside = whole.samples.subset(within[whole.samples.rows, whole.samples.cols])
        parts.append(replace(whole, name=f"zion_{name}", cube=masked(whole, within, name), samples=inside))
    return parts[0], parts[1]


PAIRS: dict[str, tuple[Callable[[argparse.Namespace, Path], tuple[Scene, Scene]], tuple[str, str]]] = {
    "chiapas": (dates_of_chiapas, ("random15", "groups")),
    "zion": (halves_of_zion, ("random15", "blocks")),
}


def joint(options: argparse.Namespace, folder: Path) -> None:
    """Each pair: three trainings of three models."""
    for name, (made, splits) in PAIRS.items():
        if options.pair and name not in options.pair:
            continue
        pair = made(options, folder / name)
        gains: dict[tuple[str, str], list[float]] = {}
        for seed in range(options.trainings):
            training = ModelTraining(seed, options.iterations)
            alone = training.iterations or pretrain_settings("quick").iterations
            together = alone if options.halved else 2 * alone
            both = model_of(pair[0], options.models, replace(training, iterations=together, others=pair[1:]))
            for scene in pair:
                models = {"alone": model_of(scene, options.models, training), "both": both}
                found = {
                    kind: dict(rows_of(scene, model, splits, options.joint_draws)) for kind, model in models.items()
                }
                for split in splits:
                    own, joined = (np.array(found[kind][split]) for kind in ("alone", "both"))
                    gain = joined - own
                    gains.setdefault((scene.name, split), []).append(float(gain.mean()))
                    print(
                        f"{scene.name}, training {seed}, {split}: alone {own.mean():.2f}, both "
                        f"{joined.mean():.2f}, difference {gain.mean():+.2f} ± "
                        f"{gain.std(ddof=1) / np.sqrt(len(gain)):.2f} of {len(gain)} draws",
                        flush=True,
                    )
        for (scene_name, split), found_gains in gains.items():
            print(f"{scene_name}, {split}: {np.mean(found_gains):+.2f} in {len(found_gains)} trainings", flush=True)


def rows_of(scene: Scene, model: Path, splits: tuple[str, ...], draws: int) -> Iterator[tuple[str, list[float]]]:
    """Overall accuracies of the draws of each split, on features of a model that the classifier reads."""
    learner = Learner.of_features(scene, model, READ)
    if learner.layout is None:
        raise TypeError("features were expected")
    features = Features(learner.scene.folder, learner.scene.cube, learner.layout, {})
    labelled = [*LabelledPixels.of(features, scene.samples, "cpu").instead_of_raster(), *NO_REPORT]
    for split in splits:
        accuracies = []
        for seed in range(_FIRST_DRAW, _FIRST_DRAW + draws):
            draw = SPLITS[split].draw(scene.samples, seed)
            settings = ClassificationSettings(split=draw.generalise, seed=seed)
            with replaced(labelled):
                entry = our_entry(scene, features, settings, draw)
            if "error" in entry:
                raise ValueError(entry["error"])
            accuracies.append(entry["oa"])
        yield split, accuracies
