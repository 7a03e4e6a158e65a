# SPDX-License-Identifier: GPL-2.0-or-later
"""What the programs of this folder share: options for scenes, draws and trainings, and the scenes made ready.

Enters: the command line. Leaves: one scene after the other, prepared, with the features of each training.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Union

from benchmarks.features import Features, Training, make_features
from benchmarks.results import Results
from benchmarks.scenes import MatlabSource, Scene, SceneMissing, VectorSource, known_scenes, prepare
from benchmarks.splits import SPLITS
from mtmsd_qgis.errors import MtmsdError
from mtmsd_qgis.jobs.settings import PRESET_NAMES

ROOT = Path(__file__).resolve().parents[2]
TRAININGS = 3  # two models of one scene differ by a point or more, so one alone says little

Sources = dict[str, Union[MatlabSource, VectorSource]]


def add_options(parser: argparse.ArgumentParser, splits: Sequence[str]) -> None:
    """Scenes, splits (by default those given), seeds, trainings and files."""
    add = parser.add_argument
    add("--scene", nargs="+", choices=list(known_scenes()), help="scenes by name; all, where no other one is given")
    add("--raster", type=Path, help="another scene: raster of any kind that QGIS reads")
    add("--reference", type=Path, help="with --raster: labelled polygons or points")
    add("--field", help="with --reference: the class field")
    add("--mat", type=Path, help="another scene: cube as a .mat file")
    add("--ground-truth", type=Path, help="with --mat: class ids as a .mat file")
    add("--name", help="of the other scene; not given: that of its file")
    add("--split", nargs="+", choices=list(SPLITS), default=list(splits), help=f"default: {', '.join(splits)}")
    own = ", ".join(f"{split.seeds} for {name}" for name, split in SPLITS.items())
    add("--seeds", type=_seeds, help=f"how many (seeds 0, 1, ...), or a list such as 3,4; not given: {own}")
    add("--trainings", type=int, help=f"of the diffusion model: seeds 0, 1, ...; default {TRAININGS}, with --model 1")
    add("--preset", choices=PRESET_NAMES, default=PRESET_NAMES[0], help="of pretraining and extraction")
    add("--model", type=Path, help="take this model and pretrain none; for a single scene")
    add("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    add("--whole-map", action="store_true", help="let auto map all pixels, not only the labelled ones: same figures")
    add("--out", type=Path, required=True, help="JSON file of the results")
    add("--resume", action="store_true", help="keep what the file holds and add what it lacks")
    add("--folder", type=Path, default=ROOT / "build" / "accuracy", help="for scenes, models and features")
    venvs = Path(os.environ.get("MTMSD_VENVS", ROOT / ".venv"))
    add("--qgis-python", type=Path, default=venvs / "qgis/bin/python", help="a Python that has QGIS, for --reference")


def read_options(parser: argparse.ArgumentParser, arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line, checked; "sources" holds the scenes asked for, by name."""
    options = parser.parse_args(arguments)
    options.sources = _sources(parser, options)
    options.folder = options.folder.absolute()
    if options.model and len(options.sources) > 1:
        parser.error("--model needs a single scene")
    if options.model and options.trainings not in (None, 1):
        parser.error("--model is one training; leave out --trainings")
    if options.trainings is None:
        options.trainings = 1 if options.model else TRAININGS
    if options.trainings < 1:
        parser.error("--trainings must be 1 or more")
    return options


def seeds_of(split: str, options: argparse.Namespace) -> Sequence[int]:
    """Of the draws of a split."""
    return options.seeds or range(SPLITS[split].seeds)


@dataclass
class Scenes:
    """The scenes that the command line asks for.

    Attributes:
        options: Of the command line.
        skipped: A sentence for each scene that was left out; filled while the scenes are gone through.
        failed: Whether one was left out that was asked for by name, or that is there and cannot be used.
    """

    options: argparse.Namespace
    skipped: list[str] = field(default_factory=list)
    failed: bool = False

    def ready(self, results: Results, is_complete: Callable[[str], bool]) -> Iterator[tuple[Scene, Sequence[Features]]]:
        """Each scene that is not complete, with the features of each training; its facts go into the results."""
        options = self.options
        for name, source in options.sources.items():
            if is_complete(name):
                continue
            folder = options.folder / name
            try:
                scene = prepare(name, source, folder / "scene", options.qgis_python)
                trained = [make_features(scene, training, folder / options.preset) for training in _trainings(options)]
            except (SceneMissing, MtmsdError) as error:
                self.skipped.append(f"{name} is left out: {error}")
                self.failed = self.failed or bool(options.scene) or not isinstance(error, SceneMissing)
                print(self.skipped[-1], flush=True)
                continue
            results.scene(name, options.preset, scene.facts(), trained[0].facts)
            yield scene, trained


def _trainings(options: argparse.Namespace) -> list[Training]:
    return [Training(options.preset, options.device, seed, options.model) for seed in range(options.trainings)]


def _seeds(text: str) -> list[int]:
    parts = [int(part) for part in text.split(",") if part.strip()]
    return parts if "," in text else list(range(parts[0]))


def _sources(parser: argparse.ArgumentParser, options: argparse.Namespace) -> Sources:
    sources: Sources = {}
    if options.raster:
        if not (options.reference and options.field):
            parser.error("--raster needs --reference and --field")
        sources[options.name or options.raster.stem] = VectorSource(options.raster, options.reference, options.field)
    if options.mat:
        if not options.ground_truth or options.raster:
            parser.error("--mat needs --ground-truth, and no --raster beside it")
        sources[options.name or options.mat.stem] = MatlabSource(options.mat, options.ground_truth)
    known = known_scenes()
    return sources | {name: known[name] for name in options.scene or ([] if sources else known)}
