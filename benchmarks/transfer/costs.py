# SPDX-License-Identifier: GPL-2.0-or-later
"""Size of a classifier's file, time of applying it, and memory.

Enters: Indian Pines and its quick model; made-up scenes. Leaves: lines on standard output.
"""

from __future__ import annotations

import argparse
import importlib
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from benchmarks.scenes import ROOT, Scene, known_scenes, prepare
from mtmsd_qgis.io.cube import create_cube
from mtmsd_qgis.io.windows import Window
from mtmsd_qgis.jobs.data_model import Band, ClassEntry, CubeFile
from mtmsd_qgis.jobs.protocol import Job
from mtmsd_qgis.jobs.settings import ClassificationSettings
from mtmsd_qgis.progress import silent
from mtmsd_qgis.sampling.sample_table import SampleTable
from mtmsd_qgis.sampling.subsampling import subsample
from mtmsd_qgis.tasks.run import run as run_task

from .learner import CLASSIFIER, MOST_TRAINING, Learner, model_of

_ROUNDS = 3  # of timing
_SIDES = (1024, 2048, 4096)  # pixels, of the rasters that memory is measured with


@contextmanager
def timed(function: str, seconds: list[float]) -> Iterator[None]:
    """Append the seconds of the processor that each call of a function ("module.name") takes."""
    module, name = function.rsplit(".", 1)
    original = getattr(importlib.import_module(module), name)

    def measured(*arguments: Any) -> Any:  # noqa: ANN401 - whatever the function takes and gives
        begin = time.process_time()
        result = original(*arguments)
        seconds.append(time.process_time() - begin)
        return result

    with mock.patch(function, measured):
        yield


def costs(options: argparse.Namespace, folder: Path) -> None:
    """Indian Pines, 1500 samples of 16 classes, quick model: size of the file, time of the map."""
    scene = prepare("indian_pines", known_scenes()["indian_pines"], folder / "indian_pines", options.qgis)
    training = scene.samples.subset(subsample(scene.samples.class_index, MOST_TRAINING, 0, balanced=True))
    model = model_of(scene, options.models)
    learner, settings = Learner(scene, model), ClassificationSettings(split="random")
    mapped: list[float] = []
    applied: list[float] = []
    for turn in range(_ROUNDS):
        included = turn == 0
        with timed("mtmsd_qgis.tasks.map_scene.map_lazily", mapped):
            learner.learn(training, settings, include_model=included)
        size = learner.classifier.stat().st_size / 1e6
        print(f"{len(training)} samples, {len(scene.classes)} classes, model inside {included}: {size:.1f} MB")
        with timed("mtmsd_qgis.tasks.apply_classifier.map_lazily", applied):
            learner.apply(scene.folder, scene.cube, applicability=False)
        ratio = applied[-1] / mapped[-1]
        print(f"mapping part {mapped[-1]:.1f} s, applied {applied[-1]:.1f} s, ratio {ratio:.3f}", flush=True)
    print(f"least of each: {min(applied) / min(mapped):.3f}; model file {model.stat().st_size / 1e6:.1f} MB")


def memory(_options: argparse.Namespace, folder: Path) -> None:
    """Peak memory of applying a classifier of plain bands to made-up rasters, each in its own process."""
    learn_made_up(folder)
    for side in _SIDES:
        command = [sys.executable, "-m", "benchmarks.transfer.run", "apply-peak", "--side", str(side)]
        subprocess.run([*command, "--folder", str(folder)], check=True, cwd=ROOT)


def learn_made_up(folder: Path) -> None:
    """A classifier of a small made-up scene of eight bands."""
    rng = np.random.default_rng(0)
    rows, cols = np.divmod(rng.permutation(128 * 128)[:1500], 128)
    classes = rows // 16 % 4
    cube = made_up(folder, 128)
    entries = tuple(ClassEntry(k + 1, f"class {k + 1}") for k in range(4))
    samples = SampleTable(rows, cols, classes, np.arange(len(rows)))
    Learner(Scene("made_up", folder, cube, entries, cube.bands, samples, len(samples))).learn(
        samples, ClassificationSettings(split="random")
    )


def made_up(folder: Path, side: int) -> CubeFile:
    """Bands of sixteen rows of each of four classes, with noise."""
    bands = [Band(f"Band {k + 1}", number=k + 1) for k in range(8)]
    cube = create_cube(folder, f"side{side}", (side, side), "float32", bands)
    rng = np.random.default_rng(side)
    spectra = np.random.default_rng(0).normal(size=(4, 8)) * 300 + 1000
    for row in range(0, side, 16):
        values = spectra[row // 16 % 4][:, None, None] + rng.normal(size=(8, 16, side)) * 100
        cube.write(Window(row, 0, 16, side), values.astype(np.float32))
    cube.flush()
    return cube.description


def apply_peak(options: argparse.Namespace, _folder: Path) -> None:
    """In a process of its own: apply the classifier in the folder to a made-up raster."""
    place = options.folder
    cube = made_up(place, options.side)
    inputs = {"classifier": str(place / CLASSIFIER)}
    before, begin = peak_mib(), time.perf_counter()
    run_task(Job("applyclassifier", {}, cube, inputs=inputs, options={"applicability": True}), place, silent)
    seconds = time.perf_counter() - begin
    print(
        f"{options.side} x {options.side}: {seconds:.0f} s, peak {peak_mib():.0f} MiB ({before:.0f} before)", flush=True
    )


def peak_mib() -> float:
    """Most memory that this process has held, as Linux counts it; what its parent held does not count."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024
