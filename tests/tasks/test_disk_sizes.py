# SPDX-License-Identifier: GPL-2.0-or-later
"""What QGIS is told that a run needs on the disk is what the run writes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mtmsd_qgis.diffusion.unet import UNet
from mtmsd_qgis.errors import SettingsError
from mtmsd_qgis.features.exploration.inspected_tiles import InspectionPlan
from mtmsd_qgis.io.windows import network_tiles
from mtmsd_qgis.jobs import disk_sizes
from mtmsd_qgis.jobs.data_model import FeatureLayout
from mtmsd_qgis.jobs.protocol import Job
from mtmsd_qgis.jobs.settings import ClassificationSettings, ExtractionSettings, PretrainSettings, to_json
from mtmsd_qgis.progress import silent
from mtmsd_qgis.sampling.sample_table import NO_SAMPLES
from mtmsd_qgis.tasks.run import run as run_task
from tests.scenes import CLASSES, cube_of, fields, sample_table

HEIGHT, WIDTH, BANDS, COMPONENTS = 40, 36, 6, 4
BANDS_ALONE = FeatureLayout(features=BANDS)
EXTRACT = ExtractionSettings(timesteps=(100, 200), stages=(1, 5), keep=9, spectra=True)


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    folder = tmp_path_factory.mktemp("job")
    values, index = fields(HEIGHT, WIDTH, bands=BANDS)
    np.save(folder / "samples.npy", sample_table(index))
    return folder, cube_of(folder, values).description


@pytest.fixture(scope="module")
def model(scene):
    folder, cube = scene
    settings = PretrainSettings(components=COMPONENTS, patch_size=16, iterations=2, batch_size=2)
    run_task(Job("pretrain", to_json(settings), cube, outputs={"model": str(folder / "m.mtmsd")}), folder, silent)
    return str(folder / "m.mtmsd")


def size_of(path: Path) -> float:
    """Bytes a pixel."""
    return path.stat().st_size / (HEIGHT * WIDTH)


@pytest.mark.parametrize("base_width", [32, 64, 128])
def test_channels_of_the_stages_are_those_of_the_network(base_width):
    stages = UNet(3, base_width).stages
    for number, stage in enumerate(stages):
        assert disk_sizes.features_per_timestep([number], base_width) == stage.channels
    assert disk_sizes.features_per_timestep(range(9), base_width) == sum(stage.channels for stage in stages)


def test_components_and_features(scene, model):
    folder, cube = scene
    run_task(Job("extract", to_json(EXTRACT), cube, inputs={"model": model}), folder, silent)
    assert size_of(folder / "components.raw") == disk_sizes.component_bytes(COMPONENTS)
    assert size_of(folder / "features.raw") == disk_sizes.feature_bytes(2 * 9 + BANDS)


def test_a_feature_raster_of_more_bands_than_a_geotiff_holds_is_refused():
    wide = ExtractionSettings(timesteps=tuple(range(341)), stages=(0, 1, 2, 3, 5), keep=0)
    assert disk_sizes.feature_raster_bands(wide.at(range(204)), 32, 255) == 65535
    assert disk_sizes.feature_raster_bands(EXTRACT, 32, BANDS) == 2 * 9 + BANDS
    with pytest.raises(SettingsError, match="204 timesteps of 320 features and 256 bands of spectra are 65536"):
        disk_sizes.feature_raster_bands(wide.at(range(204)), 32, 256)
    with pytest.raises(SettingsError, match="at most 65535 bands"):
        disk_sizes.feature_raster_bands(replace(wide, spectra=False), 32, 6)


@pytest.mark.parametrize(
    ("options", "bands"), [({}, 0), ({"probabilities": True, "uncertainty": True}, len(CLASSES) + 3)]
)
def test_maps(scene, model, tmp_path, options, bands):
    folder, cube = scene
    classify = ClassificationSettings(classifier="auto", split="none", block_size=8)
    job = Job(
        "mapscene",
        {"extract": to_json(EXTRACT), "classify": to_json(classify)},
        cube,
        samples="samples.npy",
        classes=CLASSES,
        inputs={"model": model},
        outputs={"checkpoint": str(tmp_path)},
        options=options,
    )
    run_task(job, folder, silent)
    written = {path.stem: size_of(path) for path in tmp_path.glob("*.raw")}
    maps = sum(written.pop(name, 0) for name in ("map", "confidence", "probabilities", "uncertainty"))
    assert maps == disk_sizes.map_bytes(bands)
    assert not written


def test_segments(scene, tmp_path):
    folder, cube = scene
    for name in ("samples.npy", cube.file):
        (tmp_path / name).symlink_to(folder / name)
    settings = ClassificationSettings(classifier="auto", split="random", segments=40)
    job = Job("classify", to_json(settings), cube, samples="samples.npy", classes=CLASSES, layout=BANDS_ALONE)
    run_task(job, tmp_path, silent)
    written = [path for path in tmp_path.glob("*.raw") if "segment" in path.name and path.name != "segment-table.raw"]
    kept = size_of(tmp_path / "probabilities.raw") + sum(map(size_of, written))
    assert len(written) >= 6
    told = disk_sizes.segment_bytes(len(CLASSES))
    assert kept <= told <= kept + 2 * disk_sizes.SEGMENT_FEATURES + 4  # fewer bands have fewer features; one scene


def test_a_look_at_features_keeps_no_more_than_is_told(model, tmp_path):
    cube = cube_of(tmp_path, fields(HEIGHT, WIDTH, bands=BANDS)[0]).description
    settings = ExtractionSettings(timesteps=(100, 200), stages=(1, 5), keep=0, spectra=False)
    run_task(Job("explorefeatures", to_json(settings), cube, inputs={"model": model}), tmp_path, silent)
    kept = sum(path.stat().st_size for path in tmp_path.glob("*.part"))
    told = disk_sizes.inspection_bytes(2 * disk_sizes.features_per_timestep((1, 5), 32), HEIGHT * WIDTH)
    assert told / 4 < kept <= told


@pytest.mark.parametrize("tiles", [1, 3, 4, 12, 13, 48, 300])
def test_pixels_of_any_scene_that_are_looked_at_are_those_that_are_told(tiles):
    all_tiles = network_tiles(80, 80 * tiles, 112)
    plan = InspectionPlan.of(all_tiles, NO_SAMPLES)
    pixels = sum(len(rows) * len(cols) for rows, cols in map(plan.grid, plan.tiles))
    assert 4 * (pixels + 2_000) <= disk_sizes.inspection_bytes(1, 80 * 80 * tiles)
