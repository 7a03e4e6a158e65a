# SPDX-License-Identifier: GPL-2.0-or-later
"""A campaign from scenes to maps: no seam, the same bytes by any number of workers, refusals in words."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mtmsd_qgis.campaign.folder import (
    CAMPAIGN_FILE,
    Campaign,
    read_campaign,
    read_scene,
    scene_folder,
    write_campaign,
    write_scene,
)
from mtmsd_qgis.campaign.steps import STEPS, Shard, next_step, state_of, units_of
from mtmsd_qgis.classification.feature_value.candidate import feature_sets_for
from mtmsd_qgis.diffusion.device import choose_device
from mtmsd_qgis.errors import Cancelled, FileFormatError, MtmsdError, SamplesError, SettingsError
from mtmsd_qgis.io.array_file import read_arrays
from mtmsd_qgis.io.windows import Window
from mtmsd_qgis.jobs.json_dataclasses import from_json
from mtmsd_qgis.jobs.protocol import Job
from mtmsd_qgis.jobs.results import CampaignResult
from mtmsd_qgis.progress import silent
from mtmsd_qgis.report.campaign_report import campaign_report
from mtmsd_qgis.tasks.campaign.campaign_run import CampaignRun
from mtmsd_qgis.tasks.campaign.gather import learning_task
from mtmsd_qgis.tasks.campaign.measure import measure
from mtmsd_qgis.tasks.campaign.run_steps import run_campaign
from mtmsd_qgis.tasks.run import run as run_task
from tests.campaigns import CLASSIFY, SIZE, TWO, WHOLE, campaign_of
from tests.scenes import CLASSES, cube_of, fields

ONE = Shard()
RASTERS = {"map": np.dtype("<u2"), "confidence": np.dtype("<f4")}
# Of another size each, cut across tiles and windows; the last one overlaps two others.
FOUR = (Window(0, 0, 19, 31), Window(0, 31, 19, 25), Window(19, 0, 21, 56), Window(10, 20, 17, 21))


@pytest.fixture(scope="module", autouse=True)
def small_tiles():
    """Several tiles and windows in a small scene."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mtmsd_qgis.io.windows.MOST_CORE", 16)
        patch.setattr("mtmsd_qgis.classification.auto.feature_reader._WINDOW_BYTES", 1)
        yield


@pytest.fixture(scope="module")
def done(tmp_path_factory) -> Path:
    """A campaign of two scenes, all steps done."""
    folder = tmp_path_factory.mktemp("two")
    campaign_of(folder, TWO)
    run_campaign(folder, None, ONE, silent)
    return folder


def mosaic_of(folder: Path) -> dict[str, np.ndarray]:
    """The maps of a campaign's scenes, laid out at their places."""
    campaign = read_campaign(folder)
    laid_out = {name: np.full(campaign.size, 77, dtype) for name, dtype in RASTERS.items()}
    for scene in campaign.scenes:
        for name, dtype in RASTERS.items():
            values = np.fromfile(scene_folder(folder, scene) / f"{name}.raw", dtype).reshape(scene.height, scene.width)
            place = Window(scene.row, scene.col, scene.height, scene.width)
            laid_out[name][place.slices] = values
    return laid_out


def mapped_like(done: Path, folder: Path, places, shards: int = 1, **changes) -> Campaign:
    """Another campaign that is mapped with the classifier of the first, by so many workers."""
    campaign = campaign_of(folder, places, **changes)
    shutil.copy(done / "shared" / "classifier.mtmsdc", folder / "shared")
    run_campaign(folder, STEPS["moments"], ONE, silent)
    for index in reversed(range(shards)):
        run_campaign(folder, STEPS["map"], Shard(index, shards), silent)
    return campaign


def same(one: dict[str, np.ndarray], two: dict[str, np.ndarray]) -> bool:
    return all(one[name].tobytes() == two[name].tobytes() for name in RASTERS)


@pytest.mark.parametrize(("places", "strip_rows"), [(WHOLE, 512), (WHOLE, 7), (FOUR, 16)])
def test_no_pixel_differs_however_the_raster_is_cut(done, tmp_path, places, strip_rows):
    mapped_like(done, tmp_path, places, strip_rows=strip_rows)
    found = mosaic_of(tmp_path)
    assert same(found, mosaic_of(done))
    assert set(np.unique(found["map"])) == {1, 2, 5}
    run_campaign(tmp_path, STEPS["judge"], ONE, silent)
    result = from_json(CampaignResult, json.loads((tmp_path / "shared" / "result.json").read_text()))
    assert result.mapped_pixels == tuple(np.sum(found["map"] == entry.id) for entry in CLASSES)  # overlaps count once
    assert sum(sum(scene.mapped_pixels) for scene in result.scenes) == sum(p.height * p.width for p in places)


