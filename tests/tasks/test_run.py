# SPDX-License-Identifier: GPL-2.0-or-later
"""The recipes, whole, on a small scene."""

from __future__ import annotations

import shutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from mtmsd_qgis.diffusion.device import Device
from mtmsd_qgis.errors import FileFormatError, MtmsdError, SceneError
from mtmsd_qgis.features.quantization import NODATA
from mtmsd_qgis.features.tile_cache import TileCache
from mtmsd_qgis.io.array_file import read_header
from mtmsd_qgis.io.cube import Cube
from mtmsd_qgis.io.windows import whole
from mtmsd_qgis.jobs.data_model import FeatureLayout
from mtmsd_qgis.jobs.protocol import Job
from mtmsd_qgis.jobs.settings import ClassificationSettings, ExtractionSettings, PretrainSettings, to_json
from mtmsd_qgis.progress import silent
from mtmsd_qgis.tasks.extract import _statistics_share
from mtmsd_qgis.tasks.run import run as run_task
from tests.scenes import CLASSES, cube_of, fields, sample_table

PRETRAIN = to_json(PretrainSettings(components=4, patch_size=16, iterations=8, batch_size=4))
EXTRACT = ExtractionSettings(timesteps=(50, 200), stages=(1, 5), keep=20)
CLASSIFY = ClassificationSettings(ensemble=2, epochs=8, validation_share=0.3, block_size=8)
LEFT = 12  # columns of nodata at the left of the scene


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("job")


@pytest.fixture(scope="module")
def scene(folder) -> Cube:
    values, index = fields(46, 50, bands=8)
    values[2] = 7
    values[:, :, :LEFT] = -9999
    np.save(folder / "samples.npy", sample_table(index)[sample_table(index)[:, 1] >= LEFT])
    return cube_of(folder, values, nodata=-9999)


@pytest.fixture(scope="module")
def model(scene, folder):
    job = Job("pretrain", PRETRAIN, scene.description, outputs={"model": str(folder / "m.mtmsd")})
    return run_task(job, folder, silent)


@pytest.fixture(scope="module")
def features(scene, model, folder):
    return extracted(scene, model, folder, EXTRACT)


@pytest.fixture
def other(folder, tmp_path):
    """Another job folder with the same samples, for jobs that would overwrite the features."""
    shutil.copy(folder / "samples.npy", tmp_path)
    return tmp_path


def usable(scene: Cube):
    """The scene as QGIS hands it to extraction: the model's bands only."""
    bands = scene.description.bands
    array = scene.read(whole(scene.height, scene.width), [0, 1, 3, 4, 5, 6, 7])
    return array, tuple(replace(b, nodata=None) for i, b in enumerate(bands) if i != 2)


def extracted(scene, model, folder, settings, **job):
    array, _ = usable(scene)
    reduced = cube_of(folder, array.astype(np.float32), name="reduced")
    parts = Job("extract", to_json(settings), reduced.description, inputs={"model": model.model}, **job)
    return run_task(parts, folder, silent)


def classified(features, folder, settings=CLASSIFY, **job):
    parts = {
        "scene": features.raster,
        "layout": features.layout,
        "samples": "samples.npy",
        "classes": CLASSES,
        **job,
    }
    return run_task(Job("classify", to_json(settings), **parts), folder, silent)


def test_pretraining_leaves_a_model_and_says_what_it_did(model):
    header = read_header(model.model)
    assert header["iterations"] == 8
    assert [b["number"] for b in header["bands"]] == [1, 2, 4, 5, 6, 7, 8]
    assert header["source_band_count"] == 8
    assert [(band.number, band.reason) for band in model.bands_left_out] == [(3, "constant (7)")]
    assert model.final_loss == pytest.approx(1.0, abs=0.15)
    assert len(model.denoised) == 12
    assert all(0.5 < loss < 1.5 for _, _, loss in model.loss_by_timestep)
    assert model.loss_by_timestep
    assert model.seconds > 0


