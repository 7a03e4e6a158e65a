# SPDX-License-Identifier: GPL-2.0-or-later
"""What segments do to a map, and where they are off (decision 45).

For draws of whole fields or blocks: the map of the classifier auto by pixels, and by segments of four sizes whose class
is that of the geometric or of the arithmetic mean of their pixels' probabilities; and, for several limits of the
training samples that may lie in segments of mostly another class, the size that SUPERTOKENS=0 takes. With --gate only
whether segments are used at all, for which nothing is learnt. Enters: the known scenes with their features, made or
ready; or, where --trainings names none, their plain bands. Leaves: a JSON line a draw, and tables on standard output.

    MTMSD_VENVS=.venv .venv/benchmark/bin/python benchmarks/segments.py --results FILE [--kept FOLDER]
        [--trainings 0 1 2] [--draws 20-29] [--splits groups blocks] [--gate] SCENE...

Accuracy is that at all labelled pixels that do not train. Recall: pixels of the reference on a border of their field
with an edge of the map within two pixels. Inside: pixels of fields more than two from such a border that lie on an edge
of the map.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.accuracy.labelled_pixels import LabelledPixels  # noqa: E402 - the path comes first
from benchmarks.accuracy.methods import classification_job  # noqa: E402
from benchmarks.accuracy.replacement import replaced  # noqa: E402
from benchmarks.features import Features, Training, make_features  # noqa: E402
from benchmarks.scenes import Scene, known_scenes, prepare  # noqa: E402
from benchmarks.splits import SPLITS, Draw  # noqa: E402
from mtmsd_qgis.classification.auto.calibration import FLOOR  # noqa: E402
from mtmsd_qgis.classification.segments.segment_features import SegmentFeatures  # noqa: E402
from mtmsd_qgis.classification.segments.segmentation import Segmentation, segment_scene  # noqa: E402
from mtmsd_qgis.classification.segments.size_choice import SIZES, share_astray  # noqa: E402
from mtmsd_qgis.io.cube import Cube, create_cube, whole_size  # noqa: E402
from mtmsd_qgis.io.run_directory import RunDirectory  # noqa: E402
from mtmsd_qgis.io.windows import whole  # noqa: E402
from mtmsd_qgis.jobs.data_model import FeatureLayout  # noqa: E402
from mtmsd_qgis.jobs.settings import ClassificationSettings  # noqa: E402
from mtmsd_qgis.progress import silent  # noqa: E402
from mtmsd_qgis.sampling.sample_table import SampleTable  # noqa: E402
from mtmsd_qgis.tasks.run import run as run_task  # noqa: E402

LIMITS = (0.06, 0.04, 0.02, 0.01)
MEANS = ("geometric", "arithmetic")
BANDS = "bands"  # in the place of a training
REACH = 2  # pixels from a border of the reference to an edge of the map
Entry = dict[str, Any]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Borders:
    """Borders of the reference.

    Attributes:
        on: (H, W) labelled pixels with a neighbour that is not of their class.
        inside: (H, W) labelled pixels more than REACH from any border.
    """

    on: NDArray[np.bool_]
    inside: NDArray[np.bool_]

    @classmethod
    def of(cls, samples: SampleTable, size: tuple[int, int]) -> Borders:
        """Of the labelled pixels."""
        reference = np.zeros(size, dtype=np.int64)
        reference[samples.rows, samples.cols] = samples.class_index + 1
        on = edges(reference) & (reference > 0)
        return cls(on, (reference > 0) & ~near(edges(reference)))

    def of_map(self, classes: Labels) -> dict[str, float | None]:
        """Recall and share of inner pixels on an edge, in percent, of a map (H, W)."""
        found = edges(classes)
        inside = 100 * float(found[self.inside].mean()) if self.inside.any() else None
        return {"recall": 100 * float(near(found)[self.on].mean()), "inside": inside}


def edges(values: Labels) -> NDArray[np.bool_]:
    """(H, W) pixels with a neighbour, across a side, of another value."""
    found = np.zeros(values.shape, dtype=bool)
    for axis in (0, 1):
        differs = np.diff(values, axis=axis) != 0
        first, last = [slice(None)] * 2, [slice(None)] * 2
        first[axis], last[axis] = slice(None, -1), slice(1, None)
        found[tuple(first)] |= differs
        found[tuple(last)] |= differs
    return found


def near(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(H, W) pixels within REACH rows and columns of one of a mask."""
    return np.asarray(ndimage.binary_dilation(mask, np.ones((2 * REACH + 1,) * 2, dtype=bool)))


