# SPDX-License-Identifier: GPL-2.0-or-later
"""Model and features of a scene, made with the core's own calls and kept for the next run.

Enters: a prepared Scene and a preset. Leaves: a folder with the feature raster, its layout, and the seconds that
pretraining and extraction took. Neither sees a label. What is kept counts only for the same scene, settings, torch and
code: the keys are hashes of these.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

import torch

from mtmsd_qgis.io.array_file import read_header
from mtmsd_qgis.jobs import json_dataclasses
from mtmsd_qgis.jobs.data_model import Band, CubeFile, FeatureLayout
from mtmsd_qgis.jobs.protocol import Job
from mtmsd_qgis.jobs.results import ExtractionResult
from mtmsd_qgis.jobs.settings import extraction_settings, pretrain_settings, to_json
from mtmsd_qgis.progress import Progress
from mtmsd_qgis.tasks.extract import extract
from mtmsd_qgis.tasks.pretrain import pretrain
from mtmsd_qgis.tasks.run import run as run_task
from mtmsd_qgis.transfer.band_matching import match_model_bands

from .scenes import Scene, select_bands

# Words and checks, no computing; what they hold reaches the keys through the settings.
_WORDS = {
    f"mtmsd_qgis.{name}"
    for name in (
        "jobs.settings",
        "jobs.data_model",
        "jobs.results",
        "jobs.json_dataclasses",
        "jobs.protocol",
        "progress",
        "errors",
    )
}


@dataclass(frozen=True)
class Training:
    """Where the diffusion model of a scene comes from.

    Attributes:
        preset: Of pretraining and extraction; with a model given, the model's own counts.
        device: As in the settings.
        seed: Of pretraining: initial weights, patches, timesteps and noise.
        model: A model to use instead of pretraining one.
    """

    preset: str
    device: str
    seed: int = 0
    model: Path | None = None


@dataclass(frozen=True)
class Features:
    """A feature raster in a folder.

    Attributes:
        folder: Where it lies.
        cube: The raster.
        layout: What its bands are.
        facts: For the results: seconds of both steps, device, what was extracted; JSON-ready.
    """

    folder: Path
    cube: CubeFile
    layout: FeatureLayout
    facts: dict[str, Any]


def make_features(scene: Scene, training: Training, folder: Path) -> Features:
    """Pretrain and extract, or take what an earlier run has left.

    Args:
        scene: The scene.
        training: Of its diffusion model.
        folder: Of the scene and preset, for all that is kept.
    """
    folder.mkdir(parents=True, exist_ok=True)
    model, seconds = (training.model, None) if training.model else _pretrained(scene, training, folder)
    header = read_header(model)
    wanted = [Band(**band) for band in header["bands"]]
    used = match_model_bands(wanted, scene.source_bands, header.get("source_band_count"))
    settings = to_json(extraction_settings(header["preset"], device=training.device))
    content = hashlib.sha256(model.read_bytes()).hexdigest()
    kept = folder / f"features-{_key(content, scene.fingerprint(), settings, code_of(extract))}"
    if not (kept / "features.json").is_file():
        _extract(scene, [scene.source_bands[i].number for i in used], model, settings, kept)
    values = json.loads((kept / "features.json").read_text(encoding="utf-8"))
    result = json_dataclasses.from_json(ExtractionResult, values)
    facts = {
        "pretrain_seconds": seconds,
        "extract_seconds": result.seconds,
        "device": result.computation.device,
        "model_preset": header["preset"],
        "layout": {key: getattr(result.layout, key) for key in ("timesteps", "stages", "features")},
    }
    return Features(kept, result.raster, result.layout, facts)


def trained_model(scene: Scene, training: Training, folder: Path) -> Path:
    """A model of the scene, pretrained now or by an earlier run."""
    folder.mkdir(parents=True, exist_ok=True)
    return _pretrained(scene, training, folder)[0]


def printed(title: str) -> Progress:
    """A progress that prints a line for each fifth."""
    shown = 0

    def progress(fraction: float, _: str) -> None:
        nonlocal shown
        if int(5 * fraction) > shown:
            shown = int(5 * fraction)
            print(f"{title} {20 * shown:3d} %", flush=True)

    return progress


def code_of(recipe: Callable[..., Any]) -> str:
    """Hash of the code that a task of the core runs: the recipe's module, and all modules of the core that it reaches.

    Other recipes and modules that only they use have no part in it, so that work on the classifier leaves models and
    features as they are.
    """
    sources: dict[str, str] = {}
    _collect_module(recipe, sources)
    text = "\n".join(sources[name] for name in sorted(sources))
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _collect_module(value: object, sources: dict[str, str]) -> None:
    """The module that a value comes from, where it is one of the core's, and those that it imports."""
    name = value.__name__ if inspect.ismodule(value) else getattr(value, "__module__", None)
    if not isinstance(name, str) or not name.startswith("mtmsd_qgis.") or name in _WORDS or name in sources:
        return
    module = sys.modules[name]
    sources[name] = inspect.getsource(module)
    for used in vars(module).values():
        _collect_module(used, sources)


def _pretrained(scene: Scene, training: Training, folder: Path) -> tuple[Path, float]:
    settings = to_json(pretrain_settings(training.preset, device=training.device, seed=training.seed))
    kept = folder / f"model-{_key(scene.fingerprint(), settings, code_of(pretrain))}"
    model, report = kept / "scene.mtmsd", kept / "pretraining.json"
    if not report.is_file():
        kept.mkdir(exist_ok=True)
        job = Job(
            task="pretrain",
            settings=settings,
            scene=scene.cube,
            outputs={"model": str(model.absolute())},
            options={"source_band_count": len(scene.source_bands)},
        )
        result = run_task(
            job, scene.folder, printed(f"{scene.name}: training {training.seed}, preset {training.preset}")
        )
        facts = {
            "seconds": result.seconds,
            "final_loss": result.final_loss,
            "device": result.computation.device,
        }
        report.write_text(json.dumps(facts), encoding="utf-8")
    return model, json.loads(report.read_text(encoding="utf-8"))["seconds"]


def _extract(scene: Scene, numbers: list[int], model: Path, settings: dict[str, Any], kept: Path) -> None:
    """Without labels, so that nothing of the test pixels is in the features."""
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir()
    there = [band.number for band in scene.cube.bands]
    with tempfile.TemporaryDirectory(dir=kept) as place:
        work = Path(place)
        os.symlink((scene.folder / scene.cube.file).absolute(), work / scene.cube.file)
        cube = scene.cube
        if numbers != there:
            cube = select_bands(work, cube, [there.index(number) for number in numbers], "chosen")
        job = Job(task="extract", settings=settings, scene=cube, inputs={"model": str(model.absolute())})
        result = run_task(job, work, printed(f"{scene.name}: extraction"))
        os.replace(work / result.raster.file, kept / result.raster.file)
    (kept / "features.json").write_text(json.dumps(json_dataclasses.to_json(result)), encoding="utf-8")


def _key(*parts: object) -> str:
    text = json.dumps([*parts, torch.__version__], sort_keys=True)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:12]
