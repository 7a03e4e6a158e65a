# SPDX-License-Identifier: GPL-2.0-or-later
"""The statistics pass against sums over pixels, and the tiles it takes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mtmsd_qgis.errors import SamplesError
from mtmsd_qgis.features.extraction_run import ExtractionRun, scene_tiles
from mtmsd_qgis.features.extractor import FeatureExtractor
from mtmsd_qgis.features.statistics_pass import STATISTICS_TILES, collect_statistics, tiles_of_all_classes
from mtmsd_qgis.features.tile_cache import TileCache
from mtmsd_qgis.io.run_directory import RunDirectory
from mtmsd_qgis.io.windows import Tile, Window
from mtmsd_qgis.jobs.settings import ExtractionSettings
from mtmsd_qgis.progress import silent
from mtmsd_qgis.sampling.sample_table import SampleTable
from tests.features.test_extractor import lively
from tests.scenes import cube_of

SETTINGS = ExtractionSettings(timesteps=(50, 300), stages=(3, 5))


@pytest.fixture
def run(tmp_path) -> ExtractionRun:
    values = np.random.default_rng(0).normal(size=(3, 24, 28)).astype(np.float32)
    valid = np.ones((24, 28), dtype=bool)
    valid[:, :5] = False
    values[:, ~valid] = np.nan
    components = cube_of(tmp_path, values)
    extractor = FeatureExtractor(lively(), SETTINGS, torch.float32)
    return ExtractionRun(extractor, components, valid, scene_tiles(components, valid), RunDirectory(tmp_path))


def samples_at(rows, cols, classes) -> SampleTable:
    columns = (np.array(column, dtype=np.int64) for column in (rows, cols, classes, range(len(rows))))
    return SampleTable(*columns)


def test_statistics_are_those_of_the_pixels(run, tmp_path):
    """Of few pixels all count; class 1 has no sample on data, so it has no mean."""
    samples = samples_at([3, 20, 11, 4], [7, 27, 9, 2], [0, 0, 2, 1])
    statistics = collect_statistics(run, samples, TileCache(tmp_path, torch.device("cpu")), silent)
    [tile] = run.tiles
    components = np.nan_to_num(run.components.read(tile.window))
    pixels = run.extractor.tile_features(components, tile).double().numpy()  # (T, F, 24, 28)
    expected = [pixels[:, :, [3, 20], [7, 27]].mean(axis=2), pixels[:, :, 11, 9]]
    np.testing.assert_allclose(statistics.class_means, expected, atol=1e-5)
    assert statistics.mean.shape == (2, len(run.extractor.feature_names))
    finest = pixels[:, 64:][:, :, run.valid]  # a cell of the last stage is a pixel
    np.testing.assert_allclose(statistics.mean[:, 64:], finest.mean(axis=2), atol=1e-5)
    np.testing.assert_allclose(statistics.deviation[:, 64:], finest.std(axis=2), atol=1e-5)
    extent = np.abs(finest - finest.mean(axis=2, keepdims=True)).max(axis=2)
    np.testing.assert_allclose(statistics.extent[:, 64:], extent, atol=1e-5)


def test_samples_in_no_tile_are_refused(run, tmp_path):
    outside = ExtractionRun(
        run.extractor,
        run.components,
        run.valid,
        [Tile(Window(0, 0, 2, 2), Window(-16, -16, 34, 34))],
        run.run_directory,
    )
    with pytest.raises(SamplesError, match="found none"):
        collect_statistics(outside, samples_at([20], [20], [0]), TileCache(tmp_path, torch.device("cpu")), silent)


def test_a_rare_class_keeps_its_tiles():
    tiles = [Tile(Window(0, 8 * i, 8, 8), Window(0, 8 * i, 8, 8)) for i in range(200)]
    classes = np.zeros(200, dtype=np.int64)
    classes[[150, 199]] = 1
    owned = {tile: np.array([i]) for i, tile in enumerate(tiles)}
    chosen = tiles_of_all_classes(owned, classes)
    assert len(chosen) == STATISTICS_TILES
    assert {tiles[150], tiles[199]} <= set(chosen)
    assert [tile.core.col for tile in chosen] == sorted(tile.core.col for tile in chosen)
    few = dict(list(owned.items())[:STATISTICS_TILES])
    assert tiles_of_all_classes(few, classes) == list(few)


def test_of_more_classes_than_tiles_the_rarest_have_one():
    tiles = [Tile(Window(0, col, 1, 1), Window(0, col, 1, 1)) for col in range(70)]
    classes = np.concatenate([np.arange(60), np.arange(40, 60), np.arange(60, 64)])
    owned = {tile: np.array([sample]) for sample, tile in zip(range(70), tiles)}
    owned[tiles[0]] = np.array([0, *range(80, 84)])  # four classes besides its own
    chosen = tiles_of_all_classes(owned, classes)
    assert len(chosen) == STATISTICS_TILES
    assert set(range(40)) | set(range(60, 64)) <= {int(index) for tile in chosen for index in classes[owned[tile]]}
