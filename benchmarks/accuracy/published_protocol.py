# SPDX-License-Identifier: GPL-2.0-or-later
"""The field's usual protocol on Indian Pines, through QGIS: 10 % of each class to train, at random, all others to test.

Prints OA, AA and kappa for several seeds of the split, their mean and standard deviation, and the seconds of each
step. The classifier is the published one. It says little about fields that were never seen (README, "What the accuracy
figure means").

    .venv/worker/bin/python benchmarks/accuracy/published_protocol.py --seeds 5 --out results.json
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import indian_pines  # noqa: E402
from qgis_process import Qgis, Run  # noqa: E402

DATA = Path(os.environ.get("MTMSD_DATA", ROOT.parent / "shared" / "data"))
FIGURES = ("OA", "AA", "KAPPA")


def main() -> None:
    """Run the protocol and print what came out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5, help="number of splits: seeds 0, 1, ...")
    parser.add_argument("--preset", default="quick", help="quick, standard or paper")
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "published_protocol", help="for all results")
    parser.add_argument("--out", type=Path, help="also write the figures to this JSON file")
    options = parser.parse_args()
    folder = options.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)

    qgis = Qgis(ROOT, Path(sys.executable), ROOT / "build" / "qgis-profile")
    steps = prepare(qgis, folder, options.preset)
    splits = [classify(qgis, folder, seed) for seed in range(options.seeds)]

    for seed, run in enumerate(splits):
        print(f"seed {seed}: " + "  ".join(f"{name} {float(run.results[name]):.2f}" for name in FIGURES))
    summary = {name: _mean_and_deviation([float(run.results[name]) for run in splits]) for name in FIGURES}
    for name, (mean, deviation) in summary.items():
        print(f"{name}: {mean:.2f} ± {deviation:.2f} over {options.seeds} splits")
    seconds = {name: run.seconds for name, run in steps.items()}
    seconds["classify (median)"] = statistics.median(run.seconds for run in splits)
    three = seconds["pretrain"] + seconds["extract"] + seconds["classify (median)"]
    print("  ".join(f"{name} {value:.1f} s" for name, value in seconds.items()), f" the three steps {three:.1f} s")
    if options.out:
        options.out.write_text(json.dumps({"summary": summary, "seconds": seconds}, indent=1), encoding="utf-8")


def prepare(qgis: Qgis, folder: Path, preset: str) -> dict[str, Run]:
    """Import, pretrain and extract, none of which sees a label."""
    scene, ground_truth = indian_pines.fetch(DATA / "indian_pines", ROOT / "build" / "indian_pines")
    qgis.run(
        "import",
        "mtmsd:importscene",
        INPUT=scene,
        GROUND_TRUTH=ground_truth,
        PIXEL_SIZE=20,
        OUTPUT=folder / "scene.tif",
        OUTPUT_SAMPLES=folder / "labels.gpkg",
    )
    model = folder / "scene.mtmsd"
    return {
        "pretrain": qgis.run(
            "pretrain", "mtmsd:pretraindiffusion", INPUT=folder / "scene.tif", PRESET=preset, OUTPUT=model
        ),
        "extract": qgis.run(
            "extract",
            "mtmsd:extractfeatures",
            INPUT=folder / "scene.tif",
            MODEL=model,
            OUTPUT=folder / "features.tif",
        ),
    }


def classify(qgis: Qgis, folder: Path, seed: int) -> Run:
    """One split: a tenth of each class trains, the others test."""
    return qgis.run(
        f"classify, seed {seed}",
        "mtmsd:classify",
        INPUT=folder / "features.tif",
        TRAINING=folder / "labels.gpkg",
        CLASS_FIELD="class",
        SPLIT="random",
        CLASSIFIER="mtmsd",
        VALIDATION_SHARE=0.9,
        SEED=seed,
        OUTPUT=folder / f"map_{seed}.tif",
        REPORT=folder / f"report_{seed}.html",
    )


def _mean_and_deviation(values: list[float]) -> tuple[float, float]:
    return statistics.mean(values), statistics.stdev(values) if len(values) > 1 else 0.0


if __name__ == "__main__":
    main()
