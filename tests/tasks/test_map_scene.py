# SPDX-License-Identifier: GPL-2.0-or-later
"""The three steps in one: the same map as step by step, computed where it is read, taken up where it was stopped."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mtmsd_qgis.classification.auto.ensemble import Purpose
from mtmsd_qgis.diffusion.model import load_model
from mtmsd_qgis.diffusion.patch_sampler import PatchSampler
from mtmsd_qgis.errors import Cancelled, FileFormatError
from mtmsd_qgis.features.extraction_run import ExtractionRun, scene_tiles
from mtmsd_qgis.features.extractor import FeatureExtractor
from mtmsd_qgis.features.lazy_raster import LazyFeatures
from mtmsd_qgis.features.quantization import QuantisedFeatures, QuantisedSpectra
from mtmsd_qgis.features.statistics_pass import FeatureStatistics
from mtmsd_qgis.io import run_directory
from mtmsd_qgis.io.cube import Cube
from mtmsd_qgis.io.run_directory import RunDirectory
from mtmsd_qgis.io.windows import Window, whole
from mtmsd_qgis.jobs.extras.extra_rasters import ExtraInputs, ExtraRaster
from mtmsd_qgis.jobs.protocol import Job
from mtmsd_qgis.jobs.settings import ClassificationSettings, ExtractionSettings, PretrainSettings, to_json
from mtmsd_qgis.progress import silent
from mtmsd_qgis.tasks.run import run as run_task
from mtmsd_qgis.tasks.scene_input import standardised
from tests.scenes import CLASSES, cube_of, fields, sample_table

PRETRAIN = PretrainSettings(components=4, patch_size=16, iterations=6, batch_size=4)
EXTRACT = ExtractionSettings(timesteps=(50, 100, 200, 400), stages=(1, 5), keep=20)
CLASSIFY = ClassificationSettings(classifier="linear", split="none", ensemble=1, epochs=3, block_size=8)
STEPS = {"extract": to_json(EXTRACT), "classify": to_json(CLASSIFY)}
SHORT = {**STEPS, "extract": to_json(replace(EXTRACT, timesteps=(100,)))}  # for runs that are begun several times


@pytest.fixture(scope="module", autouse=True)
def small_tiles():
    """Many tiles in a small scene."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mtmsd_qgis.io.windows.MOST_CORE", 8)
        yield


@pytest.fixture(scope="module")
def scene(tmp_path_factory) -> tuple[Path, Cube]:
    """A job folder with a scene that has a corner without data, samples, and a model m.mtmsd."""
    folder = tmp_path_factory.mktemp("job")
    values, index = fields(46, 50, bands=8)
    values[:, :20, :14] = -9999
    table = sample_table(index)
    np.save(folder / "samples.npy", table[(table[:, 0] >= 20) | (table[:, 1] >= 14)])
    cube = cube_of(folder, values, nodata=-9999)
    job = Job("pretrain", to_json(PRETRAIN), cube.description, outputs={"model": str(folder / "m.mtmsd")})
    run_task(job, folder, silent)
    return folder, cube


def a_job(folder: Path, cube: Cube, *, task: str = "mapscene", settings=STEPS, **parts) -> Job:
    usual = {"samples": "samples.npy", "classes": CLASSES, "inputs": {"model": str(folder / "m.mtmsd")}}
    return Job(task, settings, cube.description, **{**usual, **parts})


def map_of(folder: Path) -> bytes:
    return b"".join((folder / f"{name}.raw").read_bytes() for name in ("map", "confidence"))


@pytest.fixture
def small_windows(monkeypatch):
    """Several windows in a small scene."""
    for reader in ("auto.feature_reader", "fusion.reader"):
        monkeypatch.setattr(f"mtmsd_qgis.classification.{reader}._WINDOW_BYTES", 1 << 16)


