# SPDX-License-Identifier: GPL-2.0-or-later
"""Memory of the worker that classifies a scene with two extra rasters, for several sides of it.

    python -m benchmarks.speed.extras_memory [--sides 1024 2048 4096]

Enters: made-up scenes of four bands in fields of eight classes, with heights and a radar band of the same grid; both
are used without asking, so that nothing is saved by leaving one out. Leaves: a line for each side with seconds and
largest resident memory of the worker, which is started as QGIS starts it.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.scenes import ROOT
from benchmarks.speed.growth import CLASSES, class_of, run_worker, sampled
from mtmsd_qgis.jobs.data_model import Band, ClassEntry, CubeFile
from mtmsd_qgis.jobs.extras.extra_rasters import ELEVATION, VALUES, ExtraInputs, ExtraRaster
from mtmsd_qgis.jobs.protocol import Job
from mtmsd_qgis.jobs.settings import ClassificationSettings, to_json

_BANDS = 4
_STRIP = 64  # rows made at once
_SAMPLES = 240  # a kernel of few makes the large sides a matter of minutes; memory hardly depends on it
_NOISE = 1e5  # so much that classes overlap, and the classifier has the models that are quickest to apply
_EXTRAS = (ExtraRaster("heights", ELEVATION, ("heights",)), ExtraRaster("radar", VALUES, ("radar",)))


def main() -> None:
    """Measure each side, smallest first."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sides", nargs="+", type=int, default=[1024, 2048, 4096])
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "benchmark")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    for side in sorted(options.sides):
        with tempfile.TemporaryDirectory(dir=options.folder) as place:
            print(json.dumps(measured(Path(place), side)), flush=True)


def measured(folder: Path, side: int) -> dict[str, object]:
    """One side."""
    np.save(folder / "samples.npy", sampled(side)[:_SAMPLES], allow_pickle=False)
    scene, extras = make_cubes(folder, side)
    job = Job(
        "classify",
        to_json(ClassificationSettings(split="spatial")),
        scene,
        samples="samples.npy",
        classes=tuple(ClassEntry(i + 1, f"class {i + 1}") for i in range(CLASSES)),
        extras=ExtraInputs("always", rasters=_EXTRAS, cube=extras),
    )
    run = run_worker(job, folder)
    joined = [finding["joined"] for finding in run.values["extras"]["findings"]]
    return {
        "side": side,
        "seconds": round(run.seconds, 1),
        "peak_mib": round(run.peak_bytes / 2**20),
        "joined": joined,
    }


def make_cubes(folder: Path, side: int) -> tuple[CubeFile, CubeFile]:
    """A scene and its extra rasters: means of the classes with noise, heights that rise across the scene besides."""
    rng = np.random.default_rng(side)
    means = np.random.default_rng(0).uniform(300, 4000, size=(CLASSES, _BANDS + len(_EXTRAS)))
    with (folder / "scene.raw").open("wb") as scene, (folder / "extras.raw").open("wb") as extras:
        for row in range(0, side, _STRIP):
            rows = np.arange(row, min(row + _STRIP, side))
            values = means[class_of(rows[:, None], np.arange(side)[None, :])].transpose(0, 2, 1)  # (h, B, W)
            values = values + rng.normal(0, _NOISE, size=values.shape)
            values[:, _BANDS] += rows[:, None]
            scene.write(values[:, :_BANDS].astype("<f4").tobytes())
            extras.write(values[:, _BANDS:].astype("<f4").tobytes())
    names = [Band(f"Band {i + 1}", number=i + 1) for i in range(_BANDS)]
    beside = [Band(raster.name, number=i + 1) for i, raster in enumerate(_EXTRAS)]
    described = CubeFile("scene.raw", side, side, "float32", tuple(names))
    return described, CubeFile("extras.raw", side, side, "float32", tuple(beside))


if __name__ == "__main__":
    main()
