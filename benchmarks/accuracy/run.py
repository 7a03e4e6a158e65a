# SPDX-License-Identifier: GPL-2.0-or-later
"""Accuracy of the maps beside that of what a user would take instead: several scenes, several kinds of split.

Our maps come from the core's own calls, with the settings the algorithms have by default; pretraining and extraction
see no label and are kept in build/accuracy. The diffusion model is pretrained several times, with seeds 0, 1, ..., and
every draw of a split is measured with each. Four classifiers of scikit-learn learn from the same pixels and are judged
at the same pixels; they need no model and are measured once.

    make benchmark
    python benchmarks/accuracy/run.py --scene indian_pines --split random10 groups --seeds 5 --out results.json
    python benchmarks/accuracy/run.py --raster scene.tif --reference polygons.gpkg --field class --out results.json
    python benchmarks/accuracy/run.py --mat cube.mat --ground-truth labels.mat --out results.json

Without --scene all known scenes are measured; one whose files are not under MTMSD_DATA is left out with a message.
The results are written after every seed; with --resume a run goes on where another one ended. page.py makes
the page from them.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("GOMP_SPINCOUNT", "2000")  # as in the worker; read when torch is loaded

from benchmarks.accuracy.baselines import Baselines  # noqa: E402
from benchmarks.accuracy.methods import baseline_entry, our_entry  # noqa: E402
from benchmarks.accuracy.page import table_as_text  # noqa: E402
from benchmarks.features import Features, Training, make_features  # noqa: E402
from benchmarks.results import Results, circumstances  # noqa: E402
from benchmarks.scenes import (  # noqa: E402
    MatlabSource,
    Scene,
    SceneMissing,
    VectorSource,
    known_scenes,
    prepare,
)
from benchmarks.splits import SPLITS  # noqa: E402
from mtmsd_qgis.errors import MtmsdError  # noqa: E402
from mtmsd_qgis.jobs.settings import CLASSIFIERS, PRESET_NAMES, ClassificationSettings  # noqa: E402
from mtmsd_qgis.runtime.memory import keep_freed_memory  # noqa: E402

TRAININGS = 3  # two models of one scene differ by a point or more, so one alone says little


def main() -> None:
    """Measure what the command line asks for, and print the table."""
    keep_freed_memory()  # as the worker
    parser = _parser()
    options = parser.parse_args()
    sources = _sources(parser, options)
    results = Results.open(options.out, resume=options.resume)
    results.about(circumstances(options.classifiers))
    skipped, refused = [], False
    for name, source in sources.items():
        if all(results.has(**key) for key in _keys(name, options)):
            continue
        folder = options.folder / name
        try:
            scene = prepare(name, source, folder / "scene", options.qgis_python)
            trained = [
                make_features(
                    scene, Training(options.preset, options.device, seed, options.model), folder / options.preset
                )
                for seed in range(options.trainings)
            ]
        except (SceneMissing, MtmsdError) as error:
            skipped.append(f"{name} is left out: {error}")
            refused = refused or bool(options.scene) or not isinstance(error, SceneMissing)
            print(skipped[-1], flush=True)
            continue
        results.scene(name, options.preset, scene.facts(), trained[0].facts)
        measure(scene, trained, options, results)
    if not results.document["runs"]:
        sys.exit("Nothing was measured.")
    results.write()
    print(f"\n{table_as_text(results.document)}", *skipped, f"Written to {options.out}", sep="\n")
    if refused:
        sys.exit(1)


def measure(scene: Scene, trained: Sequence[Features], options: argparse.Namespace, results: Results) -> None:
    """Every split, seed, training and method of a scene that the results lack.

    Trainings come last, so that a run that is broken off has the same draws of each.
    """
    baselines = Baselines(scene, options.jobs)
    for split in options.split:
        for seed in _seeds_of(split, options):
            parts = SPLITS[split].part(scene.table, seed)
            if len(parts.test) == 0:
                print(f"{scene.name} {split} seed {seed}: no pixel is left to test", flush=True)
                continue
            for key in _keys_of_draw(scene.name, split, seed, options):
                if results.has(**key):
                    continue
                method, training = str(key["method"]), int(key["model_seed"])
                if method in Baselines.NAMES:
                    entry = baseline_entry(baselines, method, parts, seed, len(scene.classes))
                else:
                    settings = ClassificationSettings(
                        classifier=method, split=parts.generalise, seed=seed, device=options.device
                    )
                    entry = our_entry(scene, trained[training], settings, parts)
                results.add(key, entry)
                figure = entry.get("error") or f"OA {entry['oa']:.2f}"
                which = method if method in Baselines.NAMES else f"{method}, training {training}"
                print(f"{scene.name} {split} seed {seed} {which}: {figure}, {entry['seconds']:.1f} s", flush=True)
            results.write()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--scene", nargs="+", choices=list(known_scenes()), help="scenes by name; all, where no other one is given")
    add("--raster", type=Path, help="another scene: raster of any kind that QGIS reads")
    add("--reference", type=Path, help="with --raster: labelled polygons or points")
    add("--field", help="with --reference: the class field")
    add("--mat", type=Path, help="another scene: cube as a .mat file")
    add("--ground-truth", type=Path, help="with --mat: class ids as a .mat file")
    add("--name", help="of the other scene; not given: that of its file")
    add("--split", nargs="+", choices=list(SPLITS), default=list(SPLITS), help="all, where none is given")
    own = ", ".join(f"{split.seeds} for {name}" for name, split in SPLITS.items())
    add("--seeds", type=_seeds, help=f"how many (seeds 0, 1, ...), or a list such as 3,4; not given: {own}")
    add("--trainings", type=int, help="of the diffusion model: seeds 0, 1, ...; default 3, with --model 1")
    add("--classifiers", nargs="+", choices=CLASSIFIERS, default=["auto"], help="ours; default auto")
    add("--baselines", nargs="*", choices=Baselines.NAMES, default=list(Baselines.NAMES), help="all, where not given")
    add("--preset", choices=PRESET_NAMES, default=PRESET_NAMES[0], help="of pretraining and extraction")
    add("--model", type=Path, help="take this model and pretrain none; for a single scene")
    add("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    add("--jobs", type=int, default=2, help="processes for the grids of the baselines")
    add("--out", type=Path, required=True, help="JSON file of the results")
    add("--resume", action="store_true", help="keep what the file holds and add what it lacks")
    add("--folder", type=Path, default=ROOT / "build" / "accuracy", help="for scenes, models and features")
    venvs = Path(os.environ.get("MTMSD_VENVS", ROOT / ".venv"))
    add("--qgis-python", type=Path, default=venvs / "qgis/bin/python", help="a Python that has QGIS, for --reference")
    return parser


def _seeds(text: str) -> list[int]:
    parts = [int(part) for part in text.split(",") if part.strip()]
    return parts if "," in text else list(range(parts[0]))


def _seeds_of(split: str, options: argparse.Namespace) -> Sequence[int]:
    return options.seeds or range(SPLITS[split].seeds)


def _sources(parser: argparse.ArgumentParser, options: argparse.Namespace) -> dict[str, MatlabSource | VectorSource]:
    """The scenes asked for, by name."""
    sources: dict[str, MatlabSource | VectorSource] = {}
    if options.raster:
        if not (options.reference and options.field):
            parser.error("--raster needs --reference and --field")
        sources[options.name or options.raster.stem] = VectorSource(options.raster, options.reference, options.field)
    if options.mat:
        if not options.ground_truth or options.raster:
            parser.error("--mat needs --ground-truth, and no --raster beside it")
        sources[options.name or options.mat.stem] = MatlabSource(options.mat, options.ground_truth)
    known = known_scenes()
    sources |= {name: known[name] for name in options.scene or ([] if sources else known)}
    if options.model and len(sources) > 1:
        parser.error("--model needs a single scene")
    if options.model and options.trainings not in (None, 1):
        parser.error("--model is one training; leave out --trainings")
    if options.trainings is None:
        options.trainings = 1 if options.model else TRAININGS
    if options.trainings < 1:
        parser.error("--trainings must be 1 or more")
    options.folder = options.folder.absolute()
    return sources


def _keys(scene: str, options: argparse.Namespace) -> list[dict[str, str | int]]:
    return [
        key
        for split in options.split
        for seed in _seeds_of(split, options)
        for key in _keys_of_draw(scene, split, seed, options)
    ]


def _keys_of_draw(scene: str, split: str, seed: int, options: argparse.Namespace) -> list[dict[str, str | int]]:
    """Of the entries of one draw: ours once for each training, a baseline once."""
    wanted = [(method, training) for method in options.classifiers for training in range(options.trainings)]
    wanted += [(method, 0) for method in options.baselines]
    draw = {"scene": scene, "preset": options.preset, "split": split, "seed": seed}
    return [{**draw, "model_seed": training, "method": method} for method, training in wanted]


if __name__ == "__main__":
    main()
