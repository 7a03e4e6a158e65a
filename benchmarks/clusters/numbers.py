# SPDX-License-Identifier: GPL-2.0-or-later
"""How often the right number of clusters is proposed: made-up scenes of kinds of fields in noise, and noise alone.

    nice -n 10 python -m benchmarks.clusters.numbers [--seeds 0-9] [KINDS ...]

Each scene is a raster of bands that goes the whole way of a cluster map without diffusion features. Noise alone should
have no stable clusters.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from mtmsd_qgis.classification.auto.feature_reader import FeatureSetReader  # noqa: E402 - the path comes first
from mtmsd_qgis.classification.clusters.pixel_view import PixelView  # noqa: E402
from mtmsd_qgis.classification.clusters.scene_clusters import SceneClusters  # noqa: E402
from mtmsd_qgis.io.cube import Cube, create_cube  # noqa: E402
from mtmsd_qgis.io.windows import Window  # noqa: E402
from mtmsd_qgis.jobs.clusters.cluster_map import ClusterSettings  # noqa: E402
from mtmsd_qgis.jobs.data_model import Band, FeatureLayout  # noqa: E402
from mtmsd_qgis.progress import silent  # noqa: E402

SIDE = 128  # pixels of the scene
FIELD = 8  # pixels, side of a field
BANDS = 12
CONTRAST = 2.0  # standard deviation of the kinds' means in a band; that of the noise is 1


def made_up(folder: Path, kinds: int, seed: int) -> tuple[Cube, NDArray[np.int64]]:
    """A scene of square fields, each of a random kind, in white noise, and the kind (H, W); 0 kinds: noise alone."""
    rng = np.random.default_rng([seed, kinds])
    values = rng.normal(size=(BANDS, SIDE, SIDE))
    kind_of = np.zeros((SIDE, SIDE), dtype=np.int64)
    if kinds:
        fields = rng.permutation(np.arange((SIDE // FIELD) ** 2) % kinds).reshape(SIDE // FIELD, -1)
        kind_of = np.kron(fields, np.ones((FIELD, FIELD), dtype=np.int64))
        values += rng.normal(scale=CONTRAST, size=(kinds, BANDS))[kind_of].transpose(2, 0, 1)
    cube = create_cube(folder, "scene", (SIDE, SIDE), "float32", [Band(number=i + 1) for i in range(BANDS)])
    cube.write(Window(0, 0, SIDE, SIDE), values.astype(np.float32))
    return cube, kind_of


def proposed(kinds: int, seed: int) -> tuple[str, int]:
    """What is said of the number of clusters of a made-up scene, and the number."""
    with tempfile.TemporaryDirectory() as place:
        cube, _ = made_up(Path(place), kinds, seed)
        reader = FeatureSetReader.fit(cube, FeatureLayout(features=BANDS), torch.device("cpu"))
        draw = PixelView.fit(reader, silent).draw(silent)
        found = SceneClusters.find(draw, ClusterSettings(), silent)
    return found.choice, found.cut.clusters


def main() -> int:
    """Measure and print."""
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("kinds", nargs="*", type=int, default=[3, 6, 12, 0])
    parser.add_argument("--seeds", default="0-9")
    options = parser.parse_args()
    first, _, last = options.seeds.partition("-")
    seeds = range(int(first), int(last or first) + 1)
    for kinds in options.kinds:
        right = 0
        for seed in seeds:
            choice, clusters = proposed(kinds, seed)
            right += (choice, clusters) == ("proposed", kinds) if kinds else choice == "unstable"
            print(f"{kinds:2d} kinds, seed {seed}: {choice}, {clusters}", flush=True)
        print(f"{kinds:2d} kinds: right in {right} of {len(seeds)}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