def test_features_lie_where_the_scene_is_valid(features, folder):
    cube = Cube(folder, features.raster)
    assert (cube.height, cube.width, cube.bands) == (46, 50, 2 * 20 + 7)
    values = cube.read(whole(46, 50))
    assert np.isnan(values[:, :, :LEFT]).all()
    assert np.isfinite(values[:, :, LEFT:]).all()
    assert cube.description.bands[0].name.startswith("t050 s")
    assert cube.description.bands[20].name.startswith("t200 s")
    assert cube.description.bands[0].nodata == NODATA


def test_sixteen_bits_are_enough(features, folder):
    cube = Cube(folder, features.raster)
    values = cube.read(whole(46, 50), range(40))[:, :, LEFT:].reshape(40, -1)
    steps = np.array([band.scale for band in cube.description.bands[:40]])
    assert (steps < 0.005 * values.std(axis=1)).all()
    stored = np.fromfile(folder / "features.raw", "<i2").reshape(46, 47, 50)[:, :40]
    assert np.mean(np.abs(stored[stored != NODATA]) == 32767) < 1e-4


def test_the_spectra_lie_behind_the_features(scene, features, folder):
    cube = Cube(folder, features.raster)
    kept = [0, 1, 3, 4, 5, 6, 7]  # band 3 is constant
    original = scene.read(whole(46, 50), kept)[:, :, LEFT:]
    stored = cube.read(whole(46, 50), range(40, 47))[:, :, LEFT:]
    assert features.layout.spectra == 7
    assert np.abs(stored - original).max() <= np.ptp(original) / 65534 + 1e-3
    assert cube.description.bands[40].name == "spectrum Band 1"


def test_the_layout_describes_the_bands(features):
    layout = features.layout
    assert layout.timesteps == (50, 200)
    assert layout.features == len(layout.names) == 20
    assert layout.window == 16
    assert layout.purification == "clusters"


def test_purification_with_classes_says_so(scene, model, other):
    found = extracted(scene, model, other, EXTRACT, samples="samples.npy", classes=CLASSES)
    assert found.layout.purification == "classes"
    assert "samples" in found.layout.note


def test_keeping_all_keeps_all_in_order(scene, model, other):
    found = extracted(scene, model, other, replace(EXTRACT, keep=0, timesteps=(50,)))
    assert found.layout.features == 64 + 64
    assert found.layout.purification == "none"
    assert found.layout.names[0] == "s1 c000"


def test_the_same_job_gives_the_same_bytes(scene, model, folder, features, other):
    again = extracted(scene, model, other, EXTRACT)
    assert (folder / "features.raw").read_bytes() == (other / "features.raw").read_bytes()
    assert again.raster == features.raster


RESULT_BYTES = 46 * 50 * (2 * 20 + 7) * 2  # of the feature raster


@pytest.mark.parametrize(("disk_bytes", "where"), [(0, "nowhere"), (2 * RESULT_BYTES, "nowhere"), (1 << 34, "on disk")])
def test_tiles_cached_by_the_statistics_pass_change_nothing(
    scene, model, folder, features, other, monkeypatch, caplog, disk_bytes, where
):
    """As they are cached in memory, a run that caches none, or all on disk, gives the same.

    Disk that the feature raster takes, raw and as the output, is left for it.
    """
    caplog.set_level("INFO", logger="mtmsd_qgis")
    taken = []
    honest = TileCache.pop

    def watched(self, tile):
        on_disk = self._path(tile).exists()
        found = honest(self, tile)
        taken.append("nowhere" if found is None else "on disk" if on_disk else "in memory")
        return found

    monkeypatch.setattr(TileCache, "pop", watched)
    monkeypatch.setattr("mtmsd_qgis.features.tile_cache.MEMORY_BYTES", 0)
    monkeypatch.setattr("shutil.disk_usage", lambda place: SimpleNamespace(free=disk_bytes))
    extracted(scene, model, other, EXTRACT)
    assert set(taken) == {where}
    assert ("GiB more for tiles" in caplog.text) == (where == "on disk")
    assert (folder / "features.raw").read_bytes() == (other / "features.raw").read_bytes()
    assert list(folder.glob("tile_*")) == []


