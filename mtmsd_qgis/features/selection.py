# SPDX-License-Identifier: GPL-2.0-or-later
"""The choice of features: which are kept by purification, and at which scales.

Enters: an ExtractionRun, samples with their classes or clusters. Leaves: the selected features, their scales,
and the layout of a raster of them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2

from ..io.cube import Cube
from ..jobs.data_model import ClassEntry, FeatureLayout
from ..progress import Progress
from ..sampling.sample_table import SampleTable, check_classes
from .extraction_run import ExtractionRun
from .purification import purify
from .quantization import QuantisedFeatures
from .statistics_pass import FeatureStatistics, collect_statistics
from .tile_cache import TileCache

_CLUSTER_SAMPLES = 5000
_SAVED = "statistics"  # name of the statistics in a run directory


@dataclass(frozen=True)
class FeatureSelection:
    """The selected features: how they are quantised, and the layout of a raster of them, without spectra."""

    features: QuantisedFeatures
    layout: FeatureLayout


def labelled_layout(samples: SampleTable, classes: tuple[ClassEntry, ...]) -> FeatureLayout:
    """A layout that says that the features are chosen with labelled samples.

    Raises:
        SamplesError: Too few of a class.
    """
    check_classes(samples.class_index, classes)
    note = f"Features were chosen with the classes of {len(samples)} samples."
    return FeatureLayout(purification="classes", note=note)


def cluster_samples(components: Cube, valid: NDArray[np.bool_], clusters: int, seed: int) -> SampleTable:
    """Pixels drawn at random with the cluster of their components: stand-ins for classes where there are no labels.

    Source: k-means with the seeding of Arthur & Vassilvitskii (2007), as in scipy.

    Returns:
        Samples with their cluster as class, each a group of its own.
    """
    rng = np.random.default_rng(seed)
    rows, cols = _draw_valid(valid, _CLUSTER_SAMPLES, rng)
    spectra = np.ascontiguousarray(components.pixels(rows, cols).T)
    clusters = min(clusters, len(np.unique(spectra, axis=0)))
    _, index = kmeans2(spectra.astype(np.float64), clusters, minit="++", seed=rng, iter=30, missing="warn")
    _, compact = np.unique(index, return_inverse=True)  # a cluster may have lost all its samples
    return SampleTable(rows, cols, compact.astype(np.int64), np.arange(len(rows), dtype=np.int64))


def select_features(
    run: ExtractionRun, samples: SampleTable, layout: FeatureLayout, cache: TileCache, progress: Progress
) -> FeatureSelection:
    """Collect the statistics of the features, or take those that the run directory has, and select by purification.

    Args:
        run: The extractor and its scene.
        samples: With their classes, or with clusters.
        layout: Says which.
        cache: Takes the features of the tiles of the statistics pass.
        progress: Told after each tile.
    """
    saved = run.run_directory.saved_arrays(_SAVED)
    statistics = FeatureStatistics(**saved) if saved else collect_statistics(run, samples, cache, progress)
    if not saved:
        run.run_directory.save_arrays(_SAVED, asdict(statistics))
    settings, names = run.extractor.settings, run.extractor.feature_names
    selected = purify(statistics.class_means, settings.keep)
    all_selected = len(selected) == len(names)
    full = replace(
        layout,
        timesteps=settings.timesteps,
        features=len(selected),
        names=tuple(names[i] for i in selected),
        stages=settings.stages,
        purification="none" if all_selected else layout.purification,
        note="" if all_selected else layout.note,
    )
    return FeatureSelection(QuantisedFeatures.of(statistics, selected, run.extractor), full)


def _draw_valid(
    valid: NDArray[np.bool_], count: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Up to count different valid pixels, drawn at random, in row-major order."""
    counted = np.cumsum(valid.sum(axis=1))  # valid pixels up to the end of each row
    chosen = np.sort(rng.choice(counted[-1], size=min(count, int(counted[-1])), replace=False))
    rows = np.searchsorted(counted, chosen, side="right")
    rank = chosen - np.where(rows > 0, counted[rows - 1], 0)
    cols = [np.flatnonzero(valid[row])[rank[rows == row]] for row in np.unique(rows)]
    return rows, np.concatenate(cols)
