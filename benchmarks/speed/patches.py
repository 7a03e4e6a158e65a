# SPDX-License-Identifier: GPL-2.0-or-later
"""Tiles against a patch for every pixel, with the same weights: time a pixel, correlation of the features, accuracy.

The patch extractor is the plain twin that the tests keep. It is timed as published, one timestep a pass, and with all
timesteps of a patch in one pass, which is the fastest that it can be without tiles.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from mtmsd_qgis.diffusion.patch_sampler import PatchSampler
from mtmsd_qgis.diffusion.unet import UNet
from mtmsd_qgis.features.extractor import FeatureExtractor
from mtmsd_qgis.features.tile_lookup import pixels_by_tile
from mtmsd_qgis.io.windows import HALO, Tile
from mtmsd_qgis.jobs.settings import ExtractionSettings, extraction_settings, pretrain_settings
from mtmsd_qgis.sampling.sample_table import SampleTable
from tests.reference_extractor import PatchExtractor

from .scene import Bench, in_turn

_TIMED_PIXELS = 4  # of one measurement of the patch extractor
_TIMED_TILES = 2
_TRAINING_SHARE = 0.4  # of the sampled pixels
_LEAST = 10  # sampled pixels of a class that is kept: enough for training and test
_COMPONENTS = 60  # of the features, before the classifier


def timed(bench: Bench, times: int) -> dict[str, Any]:
    """Seconds a pixel of both, with the scene's model."""
    settings = extraction_settings(bench.model.settings.preset)
    return _timed(bench, _Extraction(bench.model.network, settings, bench.model.settings.patch_size), times)


def timed_at_width(bench: Bench, preset: str, times: int) -> dict[str, Any]:
    """The same with an untrained network of a preset's width and patch: time does not depend on the weights."""
    wanted = pretrain_settings(preset)
    torch.manual_seed(0)
    network = UNet(bench.components.bands, wanted.base_width)
    return _timed(bench, _Extraction(network, extraction_settings(preset), wanted.patch_size), times)


def similarity(bench: Bench, pixels: int, seeds: int, said: Callable[[str], None]) -> dict[str, Any]:
    """Correlation of the features at labelled pixels, and the accuracy of one classifier on either."""
    settings = extraction_settings(bench.model.settings.preset)
    rng = np.random.default_rng(0)
    samples = bench.scene.samples.subset(rng.permutation(len(bench.scene.samples))[:pixels])
    common = np.flatnonzero(np.bincount(samples.class_index) >= _LEAST)
    samples = samples.subset(np.isin(samples.class_index, common))
    patch = PatchExtractor(bench.model.network, settings, bench.model.settings.patch_size, together=True)
    by_patch = []
    for done, (row, col) in enumerate(samples.positions):
        by_patch.append(patch.pixel_features(bench.components, int(row), int(col)).numpy().copy())  # not the patch's
        if done % 200 == 0:
            said(f"patches: {done} of {len(samples)} pixels")
    ours, theirs = tile_features_at(bench, settings, samples), np.stack(by_patch)
    correlations = [_correlation(ours[:, t], theirs[:, t]) for t in range(len(settings.timesteps))]
    accuracies = [_accuracies((ours, theirs), samples.class_index, seed) for seed in range(seeds)]
    gaps = [100 * (tile - patch) for tile, patch in accuracies]
    return {
        "pixels": len(samples),
        "training": round(_TRAINING_SHARE * len(samples)),
        "classes": len(common),
        "correlation": round(float(np.mean(correlations)), 4),
        "correlation_by_timestep": [round(float(c), 4) for c in correlations],
        "timesteps": list(settings.timesteps),
        "oa_tile": [round(100 * tile, 2) for tile, _ in accuracies],
        "oa_patch": [round(100 * patch, 2) for _, patch in accuracies],
        "oa_gap": round(statistics.mean(gaps), 2),
        "oa_gap_deviation": round(statistics.stdev(gaps), 2) if len(gaps) > 1 else None,
    }


