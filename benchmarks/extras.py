# SPDX-License-Identifier: GPL-2.0-or-later
"""Extra rasters, measured: what parts of scenes are worth as extras of the rest, and whether empty ones are left out.

    python -m benchmarks.extras [--rows parts noise ramp] [--scenes NAME...] [--splits groups random15] [--first 20]
        [--draws N] [--made-up N] [--trainings N]

Enters: benchmark scenes; their bands alone, without diffusion features. Leaves: a JSON line a draw, and a table.

- parts: some bands of a scene as extra of the others (late fusion), against these others alone, against the same used
  without asking, and against all bands in one raster, which are brought to one scale (early fusion). With --trainings,
  diffusion models are trained on the others and on all bands, so many of each, among which the draws are dealt out.
- noise: white noise as extra.
- ramp: a plane across the scene as extra, which says where a pixel lies and nothing else.

Noise and ramp are asked first whether they earn their place. If not, the map is that without them
(tests/tasks/test_extras.py), and nothing is classified; else both maps are made, and that of early fusion.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.features import Training, make_features
from benchmarks.scenes import Scene, known_scenes, prepare, select_bands
from benchmarks.splits import SPLITS, Draw
from mtmsd_qgis.classification.auto.cross_validation import TrainingSet
from mtmsd_qgis.classification.auto.default_classifier import fit_default
from mtmsd_qgis.classification.auto.ensemble import Purpose
from mtmsd_qgis.classification.auto.feature_reader import FeatureSetReader
from mtmsd_qgis.classification.auto.feature_sets import FeatureSet
from mtmsd_qgis.classification.auto.predictor import EnsemblePredictor
from mtmsd_qgis.classification.extras.extras_predictor import ExtrasPredictor
from mtmsd_qgis.classification.extras.gate import MOST_PLANE, Comparison, Question, plane_share
from mtmsd_qgis.classification.extras.scene_components import SceneComponents
from mtmsd_qgis.classification.feature_value.candidate import groupings_of
from mtmsd_qgis.classification.predictor import Predictor
from mtmsd_qgis.classification.training_task import FittedClassifier, TrainingTask
from mtmsd_qgis.features.extras.column_recipe import ColumnRecipe
from mtmsd_qgis.features.extras.extra_reader import ExtraReader, SceneExtras
from mtmsd_qgis.io.band_subset import BandsOfBoth, BandSubset
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


@dataclass(frozen=True)
class Parted:
    """A scene some of whose bands are an extra.

    Attributes:
        rest: The other bands, or features and these.
        rest_layout: Of it.
        extra: The extra.
        together: All bands, or features of all and these.
        together_layout: Of it.
    """

    rest: Raster
    rest_layout: FeatureLayout
    extra: Beside
    together: Raster
    together_layout: FeatureLayout

    @classmethod
    def of(cls, scene: Scene) -> Parted:
        """Of the bands alone."""
        cube, chosen = Cube(scene.folder, scene.cube), extra_bands(scene)
        rest = BandSubset(cube, [i for i in range(cube.bands) if i not in chosen])
        extra = Beside(PARTS[scene.name][0], BandSubset(cube, chosen))
        return cls(rest, FeatureLayout(features=rest.bands), extra, cube, FeatureLayout(features=cube.bands))

    def with_features(self, scene: Scene, training: Training, folder: Path) -> Parted:
        """The same with the features of two diffusion models, trained on the other bands and on all.

        Args:
            scene: The scene.
            training: Of both.
            folder: For what is kept of them.
        """
        others = [i for i in range(len(scene.cube.bands)) if i not in extra_bands(scene)]
        cube = select_bands(scene.folder, scene.cube, others, "rest")
        rest = make_features(replace(scene, cube=cube, source_bands=cube.bands), training, folder / "rest")
        together = make_features(scene, training, folder / "together")
        return replace(
            self,
            rest=Cube(rest.folder, rest.cube),
            rest_layout=rest.layout,
            together=Cube(together.folder, together.cube),
            together_layout=together.layout,
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the rows that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS))
    parser.add_argument("--scenes", nargs="+", default=list(PARTS))
    parser.add_argument("--splits", nargs="+", choices=list(SPLITS), default=["groups", "random15"])
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--folder", type=Path, default=Path("build/benchmark/extras"))
    parser.add_argument("--qgis-python", type=Path, default=Path("/usr/bin/python3"))
    parser.add_argument("--first", type=int, default=20, help="seed of the first draw; 0 to 9 are for judging")
    parser.add_argument("--trainings", type=int, default=0, help="of diffusion models for parts; 0: the bands alone")
    parser.add_argument("--made-up", type=int, default=1, help="rasters of noise, or planes, a draw")
    options = parser.parse_args(arguments)
    lines = []
    for name in options.scenes:
        scene = prepare(name, known_scenes()[name], options.folder / name, options.qgis_python)
        inputs = inputs_of(scene, options.trainings, options.folder) if "parts" in options.rows else []
        for row in options.rows:
            for split in options.splits:
                for seed in range(options.first, options.first + options.draws):
                    draw = SPLITS[split].draw(scene.samples, seed)
                    if row == "parts":
                        each = parts(scene, draw, inputs[seed % len(inputs)])
                    else:
                        each = said_nothing(scene, draw, row, options.made_up)
                    for line in each:
                        lines.append({"scene": name, "row": row, "split": split, "seed": seed, **line})
                        print(json.dumps(lines[-1]), flush=True)
    print(table(lines), file=sys.stderr)
    return 0


def inputs_of(scene: Scene, trainings: int, folder: Path) -> list[Parted]:
    """The parted scene, with the features of each training; models and features are kept beside the scene's folder."""
    bands = Parted.of(scene)
    kept = folder / f"{scene.name}-models"
    return [bands.with_features(scene, Training("quick", "cpu", n), kept) for n in range(trainings)] or [bands]


