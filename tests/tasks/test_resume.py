# SPDX-License-Identifier: GPL-2.0-or-later
"""A worker that is killed at any moment, while it writes its checkpoint too, goes on to the same model, bit for bit."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
from pathlib import Path

from mtmsd_qgis.io.array_file import KIND_CHECKPOINT, read_arrays, read_header
from mtmsd_qgis.jobs.protocol import Job, decode, write_job
from mtmsd_qgis.jobs.settings import PretrainSettings, to_json
from tests.scenes import cube_of, fields

WORKER = Path(__file__).parents[2] / "mtmsd_qgis" / "worker.py"
ITERATION = re.compile(r".*\biteration (\d+) of")
# Ends the worker by SIGKILL in the middle of a write to a checkpoint: before the second one is complete.
HALF_WRITTEN = """
import os, runpy, signal, sys
real, count, last = os.fsync, [0], int(sys.argv[1])
def fsync(number):
    count[0] += 1
    if count[0] == last:
        os.ftruncate(number, os.fstat(number).st_size // 2)
        os.kill(os.getpid(), signal.SIGKILL)
    real(number)
os.fsync = fsync
sys.argv = sys.argv[2:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def prepared(folder, every_seconds=0.3):
    folder.mkdir()
    cube = cube_of(folder, fields(32, 32)[0])
    settings = PretrainSettings(
        components=3, iterations=60, patch_size=16, batch_size=1, device="cpu", checkpoint_seconds=every_seconds
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
    for half_written in ("2", None):  # each start of a worker takes seconds
        go_on(job, folder)
        worker = started(folder, *(("-c", HALF_WRITTEN, half_written) if half_written else ()))
        stop_at = (positions or [0])[-1] + rng.randint(1, 8)
        for line in worker.stdout:
            message = decode(line.rstrip("\n"))
            found = ITERATION.match(message.text) if message else None
            reached = int(found[1]) if found else 0
            if reached >= stop_at and not half_written:
                os.kill(worker.pid, signal.SIGKILL)
                break
        assert ended(worker) == -signal.SIGKILL
        assert (folder / "m.checkpoint").exists()
        assert not (folder / "m.mtmsd").exists()
        positions.append(read_header(folder / "m.checkpoint", KIND_CHECKPOINT)["iteration"])
    assert positions == sorted(positions)
    assert 0 < positions[0] < positions[-1] < 60
    go_on(job, folder)
    assert ended(started(folder)) == 0
    assert content_of(folder / "m.mtmsd") == content_of(tmp_path / "whole" / "m.mtmsd")
    assert not (folder / "m.checkpoint").exists()


def content_of(path):
    header = read_header(path)
    header["settings"].pop("checkpoint_seconds")  # the one thing that differs between the two runs
    return header, {name: array.tobytes() for name, array in read_arrays(path).items()}
