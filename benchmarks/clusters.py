# SPDX-License-Identifier: GPL-2.0-or-later
"""Cluster maps beside k-means, judged by reference pixels that none of them has seen.

    nice -n 10 python -m benchmarks.clusters NAME REFERENCE.npy FEATURES [FEATURES ...]

REFERENCE.npy is an int64 table of row, column, class index, group, as a job has it. Each FEATURES is a folder that
benchmarks/features.py leaves (features.json and the raster): the same scene with a diffusion model of another training.
One thread. Every method makes as many clusters as there are classes. The rows of k-means are means over five seeds; the
map of clusters draws nothing at random, so that its rows differ by training alone.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans

from mtmsd_qgis.classification.auto.feature_reader import FeatureSetReader
from mtmsd_qgis.classification.clusters.cluster_cut import ClusterCut
from mtmsd_qgis.classification.clusters.cluster_map import ClusterMapper
from mtmsd_qgis.classification.clusters.cluster_model import ClusterModel
from mtmsd_qgis.classification.clusters.cluster_scores import cluster_scores, contingency
from mtmsd_qgis.classification.clusters.pixel_view import PixelView
from mtmsd_qgis.classification.clusters.scene_clusters import brightness
from mtmsd_qgis.features.box_filter import box_mean
from mtmsd_qgis.io.cube import Cube
from mtmsd_qgis.io.windows import whole
from mtmsd_qgis.jobs import json_dataclasses
from mtmsd_qgis.jobs.data_model import FeatureLayout
from mtmsd_qgis.jobs.results import ExtractionResult
from mtmsd_qgis.progress import silent
from mtmsd_qgis.sampling.cluster_names import name_clusters
from mtmsd_qgis.sampling.sample_table import SampleTable

SEEDS = range(5)  # of k-means
CLICKS = range(20)  # draws of a labelled pixel in each cluster
_BOX = 7  # pixels, side of the means
_COMPONENTS = 25


@dataclass(frozen=True)
class Reference:
    """Labelled pixels of a scene."""

    samples: SampleTable

    @property
    def classes(self) -> int:
        """How many there are."""
        return len(np.unique(self.samples.class_index))

    def judge(self, name: str, clusters: NDArray[np.int64]) -> dict[str, object]:
        """Scores of a map (H, W) of clusters from 0, -1 where there is none."""
        found = clusters[self.samples.rows, self.samples.cols]
        scores = cluster_scores(found[found >= 0], self.samples.class_index[found >= 0])
        return {"method": name, **{key: round(value, 4) for key, value in vars(scores).items()}}

    def by_clicks(self, clusters: NDArray[np.int64]) -> float:
        """Percent of the labelled pixels that are right where one of each cluster is known: mean over draws."""
        found, truth = clusters[self.samples.rows, self.samples.cols], self.samples.class_index
        shares = []
        for seed in CLICKS:
            rng = np.random.default_rng(seed)
            ids = np.unique(found[found >= 0])
            known = np.array([rng.choice(np.flatnonzero(found == number)) for number in ids])
            names = name_clusters(ids.tolist(), found[known], truth[known], int(truth.max()) + 1)
            of_cluster = {n.cluster: -1 if n.class_index is None else n.class_index for n in names}
            shares.append(np.mean([of_cluster.get(c, -1) == t for c, t in zip(found.tolist(), truth.tolist())]))
        return 100 * float(np.mean(shares))


def main() -> None:
    """Measure, and print a line of JSON for each row."""
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("name")
    parser.add_argument("reference", type=Path)
    parser.add_argument("features", type=Path, nargs="+")
    options = parser.parse_args()
    reference = Reference(SampleTable.from_array(np.load(options.reference, allow_pickle=False)))
    maps = []
    for number, folder in enumerate(options.features):
        cube, layout = opened(folder)
        reader = FeatureSetReader.fit(cube, layout, torch.device("cpu"))
        for name, pixels, valid in rivals(reader) if number == 0 else ():
            rows = [reference.judge(name, k_means_map(pixels, valid, reference.classes, seed)) for seed in SEEDS]
            means = {key: float(np.mean([row[key] for row in rows])) for key in rows[0] if key != "method"}
            print(json.dumps({"scene": options.name, "method": name, **means}), flush=True)
        started = time.process_time()
        clusters = cluster_map(reader, reference.classes)
        seconds = round(time.process_time() - started, 1)
        row = {**reference.judge("cluster map", clusters), "clicks": reference.by_clicks(clusters), "seconds": seconds}
        print(json.dumps({"scene": options.name, "training": number, **row}), flush=True)
        maps.append(clusters)
    for number, other in enumerate(maps[1:], 1):
        both = (maps[0] >= 0) & (other >= 0)
        table = contingency(maps[0][both], other[both])
        share = 100 * table[linear_sum_assignment(table, maximize=True)].sum() / table.sum()
        print(json.dumps({"scene": options.name, "trainings": [0, number], "same_cluster": round(float(share), 1)}))


def opened(folder: Path) -> tuple[Cube, FeatureLayout]:
    """The feature raster in a folder, and its layout."""
    values = json.loads((folder / "features.json").read_text(encoding="utf-8"))
    result = json_dataclasses.from_json(ExtractionResult, values)
    return Cube(folder, result.raster), result.layout


def cluster_map(reader: FeatureSetReader, clusters: int) -> NDArray[np.int64]:
    """(H, W) of clusters from 0 as the algorithm makes them, -1 where there is no data."""
    view = PixelView.fit(reader, silent)
    draw = view.draw(silent)
    mapper = ClusterMapper(view, ClusterCut.of(ClusterModel.fit(draw.values, brightness(draw.spectra)), clusters))
    out = np.full((reader.cube.height, reader.cube.width), -1, dtype=np.int64)
    for tile in view.windows():
        out[tile.core.slices] = mapper.map_window(tile)[0][0].astype(np.int64) - 1
    return out


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
    main()
