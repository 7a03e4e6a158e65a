# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether the class map shows the tiles: the same scene in two tilings, and class borders at the tiles' borders.

- Disagreement: share of pixels that have another class when the features come from another tiling, once with one
  classifier for both, once with the whole way from extraction to map done anew. Indian Pines has labels on half of its
  pixels; the others are of classes that nobody taught the map, so that both figures are given: all pixels, and those
  of a class that the map knows.
- Seams: how often neighbours have different classes across a tile's border, divided by how often they have anywhere
  else. 1: the borders cannot be seen.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.splits import SPLITS, Draw
from mtmsd_qgis.classification.auto.predictor import EnsemblePredictor
from mtmsd_qgis.classification.fit import fit_classifier
from mtmsd_qgis.classification.predict_map import predict_map
from mtmsd_qgis.classification.predictor import MapGrid, Predictor
from mtmsd_qgis.classification.training_task import FittedClassifier, TrainingTask
from mtmsd_qgis.features.extraction_run import ExtractionRun
from mtmsd_qgis.features.extractor import FeatureExtractor
from mtmsd_qgis.features.purification import purify
from mtmsd_qgis.features.quantization import QuantisedFeatures, QuantisedSpectra
from mtmsd_qgis.features.raster_writer import write_features
from mtmsd_qgis.features.selection import cluster_samples
from mtmsd_qgis.features.statistics_pass import collect_statistics
from mtmsd_qgis.features.tile_cache import TileCache
from mtmsd_qgis.io.cube import Cube
from mtmsd_qgis.io.run_directory import RunDirectory
from mtmsd_qgis.io.windows import GRID, HALO, Tile, Window, clip, whole
from mtmsd_qgis.jobs.data_model import FeatureLayout
from mtmsd_qgis.jobs.settings import ClassificationSettings, extraction_settings
from mtmsd_qgis.progress import silent

from .scene import Bench

_CPU = torch.device("cpu")


@dataclass(frozen=True)
class Tiling:
    """Side of the tiles' windows, halo, and by how many pixels the first core begins before the raster.

    Tiles are normalised by the scene's statistics, or each by its own.
    """

    side: int
    halo: int
    shift: int = 0
    by_scene: bool = True

    def tiles(self, height: int, width: int) -> list[Tile]:
        """Tiles whose cores cover the raster once."""
        step = self.side - 2 * self.halo
        return [
            Tile(
                clip(Window(row, col, step, step), height, width),
                Window(row - self.halo, col - self.halo, self.side, self.side),
            )
            for row in range(-self.shift, height, step)
            for col in range(-self.shift, width, step)
        ]

    def borders(self, length: int) -> NDArray[np.bool_]:
        """(length - 1,) where between a pixel and the next one a core ends."""
        return (np.arange(1, length) + self.shift) % (self.side - 2 * self.halo) == 0


def tilings(side: int) -> list[tuple[str, Tiling]]:
    """Ours, of tiles of a side, and others to compare it with."""
    shift = (side - 2 * HALO) // 2 // GRID * GRID
    return [
        ("ours", Tiling(side, HALO)),
        ("other origin", Tiling(side, HALO, shift)),
        ("other tile size", Tiling(64, HALO)),
        ("narrower halo", Tiling(side - 8, HALO - 4)),
        ("narrower halo, other origin", Tiling(side - 8, HALO - 4, shift)),
        ("wider halo", Tiling(side + 8, HALO + 4)),
        ("wider halo, other origin", Tiling(side + 8, HALO + 4, shift)),
        ("each by itself", Tiling(32, 8, by_scene=False)),
        ("each by itself, other origin", Tiling(32, 8, 8, by_scene=False)),
    ]


@dataclass(frozen=True)
class _Extracted:
    cube: Cube
    layout: FeatureLayout
    kept: NDArray[np.int64]


def seams(bench: Bench, seeds: int, names: list[str], said: Callable[[str], None]) -> dict[str, Any]:
    """All figures, for tilings by name; each is compared with the first one, or with its own other origin."""
    chosen = [(name, tiling) for name, tiling in tilings(bench.tiles[0].window.height) if name in names]
    draws = [SPLITS["random10"].draw(bench.scene.samples, seed) for seed in range(seeds)]
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(dir=bench.folder) as place:
        own = {}
        for number, (name, tiling) in enumerate(chosen):
            own[name] = _extract(bench, tiling, Path(place) / f"own{number}", None)
            said(f"tiling {name}: features")
        for number, (name, tiling) in enumerate(chosen):
            base = name.removesuffix(", other origin") if name.endswith(", other origin") else chosen[0][0]
            found[name] = {**asdict(tiling), "compared_with": base, "seeds": []}
            again = _extract(bench, tiling, Path(place) / f"again{number}", own[base].kept) if name != base else None
            for draw in draws:
                maps = _maps(bench, _Compared(own[base], own[name], again), draw, Path(place))
                found[name]["seeds"].append(_figures(bench, maps, tiling, draw))
            said(f"tiling {name}: {found[name]['seeds'][0]}")
    return found


