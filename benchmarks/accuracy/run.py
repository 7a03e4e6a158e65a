# SPDX-License-Identifier: GPL-2.0-or-later
"""Accuracy of the maps beside that of what a user would take instead: several scenes, several kinds of split.

Our maps come from the core's own calls, with the settings the algorithms have by default; pretraining and extraction
see no label and are kept in build/accuracy. The diffusion model is pretrained several times, with seeds 0, 1, ..., and
every draw of a split is measured with each. Four classifiers of scikit-learn learn from the same pixels and are scored
at the same pixels; they need no model and are measured once, and so is the classifier auto on the spectra alone, which
shows what the diffusion features add.

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
from benchmarks.accuracy.command_line import Scenes, add_options, read_options, seeds_of  # noqa: E402
from benchmarks.accuracy.labelled_pixels import ReadOnce  # noqa: E402
from benchmarks.accuracy.methods import SPECTRA_ALONE, baseline_entry, our_entry  # noqa: E402
from benchmarks.accuracy.page import table_as_text  # noqa: E402
from benchmarks.accuracy.replacement import replaced  # noqa: E402
from benchmarks.accuracy.summary import WITHOUT_FEATURES  # noqa: E402
from benchmarks.features import Features  # noqa: E402
from benchmarks.results import Results, circumstances  # noqa: E402
from benchmarks.scenes import Scene  # noqa: E402
from benchmarks.splits import SPLITS  # noqa: E402
from mtmsd_qgis.jobs.settings import CLASSIFIERS, ClassificationSettings  # noqa: E402
from mtmsd_qgis.runtime.memory import keep_freed_memory  # noqa: E402


def main() -> None:
    """Measure what the command line asks for, and print the table."""
    keep_freed_memory()  # as the worker
    options = read_options(_parser())
    results = Results.open(options.out, resume=options.resume)
    results.about(circumstances(options.classifiers))
    scenes = Scenes(options)
    for scene, trained in scenes.ready(results, lambda name: all(results.has(**key) for key in _keys(name, options))):
        measure(scene, trained, options, results)
    if not results.document["runs"]:
        sys.exit("Nothing was measured.")
    results.write()
    print(f"\n{table_as_text(results.document)}", *scenes.skipped, f"Written to {options.out}", sep="\n")
    if scenes.failed:
        sys.exit(1)


def measure(scene: Scene, trained: Sequence[Features], options: argparse.Namespace, results: Results) -> None:
    """Every split, seed, training and method of a scene that the results lack.

    Trainings come last, so that a run that is broken off has the same draws of each.
    """
    baselines = Baselines(scene, options.jobs)
    pixels = ReadOnce(scene, trained, options)
    for split in options.split:
        for seed in seeds_of(split, options):
            draw = SPLITS[split].draw(scene.samples, seed)
            if len(draw.test) == 0:
                print(f"{scene.name} {split} seed {seed}: no pixel is left to test", flush=True)
                continue
            for key in _keys_of_draw(scene.name, split, seed, options):
                if results.has(**key):
                    continue
                method, training = str(key["method"]), int(key["model_seed"])
                if method in Baselines.NAMES:
                    entry = baseline_entry(baselines, method, draw, len(scene.classes))
                else:
                    plain = method == WITHOUT_FEATURES
                    settings = ClassificationSettings(
                        classifier="auto" if plain else method,
                        split=draw.generalise,
                        seed=seed,
                        device=options.device,
                    )
                    changes = pixels.instead_of_raster(settings.classifier, training)
                    with replaced([*changes, SPECTRA_ALONE] if plain else changes):
                        entry = our_entry(scene, trained[training], settings, draw)
                results.add(key, entry)
                figure = entry.get("error") or f"OA {entry['oa']:.2f}"
                which = method if method in Baselines.NAMES else f"{method}, training {training}"
                print(f"{scene.name} {split} seed {seed} {which}: {figure}, {entry['seconds']:.1f} s", flush=True)
            results.write()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser, list(SPLITS))
    add = parser.add_argument
    add("--classifiers", nargs="*", choices=CLASSIFIERS, default=["auto"], help="ours; default auto")
    add("--baselines", nargs="*", choices=Baselines.NAMES, default=list(Baselines.NAMES), help="all, where not given")
    add("--jobs", type=int, default=2, help="processes for the grids of the baselines")
    return parser


def _keys(scene: str, options: argparse.Namespace) -> list[dict[str, str | int]]:
    return [
        key
        for split in options.split
        for seed in seeds_of(split, options)
        for key in _keys_of_draw(scene, split, seed, options)
    ]


def _keys_of_draw(scene: str, split: str, seed: int, options: argparse.Namespace) -> list[dict[str, str | int]]:
    """Of the entries of one draw: ours once for each training; once what needs no model."""
    wanted = [(method, training) for method in options.classifiers for training in range(options.trainings)]
    alone = [WITHOUT_FEATURES] if "auto" in options.classifiers else []
    wanted += [(method, 0) for method in (*alone, *options.baselines)]
    draw = {"scene": scene, "preset": options.preset, "split": split, "seed": seed}
    return [{**draw, "model_seed": training, "method": method} for method, training in wanted]


if __name__ == "__main__":
    main()