def by_segments(probabilities: NDArray[np.float32], segment: Labels, mean: str) -> Labels:
    """Class index (H, W) of each pixel's segment.

    Args:
        probabilities: (K, H, W).
        segment: (H, W) from 1; the class of a pixel of segment 0 is its own.
        mean: One of MEANS.
    """
    values = probabilities.astype(np.float64)
    if mean == "geometric":
        values = np.log(np.maximum(values, np.exp(FLOOR)))
    count = int(segment.max()) + 1
    sums = np.stack([np.bincount(segment.ravel(), weights=of_class.ravel(), minlength=count) for of_class in values])
    return np.where(segment > 0, sums.argmax(axis=0)[segment], probabilities.argmax(axis=0))


class SegmentedScene:
    """A scene with its segments, which no sample has a part in."""

    def __init__(self, scene: Scene, folder: Path) -> None:
        """Cut it at each size.

        Args:
            scene: Prepared.
            folder: For the rasters of segments.
        """
        cube = Cube(scene.folder, scene.cube)
        layout = FeatureLayout(features=cube.bands)
        features = SegmentFeatures.fit(cube, layout, cube.description.bands, torch.device("cpu"))
        raster = features.write(RunDirectory(folder), silent)
        self.scene, self.size = scene, whole_size(cube)
        self.segments: dict[int, Segmentation] = {}
        for pixels in SIZES:
            place = folder / str(pixels)
            place.mkdir(exist_ok=True)
            made = segment_scene(raster, pixels, silent)
            copy = create_cube(place, "segments", self.size, "uint32", made.raster.description.bands)
            copy.write(whole(*self.size), made.raster.stored(whole(*self.size)))
            copy.flush()
            self.segments[pixels] = Segmentation(copy, pixels, made.count)

    @cached_property
    def borders(self) -> Borders:
        """Of the reference."""
        return Borders.of(self.scene.samples, self.size)

    def astray(self, training: SampleTable) -> list[float]:
        """Share of the training samples in segments of mostly another class, at each of SIZES."""
        return [share_astray(self.segments[pixels], training) for pixels in SIZES]

    def maps(self, features: Features, draws: Mapping[str, Draw]) -> Iterator[tuple[str, Entry]]:
        """Accuracy and edges of the maps, draw by draw; the feature sets of all pixels are read once."""
        rows, cols = (part.ravel() for part in np.indices(self.size))
        everywhere = SampleTable(rows, cols, np.zeros_like(rows), np.arange(len(rows)))
        pixels = LabelledPixels.of(features, everywhere, "cpu")
        for name, draw in draws.items():
            with replaced(pixels.instead_of_raster()):
                yield name, self.measured(features, draw)

    def measured(self, features: Features, draw: Draw) -> Entry:
        """Accuracy and edges of the maps of a draw."""
        probabilities = class_probabilities(self.scene, features, draw)
        entry: Entry = {"astray": self.astray(draw.training)}
        truth, rows, cols = draw.test.class_index, draw.test.rows, draw.test.cols
        maps = {"pixels": probabilities.argmax(axis=0)}
        for pixels, segments in self.segments.items():
            segment = segments.raster.stored(whole(*self.size))[0].astype(np.int64)
            maps |= {f"{pixels}/{mean}": by_segments(probabilities, segment, mean) for mean in MEANS}
        for name, classes in maps.items():
            right = 100 * float((classes[rows, cols] == truth).mean())
            entry[name] = {"oa": right, **self.borders.of_map(classes)}
        return entry

    def gate(self, draws: Mapping[str, Draw]) -> Iterator[tuple[str, Entry]]:
        """Samples astray, draw by draw; nothing is learnt."""
        for name, draw in draws.items():
            yield name, {"astray": self.astray(draw.training)}


def class_probabilities(scene: Scene, features: Features, draw: Draw) -> NDArray[np.float32]:
    """Of the map (K, H, W) that the classifier auto learns from a draw."""
    settings = ClassificationSettings(split=draw.generalise, seed=draw.seed, device="cpu")
    with classification_job(scene, features, settings, draw) as (plain, folder):
        job = replace(plain, options={"probabilities": True})
        probabilities = Cube(folder, run_task(job, folder, silent).probabilities)
        return np.array(probabilities.stored(whole(*whole_size(probabilities))))


def chosen(entry: Entry, limit: float) -> int:
    """Size that SUPERTOKENS=0 takes; 0 where segments are off."""
    return next((pixels for pixels, share in zip(SIZES, entry["astray"]) if share <= limit), 0)


def gate_line(name: str, entries: Sequence[Entry]) -> str:
    """In how many draws segments are off, by the limit."""
    off = ", ".join(f"{100 * limit:g} %: {sum(not chosen(e, limit) for e in entries)}" for limit in LIMITS)
    return f"{name:28s} of {len(entries)}: off at a limit of {off}"