@pytest.fixture(scope="module")
def whole_maps(scene):
    """A function that makes the map, in small windows, of a job that nobody stops; equal jobs are run once."""
    folder, cube = scene
    known = {}

    def whole_map(**parts) -> bytes:
        key = repr(sorted(parts.items()))
        if key not in known:
            run_task(a_job(folder, cube, **parts), folder, silent)
            known[key] = map_of(folder)
        return known[key]

    return whole_map


@pytest.fixture(scope="module")
def extracted(scene):
    folder, cube = scene
    result = run_task(a_job(folder, cube, task="extract", settings=to_json(EXTRACT)), folder, silent)
    return Cube(folder, result.raster), result.layout


def lazy_from(folder: Path, cube: Cube, raster: Cube, selected: np.ndarray, **how) -> LazyFeatures:
    """What would be computed with the scales that the raster was written with."""
    model = load_model(folder / "m.mtmsd")
    (folder / "lazy").mkdir(exist_ok=True)
    components, valid = standardised(cube, None, model.preprocessor, folder / "lazy", silent)
    extractor = FeatureExtractor(model.network, EXTRACT)
    extractor.learn_statistics(PatchSampler(components, valid, model.settings.patch_size).for_statistics(EXTRACT.seed))
    count = len(EXTRACT.timesteps), len(extractor.feature_names)
    statistics = FeatureStatistics(np.zeros((1, *count)), np.zeros(count), np.ones(count), np.ones(count))
    features = QuantisedFeatures.of(statistics, selected, extractor)
    bands = raster.description.bands[: len(features.bands)]
    shape = (len(EXTRACT.timesteps), len(selected))
    scale = torch.tensor([b.scale for b in bands], dtype=torch.float32).reshape(shape)
    offset = torch.tensor([b.offset for b in bands], dtype=torch.float32).reshape(shape)
    features = replace(features, bands=bands, scale=scale, offset=offset)
    tiles = scene_tiles(components, valid)
    run = ExtractionRun(extractor, components, valid, tiles, RunDirectory(folder))
    return LazyFeatures(run, features, QuantisedSpectra.of(cube, tiles), **how)


def selected_from(layout, folder: Path) -> np.ndarray:
    names = FeatureExtractor(load_model(folder / "m.mtmsd").network, EXTRACT).feature_names
    return np.array([names.index(name) for name in layout.names])


@pytest.mark.parametrize("cache", [1, 1 << 30])
def test_what_is_computed_where_it_is_read_is_what_extraction_writes(scene, extracted, cache):
    folder, cube = scene
    raster, layout = extracted
    lazy = lazy_from(folder, cube, raster, selected_from(layout, folder), cache_bytes=cache)
    assert (lazy.height, lazy.width, lazy.bands) == (raster.height, raster.width, raster.bands)
    quantum = np.array([band.scale for band in raster.description.bands])[:, None, None]
    for window in (whole(46, 50), Window(-3, 40, 30, 25), Window(17, 9, 1, 1), Window(60, 60, 4, 4)):
        ours, theirs = lazy.read(window), raster.read(window)
        np.testing.assert_array_equal(np.isnan(ours), np.isnan(theirs))
        away = np.abs(np.nan_to_num(ours) - np.nan_to_num(theirs)) / quantum
        assert away.max() < 1.5
        assert (away > 0.5).mean() < 1e-3
    some = [83, 2, 45, 45, 80, 21]
    np.testing.assert_array_equal(lazy.read(Window(20, 20, 9, 9), some), lazy.read(Window(20, 20, 9, 9))[some])


