# SPDX-License-Identifier: GPL-2.0-or-later
"""Extra rasters, measured: what parts of scenes are worth as extras of the rest, and whether empty ones are left out.

    python -m benchmarks.extras [--rows parts noise ramp] [--scenes NAME...] [--draws N] [--splits groups random15]

Enters: benchmark scenes; their bands alone, without diffusion features. Leaves: a JSON line a draw, and a table.

- parts: some bands of a scene as extra of the others, against these others alone, and against all bands in one raster
  (early fusion).
- noise: white noise as extra.
- ramp: a plane across the scene as extra, which says where a pixel lies and nothing else.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.scenes import Scene, known_scenes, prepare
from benchmarks.splits import SPLITS, Draw
from mtmsd_qgis.classification.auto.default_classifier import fit_default
from mtmsd_qgis.classification.auto.predictor import EnsemblePredictor
from mtmsd_qgis.classification.extras.extras_predictor import ExtrasPredictor
from mtmsd_qgis.classification.training_task import FittedClassifier, TrainingTask
from mtmsd_qgis.features.extras.extra_reader import SceneExtras
from mtmsd_qgis.io.band_subset import BandSubset
from mtmsd_qgis.io.cube import Cube, Raster, create_cube
from mtmsd_qgis.io.windows import whole
from mtmsd_qgis.jobs.data_model import Band, FeatureLayout
from mtmsd_qgis.jobs.extras.extra_rasters import VALUES, ExtraInputs, ExtraRaster
from mtmsd_qgis.jobs.settings import ClassificationSettings
from mtmsd_qgis.progress import silent

ROWS = ("parts", "noise", "ramp")
# Bands that are extras, by number or by wavelength in nm.
PARTS: dict[str, tuple[str, Callable[[int, Band], bool]]] = {
    "landsat7_chiapas": ("temperature", lambda position, band: "temperature" in band.name),  # noqa: ARG005
    "enmap_potsdam": ("over 1000 nm", lambda position, band: (_wavelength(band) or 0) > 1000),  # noqa: ARG005
    "maipo_crops": ("dates 5 to 8", lambda position, band: position >= 24),  # noqa: ARG005
}


@dataclass(frozen=True)
class Beside:
    """An extra raster of a benchmark: its name, and its bands."""

    name: str
    raster: Raster


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the rows that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS))
    parser.add_argument("--scenes", nargs="+", default=list(PARTS))
    parser.add_argument("--splits", nargs="+", choices=list(SPLITS), default=["groups", "random15"])
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--folder", type=Path, default=Path("build/benchmark/extras"))
    parser.add_argument("--qgis-python", type=Path, default=Path("/usr/bin/python3"))
    options = parser.parse_args(arguments)
    lines = []
    for name in options.scenes:
        scene = prepare(name, known_scenes()[name], options.folder / name, options.qgis_python)
        for row in options.rows:
            for split in options.splits:
                for seed in range(20, 20 + options.draws):
                    for line in measured(scene, row, split, seed):
                        lines.append(line)
                        print(json.dumps(line), flush=True)
    print(table(lines), file=sys.stderr)
    return 0


def measured(scene: Scene, row: str, split: str, seed: int) -> Iterator[dict[str, object]]:
    """One draw of one row: a line for each way."""
    draw = SPLITS[split].draw(scene.samples, seed)
    cube = Cube(scene.folder, scene.cube)
    with TemporaryDirectory() as folder:
        for way, raster, extra in _ways(cube, scene, row, seed, Path(folder)):
            began = time.process_time()
            fitted = fit_default(task_of(scene, raster, draw, extra), silent)
            finding = fitted.extras[0] if fitted.extras else None
            yield {
                "scene": scene.name,
                "row": row,
                "split": split,
                "seed": seed,
                "way": way,
                "accuracy": round(accuracy(fitted, draw), 3),
                "joined": None if finding is None else finding.joined,
                "shifted_below": None if finding is None else finding.shifted_below,
                "seconds": round(time.process_time() - began, 1),
            }


def _ways(cube: Cube, scene: Scene, row: str, seed: int, folder: Path) -> Iterator[tuple[str, Raster, Beside | None]]:
    """The rasters to compare."""
    if row != "parts":
        yield "alone", cube, None
        yield row, cube, Beside(row, made_up(cube, row, seed, folder))
        return
    name, is_extra = PARTS[scene.name]
    chosen = [is_extra(position, band) for position, band in enumerate(scene.cube.bands)]
    rest = BandSubset(cube, [i for i, extra in enumerate(chosen) if not extra])
    yield "part alone", rest, None
    yield "with extra", rest, Beside(name, BandSubset(cube, [i for i, extra in enumerate(chosen) if extra]))
    yield "all bands", cube, None


def made_up(cube: Raster, row: str, seed: int, folder: Path) -> Cube:
    """Noise, or a plane that rises by one across the scene in a random direction, with noise of a hundredth of that."""
    rng = np.random.default_rng([seed, ROWS.index(row)])
    values: NDArray[np.float64] = rng.normal(size=(cube.height, cube.width))
    if row == "ramp":
        down, right = np.mgrid[0 : cube.height, 0 : cube.width] / max(cube.height, cube.width)
        angle = rng.uniform(0, 2 * np.pi)
        values = np.cos(angle) * down + np.sin(angle) * right + 0.01 * values
    out = create_cube(folder, row, (cube.height, cube.width), "float32", [Band(row, number=1)])
    out.write(whole(cube.height, cube.width), values[None].astype(np.float32))
    return out


def task_of(scene: Scene, raster: Raster, draw: Draw, extra: Beside | None) -> TrainingTask:
    """What is to be learnt in one way."""
    split = draw.generalise
    if draw.by_group and (np.bincount(draw.training.class_index) == 0).any():
        raise ValueError("each class should have training samples")
    extras = None
    if extra is not None:
        names = tuple(f"band {i + 1}" for i in range(extra.raster.bands))
        extras = SceneExtras(ExtraInputs(rasters=(ExtraRaster(extra.name, VALUES, names),)), extra.raster)
    settings = ClassificationSettings(split=split, seed=draw.seed)
    layout = FeatureLayout(features=raster.bands)
    task = TrainingTask(raster, layout, draw.training, scene.classes, settings, torch.device("cpu"))
    return replace(task, extras=extras)


def accuracy(fitted: FittedClassifier, draw: Draw) -> float:
    """Overall accuracy at the test pixels, percent."""
    predictor = fitted.predictor
    if isinstance(predictor, ExtrasPredictor):
        predictor = predictor.extended  # these extras have no holes
    if not isinstance(predictor, EnsemblePredictor):
        raise TypeError("the default classifier was expected")
    features, order = predictor.reader.at_samples(draw.test, predictor.ensemble.feature_sets, silent)
    found = predictor.ensemble.predict(features).argmax(dim=1).numpy()
    return float(100 * (found == draw.test.class_index[order]).mean())


def table(lines: Sequence[dict[str, object]]) -> str:
    """Means over draws, as Markdown."""
    rows = [
        "| scene | row | split | way | draws | accuracy | standard error | joined |",
        "|---|---|---|---|---|---|---|---|",
    ]
    keys = dict.fromkeys((line["scene"], line["row"], line["split"], line["way"]) for line in lines)
    for key in keys:
        of_key = [line for line in lines if (line["scene"], line["row"], line["split"], line["way"]) == key]
        found = np.array([line["accuracy"] for line in of_key], dtype=float)
        error = found.std(ddof=1) / len(found) ** 0.5 if len(found) > 1 else float("nan")
        joined = sum(line["joined"] is True for line in of_key)
        rows.append(f"| {' | '.join(map(str, key))} | {len(found)} | {found.mean():.2f} | {error:.2f} | {joined} |")
    return "\n".join(rows)


def _wavelength(band: Band) -> float | None:
    """In nm, from the band's description; some rasters have it in the name alone."""
    if band.wavelength_nm is not None:
        return band.wavelength_nm
    words = band.name.replace("(", " ").split()
    numbers = [word for word in words if word.replace(".", "", 1).isdigit() and "." in word]
    return float(numbers[0]) if numbers else None


if __name__ == "__main__":
    sys.exit(main())
