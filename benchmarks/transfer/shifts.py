# SPDX-License-Identifier: GPL-2.0-or-later
"""A scene with another gain and offset, adapted, and white noise in its place.

Enters: Indian Pines and its quick model. Leaves: lines on standard output.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.scenes import known_scenes, prepare
from mtmsd_qgis.io.cube import create_cube
from mtmsd_qgis.io.windows import whole
from mtmsd_qgis.jobs.data_model import Band, CubeFile
from mtmsd_qgis.jobs.settings import ClassificationSettings
from mtmsd_qgis.sampling.subsampling import subsample

from .learner import MOST_TRAINING, Learner, ModelTraining, model_of, percent, read


def shifts(options: argparse.Namespace, folder: Path) -> None:
    """Indian Pines with its model: x 1.1 + 50 adapted, and white noise."""
    scene = prepare("indian_pines", known_scenes()["indian_pines"], folder / "indian_pines", options.qgis)
    training = scene.samples.subset(subsample(scene.samples.class_index, MOST_TRAINING, 0, balanced=False))
    values = read(scene.folder, scene.cube)
    noise = np.random.default_rng(0).normal(size=values.shape) * values.std(axis=(1, 2), keepdims=True)
    targets = {"brighter": values * 1.1 + 50, "noise": values.mean(axis=(1, 2), keepdims=True) + noise}
    models = [model_of(scene, options.models, ModelTraining(seed)) for seed in range(options.trainings)]
    for number, model in enumerate([None, *models]):
        learner = Learner(scene, model)
        learner.learn(training, ClassificationSettings(split="random"))
        as_it_is = learner.apply(scene.folder, scene.cube).classes
        for title, adapt in (("brighter", "none"), ("brighter", "scale"), ("noise", "none")):
            place = folder / title
            place.mkdir(exist_ok=True)
            cube = written(place, targets[title].astype(np.float32), scene.cube.bands)
            applied = learner.apply(place, cube, adapt)
            print(
                f"{'bands' if model is None else f'features {number - 1}'}, {title}, ADAPT='{adapt}': "
                f"{percent(applied.classes == as_it_is):.3f} % of the same class, inside "
                f"{100 * (applied.facts.inside_share or 0):.1f} %. {applied.facts.sentence}",
                flush=True,
            )


def written(folder: Path, values: NDArray[np.float32], bands: tuple[Band, ...]) -> CubeFile:
    """Values (B, H, W) as a raster on the disk."""
    cube = create_cube(folder, "values", (values.shape[1], values.shape[2]), "float32", list(bands))
    cube.write(whole(*values.shape[1:]), values)
    cube.flush()
    return cube.description