def test_only_what_is_expected_is_computed(scene, extracted, monkeypatch):
    folder, cube = scene
    raster, layout = extracted
    lazy = lazy_from(folder, cube, raster, selected_from(layout, folder))
    asked = []
    original = FeatureExtractor.tile_grids

    def watched(self, components, tile):
        asked.append((self.settings.timesteps, tile.core.row, tile.core.col))
        return original(self, components, tile)

    lazy.read(Window(24, 24, 1, 1), [0])  # the extractor has made its trial
    monkeypatch.setattr(FeatureExtractor, "tile_grids", watched)
    spectra = range(80, 88)
    lazy.read(whole(46, 50), spectra)
    assert asked == []
    lazy.expect([20, 41, *spectra])  # a band of the second timestep and one of the third
    lazy.read(Window(24, 24, 8, 8), [20])
    lazy.read(Window(24, 24, 8, 8), [41])
    assert asked == [((100, 200), 24, 24)]
    lazy.read(Window(0, 0, 8, 8), [20])  # there is no data
    assert len(asked) == 1
    lazy.read(Window(24, 24, 8, 8), [60])  # not expected: from now on it is
    assert asked[1:] == [((100, 200, 400), 24, 24)]


@pytest.mark.parametrize(
    ("classifier", "split"), [("auto", "none"), ("auto", "random"), ("mtmsd", "none"), ("transformer3d", "none")]
)
def test_the_map_is_that_of_the_three_steps(scene, extracted, classifier, split, tmp_path):
    folder, cube = scene
    raster, layout = extracted
    classify = replace(CLASSIFY, classifier=classifier, split=split, validation_share=0.5)
    settings = {**STEPS, "classify": to_json(classify)}
    result = run_task(a_job(folder, cube, settings=settings), folder, silent)
    once = np.fromfile(folder / "map.raw", "<u2")
    parts = {"layout": layout, "samples": "samples.npy", "classes": CLASSES}
    steps = run_task(Job("classify", to_json(classify), raster.description, **parts), folder, silent)
    assert np.mean(once == np.fromfile(folder / "map.raw", "<u2")) > 0.998
    assert set(np.unique(once)) == {0, 1, 2, 5}
    for name in ("classes", "timesteps", "split", "features_per_timestep"):
        assert getattr(result, name) == getattr(steps, name)
    assert result.timestep_weights == pytest.approx(steps.timestep_weights, abs=0.02)
    assert (result.ensemble is not None) == (classifier == "auto")


@pytest.mark.parametrize(
    ("context", "said"),
    [(False, "no features are computed for it"), (True, "uses 2 of 4 timesteps: 100, 200")],
)
def test_only_the_timesteps_that_the_map_needs_are_computed(scene, extracted, monkeypatch, caplog, context, said):
    """Where spatial context is not used, the map uses spectra alone."""
    folder, cube = scene
    raster, layout = extracted
    monkeypatch.setattr(
        "mtmsd_qgis.classification.feature_value.candidate.Purpose",
        lambda interpolates, _, groupings, seed: Purpose(interpolates, context, groupings, seed),
    )
    classify = to_json(replace(CLASSIFY, classifier="auto"))
    with caplog.at_level("INFO"):
        result = run_task(a_job(folder, cube, settings={**STEPS, "classify": classify}), folder, silent)
    assert said in caplog.text
    once = np.fromfile(folder / "map.raw", "<u2")
    parts = {"layout": layout, "samples": "samples.npy", "classes": CLASSES}
    run_task(Job("classify", classify, raster.description, **parts), folder, silent)
    assert np.mean(once == np.fromfile(folder / "map.raw", "<u2")) > 0.998
    assert set(np.unique(once)) == {0, 1, 2, 5}
    assert (result.timestep_weights == {"spectra": 1.0}) != context


