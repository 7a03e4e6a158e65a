# SPDX-License-Identifier: GPL-2.0-or-later
"""How time and memory grow with the scene: made-up cubes of 60 bands, each step in a worker process of its own.

The worker is started as QGIS starts it, and the system tells its largest resident memory when it ends. Pretraining is
cut to a few iterations: what grows with the scene is the walks before them. The classification is left out of sizes
where it would take long.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.scenes import ROOT
from mtmsd_qgis.jobs.data_model import Band, ClassEntry, CubeFile, FeatureLayout
from mtmsd_qgis.jobs.protocol import Job, decode, write_job
from mtmsd_qgis.jobs.settings import ClassificationSettings, extraction_settings, pretrain_settings, to_json

BANDS = 60
_ITERATIONS = 20
CLASSES = 8
_FIELD = 40  # pixels; side of a field of one class
_STRIP = 64  # rows made at once
_SAMPLES = 1000
_NODATA = -32768


@dataclass(frozen=True)
class Run:
    """A worker that has ended: its result, its seconds, those of its processors, its peak of resident memory."""

    values: dict[str, Any]
    seconds: float
    processor_seconds: float
    peak_bytes: int


@dataclass(frozen=True)
class Steps:
    """What every scene goes through.

    Attributes:
        preset: Of pretraining and extraction.
        timesteps: Of the features.
        classify_up_to: Largest side that is also classified, pixels.
    """

    preset: str
    timesteps: tuple[int, ...]
    classify_up_to: int


def growth(sizes: list[int], steps: Steps, folder: Path, said: Callable[[str], None]) -> dict[str, Any]:
    """Seconds and peak memory of each step for each side of a square scene, smallest first."""
    folder.mkdir(parents=True, exist_ok=True)
    found: dict[str, Any] = {}
    for size in sorted(sizes):
        with tempfile.TemporaryDirectory(dir=folder) as place:
            measured = _measured(Path(place), size, steps)
            about = {"preset": steps.preset, "timesteps": list(steps.timesteps), "bands": BANDS}
            found[str(size)] = {**about, "threads": torch.get_num_threads(), **measured}
            said(f"{size} x {size}: {json.dumps(measured)}")
    return found


def _measured(folder: Path, size: int, steps: Steps) -> dict[str, Any]:
    scene = make_scene(folder, size)
    model = folder / "scene.mtmsd"
    settings = to_json(pretrain_settings(steps.preset, iterations=_ITERATIONS))
    runs = {"pretraining": run_worker(Job("pretrain", settings, scene, outputs={"model": str(model)}), folder)}
    wanted = to_json(extraction_settings(steps.preset, timesteps=steps.timesteps))
    runs["extraction"] = run_worker(Job("extract", wanted, scene, inputs={"model": str(model)}), folder)
    (folder / "components.raw").unlink()
    if size <= steps.classify_up_to:
        np.save(folder / "samples.npy", sampled(size), allow_pickle=False)
        values = runs["extraction"].values
        job = Job(
            "classify",
            to_json(ClassificationSettings(split="random")),
            CubeFile.from_json(values["raster"]),
            samples="samples.npy",
            classes=tuple(ClassEntry(i + 1, f"class {i + 1}") for i in range(CLASSES)),
            layout=FeatureLayout.from_json(values["layout"]),
        )
        runs["classification"] = run_worker(job, folder)
    return {
        name: {
            "seconds": run.values["seconds"],
            "process_seconds": round(run.seconds, 2),
            "microseconds_a_pixel": round(1e6 * run.values["seconds"] / size**2, 3),
            "peak_rss_bytes": run.peak_bytes,
        }
        for name, run in runs.items()
    }


def make_scene(folder: Path, size: int) -> CubeFile:
    """A cube of fields with spectra of their classes, noise, and a border of no data."""
    rng = np.random.default_rng(size)
    spectra = rng.uniform(300, 4000, size=(CLASSES, BANDS))
    with (folder / "scene.raw").open("wb") as file:
        for row in range(0, size, _STRIP):
            rows = np.arange(row, min(row + _STRIP, size))
            values = spectra[class_of(rows[:, None], np.arange(size)[None, :])].transpose(0, 2, 1)  # (h, B, W)
            values = values + rng.normal(0, 60, size=values.shape)
            values[:, :, :3] = _NODATA
            file.write(values.astype("<i2").tobytes())
    bands = tuple(Band(f"Band {i + 1}", nodata=_NODATA, number=i + 1) for i in range(BANDS))
    return CubeFile("scene.raw", size, size, "int16", bands)


def class_of(rows: NDArray[np.integer], cols: NDArray[np.integer]) -> NDArray[np.int64]:
    """Class index by field, scrambled so that neighbours differ."""
    return np.asarray((rows // _FIELD * 5 + cols // _FIELD * 3 + rows // _FIELD * (cols // _FIELD)) % CLASSES)


def sampled(size: int) -> NDArray[np.int64]:
    """A table of training samples: row, column, class index, group."""
    rng = np.random.default_rng(0)
    rows, cols = rng.integers(0, size, _SAMPLES), rng.integers(3, size, _SAMPLES)
    return np.stack([rows, cols, class_of(rows, cols), np.arange(_SAMPLES)], axis=1).astype(np.int64)


def run_worker(job: Job, folder: Path) -> Run:
    """A worker process of its own, as QGIS starts it."""
    write_job(job, folder)
    worker = ROOT / "mtmsd_qgis" / "worker.py"
    started = time.perf_counter()
    with (folder / "stderr.txt").open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-X", "utf8", str(worker), str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
        )
        assert process.stdout is not None
        assert process.stdin is not None
        messages = [decode(line.decode("utf-8")) for line in process.stdout]
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        process.stdin.close()
        process.stdout.close()
    values = [message.values for message in messages if message is not None and message.type == "result"]
    if not values:
        errors = [message.text for message in messages if message is not None and message.type == "error"]
        tail = (folder / "stderr.txt").read_text(encoding="utf-8", errors="replace")[-2000:]
        sys.exit(f"The worker ended with {process.returncode}: {' '.join(errors)}\n{tail}")
    peak = usage.ru_maxrss if sys.platform == "darwin" else 1024 * usage.ru_maxrss
    return Run(dict(values[0]), seconds, usage.ru_utime + usage.ru_stime, peak)