def _extract(bench: Bench, tiling: Tiling, folder: Path, kept: NDArray[np.int64] | None) -> _Extracted:
    """Features in a tiling, purified by clusters as without labels, or the features given."""
    folder.mkdir()
    settings = extraction_settings(bench.model.settings.preset)
    extractor = FeatureExtractor(bench.model.network, settings)
    if tiling.by_scene:
        extractor.learn_statistics(bench.statistics_patches(settings.seed))
    scene = tiling.tiles(*bench.valid.shape)
    samples = cluster_samples(bench.components, bench.valid, settings.clusters, settings.seed)
    run, cache = (
        ExtractionRun(extractor, bench.components, bench.valid, scene, RunDirectory(folder)),
        TileCache(folder, _CPU),
    )
    statistics = collect_statistics(run, samples, cache, silent)
    if kept is None:
        kept = purify(statistics.class_means, settings.keep)
    features, spectra = QuantisedFeatures.of(statistics, kept, extractor), QuantisedSpectra.of(bench.cube, scene)
    cube = write_features(run, features, spectra, cache, silent)
    layout = FeatureLayout(
        timesteps=settings.timesteps,
        features=len(kept),
        names=tuple(extractor.feature_names[i] for i in kept),
        window=bench.model.settings.patch_size,
        purification="clusters",
        stages=settings.stages,
        spectra=bench.cube.bands,
    )
    return _Extracted(cube, layout, kept)


@dataclass(frozen=True)
class _Maps:
    """Class ids (H, W): of the base tiling, of the other with the base's classifier, and of the other done anew."""

    base: NDArray[np.uint16]
    shared: NDArray[np.uint16]
    anew: NDArray[np.uint16]


@dataclass(frozen=True)
class _Compared:
    """Features in the base tiling, in the other, and in the other with the features that the base selected."""

    base: _Extracted
    other: _Extracted
    again: _Extracted | None


def _maps(bench: Bench, features: _Compared, draw: Draw, place: Path) -> _Maps:
    fitted = _fit(bench, features.base, draw)
    first = _map(bench, fitted.predictor, place)
    if features.again is None:
        return _Maps(first, first, first)
    anew = _map(bench, _fit(bench, features.other, draw).predictor, place)
    assert isinstance(fitted.predictor, EnsemblePredictor)
    # What was learnt of the scene stays; the features are those of the other tiling.
    again = replace(fitted.predictor, reader=replace(fitted.predictor.reader, cube=features.again.cube))
    return _Maps(first, _map(bench, again, place), anew)


def _fit(bench: Bench, features: _Extracted, draw: Draw) -> FittedClassifier:
    settings = ClassificationSettings(split=draw.generalise, seed=draw.seed)
    task = TrainingTask(features.cube, features.layout, draw.training, bench.scene.classes, settings, _CPU)
    return fit_classifier(task, silent)


def _map(bench: Bench, predictor: Predictor, place: Path) -> NDArray[np.uint16]:
    with tempfile.TemporaryDirectory(dir=place) as folder:
        grid = MapGrid(bench.valid.shape, bench.scene.classes, RunDirectory(Path(folder)))
        files = predict_map(predictor, grid, silent)
        height, width = bench.valid.shape
        return files.classes.read(whole(height, width))[0].astype(np.uint16)


def _figures(bench: Bench, maps: _Maps, tiling: Tiling, draw: Draw) -> dict[str, float]:
    """In percent, but for the seams."""
    labelled = np.zeros(bench.valid.shape, dtype=bool)
    labelled[bench.scene.samples.rows, bench.scene.samples.cols] = True
    ids = np.array([entry.id for entry in bench.scene.classes])
    return {
        "disagree": _percent(maps.base != maps.shared),
        "disagree_labelled": _percent((maps.base != maps.shared)[labelled]),
        "anew": _percent(maps.base != maps.anew),
        "anew_labelled": _percent((maps.base != maps.anew)[labelled]),
        "oa": _percent(maps.anew[draw.test.rows, draw.test.cols] == ids[draw.test.class_index]),
        "seams": round(seam_ratio(maps.anew, tiling), 3),
    }


def seam_ratio(classes: NDArray[np.uint16], tiling: Tiling) -> float:
    """Class changes between neighbours across borders of cores, for each pair of them, over those elsewhere."""
    counts = np.zeros((2, 2))  # across a border or not; pairs, changes
    for values in (classes, classes.T):
        at = tiling.borders(values.shape[0])
        change = values[1:] != values[:-1]
        for which, here in ((0, at), (1, ~at)):
            counts[which] += here.sum() * values.shape[1], change[here].sum()
    elsewhere = max(counts[1, 1], 1.0) / counts[1, 0]  # a map without a border but those of tiles has a high figure
    return float(counts[0, 1] / counts[0, 0] / elsewhere) if counts[0, 0] else 1.0  # a single tile has no border


def _percent(where: NDArray[np.bool_]) -> float:
    return round(100 * float(where.mean()), 3)