def test_what_an_earlier_scene_lacks_is_counted_in_the_later_one(done, tmp_path):
    """As the mosaic shows it: satellite scenes are turned, and lie on each other with their empty corners."""
    campaign = mapped_like(done, tmp_path, FOUR)
    path = scene_folder(tmp_path, campaign.scenes[0]) / "map.raw"
    first = np.fromfile(path, "<u2").reshape(FOUR[0].height, FOUR[0].width)
    assert first[12, 25] > 0  # the last scene lies there too
    first[12:15, 22:28] = 0
    path.write_bytes(first.tobytes())
    run_campaign(tmp_path, STEPS["judge"], ONE, silent)
    result = from_json(CampaignResult, json.loads((tmp_path / "shared" / "result.json").read_text()))
    whole = mosaic_of(done)["map"]
    assert result.mapped_pixels == tuple(np.sum(whole == entry.id) for entry in CLASSES)


def test_scenes_may_lie_far_apart(done, tmp_path):
    """A strip looks at its own windows, not at all of a mosaic that is mostly empty."""
    campaign = campaign_of(tmp_path, TWO)
    far = replace(campaign.scenes[1], row=10**9, col=10**9)
    write_campaign(replace(campaign, scenes=(campaign.scenes[0], far)), tmp_path)
    shutil.copy(done / "shared" / "classifier.mtmsdc", tmp_path / "shared")
    for step in ("moments", "map"):
        run_campaign(tmp_path, STEPS[step], ONE, silent)
    assert state_of(tmp_path, campaign, STEPS["map"]).complete


@pytest.mark.parametrize("shards", [2, 3, 7])
def test_any_number_of_workers_writes_the_same_bytes(done, tmp_path, shards):
    campaign = mapped_like(done, tmp_path, TWO, shards)
    assert same(mosaic_of(tmp_path), mosaic_of(done))
    assert state_of(tmp_path, campaign, STEPS["map"]).complete


def test_the_map_is_that_of_the_classifier_applied_to_the_whole_raster(done, tmp_path):
    cube = cube_of(tmp_path, fields(*SIZE, bands=6)[0])
    inputs = {"classifier": str(done / "shared" / "classifier.mtmsdc")}
    run_task(Job("applyclassifier", {"device": "cpu"}, cube.description, inputs=inputs), tmp_path, silent)
    assert (tmp_path / "map.raw").read_bytes() == mosaic_of(done)["map"].tobytes()
    confidence = np.fromfile(tmp_path / "confidence.raw", "<f4").reshape(SIZE)
    np.testing.assert_allclose(confidence, mosaic_of(done)["confidence"], atol=0.01)


def test_a_map_that_was_interrupted_goes_on_to_the_same_bytes(done, tmp_path):
    campaign = campaign_of(tmp_path, TWO)
    for name in ("classifier.mtmsdc", "moments.part"):
        shutil.copy(done / "shared" / name, tmp_path / "shared")
    told = []

    def stop_now_and_then(fraction, text):
        told.append(fraction)
        if len(told) % 4 == 0:
            raise Cancelled("Cancelled.")

    for _ in range(40):
        try:
            run_campaign(tmp_path, STEPS["map"], ONE, stop_now_and_then)
            break
        except Cancelled:
            continue
    assert len(told) > 8
    assert state_of(tmp_path, campaign, STEPS["map"]).complete
    assert same(mosaic_of(tmp_path), mosaic_of(done))


def test_the_result_is_that_of_all_scenes(done):
    result = from_json(CampaignResult, json.loads((done / "shared" / "result.json").read_text()))
    assert next_step(done, read_campaign(done)) is None
    assert sum(result.mapped_pixels) == SIZE[0] * SIZE[1]
    assert [scene.name for scene in result.scenes] == ["tile 1.tif", "tile 2.tif"]
    assert tuple(np.sum([scene.mapped_pixels for scene in result.scenes], axis=0)) == result.mapped_pixels
    assert result.accuracy.oa > 95
    assert sum(result.split.validation_samples) == result.accuracy.samples > 20
    assert (result.map.height, result.map.width) == SIZE
    assert not list(done.glob("scenes/*/parts"))


