# SPDX-License-Identifier: GPL-2.0-or-later
"""Workers of a campaign that die, fail, or are told to stop; made-up workers leave the files of their units."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from qgis.core import QgsProcessingException
from scenes import Log

BODY = """
import pathlib, signal
arguments = dict(zip(sys.argv[1::2], sys.argv[2::2]))
folder, step = pathlib.Path(arguments["--batch"]), arguments["--step"]
index, count = map(int, arguments["--shard"].split("/"))
told = folder / "progress" / f"{step}-{index:04d}-of-{count:04d}.log"
def say(**message):
    with told.open("a") as file:
        file.write("@mtmsd " + json.dumps({"version": 1, **message}) + chr(10))
starts = folder / f"starts-{index}"
starts.write_text(starts.read_text() + "x" if starts.exists() else "x")
for unit in range(index, 4, count):
    if step == "moments":
        say(type="progress", fraction=unit / 4, text="measuring")
        # BEFORE
        (folder / "shared" / f"moments-{unit + 1:04d}.part").write_text("done")
say(type="result", values={})
if all((folder / "shared" / f"moments-{n:04d}.part").exists() for n in (1, 2, 3, 4)):
    (folder / "shared" / "moments.part").write_text("done")
"""


@pytest.fixture
def moments(tmp_path):
    """A campaign of four scenes without content, and a function that runs its first step with two workers."""
    from mtmsd.algorithms.bridge.campaign.worker_pool import Pool, run_step
    from mtmsd.algorithms.bridge.feedback import ProgressRange
    from mtmsd.mtmsd_qgis.campaign.folder import Campaign, Scene, write_campaign
    from mtmsd.mtmsd_qgis.campaign.steps import STEPS
    from mtmsd.mtmsd_qgis.jobs.data_model import ClassEntry

    scenes = tuple(Scene(f"{n:04d}", 0, 100 * n, 32, 32) for n in range(1, 5))
    campaign = Campaign(scenes, (ClassEntry(1, "a", "#ff0000"), ClassEntry(2, "b", "#00ff00")))
    folder = tmp_path / "campaign"
    write_campaign(campaign, folder)

    def step(log: Log) -> Path:
        pool = Pool(Path("/usr/bin/python3"), 2, 2)
        run_step(folder, campaign, STEPS["moments"], pool, ProgressRange(log, 0, 100))
        return folder

    return step


def test_a_worker_that_is_killed_is_started_again(fake_worker, moments):
    fake_worker(
        BODY.replace("# BEFORE", "if unit == 2 and len(starts.read_text()) < 3: os.kill(os.getpid(), signal.SIGKILL)")
    )
    log = Log()
    folder = moments(log)
    assert (folder / "starts-0").read_text() == "xxx"
    assert (folder / "starts-1").read_text() == "x"
    assert sum("It is started again" in line for line in log.warnings) == 2
    assert max(log.values) > 99


def test_a_worker_that_always_dies_ends_the_run(fake_worker, moments):
    fake_worker(BODY.replace("# BEFORE", "os.kill(os.getpid(), signal.SIGKILL)"))
    with pytest.raises(QgsProcessingException, match=r"Worker \d of the step 'moments' ended.*is kept in the campaign"):
        moments(Log())


def test_an_error_ends_the_run_with_its_words(fake_worker, moments):
    fake_worker(
        BODY.replace("# BEFORE", "say(type='error', kind='input', text='The raster is made of cheese.'); sys.exit(1)")
    )
    log = Log()
    with pytest.raises(QgsProcessingException, match=r"made of cheese\. What is done is kept"):
        moments(log)
    assert not log.warnings


def test_cancel_lets_the_workers_save_their_state(fake_worker, moments, tmp_path):
    fake_worker(
        BODY.replace(
            "# BEFORE",
            """
        def stop(*_):
            (folder / f"saved-{index}").touch()
            sys.exit(3)
        signal.signal(signal.SIGTERM, stop)
        time.sleep(60)
""".strip(),
        )
    )
    log = Log(cancel_at_percent=10)
    began = time.monotonic()
    with pytest.raises(QgsProcessingException, match=r"Cancelled\. What is done is kept"):
        moments(log)
    assert time.monotonic() - began < 50
    assert list(tmp_path.glob("campaign/saved-*"))


def test_each_card_has_a_worker_and_several_train_together(monkeypatch):
    from mtmsd.algorithms.bridge.campaign.worker_pool import Pool
    from mtmsd.mtmsd_qgis.campaign.steps import STEPS, Shard

    facts = {"devices": [{"name": "cuda:0"}, {"name": "cuda:1"}], "cpu_threads": 8}
    python = Path("/usr/bin/python3")
    pool = Pool.of(python, facts, "auto", 0)
    assert (pool.workers, pool.cards, pool.threads) == (2, 2, 8)
    shard = Shard(1, 2)
    assert pool.environment(STEPS["map"], shard)["CUDA_VISIBLE_DEVICES"] == "1"
    assert pool.environment(STEPS["map"], shard)["OMP_NUM_THREADS"] == "4"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2, GPU-8932f937")  # of a shared machine: not all cards are ours
    assert pool.environment(STEPS["map"], shard)["CUDA_VISIBLE_DEVICES"] == "GPU-8932f937"
    assert pool.environment(STEPS["pretrain"], Shard())["CUDA_VISIBLE_DEVICES"] == "2, GPU-8932f937"
    assert "--nproc-per-node=2" in pool.command(Path("c"), STEPS["pretrain"], Shard())
    assert pool.command(Path("c"), STEPS["map"], shard)[-2:] == ["--shard", "1/2"]
    assert Pool.of(python, facts, "cpu", 0).workers == 8
    assert "--nproc-per-node=2" not in Pool.of(python, facts, "cpu", 0).command(Path("c"), STEPS["pretrain"], Shard())
    assert Pool.of(python, {}, "auto", 3).workers == 3


def test_there_are_no_more_workers_than_fit_into_memory():
    from mtmsd.algorithms.bridge.campaign.worker_pool import Pool

    facts, python = {"cpu_threads": 16, "free_memory_bytes": 5_900_000_000}, Path("/usr/bin/python3")
    assert Pool.of(python, facts, "auto", 0).workers == 5
    assert Pool.of(python, facts, "auto", 0).threads == 16
    assert Pool.of(python, facts, "auto", 12).workers == 12  # whoever asks knows the machine
    assert Pool.of(python, {**facts, "free_memory_bytes": 10**8}, "auto", 0).workers == 1
    assert Pool.of(python, {**facts, "free_memory_bytes": None}, "auto", 0).workers == 16