@pytest.mark.parametrize("classifier", ["auto", "mtmsd", "transformer3d", "linear", "hyperfeatures"])
def test_the_map_is_right_where_the_scene_is_clear(features, folder, classifier):
    found = classified(features, folder, replace(CLASSIFY, classifier=classifier), options={"probabilities": True})
    _, index = fields(46, 50, bands=8)
    truth = np.array([c.id for c in CLASSES])[index][:, LEFT:]
    mapped = np.fromfile(folder / "map.raw", "<u2").reshape(46, 50)
    confidence = np.fromfile(folder / "confidence.raw", "<f4").reshape(46, 50)
    probabilities = np.fromfile(folder / "probabilities.raw", "<f4").reshape(46, 3, 50)
    assert (mapped[:, :LEFT] == 0).all()
    assert (confidence[:, :LEFT] == -1).all()
    assert np.mean(mapped[:, LEFT:] == truth) > 0.85
    assert np.allclose(probabilities[:, :, LEFT:].sum(axis=1), 1, atol=1e-4)
    assert np.allclose(probabilities[:, :, LEFT:].max(axis=1), confidence[:, LEFT:])
    assert found.accuracy.oa > 80
    assert found.split.method == "spatial"
    assert found.mapped_pixels == tuple(int(np.sum(mapped == c.id)) for c in CLASSES)
    assert sum(found.timestep_weights.values()) == pytest.approx(1, abs=1e-4)
    assert list(found.cell_weights) == [str(timestep) for timestep in found.timesteps]
    cells = sum(sum(row.values()) for row in found.cell_weights.values())
    assert cells == pytest.approx(1 - found.timestep_weights.get("spectra", 0), abs=0.1)
    assert (found.alignment_weights is not None) == (classifier == "hyperfeatures")
    if classifier == "hyperfeatures":
        weights = {timestep: sum(row.values()) for timestep, row in found.alignment_weights.items()}
        assert weights == pytest.approx(found.timestep_weights, abs=1e-4)
    if classifier == "auto":
        gain = found.ensemble.feature_gain
        assert gain.with_features > 80
        assert gain.without_features > 80
        assert gain.samples == sum(found.split.training_samples)


def test_held_out_samples_have_no_part_in_the_map(features, folder):
    """Wrong labels on the samples that are held out change the figure, not the map."""
    settings = replace(CLASSIFY, split="random", seed=3)
    samples = np.load(folder / "samples.npy")
    honest = classified(features, folder, settings)
    before = (folder / "map.raw").read_bytes()
    from mtmsd_qgis.sampling.splits import random_split

    held_out = random_split(samples[:, 2], 0.3, 3).held_out
    training, validation = samples[~held_out], samples[held_out].copy()
    validation[:, 2] = (validation[:, 2] + 1) % 3
    np.save(folder / "t.npy", training)
    np.save(folder / "v.npy", validation)
    spoilt = classified(features, folder, settings, samples="t.npy", validation="v.npy")
    assert (folder / "map.raw").read_bytes() == before
    assert honest.accuracy.oa > 80
    assert spoilt.accuracy.oa < 20