def extra_bands(scene: Scene) -> list[int]:
    """Positions of the bands that are the extra."""
    _, is_extra = PARTS[scene.name]
    return [position for position, band in enumerate(scene.cube.bands) if is_extra(position, band)]


def parts(scene: Scene, draw: Draw, parted: Parted) -> Iterator[dict[str, object]]:
    """Some bands of a scene as extra of the others: a line for each way."""
    task = task_of(scene, parted.rest, draw, parted.extra, parted.rest_layout)
    late = fit_default(task, silent)
    (finding,) = late.extras or ()
    plain = without_extras(late)
    yield {"way": "part alone", "accuracy": accuracy(plain, draw)}
    found = {"joined": finding.joined, "gain": finding.gain, "below": finding.shifted_below}
    yield {"way": "late fusion", "accuracy": accuracy(with_extras(late), draw), **found}
    always = fit_default(used_always(task), silent)
    yield {"way": "late fusion, always", "accuracy": accuracy(with_extras(always), draw)}
    early = fit_default(task_of(scene, parted.together, draw, None, parted.together_layout), silent)
    yield {"way": "early fusion", "accuracy": accuracy(with_extras(early), draw)}


def said_nothing(scene: Scene, draw: Draw, row: str, rasters: int) -> Iterator[dict[str, object]]:
    """Made-up rasters as extras: a line for each."""
    cube = Cube(scene.folder, scene.cube)
    for number in range(rasters):
        with TemporaryDirectory() as folder:
            extra = Beside(row, made_up(cube, row, draw.seed + 1000 * number, Path(folder)))
            task = task_of(scene, cube, draw, extra)
            answer = asked(task)
            found: dict[str, object] = {"made_up": number, "joined": answer is not None and answer.earns_its_place}
            if answer is not None:
                found |= {"gain": answer.gain, "below": answer.below}
            if not found["joined"]:
                yield {"way": "late fusion less without", "accuracy": 0.0, **found}
                continue
            late, early = fit_default(task, silent), fitted_on(scene, BandsOfBoth(cube, extra.raster), draw)
            without = accuracy(without_extras(late), draw)
            yield {"way": "late fusion less without", "accuracy": accuracy(with_extras(late), draw) - without, **found}
            yield {"way": "early fusion less without", "accuracy": accuracy(early, draw) - without, "made_up": number}