def test_held_out_samples_have_no_part_in_features_or_map(scene, tmp_path):
    folder, cube = scene
    settings = {**SHORT, "classify": to_json(replace(CLASSIFY, split="spatial"))}
    result = run_task(a_job(folder, cube, settings=settings), folder, silent)
    before = map_of(folder)
    assert result.accuracy is not None
    assert result.purification.after_split
    from mtmsd_qgis.sampling.sample_split import split_samples
    from mtmsd_qgis.sampling.sample_table import SampleTable

    job = a_job(folder, cube, settings=settings)
    table = np.load(folder / "samples.npy")
    samples = SampleTable.from_array(table)
    held = split_samples(job, folder, samples, replace(CLASSIFY, split="spatial")).validation
    wrong = table.copy()
    places = {tuple(row) for row in held.positions.tolist()}
    mine = np.array([tuple(row) in places for row in table[:, :2].tolist()])
    # Two classes' held-out samples change names: how many of each are held out stays, and so does the split.
    first, second = (np.flatnonzero(mine & (table[:, 2] == k)) for k in (0, 1))
    count = min(len(first), len(second))
    wrong[first[:count], :2], wrong[second[:count], :2] = table[second[:count], :2], table[first[:count], :2]
    again = {"samples": "training.npy", "validation": "validation.npy"}
    np.save(folder / "training.npy", table[~mine])
    np.save(folder / "validation.npy", wrong[mine])
    run_task(a_job(folder, cube, settings=settings, **again), folder, silent)
    assert map_of(folder) == before


def stop_at(words: str):
    def progress(fraction, text):
        if words in text:
            raise Cancelled

    return progress


@pytest.mark.parametrize("given", [True, False])
@pytest.mark.parametrize(
    "words", ["iteration 4", "statistics: tile 20", "cross-validating models: 2", "map: window 1 "]
)
def test_a_map_that_was_stopped_goes_on_to_the_same_map(scene, whole_maps, tmp_path, small_windows, given, words):
    if given and "iteration" in words:
        pytest.skip("nothing is trained where a model is given")
    folder, cube = scene
    classifier = "auto" if "validating" in words else "linear"
    settings = {**SHORT, "classify": to_json(replace(CLASSIFY, classifier=classifier))}
    parts = {"settings": settings}
    if not given:
        parts = {"inputs": {}, "settings": {**settings, "pretrain": to_json(PRETRAIN)}}
    expected = whole_maps(**parts)
    job = a_job(folder, cube, outputs={"checkpoint": str(tmp_path / "map.tif.checkpoint")}, **parts)
    with pytest.raises(Cancelled):
        run_task(job, folder, stop_at(words))
    assert (tmp_path / "map.tif.checkpoint" / "run.json").is_file()
    heard = []
    resumed = replace(job, inputs={**job.inputs, "resume": "yes"})
    result = run_task(resumed, folder, lambda fraction, text: heard.append(text))
    assert map_of(Path(result.folder)) == expected
    assert "iteration 2 of" not in " ".join(heard)
    if "trying" in words or "map" in words:
        assert not any(text.startswith("statistics: tile") for text in heard)
    if "map" in words:
        assert not any("map: window 1 " in text for text in heard)


class Killed(BaseException):
    """Nothing catches it, as nothing catches a kill."""


def kill_at(words: str):
    def progress(fraction, text):
        if words in text:
            raise Killed

    return progress


def beside(folder: Path, seed: int) -> ExtraInputs:
    """Two extra rasters of the scene that are used without asking, one with a hole."""
    values = np.random.default_rng(seed).normal(10, 2, size=(2, 46, 50)).astype(np.float32)
    values[1, 25:35, 20:40] = np.nan
    rasters = (ExtraRaster("radar", "values", ("radar",)), ExtraRaster("heights", "elevation", ("heights",)))
    return ExtraInputs("always", rasters=rasters, cube=cube_of(folder, values, name=f"extras{seed}").description)