def test_reference_points_are_taken_to_be_right_or_wrong_by_squares_and_pixels_by_polygons(features, folder):
    settings = replace(CLASSIFY, split="none")
    samples = np.load(folder / "samples.npy")
    np.save(folder / "t.npy", samples[::2])
    validation = samples[1::2].copy()
    found = {}
    for name, polygons in (("points", validation[:, 3]), ("polygons", validation[:, 3] // 20)):
        validation[:, 3] = polygons
        np.save(folder / "v.npy", validation)
        found[name] = classified(features, folder, settings, samples="t.npy", validation="v.npy").accuracy
    inside = validation[validation[:, 1] >= LEFT]
    assert found["points"].calibration.groups == len(np.unique(inside[:, :2] // 32, axis=0)) == 4
    assert found["polygons"].calibration.groups == len(np.unique(inside[:, 3])) > 4


def test_without_a_split_no_accuracy_is_given(features, folder):
    found = classified(features, folder, replace(CLASSIFY, split="none"))
    assert found.accuracy is None
    assert "no accuracy" in found.split.sentence


@pytest.mark.parametrize("classifier", ["auto", "hyperfeatures"])
def test_any_other_raster_is_one_timestep_of_plain_bands(scene, folder, classifier):
    settings = to_json(replace(CLASSIFY, classifier=classifier, epochs=30))
    job = Job("classify", settings, scene.description, samples="samples.npy", classes=CLASSES)
    found = run_task(job, folder, silent)
    assert found.timesteps == (0,)
    assert found.alignment_weights is None
    assert found.accuracy.oa > 80


def test_the_map_does_not_depend_on_the_windows_it_is_made_in(features, folder, monkeypatch):
    classified(features, folder)
    before = np.fromfile(folder / "map.raw", "<u2")
    monkeypatch.setattr("mtmsd_qgis.classification.fusion.reader._WINDOW_BYTES", 1)
    classified(features, folder)
    assert np.mean(np.fromfile(folder / "map.raw", "<u2") != before) < 0.002


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"task": "dance"}, MtmsdError, "task of pretrain, extract"),
        ({"scene": None}, SceneError, "names none"),
        ({"samples": None}, MtmsdError, "Training samples were expected"),
        ({"classes": CLASSES[:1]}, MtmsdError, "at least 2 classes"),
        ({"layout": FeatureLayout(timesteps=(1, 2), features=99)}, SceneError, "2 x 99 bands, it has 8"),
    ],
)
def test_jobs_that_make_no_sense_are_refused(scene, folder, change, error, message):
    job = Job("classify", to_json(CLASSIFY), scene.description, samples="samples.npy", classes=CLASSES)
    with pytest.raises(error, match=message):
        run_task(replace(job, **change), folder, silent)


def test_scenes_that_do_not_fit_the_model_are_refused(scene, model, folder, tmp_path):
    def extraction(array):
        cube = cube_of(tmp_path, array.astype(np.float32))
        return Job("extract", to_json(EXTRACT), cube.description, inputs={"model": model.model})

    cases = [
        (np.ones((3, 46, 50)), "needs 7 bands, the raster has 3"),
        (np.ones((7, 12, 50)), "16 x 16 pixels; it has 50 x 12"),
        (np.full((7, 46, 50), np.nan), "No valid pixel"),
    ]
    for array, message in cases:
        with pytest.raises(SceneError, match=message):
            run_task(extraction(array), tmp_path, silent)


def test_a_cancelled_pretraining_leaves_a_checkpoint_and_goes_on_to_the_same_model(scene, model, folder, tmp_path):
    from mtmsd_qgis.errors import Cancelled

    outputs = {"model": str(tmp_path / "m.mtmsd"), "checkpoint": str(tmp_path / "m.checkpoint")}

    def cancel(fraction, text):
        if "iteration 4" in text:
            raise Cancelled

    job = Job("pretrain", PRETRAIN, scene.description, outputs=outputs)
    with pytest.raises(Cancelled):
        run_task(job, folder, cancel)
    assert [p.name for p in tmp_path.iterdir()] == ["m.checkpoint"]
    for change in ({"number": 9}, {"nodata": 500.0}, {"scale": 0.1}, {"excluded": ((0.0, 9.0),)}):
        bands = tuple(replace(band, **change) for band in scene.description.bands)
        other = replace(job, scene=replace(scene.description, bands=bands), inputs={"resume": outputs["checkpoint"]})
        with pytest.raises(FileFormatError, match=r"training on other rasters\..* with the same no data values"):
            run_task(other, folder, silent)
    result = run_task(replace(job, inputs={"resume": outputs["checkpoint"]}), folder, silent)
    assert result.bands_left_out == model.bands_left_out
    assert (result.gone_on_after, model.gone_on_after) == (4, 0)
    assert [p.name for p in tmp_path.iterdir()] == ["m.mtmsd"]
    assert (tmp_path / "m.mtmsd").read_bytes() == (folder / "m.mtmsd").read_bytes()


@pytest.mark.parametrize(
    ("tiles", "device", "share"), [(48, "cpu", 0.8), (48, "cuda:0", 0.444), (480, "cpu", 0.08), (1, "cpu", 0.8)]
)
def test_the_share_of_the_statistics_pass_in_the_bar(tiles, device, share):
    fake = Device(torch.device(device), device, "")
    assert _statistics_share(tiles, fake) == pytest.approx(share, abs=0.001)