def table(name: str, entries: Sequence[Entry]) -> str:
    """Rows of the maps, by pixels, by segments, and by those that are chosen."""
    lines = [f"{name}, {len(entries)} draws"]
    first = [entry["pixels"] for entry in entries]
    for row in ("pixels", *(f"{pixels}/{mean}" for mean in MEANS for pixels in SIZES)):
        lines.append(_row(row, first, [entry[row] for entry in entries]))
    for limit in LIMITS:
        for mean in MEANS:
            sizes = [chosen(entry, limit) for entry in entries]
            taken = [entry[f"{size}/{mean}" if size else "pixels"] for size, entry in zip(sizes, entries)]
            counts = ", ".join(f"{size or 'off'} in {sizes.count(size)}" for size in (*SIZES, 0) if size in sizes)
            lines.append(_row(f"0, {100 * limit:g} %/{mean}", first, taken) + f"   {counts}")
    return "\n".join(lines)


def _row(name: str, first: Sequence[Mapping[str, float]], entries: Sequence[Mapping[str, float]]) -> str:
    accuracy, recall, inside = (
        np.array([entry[key] for entry in entries], dtype=float) for key in ("oa", "recall", "inside")
    )
    gain, more = (
        np.array([entry[key] - other[key] for entry, other in zip(entries, first)]) for key in ("oa", "recall")
    )
    return (
        f"  {name:20s} OA {_with_error(accuracy)}  difference {_with_error(gain)}  recall {_with_error(recall)}  "
        f"difference {_with_error(more)}  inside {_with_error(inside)}"
    )


def _with_error(values: NDArray[np.float64]) -> str:
    error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else float("nan")
    return f"{values.mean():6.1f} ± {error:4.1f}"


@dataclass(frozen=True)
class Kept:
    """Entries in a file of JSON lines, gone on with."""

    file: Path
    entries: dict[str, Entry]

    @classmethod
    def of(cls, file: Path) -> Kept:
        """What is there already."""
        lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
        return cls(file, dict(json.loads(line) for line in lines))

    def add(self, key: str, entry: Entry) -> None:
        """One more."""
        self.entries[key] = entry
        with self.file.open("a", encoding="utf-8") as file:
            file.write(json.dumps([key, entry]) + "\n")


def features_of(scene: Scene, training: int | str, kept: Path) -> Features:
    """Diffusion features of a training, or plain bands."""
    if training == BANDS:
        return Features(scene.folder, scene.cube, FeatureLayout(features=len(scene.cube.bands)), {})
    return make_features(scene, Training("quick", "cpu", int(training)), kept / scene.name / "quick")


def measure(name: str, asked: argparse.Namespace, kept: Kept) -> None:
    """All draws of a scene that are not kept yet, and a table of each kind of draws."""
    place = asked.work / name
    place.mkdir(parents=True, exist_ok=True)
    qgis = Path(os.environ["MTMSD_VENVS"]) / "qgis" / "bin" / "python"
    segmented = SegmentedScene(prepare(name, known_scenes()[name], place / "scene", qgis), place)
    first, _, last = asked.draws.partition("-")
    wanted: dict[str, tuple[int | str, Draw]] = {}
    trainings = asked.trainings or [BANDS]
    for split in asked.splits:
        for seed in range(int(first), int(last or first) + 1):
            training = trainings[seed % len(trainings)]
            wanted[f"{name}/{split}/{seed}/{training}"] = training, SPLITS[split].draw(segmented.scene.samples, seed)
    for training in trainings:
        draws = {k: draw for k, (number, draw) in wanted.items() if number == training and k not in kept.entries}
        if draws:
            made = None if asked.gate else features_of(segmented.scene, training, asked.kept)
            for key, entry in segmented.gate(draws) if made is None else segmented.maps(made, draws):
                kept.add(key, entry)
    for split in asked.splits:
        entries = [kept.entries[key] for key in wanted if f"/{split}/" in key]
        title = f"{name}, {split}"
        print(gate_line(title, entries) if asked.gate else table(title, entries), flush=True)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenes", nargs="+")
    parser.add_argument("--results", type=Path, required=True, help="JSON lines, gone on with")
    parser.add_argument("--kept", type=Path, default=ROOT / "build" / "accuracy", help="models and features")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "segments", help="scenes and segments")
    parser.add_argument("--trainings", type=int, nargs="*", default=[0, 1, 2], help="draw d has the d-th, in turn")
    parser.add_argument("--draws", default="20-29")
    parser.add_argument("--splits", nargs="*", default=["groups", "blocks"])
    parser.add_argument("--gate", action="store_true")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    kept = Kept.of(asked.results)
    for name in asked.scenes:
        measure(name, asked, kept)
    return 0


if __name__ == "__main__":
    sys.exit(main())
