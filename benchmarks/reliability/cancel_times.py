# SPDX-License-Identifier: GPL-2.0-or-later
"""How long it takes until a cancelled run has ended, in each phase of each step, on a scene that makes them long.

scripts/kills.sh cancel_times --side 1024 --out build/cancel_times.json
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "qgis"), str(ROOT / "benchmarks" / "reliability")]

# Phase, step, and when to cancel: at a percentage, or at words of the log.
PHASES: tuple[tuple[str, str, float, str], ...] = (
    ("QGIS copies the raster", "pretraindiffusion", 1.5, ""),
    ("the worker starts", "pretraindiffusion", 101, "Worker: "),
    ("statistics and principal components", "pretraindiffusion", 4.5, ""),
    ("the raster is turned into components", "pretraindiffusion", 6.6, ""),
    ("training", "pretraindiffusion", 101, ", loss "),
    ("statistics pass", "extractfeatures", 20, ""),
    ("features are written by the worker", "extractfeatures", 75, ""),
    ("QGIS writes the features", "extractfeatures", 92, ""),
    ("classifier learns", "classify", 20, ""),
    ("map is computed", "classify", 90, ""),
    ("QGIS writes the map", "classify", 96.5, ""),
)


def parameters(folder: Path, side: int) -> dict[str, dict[str, Any]]:
    """What each step is run with; the inputs are made here."""
    from scenes import EXTRACT, PRETRAIN, box_of_pixels, run, save_layer, spectra, vector_layer, write_raster

    raster = write_raster(folder / "large.tif", spectra(bands=30, height=side, width=side))
    small = write_raster(folder / "small.tif", spectra(bands=30, height=192, width=192))
    shapes = [
        (box_of_pixels(row, col, row + 12, col + 12), "abc"[col // 70])
        for row in range(0, 180, 30)
        for col in range(0, 180, 30)
    ]
    layer = save_layer(vector_layer(shapes, "Polygon"), folder / "layer.gpkg")
    model, features = folder / "m.mtmsd", folder / "f.tif"
    run("pretraindiffusion", {"INPUT": str(small), "OUTPUT": str(model), **PRETRAIN})
    extract = {"INPUT": str(small), "MODEL": str(model), **EXTRACT}
    run("extractfeatures", {**extract, "OUTPUT": str(features)})
    return {
        "pretraindiffusion": {"INPUT": str(raster), **PRETRAIN, "ITERATIONS": 100_000},
        "extractfeatures": {**extract, "TIMESTEPS": "", "KEEP": 192},
        "classify": {"INPUT": str(features), "TRAINING": str(layer), "CLASS_FIELD": "cover", "DEVICE": "cpu"},
    }


def measure(phase: str, step: str, percent: float, word: str, values: dict[str, Any]) -> dict[str, Any]:
    """Cancel a step in a phase; seconds until it has ended, and what is left."""
    from kills import workers_of
    from qgis.core import QgsProcessingException
    from scenes import Log, run

    with tempfile.TemporaryDirectory() as place:
        asked: list[float] = []
        log = Log(cancel_at=word or None, cancel_at_percent=percent)
        log.canceled.connect(lambda: asked.append(time.monotonic()))
        suffix = "mtmsd" if step == "pretraindiffusion" else "tif"
        said = ""
        try:
            run(step, {**values, "OUTPUT": f"{place}/out.{suffix}"}, log)
        except QgsProcessingException as error:
            said = str(error)
        ended = time.monotonic()
        left = sorted(path.name for path in Path(place).iterdir())
    seconds = round(ended - asked[0], 2) if asked and said.startswith("Cancelled") else None
    return {"phase": phase, "step": step, "seconds": seconds, "left": left, "workers": workers_of(os.getpid())}


def main() -> int:
    """All phases."""
    parser = argparse.ArgumentParser(description="Measure how long cancelling takes.")
    parser.add_argument("--side", type=int, default=1024, help="pixels")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "cancel_times.json")
    given = parser.parse_args()

    from harness import make_importable, start_qgis

    make_importable()
    application = start_qgis()
    found = []
    with tempfile.TemporaryDirectory() as folder:
        values = parameters(Path(folder), given.side)
        for phase, step, percent, word in PHASES:
            found.append(measure(phase, step, percent, word, values[step]))
            print(found[-1], flush=True)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    del application
    return 0


if __name__ == "__main__":
    sys.exit(main())