def test_with_extras_a_map_that_was_killed_goes_on_to_the_same_map(scene, tmp_path, small_windows, monkeypatch):
    folder, cube = scene
    monkeypatch.setattr(run_directory, "_SAVE_SECONDS", 0.0)
    settings = {**SHORT, "classify": to_json(replace(CLASSIFY, classifier="auto"))}
    place = tmp_path / "map.tif.checkpoint"
    job = a_job(folder, cube, settings=settings, extras=beside(folder, 0))
    result = run_task(job, folder, silent)
    assert [finding.joined for finding in result.extras.findings] == [True, True]
    assert 0 < result.extras.share_without < 0.2
    expected = map_of(folder)
    job = replace(job, outputs={"checkpoint": str(place)})
    for words in ("cross-validating models: 2", "map: window 3 "):
        with pytest.raises(Killed):
            run_task(job, folder, kill_at(words))
    heard = []
    again = run_task(job, folder, lambda fraction, text: heard.append(text))
    assert map_of(Path(again.folder)) == expected
    assert not any(text.startswith("map: window 1 ") for text in heard)
    other = replace(job, extras=beside(folder, 1), inputs={**job.inputs, "resume": "yes"})
    with pytest.raises(FileFormatError, match=r"differs from this one in: extra rasters\."):
        run_task(other, folder, silent)


def test_extraction_that_was_killed_goes_on_to_the_same_raster(scene, extracted, tmp_path, monkeypatch):
    folder, cube = scene
    expected = (folder / "features.raw").read_bytes()
    monkeypatch.setattr(run_directory, "_SAVE_SECONDS", 0.0)
    place = tmp_path / "features.tif.checkpoint"
    job = a_job(folder, cube, task="extract", settings=to_json(EXTRACT), outputs={"checkpoint": str(place)})

    with pytest.raises(Killed):
        run_task(job, folder, kill_at("features: tile 20 "))
    heard = []
    run_task(job, folder, lambda fraction, text: heard.append(text))  # the same run goes on without being asked
    assert (place / "features.raw").read_bytes() == expected
    assert not any(
        text.startswith("features: tile 3 ") or text.startswith("statistics: tile") for text in heard
    )  # whole lines are kept


def test_only_the_same_run_goes_on(scene, tmp_path):
    folder, cube = scene
    place = tmp_path / "out.checkpoint"
    job = a_job(folder, cube, settings=SHORT, outputs={"checkpoint": str(place)})
    with pytest.raises(FileFormatError, match="folder that an interrupted run left"):
        run_task(replace(job, inputs={**job.inputs, "resume": "yes"}), folder, silent)
    assert not place.exists()
    with pytest.raises(Cancelled):
        run_task(job, folder, stop_at("map: window 1 "))
    other = replace(job, settings={**SHORT, "classify": to_json(replace(CLASSIFY, seed=3))})
    with pytest.raises(FileFormatError, match=r"differs from this one in: settings\."):
        run_task(replace(other, inputs={**job.inputs, "resume": "yes"}), folder, silent)
    changed = cube.read(whole(46, 50))
    changed[0, 40, 40] += 1
    moved = cube_of(folder, np.nan_to_num(changed, nan=-9999).astype(np.int16), nodata=-9999, name="changed")
    model = {"model": str(folder / "samples.npy"), "resume": "yes"}
    elsewhere = replace(job, scene=moved.description, inputs=model)
    with pytest.raises(FileFormatError, match="differs from this one in: raster, model"):
        run_task(elsewhere, folder, silent)
    assert (place / "statistics.part").is_file()
    with pytest.raises(Cancelled):
        run_task(other, folder, stop_at("statistics: tile 1 "))  # begun anew, as nobody asked to go on
    assert not (place / "statistics.part").exists()


@pytest.mark.parametrize("name", ["statistics.part", "mapped.part", "map.raw"])
def test_damaged_work_is_done_anew(scene, whole_maps, tmp_path, small_windows, name):
    folder, cube = scene
    expected = whole_maps(settings=SHORT)
    place = tmp_path / "out.checkpoint"
    job = a_job(folder, cube, settings=SHORT, outputs={"checkpoint": str(place)})
    with pytest.raises(Cancelled):
        run_task(job, folder, stop_at("map: window 1 "))
    path = place / name
    path.write_bytes(path.read_bytes()[:-5])
    run_task(job, folder, silent)
    assert map_of(place) == expected
