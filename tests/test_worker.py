# SPDX-License-Identifier: GPL-2.0-or-later
"""The worker as QGIS starts it: by file path, in its own process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from mtmsd_qgis.jobs import protocol
from mtmsd_qgis.jobs.protocol import Job, decode, write_job
from mtmsd_qgis.jobs.settings import PretrainSettings, to_json
from tests.scenes import cube_of, fields

WORKER = Path(__file__).parent.parent / "mtmsd_qgis" / "worker.py"


def started(folder) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-I", "-X", "utf8", str(WORKER), str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


def finished(folder) -> tuple[int, list[protocol.Message]]:
    worker = started(folder)
    lines = worker.stdout.read().splitlines()
    worker.wait(60)
    worker.communicate()
    return worker.returncode, [m for m in map(decode, lines) if m]


def long_training(folder) -> None:
    cube = cube_of(folder, fields(32, 32)[0])
    settings = PretrainSettings(iterations=100_000, patch_size=16, batch_size=1)
    outputs = {"model": str(folder / "m.mtmsd"), "checkpoint": str(folder / "m.checkpoint")}
    write_job(Job("pretrain", to_json(settings), cube.description, outputs=outputs), folder)


def until_training(worker) -> None:
    for line in worker.stdout:
        message = decode(line.rstrip("\n"))
        if message and "iteration" in message.text:
            return
    raise AssertionError(worker.stderr.read())


def test_a_job_is_done_and_its_result_sent(tmp_path):
    scipy.io.savemat(tmp_path / "s.mat", {"scene": np.ones((2, 3, 4))})
    write_job(Job("importscene", inputs={"mat": str(tmp_path / "s.mat")}), tmp_path)
    status, messages = finished(tmp_path)
    assert status == protocol.EXIT_DONE
    assert messages[-1].type == "result"
    assert messages[-1].values["cube"]["height"] == 2
    assert (tmp_path / "scene.hdr").exists()


@pytest.mark.parametrize(
    ("job", "text"),
    [
        (Job("dance"), "found 'dance'"),
        (Job("importscene", inputs={"mat": "none.mat"}), "none.mat should be a MATLAB file"),
        (Job("pretrain", {"iterations": 0}), "iterations must be at least 1"),
    ],
)
def test_errors_are_told_in_a_sentence(tmp_path, job, text):
    write_job(job, tmp_path)
    status, messages = finished(tmp_path)
    assert status == protocol.EXIT_ERROR
    assert messages[-1].type == "error"
    assert messages[-1].kind == "input"
    assert text in messages[-1].text


def test_no_job_is_an_error_too(tmp_path):
    status, messages = finished(tmp_path)
    assert status == protocol.EXIT_ERROR
    assert "should be a job file" in messages[-1].text


def test_cancel_ends_it_and_keeps_a_checkpoint(tmp_path):
    long_training(tmp_path)
    worker = started(tmp_path)
    until_training(worker)
    asked = time.monotonic()
    worker.stdin.write("cancel\n")
    worker.stdin.flush()
    messages = [m for m in map(decode, worker.stdout.read().splitlines()) if m]
    assert worker.wait(30) == protocol.EXIT_CANCELLED
    assert time.monotonic() - asked < 10
    assert [message.type for message in messages[-2:]] == ["stopping", "error"]
    assert messages[-1].kind == "cancelled"
    assert (tmp_path / "m.checkpoint").exists()
    assert not (tmp_path / "m.mtmsd").exists()
    worker.communicate()


def test_it_ends_when_its_input_closes(tmp_path):
    long_training(tmp_path)
    worker = started(tmp_path)
    until_training(worker)
    worker.stdin.close()
    assert worker.wait(15) == protocol.EXIT_ORPHANED
    worker.stdout.close()
    worker.stderr.close()


def test_what_libraries_print_is_not_among_the_messages(tmp_path):
    scipy.io.savemat(tmp_path / "s.mat", {"scene": np.ones((2, 3, 4))})
    write_job(Job("importscene", inputs={"mat": str(tmp_path / "s.mat")}), tmp_path)
    code = (
        "import os, runpy, sys; sys.argv = sys.argv[1:]; import numpy; real = numpy.load;"
        "import scipy.io; read = scipy.io.loadmat;"
        "scipy.io.loadmat = lambda *a, **k: (print('noise'), os.write(1, b'more noise\\n'), read(*a, **k))[2];"
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    open_end, other_end = os.pipe()  # a closed input would end the worker after three seconds
    done = subprocess.run(
        [sys.executable, "-c", code, str(WORKER), str(tmp_path)], capture_output=True, text=True, stdin=open_end
    )
    os.close(open_end)
    os.close(other_end)
    assert all(line.startswith(protocol.PREFIX) for line in done.stdout.splitlines())
    assert "more noise" in done.stderr


def test_the_probe_tells_what_this_python_has():
    done = subprocess.run([sys.executable, "-I", str(WORKER), "--probe"], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert found["numpy"] == np.__version__
    assert found["torch"]
    assert found["torch_error"] is None
    assert found["convolution_ok"] is True
    assert found["free_memory_bytes"] > 10**7


def test_the_plugin_folder_cannot_shadow_a_library(tmp_path):
    """Started by path and isolated, neither the current folder nor the plugin's is searched for modules."""
    (tmp_path / "torch.py").write_text("raise RuntimeError('shadowed')")
    done = subprocess.run(
        [sys.executable, "-I", str(WORKER), "--probe"], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert json.loads(done.stdout)["torch"]


def test_without_torch_the_probe_says_why(tmp_path):
    code = (
        "import runpy, sys; sys.modules['torch'] = None; sys.argv = [sys.argv[1], '--probe'];"
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", code, str(WORKER)], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert found["torch"] is None
    assert "ModuleNotFoundError" in found["torch_error"]
    assert found["numpy"]
