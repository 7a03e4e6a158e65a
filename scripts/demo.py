# SPDX-License-Identifier: GPL-2.0-or-later
"""The plugin from a public scene to a class map, through QGIS: import, pretrain, extract, classify, look.

Runs in the worker's Python (for its scipy), starts qgis_process for every step, and QGIS's Python for the picture.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

import indian_pines
from qgis_process import Qgis, Run, RunError

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("MTMSD_DATA", ROOT.parent / "shared" / "data"))

LOG_FOLDER = ROOT / "build" / "qgis-profile"


def main() -> int:
    """Run the demonstration; 0 where all of it worked."""
    parser = argparse.ArgumentParser(description="Indian Pines from download to class map, through QGIS.")
    parser.add_argument("--folder", type=Path, required=True, help="where the results go; what it held is removed")
    parser.add_argument("--picture-python", required=True, help="a Python that can import qgis")
    parser.add_argument("--preset", default="quick", help="quick, standard or paper")
    options = parser.parse_args()
    folder = options.folder.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)

    scene, ground_truth = indian_pines.fetch(DATA / "indian_pines", ROOT / "build" / "indian_pines")
    print(f"\n{indian_pines.ATTRIBUTION}\n", flush=True)
    try:
        runs = make_map(folder, scene, ground_truth, options.preset)
    except RunError as error:
        print(f"\nThe demonstration stopped here:\n{error}\nAll that was said is in {LOG_FOLDER}.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nCancelled.", file=sys.stderr)
        return 130
    draw(folder, options.picture_python, runs["classify"])
    tell(folder, runs)
    return 0


def make_map(folder: Path, scene: Path, ground_truth: Path, preset: str) -> dict[str, Run]:
    """The steps, in the user's order; every one a qgis_process of its own, as from a shell."""
    # sys.executable in a virtual environment is a link to the system's Python: not resolved, or torch is lost.
    qgis = Qgis(ROOT, Path(sys.executable), LOG_FOLDER)
    runs = {}
    runs["import"] = qgis.run(
        "1/5 import",
        "mtmsd:importscene",
        INPUT=scene,
        GROUND_TRUTH=ground_truth,
        PIXEL_SIZE=20,
        OUTPUT=folder / "indian_pines.tif",
        OUTPUT_REFERENCE=folder / "ground_truth.tif",
        OUTPUT_SAMPLES=folder / "ground_truth.gpkg",
    )
    runs["pretrain"] = qgis.run(
        "2/5 pretrain",
        "mtmsd:pretraindiffusion",
        INPUT=folder / "indian_pines.tif",
        PRESET=preset,
        OUTPUT=folder / "indian_pines.mtmsd",
        REPORT=folder / "pretraining.html",
    )
    # No training layer here: the features are chosen without a look at any label, so whatever part of the labels the
    # next step holds out is held out from everything.
    runs["extract"] = qgis.run(
        "3/5 extract",
        "mtmsd:extractfeatures",
        INPUT=folder / "indian_pines.tif",
        MODEL=folder / "indian_pines.mtmsd",
        OUTPUT=folder / "features.tif",
    )
    runs["classify"] = qgis.run(
        "4/5 classify",
        "mtmsd:classify",
        INPUT=folder / "features.tif",
        TRAINING=folder / "ground_truth.gpkg",
        CLASS_FIELD="class",
        SPLIT="random",
        VALIDATION_SHARE=0.9,
        OUTPUT=folder / "class_map.tif",
        CONFIDENCE=folder / "confidence.tif",
        REPORT=folder / "report.html",
    )
    runs["classify, spatial"] = qgis.run(
        "5/5 classify, spatial",
        "mtmsd:classify",
        INPUT=folder / "features.tif",
        TRAINING=folder / "ground_truth.gpkg",
        CLASS_FIELD="class",
        SPLIT="spatial",
        # The fields are small: in larger blocks most classes would lie in one block alone, and none could be held out.
        BLOCK_SIZE=16,
        VALIDATION_SHARE=0.5,
        OUTPUT=folder / "spatial_split" / "class_map.tif",
        REPORT=folder / "spatial_split" / "report.html",
    )
    return runs


def draw(folder: Path, python: str, classified: Run) -> None:
    """The picture of the map beside the ground truth."""
    system = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "HOME": str(LOG_FOLDER)}
    # No screen; and GDAL shall not leave its statistics beside the results.
    environment = {**system, "QT_QPA_PLATFORM": "offscreen", "GDAL_PAM_ENABLED": "NO"}
    environment["XDG_RUNTIME_DIR"] = str(LOG_FOLDER / "runtime")
    script = ROOT / "scripts" / "demo_picture.py"
    subprocess.run([python, str(script), str(folder), classified.results["OA"]], check=True, env=environment)


def tell(folder: Path, runs: dict[str, Run]) -> None:
    """Figures, seconds, and where things lie."""
    print(f"{'step':<20} {'seconds':>8}")
    for name, run in runs.items():
        print(f"{name:<20} {run.seconds:8.1f}")
    three = sum(runs[name].seconds for name in ("pretrain", "extract", "classify"))
    print(f"{'the three steps':<20} {three:8.1f}\n")

    print(f"{'accuracy, in percent':<52} {'OA':>7} {'AA':>7} {'kappa':>7}")
    print(_figures("random split: 10 % of the pixels train, 90 % test", runs["classify"]))
    print(_figures("spatial split: half of the blocks of 16 x 16 pixels", runs["classify, spatial"]))
    print(
        "\nThe random split is the usual protocol of the field: test pixels lie right beside training pixels, in the\n"
        "same fields. The spatial split holds out whole blocks, and says more about ground where nobody has been;\n"
        "its report names the classes of which nothing could be held out.\n"
    )
    print(f"Results in {folder}:")
    for file, what in (
        ("class_map.tif", "the map, with names and colours (class_map.qml)"),
        ("confidence.tif", "the probability of each pixel's class"),
        ("report.html", "accuracy with intervals, confusion matrix, areas"),
        ("map_beside_ground_truth.png", "the picture to look at first"),
        ("spatial_split/report.html", "the same for the spatial split"),
        ("features.tif", "the features, to classify again with other samples"),
        ("indian_pines.mtmsd", "the diffusion model; pretraining.html tells how it learnt"),
    ):
        print(f"  {file:<28} {what}")


def _figures(title: str, run: Run) -> str:
    return f"{title:<52} " + " ".join(f"{float(run.results[name]):7.2f}" for name in ("OA", "AA", "KAPPA"))


if __name__ == "__main__":
    sys.exit(main())
