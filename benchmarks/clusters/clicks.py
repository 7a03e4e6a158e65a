# SPDX-License-Identifier: GPL-2.0-or-later
"""A pixel named in each cluster, beside the classifier auto on as many pixels.

Enters: a cluster map with its suggested places, the labelled pixels of the scene. Leaves: overall accuracy at all other
labelled pixels, in percent: of the map named at its suggested places, of the map named at a random pixel of each
cluster, and of auto. Both are scored at the same labelled pixels, a random part of them where there are many.

The classifier refuses a class with one sample. So it is given a second labelled pixel of that class, the one nearest to
the first: it sees more pixels than there are clicks, never fewer.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.auto_pixels import fitted_auto, wanted_feature_sets
from mtmsd_qgis.classification.auto.feature_reader import FeatureSetReader
from mtmsd_qgis.classification.auto.feature_sets import FeatureSet
from mtmsd_qgis.io.cube import Cube
from mtmsd_qgis.jobs.clusters.cluster_map import SuggestedPlace
from mtmsd_qgis.jobs.data_model import FeatureLayout
from mtmsd_qgis.progress import silent
from mtmsd_qgis.sampling.cluster_names import name_clusters
from mtmsd_qgis.sampling.sample_table import SampleTable

DRAWS = range(20)
_SCORED = 3000  # labelled pixels at most


def clicks_row(
    cube: Cube,
    layout: FeatureLayout,
    samples: SampleTable,
    clusters: NDArray[np.int64],
    places: Sequence[SuggestedPlace],
) -> dict[str, object]:
    """Accuracies of the map and of auto, and their standard errors over the draws.

    Args:
        cube: The raster that both see.
        layout: What its bands are.
        samples: All labelled pixels.
        clusters: (H, W) from 0, -1 where there is none.
        places: That the map suggests.
    """
    kept = np.sort(np.random.default_rng(0).permutation(len(samples))[:_SCORED])
    table = samples.subset(kept)
    found = clusters[table.rows, table.cols]
    table, found = table.subset(np.flatnonzero(found >= 0)), found[found >= 0]
    suggested = by_names(table, found, at_places(table, found, places))
    drawn = [by_names(table, found, one_of_each(found, seed)) for seed in DRAWS]
    auto = of_auto(cube, layout, table, len(np.unique(found)))
    return {
        "method": "clicks",
        "clicks": len(np.unique(found)),
        "named_at_suggested_places": round(suggested, 2),
        "named_at_random": round(float(np.mean(drawn)), 2),
        "auto": round(float(np.mean(auto)), 2),
        "auto_error": round(float(np.std(auto, ddof=1) / np.sqrt(len(auto))), 2),
    }


def at_places(samples: SampleTable, found: NDArray[np.int64], places: Sequence[SuggestedPlace]) -> NDArray[np.int64]:
    """For each cluster that has labelled pixels, the one nearest to its first suggested place."""
    chosen = []
    for place in places:
        own = np.flatnonzero(found == place.cluster - 1)
        if place.rank == 1 and len(own):
            distance = (samples.rows[own] - place.row) ** 2 + (samples.cols[own] - place.col) ** 2
            chosen.append(int(own[distance.argmin()]))
    return np.array(chosen, dtype=np.int64)


def one_of_each(found: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """A random labelled pixel of each cluster that has some."""
    rng = np.random.default_rng(seed)
    return np.array([rng.choice(np.flatnonzero(found == number)) for number in np.unique(found)])


def by_names(samples: SampleTable, found: NDArray[np.int64], known: NDArray[np.int64]) -> float:
    """Percent of the other labelled pixels that are right where the class of some pixels names their clusters."""
    truth = samples.class_index
    named = name_clusters(np.unique(found).tolist(), found[known], truth[known], int(truth.max()) + 1)
    of_cluster = {n.cluster: -1 if n.class_index is None else n.class_index for n in named}
    others = np.setdiff1d(np.arange(len(truth)), known)
    right = np.array([of_cluster.get(c, -1) for c in found[others].tolist()]) == truth[others]
    return 100 * float(right.mean())


def of_auto(cube: Cube, layout: FeatureLayout, samples: SampleTable, count: int) -> list[float]:
    """Percent of the other labelled pixels that auto has right, learnt from so many random ones, for each draw."""
    reader = FeatureSetReader.fit(cube, layout, torch.device("cpu"))
    features, order = reader.at_samples(samples, wanted_feature_sets(reader), silent)
    samples = samples.subset(order)
    accuracies = []
    for seed in DRAWS:
        drawn = with_companions(samples, np.random.default_rng(seed).permutation(len(samples))[:count])
        others = np.setdiff1d(np.arange(len(samples)), drawn)
        found = _learnt(features, samples, drawn, others, seed)
        accuracies.append(100 * float((found == samples.class_index[others]).mean()))
    return accuracies


def with_companions(samples: SampleTable, drawn: NDArray[np.int64]) -> NDArray[np.int64]:
    """Pixels with, for each class that has one alone, the labelled pixel of that class which is nearest to it."""
    truth, more = samples.class_index, []
    for index in np.unique(truth[drawn]):
        own = drawn[truth[drawn] == index]
        others = np.setdiff1d(np.flatnonzero(truth == index), own)
        if len(own) == 1 and len(others):
            distance = ((samples.positions[others] - samples.positions[own[0]]) ** 2).sum(axis=1)
            more.append(int(others[distance.argmin()]))
    return np.sort(np.concatenate([drawn, np.array(more, dtype=np.int64)]))


def _learnt(
    features: dict[FeatureSet, Tensor],
    samples: SampleTable,
    drawn: NDArray[np.int64],
    others: NDArray[np.int64],
    seed: int,
) -> NDArray[np.int64]:
    """Classes (n,) that auto gives to others."""
    table = samples.subset(drawn)
    classes, class_index = np.unique(table.class_index, return_inverse=True)
    if len(classes) < 2:
        return np.full(len(others), classes[0])
    own = {name: values[torch.from_numpy(drawn)] for name, values in features.items()}
    table = SampleTable(table.rows, table.cols, class_index, np.arange(len(table)))
    ensemble = fitted_auto(table, own, seed)
    wanted = {name: features[name][torch.from_numpy(others)] for name in ensemble.feature_sets}
    return classes[ensemble.predict(wanted).argmax(dim=1).numpy()]