def asked(task: TrainingTask) -> Comparison | None:
    """What the classifier finds of the one extra raster of a task, without fitting anything else; None: a plane."""
    if task.extras is None or task.extras.raster is None:
        raise ValueError("a task with an extra raster was expected")
    reader = FeatureSetReader.fit(task.cube, task.layout, task.device)
    features, order = reader.at_samples(task.training, [FeatureSet.SPECTRA], silent)
    table, interpolates = task.training.subset(order), task.settings.split == "random"
    purpose = Purpose(interpolates, True, {} if interpolates else groupings_of(table, task), task.settings.seed)
    recipe = ColumnRecipe.fit(task.extras.raster, task.extras.inputs.rasters[0], 0, interpolates)
    if recipe is None:
        raise ValueError("the extra raster should have data")
    components = SceneComponents(reader.cube, reader.plan.base, reader.scaling)
    training = TrainingSet(features, table.class_index, len(task.classes))
    extras = ExtraReader(task.extras.raster, components, (recipe,))
    columns, _ = extras.at_pixels(table.rows, table.cols, silent)
    if plane_share(columns, table) >= MOST_PLANE:
        return None
    return Question(training, table, purpose).ask(extras, silent)


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


def task_of(
    scene: Scene, raster: Raster, draw: Draw, extra: Beside | None, layout: FeatureLayout | None = None
) -> TrainingTask:
    """What is to be learnt in one way; without a layout, from plain bands."""
    split = draw.generalise
    if draw.by_group and (np.bincount(draw.training.class_index) == 0).any():
        raise ValueError("each class should have training samples")
    extras = None
    if extra is not None:
        names = tuple(f"band {i + 1}" for i in range(extra.raster.bands))
        extras = SceneExtras(ExtraInputs(rasters=(ExtraRaster(extra.name, VALUES, names),)), extra.raster)
    settings = ClassificationSettings(split=split, seed=draw.seed)
    layout = layout or FeatureLayout(features=raster.bands)
    task = TrainingTask(raster, layout, draw.training, scene.classes, settings, torch.device("cpu"))
    return replace(task, extras=extras)


def used_always(task: TrainingTask) -> TrainingTask:
    """The same with EXTRA_USE='always'."""
    if task.extras is None:
        raise ValueError("a task with extras was expected")
    return replace(task, extras=replace(task.extras, inputs=replace(task.extras.inputs, use="always")))


def fitted_on(scene: Scene, raster: Raster, draw: Draw) -> EnsemblePredictor:
    """The default classifier of a raster without extras."""
    return with_extras(fit_default(task_of(scene, raster, draw, None), silent))


def with_extras(fitted: FittedClassifier) -> EnsemblePredictor:
    """What decides where all extras in use have data, as they have everywhere here."""
    predictor = fitted.predictor
    return _ensemble(predictor.extended[0] if isinstance(predictor, ExtrasPredictor) else predictor)


def without_extras(fitted: FittedClassifier) -> EnsemblePredictor:
    """What decides where they have none."""
    predictor = fitted.predictor
    return _ensemble(predictor.plain if isinstance(predictor, ExtrasPredictor) else predictor)


def accuracy(predictor: EnsemblePredictor, draw: Draw) -> float:
    """Overall accuracy at the test pixels, percent."""
    features, order = predictor.reader.at_samples(draw.test, predictor.ensemble.feature_sets, silent)
    found = predictor.ensemble.predict(features).argmax(dim=1).numpy()
    return round(float(100 * (found == draw.test.class_index[order]).mean()), 3)


def _ensemble(predictor: Predictor) -> EnsemblePredictor:
    if not isinstance(predictor, EnsemblePredictor):
        raise TypeError("the default classifier was expected")
    return predictor


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
        joined = sum(line.get("joined") is True for line in of_key)
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
