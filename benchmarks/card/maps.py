# SPDX-License-Identifier: GPL-2.0-or-later
"""Maps made on a card: the same map as on the processor, the tests that need a card, and Indian Pines as a whole."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.scenes import ROOT, Scene, SceneMissing, known_scenes, prepare
from mtmsd_qgis.io.cube import Cube, whole_size
from mtmsd_qgis.io.windows import whole
from mtmsd_qgis.jobs.protocol import Job
from mtmsd_qgis.jobs.results import ExtractionResult, MapResult
from mtmsd_qgis.jobs.settings import ClassificationSettings, extraction_settings, pretrain_settings, to_json
from mtmsd_qgis.progress import silent
from mtmsd_qgis.tasks.run import run as run_task

from .check import CardCheck, Found, Goal, PartSkipped

_TIMESTEPS = (100, 300, 500)
_LEAST_SAME = 0.99  # share of pixels with the same class
_LEAST_CORRELATION = 0.999  # mean over features
_LEAST_ACCURACY = 98.3  # OA of Indian Pines where a random tenth trains, as on the page of accuracy
_TEST_SECONDS = 120
_MARK = "pytest.mark.card"


@dataclass(frozen=True)
class Mapped:
    """Features of a scene and the map that was made of them."""

    features: NDArray[np.floating]
    result: MapResult
    ids: NDArray[np.int64]


def tests(check: CardCheck) -> Found:
    """The tests of the repository that are marked as needing a card."""
    if not check.on_card:
        raise PartSkipped("These tests need a card.")
    if importlib.util.find_spec("pytest") is None:
        raise PartSkipped("This Python has no pytest.")
    # Only these files: others may need what this Python does not have.
    files = [str(path) for path in sorted((ROOT / "tests").rglob("test_*.py")) if _MARK in path.read_text("utf-8")]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-m", "card", "-p", "no:cacheprovider", *files],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=_TEST_SECONDS,
    )
    last = (done.stdout.strip().splitlines() or [done.stderr[-500:]])[-1]
    counts = {word: int(number) for number, word in re.findall(r"(\d+) (passed|failed|skipped|error)", last)}
    goals = (
        Goal("tests that failed", counts.get("failed", 0) + counts.get("error", 0), 0),
        Goal("tests that passed", counts.get("passed", 0), 1, at_most=False),
    )
    return Found({"status": done.returncode, **counts}, check.goals(*goals), (last,))


def same_map(check: CardCheck) -> Found:
    """Features and map of a scene from the card and from the processor, with one model."""
    bench, model = check.bench("quick")
    here = _mapped(bench.scene, model, check.device, check.folder / "map-here")
    there = _mapped(bench.scene, model, "cpu", check.folder / "map-processor")
    share = float(np.mean(here.ids == there.ids))
    correlations = _correlations(here.features, there.features)
    figures = {
        "pixels": int(here.ids.size),
        "same_share": round(share, 5),
        "features": len(correlations),
        "correlation_mean": round(float(correlations.mean()), 6),
        "correlation_lowest": round(float(correlations.min()), 6),
    }
    return Found(
        figures,
        check.goals(
            Goal("share of pixels with the processor's class", figures["same_share"], _LEAST_SAME, at_most=False),
            Goal(
                "correlation of features with the processor's, mean",
                figures["correlation_mean"],
                _LEAST_CORRELATION,
                at_most=False,
            ),
        ),
    )


def indian_pines(check: CardCheck) -> Found:
    """The quick preset from the scene to the map; one pixel in ten of each class trains."""
    preset, few = "quick", {"iterations": 4, "batch_size": 2} if check.short else {}
    scene = check.bench(preset)[0].scene if check.short else _indian_pines(check.folder / "indian_pines")
    classes = ClassificationSettings(split="random", validation_share=0.9, device=check.device)
    steps = {
        "pretrain": to_json(pretrain_settings(preset, device=check.device, **few)),
        "extract": to_json(extraction_settings(preset, device=check.device)),
        "classify": to_json(classes),
    }
    np.save(scene.folder / "samples.npy", scene.samples.to_array())
    job = Job("mapscene", steps, scene.cube, samples="samples.npy", classes=scene.classes)
    result = run_task(job, scene.folder, silent)
    figures = {
        "scene": scene.name,
        "preset": preset,
        "seconds": result.seconds,
        "oa": round(result.accuracy.oa, 2),
        "aa": round(result.accuracy.aa, 2),
        "kappa": round(result.accuracy.kappa, 2),
        "reference_pixels": result.accuracy.samples,
    }
    return Found(figures, check.goals(Goal("OA of Indian Pines", figures["oa"], _LEAST_ACCURACY, at_most=False)))


def _indian_pines(folder: Path) -> Scene:
    source = known_scenes()["indian_pines"]
    os.environ.setdefault("PIP_RETRIES", "0")  # where the files are not there and no network is, this is soon known
    try:
        return prepare("indian_pines", source, folder, Path(sys.executable))
    except (SceneMissing, SystemExit) as error:
        raise PartSkipped(f"Indian Pines is not there ({error}); MTMSD_DATA names the folder of scenes.") from None


def _mapped(scene: Scene, model: Path, device: str, folder: Path) -> Mapped:
    folder.mkdir(parents=True)
    (folder / scene.cube.file).symlink_to((scene.folder / scene.cube.file).absolute())
    settings = extraction_settings("quick", device=device, timesteps=_TIMESTEPS, keep=0)
    job = Job("extract", to_json(settings), scene.cube, inputs={"model": str(model.absolute())})
    extracted: ExtractionResult = run_task(job, folder, silent)
    place = Path(extracted.folder)
    np.save(place / "samples.npy", scene.samples.to_array())
    classes = to_json(ClassificationSettings(split="random", device=device))
    job = Job("classify", classes, extracted.raster, "samples.npy", classes=scene.classes, layout=extracted.layout)
    result: MapResult = run_task(job, place, silent)
    return Mapped(_values(place, extracted.raster), result, _values(place, result.map)[0].astype(np.int64))


def _values(folder: Path, description: Any) -> NDArray[np.floating]:  # noqa: ANN401 - a CubeFile
    cube = Cube(folder, description)
    return np.nan_to_num(cube.read(whole(*whole_size(cube))))


def _correlations(one: NDArray[np.floating], other: NDArray[np.floating]) -> NDArray[np.float64]:
    """Of each band (B, H, W) that varies in both."""
    found = []
    for pair in zip(one, other):
        first, second = (band.astype(np.float64) - band.mean(dtype=np.float64) for band in pair)
        lengths = np.linalg.norm(first) * np.linalg.norm(second)
        if lengths > 0:
            found.append(float((first * second).sum() / lengths))
    return np.array(found)
