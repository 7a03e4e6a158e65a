# SPDX-License-Identifier: GPL-2.0-or-later
"""A worker that is killed at any moment, while it writes its checkpoint too, goes on to the same model, bit for bit."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from pathlib import Path

from mtmsd_qgis.io.array_file import KIND_CHECKPOINT, read_arrays, read_header
from mtmsd_qgis.jobs.protocol import Job, write_job
from mtmsd_qgis.jobs.settings import PretrainSettings, to_json
from tests.scenes import cube_of, fields

WORKER = Path(__file__).parents[2] / "mtmsd_qgis" / "worker.py"
# Ends the worker by SIGKILL while it writes its checkpoint number sys.argv[1]: with half of the file written where the
# delay sys.argv[2] is "half", else so many seconds later, wherever the training then is. The worker counts itself:
# a clock of the test would kill a quick machine's worker before its next checkpoint.
KILLED = """
import os, runpy, signal, sys, threading
real, count, last, delay = os.fsync, [0], int(sys.argv[1]), sys.argv[2]
def kill():
    os.kill(os.getpid(), signal.SIGKILL)
def fsync(number):
    count[0] += 1
    if count[0] == last and delay == "half":
        os.ftruncate(number, os.fstat(number).st_size // 2)
        kill()
    real(number)
    if count[0] == last + 1:  # the one before it is in place under its name
        threading.Timer(float(delay), kill).start()
os.fsync = fsync
sys.argv = sys.argv[3:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def prepared(folder, every_seconds=0.0):
    folder.mkdir()
    cube = cube_of(folder, fields(32, 32)[0])
    settings = PretrainSettings(
        components=3, iterations=30, patch_size=16, batch_size=1, device="cpu", checkpoint_seconds=every_seconds
    )
    outputs = {"model": str(folder / "m.mtmsd"), "checkpoint": str(folder / "m.checkpoint")}
    write_job(Job("pretrain", to_json(settings), cube.description, outputs=outputs), folder)
    return Job("pretrain", to_json(settings), cube.description, outputs=outputs)


def started(folder, *before):
    command = [sys.executable, *before, str(WORKER), str(folder)]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )


def ended(worker):
    worker.stdout.read()
    worker.stdin.close()
    worker.stdout.close()
    return worker.wait(120)


def go_on(job, folder):
    if (folder / "m.checkpoint").exists():
        job = Job(**{**vars(job), "inputs": {"resume": str(folder / "m.checkpoint")}})
    write_job(job, folder)


def test_killed_at_random_iterations_and_in_the_middle_of_checkpoints(tmp_path):
    prepared(tmp_path / "whole", 1e9)
    assert ended(started(tmp_path / "whole")) == 0
    rng, folder = random.Random(0), tmp_path / "killed"
    job = prepared(folder)
    positions = []
    for number, delay in (2, "half"), (rng.randint(2, 8), rng.uniform(0, 0.02)):  # a start takes seconds
        go_on(job, folder)
        assert ended(started(folder, "-c", KILLED, str(number), str(delay))) == -signal.SIGKILL
        assert (folder / "m.checkpoint").exists()
        assert not (folder / "m.mtmsd").exists()
        positions.append(read_header(folder / "m.checkpoint", KIND_CHECKPOINT)["iteration"])
    assert 0 < positions[0] < positions[1] < 30
    go_on(job, folder)
    assert ended(started(folder)) == 0
    assert content_of(folder / "m.mtmsd") == content_of(tmp_path / "whole" / "m.mtmsd")
    assert not (folder / "m.checkpoint").exists()


def content_of(path):
    header = read_header(path)
    header["settings"].pop("checkpoint_seconds")  # the one thing that differs between the two runs
    return header, {name: array.tobytes() for name, array in read_arrays(path).items()}
