# SPDX-License-Identifier: GPL-2.0-or-later
"""A campaign's map by a pool of workers: how much faster two are than one, and what starting a worker costs.

    python benchmarks/campaign/pool.py [--tiles 64] [--side 512] [--bands 12] [--workers 1 2] [--kills 20]

A made-up raster is cut into square tiles that lie side by side. Model and classifier are made once; then the map is
made anew for each number of workers, each a process on one thread of its own. Prints one line of JSON. All times are of
one run: only their ratio means something on a machine that is busy otherwise. With --kills the last map is made again
by workers that are killed at random moments, and its files are compared.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from mtmsd_qgis.campaign.folder import (  # noqa: E402
    SCENE_TASK,
    Campaign,
    Scene,
    read_campaign,
    scene_folder,
    write_campaign,
    write_scene,
)
from mtmsd_qgis.io.cube import create_cube  # noqa: E402
from mtmsd_qgis.io.windows import whole  # noqa: E402
from mtmsd_qgis.jobs.data_model import Band, ClassEntry  # noqa: E402
from mtmsd_qgis.jobs.protocol import Job  # noqa: E402
from mtmsd_qgis.jobs.settings import ClassificationSettings, extraction_settings, pretrain_settings  # noqa: E402

CLASSES, FIELD = 5, 24  # FIELD: pixels, side of a field of one class
_SAMPLES = 400
_MAPS = ("map.raw", "confidence.raw")


def make_campaign(folder: Path, given: argparse.Namespace) -> Campaign:
    """Tiles side by side in a square, every field of one of a few spectra with noise; samples in the first tiles."""
    tiles, side, n_bands = given.tiles, given.side, given.bands
    rng, across = np.random.default_rng(0), int(np.ceil(tiles**0.5))
    spectra = rng.uniform(500, 3000, size=(CLASSES, n_bands))
    classes = tuple(ClassEntry(i + 1, f"class {i + 1}") for i in range(CLASSES))
    scenes = []
    for number in range(tiles):
        row, col = number // across * side, number % across * side
        rows, cols = np.mgrid[row : row + side, col : col + side] // FIELD
        index = (rows * 7 + cols * 3 + rows * cols) % CLASSES
        values = spectra[index].transpose(2, 0, 1) + rng.normal(0, 300, size=(n_bands, side, side))
        scene = Scene(f"{number + 1:04d}", row, col, side, side, name=f"tile {number + 1}")
        own = scene_folder(folder, scene)
        own.mkdir(parents=True)
        bands = [Band(f"Band {i + 1}", number=i + 1) for i in range(n_bands)]
        cube = create_cube(own, "scene", (side, side), "int16", bands)
        cube.write(whole(side, side), values.astype(np.int16))
        cube.flush()
        samples = None
        if number < 4:
            chosen = np.sort(rng.choice(side * side, _SAMPLES, replace=False))
            at = chosen // side, chosen % side
            group = rows[at] * 100_000 + cols[at]
            np.save(own / "samples.npy", np.stack([*at, index[at], group], axis=1).astype(np.int64))
            samples, scene = "samples.npy", replace(scene, samples=_SAMPLES)
        scenes.append(scene)
        write_scene(Job(SCENE_TASK, scene=cube.description, samples=samples, classes=classes), folder, scene)
    campaign = Campaign(
        tuple(scenes),
        classes,
        pretrain_settings("quick", iterations=given.iterations, components=8, device="cpu"),
        extraction_settings("quick", timesteps=(100, 200), device="cpu"),  # those that a map usually rests on
        ClassificationSettings(split="spatial", device="cpu"),
    )
    write_campaign(campaign, folder)
    return campaign


def worker(folder: Path, step: str, index: int, count: int) -> subprocess.Popen[bytes]:
    """A worker on one thread."""
    program = [sys.executable, "-I", str(ROOT / "mtmsd_qgis" / "worker.py"), "--batch", str(folder), "--step", step]
    nowhere = subprocess.DEVNULL
    return subprocess.Popen(
        [*program, "--shard", f"{index}/{count}"],
        stdin=nowhere,
        stdout=nowhere,
        stderr=nowhere,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def pool_seconds(folder: Path, step: str, count: int) -> float:
    """Time until all workers of a pool have ended."""
    started = time.monotonic()
    statuses = [each.wait() for each in [worker(folder, step, index, count) for index in range(count)]]
    if any(statuses):
        raise RuntimeError(f"a worker ended with {statuses}: see {folder}/progress")
    return time.monotonic() - started


def forget_maps(folder: Path) -> None:
    """Take the maps and their parts away."""
    for scene in read_campaign(folder).scenes:
        own = scene_folder(folder, scene)
        shutil.rmtree(own / "parts", ignore_errors=True)
        for name in _MAPS:
            (own / name).unlink(missing_ok=True)


def fingerprint(folder: Path) -> str:
    """Of all maps."""
    digest = hashlib.sha256()
    for scene in read_campaign(folder).scenes:
        for name in _MAPS:
            digest.update((scene_folder(folder, scene) / name).read_bytes())
    return digest.hexdigest()


def killed_map(folder: Path, kills: int, longest: float) -> int:
    """Make the map by two workers, of which one or the other is killed at random moments; returns how often."""
    rng, running, done = random.Random(0), {i: worker(folder, "map", i, 2) for i in range(2)}, 0
    while done < kills:
        time.sleep(rng.uniform(0.5, longest))
        index = rng.randrange(2)
        if running[index].poll() is None:
            running[index].kill()
            running[index].wait()
            done += 1
        elif all(each.poll() is not None for each in running.values()):
            break
        running[index] = worker(folder, "map", index, 2)
    for each in running.values():
        each.wait()
    pool_seconds(folder, "map", 2)
    return done


def main() -> None:
    """Measure, and print one line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tiles", type=int, default=64)
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--bands", type=int, default=12)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--iterations", type=int, default=60, help="of the training, which is not what is measured")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_campaign(folder, given)
        for step in ("moments", "pretrain", "statistics", "gather", "learn"):
            pool_seconds(folder, step, 1)
        seconds, prints = {}, set()
        for count in given.workers:
            forget_maps(folder)
            seconds[count] = pool_seconds(folder, "map", count)
            prints.add(fingerprint(folder))
        pixels = given.tiles * given.side**2
        found = {
            "tiles": given.tiles,
            "side": given.side,
            "bands": given.bands,
            "seconds": {str(count): round(value, 1) for count, value in seconds.items()},
            "pixels_per_second": {str(count): round(pixels / value) for count, value in seconds.items()},
            "start_seconds": round(pool_seconds(folder, "map", 1), 1),  # nothing is left to be done
        }
        first, last = given.workers[0], given.workers[-1]
        found["times_as_fast"] = round(seconds[first] / seconds[last], 2)
        if given.kills:
            forget_maps(folder)
            found["kills"] = killed_map(folder, given.kills, max(2.0, seconds[last] / given.kills))
            prints.add(fingerprint(folder))
        found["same_bytes"] = len(prints) == 1
    print(json.dumps(found))


if __name__ == "__main__":
    main()
