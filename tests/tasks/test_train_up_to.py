# SPDX-License-Identifier: GPL-2.0-or-later
"""TRAIN_UP_TO, from the training to the features that are refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mtmsd_qgis.campaign.steps import Shard
from mtmsd_qgis.diffusion import training_loop
from mtmsd_qgis.errors import Cancelled, FileFormatError, MtmsdError, SettingsError
from mtmsd_qgis.io.array_file import read_header
from mtmsd_qgis.jobs.protocol import Job
from mtmsd_qgis.jobs.settings import ClassificationSettings, ExtractionSettings, PretrainSettings, from_json, to_json
from mtmsd_qgis.jobs.timesteps.trained_timesteps import refuse_untrained, trained_timesteps
from mtmsd_qgis.progress import silent
from mtmsd_qgis.report.file_report import DescribedFile
from mtmsd_qgis.report.reports import pretraining_report
from mtmsd_qgis.tasks.campaign.run_steps import run_campaign
from mtmsd_qgis.tasks.run import run as run_task
from tests.campaigns import PRETRAIN as CAMPAIGN_PRETRAIN
from tests.campaigns import WHOLE, campaign_of
from tests.scenes import CLASSES, cube_of, fields, sample_table

PRETRAIN = PretrainSettings(components=4, patch_size=16, iterations=12, batch_size=4, checkpoint_seconds=0)
UP_TO = replace(PRETRAIN, train_up_to=300)


def training(folder, settings=PRETRAIN, **parts):
    values, index = fields(40, 40, bands=6)
    np.save(folder / "samples.npy", sample_table(index))
    outputs = {"model": str(folder / "m.mtmsd"), "checkpoint": str(folder / "m.checkpoint")}
    wanted = settings if isinstance(settings, dict) else to_json(settings)
    return Job("pretrain", wanted, cube_of(folder, values).description, outputs=outputs, **parts)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with a scene and a model that was trained up to 300, and the result."""
    folder = tmp_path_factory.mktemp("trained")
    job = training(folder, UP_TO)
    return folder, job.scene, run_task(job, folder, silent)


def test_the_last_timestep_says_nothing(tmp_path):
    settings = {**to_json(PRETRAIN), "train_up_to": 999}
    assert from_json(PretrainSettings, settings) == PRETRAIN
    assert "train_up_to" not in to_json(PRETRAIN)
    models = []
    for each in (PRETRAIN, settings):
        run_task(training(tmp_path, each), tmp_path, silent)
        models.append((tmp_path / "m.mtmsd").read_bytes())
    assert models[0] == models[1]


@pytest.mark.parametrize("value", [0, 1000, -1])
def test_what_is_no_timestep_is_refused(value):
    with pytest.raises(SettingsError, match="TRAIN_UP_TO must be 1 to 999"):
        replace(PRETRAIN, train_up_to=value)


def test_timesteps_are_drawn_up_to_it(tmp_path, monkeypatch):
    seen = []
    original = training_loop.q_sample

    def watched(x0, noise, timesteps):
        seen.extend(timesteps.tolist())
        return original(x0, noise, timesteps)

    monkeypatch.setattr(training_loop, "q_sample", watched)
    run_task(training(tmp_path, replace(PRETRAIN, train_up_to=2, iterations=20)), tmp_path, silent)
    assert set(seen) == {0, 1, 2}
    seen.clear()
    run_task(training(tmp_path), tmp_path, silent)
    assert max(seen) > 900


def test_the_file_and_the_report_say_it(trained):
    folder, _, result = trained
    header = read_header(folder / "m.mtmsd")
    assert header["settings"]["train_up_to"] == 300
    assert header["statistics"]["timesteps"] == [50, 100, 150, 200, 250, 300]
    assert DescribedFile.read(folder / "m.mtmsd").facts["Trained timesteps"] == "0 to 300"
    assert {patch.timestep for patch in result.denoised} == {50, 200}
    assert "0 to 300" in pretraining_report(result, {})


def test_a_file_without_it_was_trained_at_all(tmp_path):
    result = run_task(training(tmp_path), tmp_path, silent)
    assert DescribedFile.read(tmp_path / "m.mtmsd").facts["Trained timesteps"] == "0 to 999"
    assert "Trained timesteps" not in pretraining_report(result, {})


def extraction(folder, scene, task, timesteps):
    extract = to_json(ExtractionSettings(timesteps=timesteps, stages=(5,), keep=4))
    classify = to_json(ClassificationSettings(classifier="linear", split="none", epochs=1))
    settings = extract if task == "extract" else {"extract": extract, "classify": classify}
    parts = {"samples": "samples.npy", "classes": CLASSES, "inputs": {"model": str(folder / "m.mtmsd")}}
    return Job(task, settings, scene, **parts)


@pytest.mark.parametrize("task", ["extract", "mapscene"])
def test_features_that_were_never_trained_are_refused(trained, task):
    folder, scene, _ = trained
    with pytest.raises(MtmsdError, match=r"TIMESTEPS should be 0 to 300, .* found 301, 999"):
        run_task(extraction(folder, scene, task, (300, 301, 999)), folder, silent)
    run_task(extraction(folder, scene, task, (100, 300)), folder, silent)


def test_a_map_that_trains_refuses_them_before_it_trains(trained):
    folder, scene, _ = trained
    job = extraction(folder, scene, "mapscene", (100, 950))
    job = replace(job, inputs={}, settings={**job.settings, "pretrain": to_json(UP_TO)})
    heard = []
    with pytest.raises(SettingsError, match="found 950"):
        run_task(job, folder, lambda fraction, text: heard.append(text))
    assert not any("training" in text for text in heard)


def test_a_campaign_refuses_them(tmp_path):
    campaign_of(tmp_path, WHOLE, pretrain=replace(CAMPAIGN_PRETRAIN, train_up_to=150))  # its timesteps: 100, 200
    with pytest.raises(MtmsdError, match=r"TIMESTEPS should be 0 to 150, .* found 200"):
        run_campaign(tmp_path, None, Shard(), silent)


def test_a_training_that_goes_on_ends_in_the_same_bytes(trained, tmp_path):
    job = training(tmp_path, UP_TO)

    def stopped(fraction, text):
        if "iteration 5 of" in text:
            raise Cancelled

    with pytest.raises(Cancelled):
        run_task(job, tmp_path, stopped)
    kept = (tmp_path / "m.checkpoint").read_bytes()
    resume = {"resume": str(tmp_path / "m.checkpoint")}
    run_task(replace(job, inputs=resume), tmp_path, silent)
    assert (tmp_path / "m.mtmsd").read_bytes() == (trained[0] / "m.mtmsd").read_bytes()
    (tmp_path / "m.checkpoint").write_bytes(kept)
    for other in (PRETRAIN, replace(UP_TO, train_up_to=301)):
        with pytest.raises(FileFormatError, match="train_up_to 300 instead of"):
            run_task(replace(job, inputs=resume, settings=to_json(other)), tmp_path, silent)


def test_which_of_some_timesteps_were_trained():
    assert trained_timesteps((50, 100, 150), 100) == (50, 100)
    assert trained_timesteps((50, 100), 30) == (30,)
    refuse_untrained((0, 30), 30)
    with pytest.raises(SettingsError, match="found 31"):
        refuse_untrained((0, 31), 30)
