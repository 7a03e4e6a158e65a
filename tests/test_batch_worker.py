# SPDX-License-Identifier: GPL-2.0-or-later
"""The worker under a batch system: it listens to nobody, stops on a signal, and goes on to the same bytes."""

from __future__ import annotations

import random
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from mtmsd_qgis.campaign.folder import read_campaign, scene_folder
from mtmsd_qgis.campaign.steps import STEPS, Shard, progress_file, units_of
from mtmsd_qgis.jobs import protocol
from mtmsd_qgis.jobs.protocol import Job, decode, write_job
from mtmsd_qgis.jobs.settings import PretrainSettings, to_json
from mtmsd_qgis.progress import silent
from mtmsd_qgis.tasks.campaign.run_steps import run_campaign
from tests.batch import batch, started
from tests.campaigns import PRETRAIN, TWO, campaign_of
from tests.scenes import cube_of, fields


def finished(command) -> tuple[int, str]:
    worker = started(command)
    _, told = worker.communicate(timeout=300)
    return worker.returncode, told


def messages(path: Path) -> list[protocol.Message]:
    return [message for message in map(decode, path.read_text().splitlines()) if message]


def until(worker: subprocess.Popen, words: str) -> None:
    seen = []
    for line in worker.stderr:
        seen.append(line)
        if words in line:
            return
    raise AssertionError("".join(seen))


def test_a_job_folder_is_done_and_its_result_lies_in_a_file(tmp_path):
    scipy.io.savemat(tmp_path / "s.mat", {"scene": np.ones((2, 3, 4))})
    write_job(Job("importscene", inputs={"mat": str(tmp_path / "s.mat")}), tmp_path)
    status, told = finished(batch(tmp_path))
    assert (status, told.splitlines()[-1].split(":")[0]) == (protocol.EXIT_DONE, "done")
    assert messages(tmp_path / "progress.log")[-1].values["cube"]["height"] == 2


def test_a_training_lives_with_a_closed_input_stops_on_a_signal_and_goes_on_to_the_same_bytes(tmp_path):
    settings = PretrainSettings(components=3, iterations=120, patch_size=16, batch_size=1, device="cpu")
    for name in ("whole", "stopped"):
        folder = tmp_path / name
        folder.mkdir()
        cube = cube_of(folder, fields(32, 32)[0])
        outputs = {"model": str(folder / "m.mtmsd"), "checkpoint": str(folder / "m.checkpoint")}
        write_job(Job("pretrain", to_json(settings), cube.description, outputs=outputs), folder)
    assert finished(batch(tmp_path / "whole"))[0] == protocol.EXIT_DONE
    worker = started(batch(tmp_path / "stopped"))
    until(worker, "iteration")
    worker.send_signal(signal.SIGTERM)
    told = worker.communicate(timeout=60)[1]
    assert worker.returncode == protocol.EXIT_CANCELLED
    assert "error: Cancelled." in told
    assert (tmp_path / "stopped" / "m.checkpoint").exists()
    status, told = finished(batch(tmp_path / "stopped"))
    assert status == protocol.EXIT_DONE
    assert "Going on after iteration" in told
    assert (tmp_path / "stopped" / "m.mtmsd").read_bytes() == (tmp_path / "whole" / "m.mtmsd").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--step", "dance"], "one of moments, pretrain"),
        (["--shard", "4/4"], "should be I/N"),
        (["--step", "map", "--shard", "0/4"], "needs the result of the step 'moments', of which 0 of 2 parts are done"),
        (["--frobnicate"], "unrecognized arguments"),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_sentence(tmp_path, arguments, words):
    campaign_of(tmp_path, TWO)
    status, told = finished(batch(tmp_path, *arguments))
    assert status == protocol.EXIT_ERROR
    assert words in told


def test_a_folder_without_job_and_steps_of_a_job_are_refused(tmp_path):
    assert "should be a job file" in finished(batch(tmp_path))[1]
    assert "is no campaign" in finished(batch(tmp_path, "--step", "map"))[1]


def test_workers_share_a_campaign_and_one_that_is_killed_again_and_again_loses_nothing(tmp_path):
    """Two workers a step; those of the map are killed at random moments, and the bytes are those of one worker."""
    for name in ("one", "many"):
        campaign_of(tmp_path / name, TWO, pretrain=PRETRAIN, strip_rows=8)
    run_campaign(tmp_path / "one", None, Shard(), silent)
    many = tmp_path / "many"
    for step in ("moments", "pretrain", "statistics", "gather", "learn"):
        workers = [started(batch(many, "--step", step, "--shard", f"{i}/2")) for i in range(2)]
        assert [(worker.communicate(timeout=300), worker.returncode)[1] for worker in workers] == [0, 0]
    rng, campaign = random.Random(0), read_campaign(many)
    kills = 0
    for index in range(2):
        for longest in (0.1, 0.3, 1.0):  # the first before a quick machine can be through
            worker = started(batch(many, "--step", "map", "--shard", f"{index}/2"))
            until(worker, "to be done")
            time.sleep(rng.uniform(0, longest))
            worker.kill()
            worker.communicate(timeout=60)
            kills += worker.returncode == -signal.SIGKILL
        assert finished(batch(many, "--step", "map", "--shard", f"{index}/2"))[0] == 0
    assert kills > 1
    for scene in campaign.scenes:
        for name in ("map.raw", "confidence.raw"):
            one, two = (scene_folder(folder, scene) / name for folder in (tmp_path / "one", many))
            assert one.read_bytes() == two.read_bytes()
    last = messages(progress_file(many, "map", Shard(1, 2)))[-1]
    assert last.type == "result"
    assert last.values["units"] == len(Shard(1, 2).of(units_of(campaign, STEPS["map"])))