def tile_features_at(bench: Bench, settings: ExtractionSettings, samples: SampleTable) -> NDArray[np.float32]:
    """(N, T, F) features of the scene's tiles at pixels."""
    extractor = FeatureExtractor(bench.model.network, settings)
    extractor.learn_statistics(bench.statistics_patches(settings.seed))
    found = np.empty((len(samples), len(settings.timesteps), len(extractor.feature_names)), dtype=np.float32)
    for tile, mine in zip(bench.tiles, pixels_by_tile(bench.tiles, samples.rows, samples.cols)):
        if len(mine):
            values = extractor.tile_features(_inputs(bench, tile), tile).numpy()
            rows, cols = samples.rows[mine] - tile.core.row, samples.cols[mine] - tile.core.col
            found[mine] = values[:, :, rows, cols].transpose(2, 0, 1)
    return found


@dataclass(frozen=True)
class _Extraction:
    """A network, what to extract with it, and the side of its patches in pixels."""

    network: UNet
    settings: ExtractionSettings
    side: int


def _timed(bench: Bench, extraction: _Extraction, times: int) -> dict[str, Any]:
    network, settings, side = extraction.network, extraction.settings, extraction.side
    extractor = FeatureExtractor(network, settings)
    extractor.learn_statistics(PatchSampler(bench.components, bench.valid, side).for_statistics(settings.seed))
    core = bench.tiles[0].window.height - 2 * HALO
    whole = [tile for tile in bench.tiles if tile.core.height == tile.core.width == core]
    some = whole[:_TIMED_TILES]
    inputs = [_inputs(bench, tile) for tile in some]
    places = [(some[0].core.row + 7 * i, some[0].core.col + 5 * i) for i in range(_TIMED_PIXELS)]

    def by_tile() -> None:
        for values, tile in zip(inputs, some):
            extractor.tile_features(values, tile)

    facts: dict[str, Any] = {"base_width": network.base_width, "patch": side, "side": core + 2 * HALO, "core": core}
    for name, together in (("published", False), ("together", True)):
        patch = PatchExtractor(network, settings, side, together=together)

        def by_patch(patch: PatchExtractor = patch) -> None:
            for row, col in places:
                patch.pixel_features(bench.components, row, col)

        found = in_turn(by_patch, by_tile, times).facts("patch", "tile")
        pixels = sum(tile.core.height * tile.core.width for tile in some)
        factor = pixels / len(places)
        facts[name] = {
            "milliseconds_a_pixel_patch": round(1000 * found["patch"] / len(places), 3),
            "milliseconds_a_pixel_tile": round(1000 * found["tile"] / pixels, 4),
            "times_faster": round(found["ratio"] * factor),
            "times_faster_range": [round(r * factor) for r in found["ratio_range"]],
            "pairs": found["pairs"],
        }
    return facts


def _inputs(bench: Bench, tile: Tile) -> NDArray[np.float32]:
    return np.nan_to_num(bench.components.read(tile.window))


def _correlation(ours: NDArray[np.float32], theirs: NDArray[np.float32]) -> float:
    """Of all features (N, F) of a timestep, each less its mean over the pixels."""
    a, b = (values.astype(np.float64) - values.mean(axis=0) for values in (ours, theirs))
    return float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()))


def _accuracies(
    kinds: tuple[NDArray[np.float32], NDArray[np.float32]], classes: NDArray[np.int64], seed: int
) -> tuple[float, float]:
    """Share of right test pixels for each kind of features, with the same pixels and the same classifier."""
    rng = np.random.default_rng(seed)
    training = np.zeros(len(classes), dtype=bool)
    for index in np.unique(classes):
        members = rng.permutation(np.flatnonzero(classes == index))
        training[members[: max(2, round(_TRAINING_SHARE * len(members)))]] = True
    right = []
    for values in kinds:
        flat = values.reshape(len(values), -1)
        steps = StandardScaler(), PCA(_COMPONENTS, whiten=False, random_state=0), SVC(C=100.0, gamma="scale")
        fitted = make_pipeline(*steps).fit(flat[training], classes[training])
        right.append(float((fitted.predict(flat[~training]) == classes[~training]).mean()))
    return right[0], right[1]