def test_gathered_features_are_those_that_are_read_at_the_samples(done):
    run = CampaignRun(done, read_campaign(done))
    found, task, reader = learning_task(run, choose_device("cpu"))
    wanted = feature_sets_for(reader, task.settings.split)
    expected, order = reader.at_samples(found.training, wanted, silent)
    parts = [read_arrays(done / "shared" / f"gather-000{i}.part", "campaign") for i in (1, 2)]
    numbers = np.concatenate([part["order"] for part in parts])
    assert sorted(numbers) == sorted(order) == list(range(len(found.training)))
    for feature_set in wanted:
        gathered = torch.from_numpy(np.concatenate([part[feature_set.name] for part in parts]))
        torch.testing.assert_close(gathered[np.argsort(numbers)], expected[feature_set][np.argsort(order)])


def test_probabilities_are_written_on_request(done, tmp_path):
    campaign = mapped_like(done, tmp_path, TWO[:1], probabilities=True)
    folder = scene_folder(tmp_path, campaign.scenes[0])
    size = (3, campaign.scenes[0].height, campaign.scenes[0].width)
    stored = np.fromfile(folder / "probabilities.raw", "<f4").reshape(size[1], size[0], size[2])
    np.testing.assert_allclose(stored.max(axis=1), np.fromfile(folder / "confidence.raw", "<f4").reshape(size[1:]))


def test_a_campaign_that_has_begun_does_not_change(tmp_path):
    campaign_of(tmp_path, TWO)
    run_campaign(tmp_path, STEPS["moments"], Shard(1, 2), silent)
    path = tmp_path / CAMPAIGN_FILE
    assert '"device": "cpu"' in path.read_text()
    path.write_text(path.read_text().replace('"device": "cpu"', '"device": "auto"'))  # on a machine with another one
    run_campaign(tmp_path, STEPS["moments"], Shard(1, 2), silent)
    path.write_text(path.read_text().replace('"keep": 12', '"keep": 13'))
    with pytest.raises(MtmsdError, match="is another one than when the campaign began"):
        run_campaign(tmp_path, STEPS["moments"], ONE, silent)
    (tmp_path / "shared" / "begun.json").write_text("")  # as a power failure may leave it
    run_campaign(tmp_path, STEPS["moments"], ONE, silent)


def test_no_map_is_of_two_classifiers(done, tmp_path):
    """Replaced between two runs, as by a better one; the map would be of both, without a word."""
    campaign_of(tmp_path, TWO)
    shared = tmp_path / "shared"
    for name in ("classifier.mtmsdc", "moments.part"):
        shutil.copy(done / "shared" / name, shared)
    run_campaign(tmp_path, STEPS["map"], Shard(1, 6), silent)
    path = shared / "classifier.mtmsdc"
    first = path.read_bytes()
    path.write_bytes(b"another one")
    words = "classifier.mtmsdc is another one than when the step 'map' began"
    with pytest.raises(MtmsdError, match=words):
        run_campaign(tmp_path, STEPS["map"], Shard(2, 6), silent)
    path.write_bytes(first)
    run_campaign(tmp_path, STEPS["map"], Shard(2, 6), silent)
    path.write_bytes(b"another one")
    with pytest.raises(MtmsdError, match=words):  # whichever step comes next
        run_campaign(tmp_path, STEPS["moments"], ONE, silent)
    shutil.rmtree(tmp_path / "scenes" / "0001" / "parts")
    with pytest.raises(FileFormatError, match=r"is not a"):  # nothing is mapped any more: it is begun anew
        run_campaign(tmp_path, STEPS["map"], ONE, silent)


def test_moments_are_added_up_when_the_last_scene_is_there_or_by_who_needs_them(tmp_path):
    campaign_of(tmp_path, TWO)
    with pytest.raises(MtmsdError, match="needs the result of the step 'moments', of which 0 of 2 parts are done"):
        run_campaign(tmp_path, STEPS["pretrain"], ONE, silent)
    run_campaign(tmp_path, STEPS["moments"], Shard(1, 2), silent)
    assert not (tmp_path / "shared" / "moments.part").exists()
    run_campaign(tmp_path, STEPS["moments"], Shard(0, 2), silent)
    first = (tmp_path / "shared" / "moments.part").read_bytes()
    (tmp_path / "shared" / "moments.part").unlink()
    with pytest.raises(MtmsdError, match="of the step 'pretrain', of which 0 of 1 parts are done"):
        run_campaign(tmp_path, STEPS["statistics"], ONE, silent)
    assert (tmp_path / "shared" / "moments.part").read_bytes() == first


