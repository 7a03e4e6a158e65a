# SPDX-License-Identifier: GPL-2.0-or-later
"""How many fewer samples are needed where the map says which to take next (decision 41).

Two labelled pixels a class to begin with; then five rounds of ten, each labelled where the shipped classifier suggests,
or at random. Enters: the known scenes with their features, made or ready. Leaves: a line for each scene on standard
output: accuracy at test pixels after each round, and the share of fifty samples after which suggested ones are as
accurate as fifty random ones.

    MTMSD_VENVS=.venv .venv/benchmark/bin/python benchmarks/suggestions.py [--ready FOLDER] [--draws 0-9] [SCENE...]

Ready features: <scene>/samples.npy, int64 (N, 4), and <scene>/training<T>/features.json with its raster.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.auto_pixels import fitted_auto, wanted_feature_sets  # noqa: E402 - the path comes first
from benchmarks.features import Training, make_features  # noqa: E402
from benchmarks.scenes import SceneMissing, known_scenes, prepare  # noqa: E402
from mtmsd_qgis.classification.auto.ensemble import Ensemble  # noqa: E402
from mtmsd_qgis.classification.auto.feature_reader import FeatureSetReader  # noqa: E402
from mtmsd_qgis.classification.auto.feature_sets import FeatureSet  # noqa: E402
from mtmsd_qgis.classification.uncertainty.measures import margin  # noqa: E402
from mtmsd_qgis.classification.uncertainty.suggestions import least_certain, suggest  # noqa: E402
from mtmsd_qgis.io.cube import Cube  # noqa: E402
from mtmsd_qgis.jobs.data_model import CubeFile, FeatureLayout  # noqa: E402
from mtmsd_qgis.progress import silent  # noqa: E402
from mtmsd_qgis.sampling.sample_table import SampleTable  # noqa: E402

ROUNDS, SIZE, START = 5, 10, 2
_MOST_PIXELS, _POOL, _TEST = 2600, 800, 1000
_LEAST_OF_A_CLASS = 5  # pixels among those drawn
_COMPONENTS = 25


@dataclass(frozen=True)
class Pixels:
    """Labelled pixels of a scene, with all that the classifier sees of them.

    Attributes:
        table: Each a group of its own, as points are.
        features: Feature sets (n, F).
        space: (n, C) principal components.
    """

    table: SampleTable
    features: Mapping[FeatureSet, Tensor]
    space: NDArray[np.float64]

    @classmethod
    def read(cls, folder: Path, samples: NDArray[np.int64]) -> Pixels:
        """At random ones of the labelled pixels; classes with too few of them are left out."""
        values = json.loads((folder / "features.json").read_text(encoding="utf-8"))
        cube = Cube(folder, CubeFile.from_json(values["raster"]))
        layout = FeatureLayout.from_json(values["layout"])
        rng = np.random.default_rng(0)
        drawn = samples[np.sort(rng.permutation(len(samples))[:_MOST_PIXELS])]
        found, counts = np.unique(drawn[:, 2], return_counts=True)
        drawn = drawn[np.isin(drawn[:, 2], found[counts >= _LEAST_OF_A_CLASS])]
        drawn[:, 2] = np.unique(drawn[:, 2], return_inverse=True)[1].reshape(-1)
        drawn[:, 3] = np.arange(len(drawn))
        reader = FeatureSetReader.fit(cube, layout, torch.device("cpu"))
        wanted = list(dict.fromkeys([*wanted_feature_sets(reader), FeatureSet.COMPONENT_MEANS]))
        table = SampleTable.from_array(drawn)
        features, order = reader.at_samples(table, wanted, silent)
        table = table.subset(order)
        space = features[FeatureSet.COMPONENT_MEANS][:, : min(_COMPONENTS, len(reader.scaling.components))]
        return cls(table.with_groups(np.arange(len(table))), features, space.double().numpy())

    @property
    def classes(self) -> int:
        """K."""
        return int(self.table.class_index.max()) + 1

    def fitted(self, chosen: Sequence[int], seed: int) -> Ensemble:
        """The shipped classifier, with SPLIT='spatial', of some of the pixels."""
        index = np.sort(np.array(chosen))
        features = {name: values[torch.from_numpy(index)] for name, values in self.features.items()}
        return fitted_auto(self.table.subset(index), features, seed)

    def probabilities(self, ensemble: Ensemble, index: NDArray[np.int64]) -> NDArray[np.float32]:
        """(n, K) of some of the pixels."""
        rows = torch.from_numpy(index)
        return ensemble.predict({name: self.features[name][rows] for name in ensemble.feature_sets}).numpy()


def accuracies(pixels: Pixels, seed: int, *, suggested: bool) -> list[float]:
    """Share of the test pixels that is right, with the first samples and after each round."""
    rng = np.random.default_rng(seed)
    order, truth = rng.permutation(len(pixels.table)), pixels.table.class_index
    labelled = [int(i) for k in range(pixels.classes) for i in order[truth[order] == k][:START]]
    rest = order[~np.isin(order, labelled)]
    half = len(rest) // 2
    pool, test = np.sort(rest[: min(_POOL, half)]), np.sort(rest[half : half + _TEST])
    found = []
    for number in range(ROUNDS + 1):
        ensemble = pixels.fitted(labelled, seed)
        found.append(float((pixels.probabilities(ensemble, test).argmax(axis=1) == truth[test]).mean()))
        if number < ROUNDS:
            left = np.setdiff1d(pool, labelled)
            if suggested:
                margins = margin(pixels.probabilities(ensemble, left).T).astype(np.float64)
                unsure = least_certain(margins, SIZE)
                at = left[unsure]
                picked = suggest(margins[unsure], pixels.space[at], pixels.table.positions[at], SIZE, seed + number)
                labelled += [int(i) for i in at[picked.index]]
            else:
                labelled += [int(i) for i in rng.permutation(left)[:SIZE]]
    return found


def samples_needed(curve: NDArray[np.float64], goal: float) -> float:
    """Samples after which a curve (rounds,) first reaches an accuracy, between rounds along a line; inf where never."""
    if curve[0] >= goal:
        return 0.0
    for number in range(1, len(curve)):
        if curve[number] >= goal:
            step = (goal - curve[number - 1]) / (curve[number] - curve[number - 1])
            return SIZE * (number - 1 + float(step))
    return float("inf")


def scene_folder(name: str, training: int, ready: Path | None) -> tuple[Path, NDArray[np.int64]]:
    """The folder of a scene's features, and its labelled pixels (N, 4)."""
    if ready is not None:
        return ready / name / f"training{training}", np.load(ready / name / "samples.npy")
    folder = ROOT / "build" / "benchmark" / name
    qgis = Path(os.environ["MTMSD_VENVS"]) / "qgis" / "bin" / "python"
    scene = prepare(name, known_scenes()[name], folder / "scene", qgis)
    features = make_features(scene, Training("quick", "cpu", training), folder / "quick")
    return features.folder, scene.samples.to_array()


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenes", nargs="*")
    parser.add_argument("--ready", type=Path)
    parser.add_argument("--draws", default="0-9")
    parser.add_argument("--results", type=Path, help="JSON lines, gone on with")
    asked = parser.parse_args()
    first, _, last = asked.draws.partition("-")
    draws = range(int(first), int(last or first) + 1)
    names = asked.scenes or sorted(path.name for path in asked.ready.iterdir()) if asked.ready else list(known_scenes())
    torch.set_num_threads(1)
    done: dict[str, list[float]] = {}
    if asked.results and asked.results.is_file():
        done = dict(json.loads(line) for line in asked.results.read_text(encoding="utf-8").splitlines())
    for name in names:
        curves: dict[bool, list[Any]] = {False: [], True: []}
        for training in sorted({draw % 3 for draw in draws}):
            try:
                pixels = Pixels.read(*scene_folder(name, training, asked.ready))
            except SceneMissing as missing:
                print(f"{name}: {missing}")
                break
            for draw in (draw for draw in draws if draw % 3 == training):
                for suggested in (False, True):
                    key = f"{name}/{draw}/{'suggested' if suggested else 'random'}"
                    if key not in done:
                        done[key] = accuracies(pixels, draw, suggested=suggested)
                        if asked.results:
                            with asked.results.open("a", encoding="utf-8") as file:
                                file.write(json.dumps([key, done[key]]) + "\n")
                    curves[suggested].append(done[key])
        if curves[True]:
            by_chance, by_map = (np.mean(curves[suggested], axis=0) for suggested in (False, True))
            share = samples_needed(by_map, by_chance[-1]) / (ROUNDS * SIZE)
            texts = [" ".join(f"{100 * a:5.1f}" for a in curve) for curve in (by_chance, by_map)]
            print(f"{name:18s} random {texts[0]}   suggested {texts[1]}   samples needed {share:.2f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
