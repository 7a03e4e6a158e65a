# SPDX-License-Identifier: GPL-2.0-or-later
"""Cluster maps beside k-means, judged by reference pixels that none of them has seen.

    nice -n 10 env MTMSD_VENVS=.venv python -m benchmarks.clusters.run [--trainings 0-2] [SCENE ...]

The scenes and their features are those of the other benchmarks, made or ready. Every method makes as many clusters as
there are classes. The rows of k-means are means over five seeds; the map of clusters draws nothing at random, so that
its rows differ by training alone. With `clicks` a pixel is named in each cluster, beside the classifier auto on as
many.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.clusters.clicks import clicks_row  # noqa: E402 - the path comes first
from benchmarks.features import Training, make_features  # noqa: E402
from benchmarks.scenes import Scene, SceneMissing, known_scenes, prepare  # noqa: E402
from mtmsd_qgis.classification.auto.feature_reader import FeatureSetReader  # noqa: E402
from mtmsd_qgis.classification.clusters.cluster_cut import ClusterCut  # noqa: E402
from mtmsd_qgis.classification.clusters.cluster_map import ClusterMapper  # noqa: E402
from mtmsd_qgis.classification.clusters.cluster_model import ClusterModel  # noqa: E402
from mtmsd_qgis.classification.clusters.cluster_scores import cluster_scores, contingency  # noqa: E402
from mtmsd_qgis.classification.clusters.pixel_view import PixelView  # noqa: E402
from mtmsd_qgis.classification.clusters.scene_clusters import brightness  # noqa: E402
from mtmsd_qgis.classification.clusters.suggestions import suggested_places  # noqa: E402
from mtmsd_qgis.features.box_filter import box_mean  # noqa: E402
from mtmsd_qgis.io.cube import Cube  # noqa: E402
from mtmsd_qgis.io.windows import whole  # noqa: E402
from mtmsd_qgis.jobs.clusters.cluster_map import SuggestedPlace  # noqa: E402
from mtmsd_qgis.jobs.data_model import FeatureLayout  # noqa: E402
from mtmsd_qgis.progress import silent  # noqa: E402
from mtmsd_qgis.sampling.sample_table import SampleTable  # noqa: E402

SEEDS = range(5)  # of k-means
BANDS = "bands"  # instead of a training: the raster's own bands, without diffusion features
_BOX = 7  # pixels, side of the means
_COMPONENTS = 25


@dataclass(frozen=True)
class ClusteredScene:
    """A cluster map and the places that it suggests to look at.

    Attributes:
        clusters: (H, W) from 0, -1 where there is no data.
        places: Of each cluster.
    """

    clusters: NDArray[np.int64]
    places: tuple[SuggestedPlace, ...]


def main() -> int:
    """Measure, and print a line of JSON for each row."""
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("scenes", nargs="*", default=list(known_scenes()))
    parser.add_argument("--trainings", default="0-2", help="first and last seed, or 'bands'")
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "benchmark", help="where features are kept")
    parser.add_argument("--rows", default="k-means,map,clicks", help="which are measured")
    options = parser.parse_args()
    first, _, last = options.trainings.partition("-")
    trainings = [BANDS] if first == BANDS else [str(t) for t in range(int(first), int(last or first) + 1)]
    for name in options.scenes:
        with tempfile.TemporaryDirectory() as place:
            try:
                scene = prepare(name, known_scenes()[name], Path(place) / name, qgis_python())
            except SceneMissing as missing:
                print(f"{name}: {missing}")
                continue
            for row in rows_of(scene, trainings, options.build / name / "quick", options.rows.split(",")):
                print(json.dumps({"scene": name, **row}), flush=True)
    return 0


def qgis_python() -> Path:
    """A Python that has QGIS."""
    return Path(os.environ.get("MTMSD_VENVS", ROOT / ".venv")).absolute() / "qgis" / "bin" / "python"


def rows_of(scene: Scene, trainings: list[str], kept: Path, wanted: list[str]) -> Iterator[dict[str, object]]:
    """Rows of a scene: rivals, the map of each training, what two trainings have in common."""
    classes = len(np.unique(scene.samples.class_index))
    maps: list[NDArray[np.int64]] = []
    for training in trainings:
        cube, layout = opened(scene, training, kept)
        reader = FeatureSetReader.fit(cube, layout, torch.device("cpu"))
        for name, pixels, valid in rivals(reader) if "k-means" in wanted and not maps else ():
            found = [judged(scene.samples, k_means_map(pixels, valid, classes, seed)) for seed in SEEDS]
            yield {"method": name, **{key: round(float(np.mean([f[key] for f in found])), 4) for key in found[0]}}
        started = time.process_time()
        made = clustered(reader, classes)
        seconds = round(time.process_time() - started, 1)
        yield {
            "method": "cluster map",
            "training": training,
            **judged(scene.samples, made.clusters),
            "seconds": seconds,
        }
        if "clicks" in wanted:
            yield {"training": training, **clicks_row(cube, layout, scene.samples, made.clusters, made.places)}
        maps.append(made.clusters)
    for number, other in enumerate(maps[1:], 1):
        yield {"trainings": [trainings[0], trainings[number]], "same_cluster": round(same_cluster(maps[0], other), 1)}


def opened(scene: Scene, training: str, kept: Path) -> tuple[Cube, FeatureLayout]:
    """The feature raster of a training, or the scene itself, and its layout."""
    if training == BANDS:
        return Cube(scene.folder, scene.cube), FeatureLayout(features=len(scene.cube.bands))
    features = make_features(scene, Training("quick", "cpu", int(training)), kept)
    return Cube(features.folder, features.cube), features.layout


def judged(samples: SampleTable, clusters: NDArray[np.int64]) -> dict[str, float]:
    """Scores of a map (H, W) of clusters from 0, -1 where there is none."""
    found = clusters[samples.rows, samples.cols]
    return {k: round(v, 4) for k, v in vars(cluster_scores(found[found >= 0], samples.class_index[found >= 0])).items()}


def same_cluster(one: NDArray[np.int64], other: NDArray[np.int64]) -> float:
    """Percent of the pixels in the same cluster of two maps, whose clusters are matched one to one."""
    both = (one >= 0) & (other >= 0)
    table = contingency(one[both], other[both])
    return 100 * float(table[linear_sum_assignment(table, maximize=True)].sum() / table.sum())


def clustered(reader: FeatureSetReader, clusters: int) -> ClusteredScene:
    """As the algorithm makes them."""
    view = PixelView.fit(reader, silent)
    draw = view.draw(silent)
    cut = ClusterCut.of(ClusterModel.fit(draw.values, brightness(draw.spectra)), clusters)
    mapper = ClusterMapper(view, cut)
    out = np.full((reader.cube.height, reader.cube.width), -1, dtype=np.int64)
    for tile in view.windows():
        out[tile.core.slices] = mapper.map_window(tile)[0][0].astype(np.int64) - 1
    return ClusteredScene(out, suggested_places(draw, cut))


def rivals(reader: FeatureSetReader) -> Iterator[tuple[str, NDArray[np.float32], NDArray[np.bool_]]]:
    """Name, pixels (N, F) and where they lie (H, W), of what k-means is given."""
    window = whole(reader.cube.height, reader.cube.width)
    values = reader.cube.read(window, list(reader.plan.base))
    valid = np.asarray(np.isfinite(values).all(axis=0))
    spectra = values[:, valid].T.astype(np.float64)
    spectra -= spectra.mean(axis=0)
    _, axes = np.linalg.eigh(spectra.T @ spectra / len(spectra))
    components = (spectra @ axes[:, ::-1][:, :_COMPONENTS]).astype(np.float32)
    yield "k-means on components", components, valid
    image = np.zeros((components.shape[1], *valid.shape), dtype=np.float32)
    image[:, valid] = components.T
    everywhere = slice(0, window.height), slice(0, window.width)
    means = box_mean(torch.from_numpy(image), torch.from_numpy(valid), *everywhere, _BOX).numpy()
    yield "k-means on box means", means[:, valid].T, valid
    if reader.plan.features:
        features = reader.features(window, reader.plan.features).numpy()[:, valid].T
        yield "k-means on features", features / np.maximum(features.std(axis=0), 1e-9), valid


def k_means_map(pixels: NDArray[np.float32], valid: NDArray[np.bool_], clusters: int, seed: int) -> NDArray[np.int64]:
    """(H, W) of clusters, -1 where there is no data."""
    out = np.full(valid.shape, -1, dtype=np.int64)
    out[valid] = KMeans(clusters, n_init=3, random_state=seed).fit_predict(pixels)
    return out


if __name__ == "__main__":
    sys.exit(main())