def test_two_workers_may_be_at_the_same_unit(tmp_path, monkeypatch):
    """The one that comes later finds its files gone, as the earlier one has put them together."""
    campaign = campaign_of(tmp_path, FOUR)
    worked = []

    def work(run):
        def measured_by_both(unit, progress):
            worked.append(unit.scene)
            measure(run)(unit, progress)
            if unit.scene == 1:
                measure(run)(units_of(campaign, STEPS["moments"])[2], progress)
                raise FileNotFoundError(2, "No such file or directory")
            if unit.scene == 3:
                (run.folder / unit.file).unlink()
                raise PermissionError(13, "Permission denied")

        return measured_by_both

    monkeypatch.setattr("mtmsd_qgis.tasks.campaign.run_steps.WORK", {"moments": work})
    with pytest.raises(PermissionError):
        run_campaign(tmp_path, STEPS["moments"], ONE, silent)
    assert worked == [0, 1, 3]


def test_shards_are_of_a_step(tmp_path):
    campaign_of(tmp_path, TWO)
    with pytest.raises(SettingsError, match="name the step with --step"):
        run_campaign(tmp_path, None, Shard(0, 2), silent)


def test_scenes_without_samples_are_refused_before_features_are_looked_for(done, tmp_path):
    campaign = campaign_of(tmp_path, TWO)
    for name in ("model.mtmsd", "moments.part", "moments-0001.part", "moments-0002.part"):
        shutil.copy(done / "shared" / name, tmp_path / "shared")
    for scene in campaign.scenes:
        np.save(scene_folder(tmp_path, scene) / "samples.npy", np.zeros((0, 4), np.int64))
    with pytest.raises(SamplesError, match="Prepare it with a training layer"):
        run_campaign(tmp_path, STEPS["statistics"], ONE, silent)


def test_a_classifier_of_other_classes_is_refused(done, tmp_path):
    campaign_of(tmp_path, TWO, classes=(*CLASSES[:2], replace(CLASSES[2], id=6)))
    for name in ("classifier.mtmsdc", "moments.part"):
        shutil.copy(done / "shared" / name, tmp_path / "shared")
    with pytest.raises(FileFormatError, match=r"tells other classes apart than campaign.json names"):
        run_campaign(tmp_path, STEPS["map"], ONE, silent)


def weighted_like(done: Path, folder: Path, weights: np.ndarray) -> CampaignResult:
    """A campaign like the first from the features on, whose samples count by weights of their groups."""
    campaign = campaign_of(folder, TWO, classify=replace(CLASSIFY, sample_weight_field="trust"))
    first = campaign.scenes[0]
    np.save(scene_folder(folder, first) / "weights.npy", weights)
    write_scene(replace(read_scene(folder, first), sample_weights="weights.npy"), folder, first)
    for name in ("moments.part", "model.mtmsd", "features.part"):
        shutil.copy(done / "shared" / name, folder / "shared")
    run_campaign(folder, None, ONE, silent)
    return from_json(CampaignResult, json.loads((folder / "shared" / "result.json").read_text()))


def test_samples_count_by_the_weights_of_their_features(done, tmp_path):
    groups = 1 + max(np.load(file)[:, 3].max() for file in done.glob("scenes/*/samples.npy"))
    result = weighted_like(done, tmp_path / "unlike", np.where(np.arange(groups) % 2, 0.01, 1.0))
    facts = result.choices.sample_weights
    assert (facts.field, facts.samples) == ("trust", sum(result.split.training_samples))
    assert facts.effective < 0.75 * facts.samples
    assert not same(mosaic_of(tmp_path / "unlike"), mosaic_of(done))
    assert "by the field trust" in campaign_report(result, {})

    alike = weighted_like(done, tmp_path / "alike", np.full(groups, 3.0))
    assert alike.choices is None
    assert same(mosaic_of(tmp_path / "alike"), mosaic_of(done))
