# SPDX-License-Identifier: GPL-2.0-or-later
"""TIMESTEPS='auto', from the scene to feature raster, map, classifier file and campaign."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mtmsd_qgis.campaign.steps import Shard
from mtmsd_qgis.errors import Cancelled
from mtmsd_qgis.features.timestep_intervals import chosen_extractor
from mtmsd_qgis.io.classifier_file import read_classifier_description
from mtmsd_qgis.io.cube import Cube
from mtmsd_qgis.jobs.data_model import layout_from_json, layout_to_json
from mtmsd_qgis.jobs.json_dataclasses import from_json
from mtmsd_qgis.jobs.protocol import Job
from mtmsd_qgis.jobs.results import CampaignResult
from mtmsd_qgis.jobs.settings import ClassificationSettings, ExtractionSettings, PretrainSettings, to_json
from mtmsd_qgis.progress import silent
from mtmsd_qgis.report.reports import classification_report
from mtmsd_qgis.tasks.campaign.run_steps import run_campaign
from mtmsd_qgis.tasks.run import run as run_task
from tests.campaigns import EXTRACT as CAMPAIGN_EXTRACT
from tests.campaigns import TWO, campaign_of
from tests.scenes import CLASSES, cube_of, fields, sample_table

CANDIDATES = (50, 100, 150, 500, 900, 950)
AUTO = ExtractionSettings(timesteps=CANDIDATES, stages=(1, 5), keep=20, timestep_choice="auto")
CLASSIFY = ClassificationSettings(classifier="linear", split="none", ensemble=1, epochs=3)


@pytest.fixture(scope="module")
def scene(tmp_path_factory) -> tuple[Path, Cube]:
    """A job folder with a scene that has a part without data, samples, and a model m.mtmsd."""
    folder = tmp_path_factory.mktemp("job")
    values, index = fields(46, 50, bands=8)
    values[:, :, :14] = -9999
    table = sample_table(index)
    np.save(folder / "samples.npy", table[table[:, 1] >= 14])
    cube = cube_of(folder, values, nodata=-9999)
    pretrain = to_json(PretrainSettings(components=4, patch_size=16, iterations=30, batch_size=4))
    run_task(Job("pretrain", pretrain, cube.description, outputs={"model": str(folder / "m.mtmsd")}), folder, silent)
    return folder, cube


def extraction(scene, settings=AUTO, **parts):
    folder, cube = scene
    inputs = {"model": str(folder / "m.mtmsd")}
    return Job("extract", to_json(settings), cube.description, **{"inputs": inputs, **parts})


@pytest.fixture(scope="module")
def chosen(scene):
    """The result of an extraction that chooses, and its raster."""
    result = run_task(extraction(scene), scene[0], silent)
    return result, (scene[0] / "features.raw").read_bytes()


def test_some_are_kept_and_the_layout_says_which_and_why(chosen):
    layout = chosen[0].layout
    choice = layout.timestep_choice
    assert choice.candidates == CANDIDATES
    assert layout.timesteps == choice.kept
    assert 1 <= len(choice.kept) < len(CANDIDATES)
    assert choice.similarity >= 0.95
    assert layout_from_json(layout_to_json(layout)) == layout
    assert chosen[0].bands_written == 20 * len(choice.kept) + 8


def test_the_raster_is_that_of_the_timesteps_given_by_hand(scene, chosen):
    by_hand = run_task(extraction(scene, AUTO.at(chosen[0].layout.timesteps)), scene[0], silent)
    assert (scene[0] / "features.raw").read_bytes() == chosen[1]
    assert by_hand.layout == replace(chosen[0].layout, timestep_choice=None)
    assert "timestep_choice" not in json.loads(layout_to_json(by_hand.layout))


def test_a_resumed_run_takes_the_choice_it_had_made(scene, chosen, tmp_path, monkeypatch):
    place = tmp_path / "features.tif.checkpoint"
    job = extraction(scene, outputs={"checkpoint": str(place)})

    def stopped(fraction, text):
        if text.startswith("features: tile"):
            raise Cancelled

    with pytest.raises(Cancelled):
        run_task(job, scene[0], stopped)
    monkeypatch.setattr(chosen_extractor, "timestep_similarity", None)  # is not asked again
    result = run_task(job, scene[0], silent)
    assert (place / "features.raw").read_bytes() == chosen[1]
    assert result.layout == chosen[0].layout


def test_a_scene_of_which_no_patch_has_data_keeps_all(scene, monkeypatch):
    monkeypatch.setattr(
        chosen_extractor, "_drawn_pixels", lambda valid, rng: [(np.zeros(0, np.int64),) * 2] * len(valid)
    )
    result = run_task(extraction(scene), scene[0], silent)
    assert result.layout.timesteps == CANDIDATES


def test_map_report_and_classifier_file_say_which(scene, chosen, tmp_path, caplog):
    folder, cube = scene
    settings = {"extract": to_json(AUTO), "classify": to_json(CLASSIFY)}
    path = tmp_path / "c.mtmsdc"
    parts = {"samples": "samples.npy", "classes": CLASSES, "outputs": {"classifier": str(path)}}
    job = Job("mapscene", settings, cube.description, inputs={"model": str(folder / "m.mtmsd")}, **parts)
    with caplog.at_level("INFO"):
        result = run_task(job, folder, silent)
    choice = chosen[0].layout.timestep_choice
    assert result.timestep_choice == choice
    assert choice.sentence in caplog.text
    assert choice.sentence in classification_report(result, {})
    extract = read_classifier_description(path).extraction
    assert (extract.timesteps, extract.timestep_choice) == (choice.kept, None)
    applied = Job(
        "applyclassifier", {"device": "cpu"}, cube.description, inputs={**job.inputs, "classifier": str(path)}
    )
    before = (folder / "map.raw").read_bytes()
    run_task(applied, folder, silent)
    assert (folder / "map.raw").read_bytes() == before


def test_a_campaign_chooses_once_for_all_its_scenes(tmp_path):
    extract = replace(CAMPAIGN_EXTRACT, timesteps=(50, 100, 150, 200), timestep_choice="auto")
    campaign_of(tmp_path, TWO, extract=extract)
    run_campaign(tmp_path, None, Shard(), silent)
    result = from_json(CampaignResult, json.loads((tmp_path / "shared" / "result.json").read_text("utf-8")))
    assert result.timestep_choice.candidates == (50, 100, 150, 200)
    assert result.timesteps == result.timestep_choice.kept
    assert len(result.timesteps) < 4
