# SPDX-License-Identifier: GPL-2.0-or-later
"""One method on one split: ours through the core's classification task, a baseline through scikit-learn.

Leaves an entry of the results: OA, AA and kappa in percent, calibration error 0 to 1 or None and what it is made of
(for each bin of the confidence: pixels, mean confidence, share right), seconds, and how many pixels trained and tested;
or, where the core refused, the sentence it said.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.accuracy.replacement import Replacement
from benchmarks.features import Features
from benchmarks.scenes import Scene
from benchmarks.splits import Draw
from mtmsd_qgis.accuracy.metrics import assess, confusion_matrix, percent
from mtmsd_qgis.errors import MtmsdError
from mtmsd_qgis.jobs.protocol import Job
from mtmsd_qgis.jobs.settings import ClassificationSettings, to_json
from mtmsd_qgis.progress import silent
from mtmsd_qgis.sampling.sample_table import write_samples
from mtmsd_qgis.tasks.run import run as run_task

if TYPE_CHECKING:
    from .baselines import Baselines  # needs scikit-learn, which ours does not

Entry = dict[str, Any]
SPECTRA_ALONE = Replacement(
    "mtmsd_qgis.classification.auto.default_classifier",
    "FeatureSetReader",
    lambda reader: SimpleNamespace(fit=lambda *raster: reader.fit(*raster).without_features()),
)
"""With which the classifier auto sees no diffusion feature of a raster."""


@contextlib.contextmanager
def classification_job(
    scene: Scene, features: Features, settings: ClassificationSettings, draw: Draw
) -> Iterator[tuple[Job, Path]]:
    """A job of the core that maps a draw, and its folder, which lies beside the features and goes afterwards."""
    with tempfile.TemporaryDirectory(dir=features.folder) as place:
        folder = Path(place)
        os.symlink(features.folder / features.cube.file, folder / features.cube.file)
        write_samples(draw.training, folder, "samples.npy")
        write_samples(draw.test, folder, "validation.npy")
        job = Job(
            task="classify",
            settings=to_json(settings),
            scene=features.cube,
            samples="samples.npy",
            validation="validation.npy",
            classes=scene.classes,
            layout=features.layout,
        )
        yield job, folder


def our_entry(scene: Scene, features: Features, settings: ClassificationSettings, draw: Draw) -> Entry:
    """A map by the core. Only the training table goes into the learning; the test table scores the finished map."""
    started = time.monotonic()
    try:
        with classification_job(scene, features, settings, draw) as (job, folder):
            result = run_task(job, folder, silent)
    except MtmsdError as error:
        return {"error": str(error), "seconds": round(time.monotonic() - started, 2), **_counts(draw)}
    scores = result.accuracy
    if scores is None:
        return {"error": "The map has no class at any test pixel.", "seconds": result.seconds, **_counts(draw)}
    return {
        "oa": scores.oa,
        "aa": scores.aa,
        "kappa": scores.kappa,
        "calibration_error": scores.calibration.error,
        "calibration_error_by_chance": scores.calibration.expected_error,
        "calibration": [asdict(each) for each in scores.calibration.bins],
        "seconds": result.seconds,
        **_counts(draw),
        "test_off_map": result.split.validation_outside_map,
        "device": result.computation.device,
    }


def baseline_entry(baselines: Baselines, name: str, draw: Draw, classes: int) -> Entry:
    """A baseline's classes at the test pixels, scored with the core's own matrix."""
    outcome = baselines.run(name, draw)
    matrix = confusion_matrix(draw.test.class_index, outcome.predicted, classes)
    scores = assess(matrix)
    return {
        "oa": percent(scores.oa),
        "aa": percent(scores.aa),
        "kappa": percent(scores.kappa),
        "calibration_error": None,
        "seconds": outcome.seconds,
        **_counts(draw),
        "chosen": outcome.chosen,
    }


def _counts(draw: Draw) -> Entry:
    return {
        "training": len(draw.training),
        "test": len(draw.test),
        "classes_tested": len(np.unique(draw.test.class_index)),
    }
