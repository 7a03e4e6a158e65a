# SPDX-License-Identifier: GPL-2.0-or-later
"""One QGIS for all tests, small made-up scenes, and workers that misbehave."""

from __future__ import annotations

import atexit
import gc
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

# Before anything of QGIS is imported: no settings of the user.
_PROFILE = tempfile.mkdtemp(prefix="mtmsd_profile_")
atexit.register(shutil.rmtree, _PROFILE, ignore_errors=True)
os.environ.update(HOME=_PROFILE, QGIS_CUSTOM_CONFIG_PATH=_PROFILE, QT_QPA_PLATFORM="offscreen")
os.environ.setdefault("XDG_RUNTIME_DIR", _PROFILE)
TORCH_PYTHON = os.environ.get("MTMSD_PYTHON", "")
REAL_WORKER = ("test_cancel_ways", "test_worker_process")  # modules

import forked_jobs  # noqa: E402
from harness import QgisProcess, make_importable, start_qgis  # noqa: E402

make_importable()

from scenes import EXTRACT, PRETRAIN, Scene, make_scene, run  # noqa: E402

FAKE_WORKER = """
import json, os, sys, time
if sys.argv[1:] == ["--probe"]:
    print(json.dumps({"python": "3.11", "torch": "0", "numpy": "0", "scipy": "0"}))
    sys.exit()
folder = sys.argv[1]
def send(**message):
    print("@mtmsd " + json.dumps({"version": 1, **message}), flush=True)
"""


@pytest.fixture(scope="session", autouse=True)
def qgis():
    from qgis.PyQt.QtCore import QThreadPool

    application = start_qgis()
    yield application
    application.mtmsd_plugin.unload()
    gc.collect()  # a layer that a caught exception still holds would outlive QGIS and take it down
    # exitQgis waits for the threads of tasks without letting go of Python, which a thread may need to end: wait before.
    QThreadPool.globalInstance().waitForDone()
    application.exitQgis()


@pytest.fixture(scope="session")
def torch_python():
    if not TORCH_PYTHON:
        pytest.skip("MTMSD_PYTHON does not name a Python with torch")
    return TORCH_PYTHON


@pytest.fixture(scope="session")
def worker_server(qgis, tmp_path_factory):
    """A process that forks workers; None where there is no Python with torch."""
    if not TORCH_PYTHON:
        yield None
        return
    from mtmsd.algorithms.bridge.worker import interpreter

    place = tmp_path_factory.mktemp("server") / "socket"
    names = forked_jobs.SOCKET, forked_jobs.WORKER, forked_jobs.PYTHON
    command = [TORCH_PYTHON, "-I", "-X", "utf8", forked_jobs.__file__, "--serve"]
    os.environ.update(zip(names, (str(place), str(interpreter.WORKER), TORCH_PYTHON)))
    with subprocess.Popen(command, stdin=subprocess.PIPE, env=interpreter.clean_environment()) as server:
        while not place.exists() and server.poll() is None:
            time.sleep(0.05)
        yield server
        server.stdin.close()
    for name in names:
        del os.environ[name]


@pytest.fixture(scope="module", autouse=True)
def worker(request, worker_server):
    """Workers are forks of one process that has imported torch, but where workers themselves are tested."""
    if worker_server is None or request.module.__name__ in REAL_WORKER:
        yield
        return
    from mtmsd.algorithms.bridge.worker import interpreter

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(interpreter, "WORKER", Path(forked_jobs.__file__))
        yield


@pytest.fixture
def real_worker(worker, monkeypatch):
    """The worker itself, for one test."""
    from mtmsd.algorithms.bridge.worker import interpreter

    monkeypatch.setattr(interpreter, "WORKER", Path(os.environ.get(forked_jobs.WORKER, interpreter.WORKER)))


@pytest.fixture(scope="session")
def bare_python(tmp_path_factory):
    """A Python without torch: the system's has it where torch comes from the distribution."""
    folder = tmp_path_factory.mktemp("bare") / "environment"
    subprocess.run(["/usr/bin/python3", "-m", "venv", "--without-pip", str(folder)], check=True)
    return folder / "bin" / "python3"


@pytest.fixture(scope="session")
def qgis_process(torch_python, tmp_path_factory):
    return QgisProcess(tmp_path_factory.mktemp("home"), torch_python)


@pytest.fixture(scope="session")
def scene(tmp_path_factory) -> Scene:
    return make_scene(tmp_path_factory.mktemp("scene"))


@pytest.fixture(scope="session")
def model(scene, torch_python):
    path = scene.folder / "scene.mtmsd"
    run("pretraindiffusion", {"INPUT": str(scene.raster), "OUTPUT": str(path), **PRETRAIN})
    return path


@pytest.fixture(scope="session")
def features(scene, model):
    path = scene.folder / "features.tif"
    run("extractfeatures", {"INPUT": str(scene.raster), "MODEL": str(model), "OUTPUT": str(path), **EXTRACT})
    return path


@pytest.fixture
def project():
    from qgis.core import QgsProject

    yield QgsProject.instance()
    QgsProject.instance().clear()


@pytest.fixture
def fake_worker(monkeypatch, tmp_path):
    """A function that puts another script in the worker's place."""
    from mtmsd.algorithms.bridge.worker import interpreter

    def put(body: str) -> Path:
        script = tmp_path / "fake_worker.py"
        script.write_text(FAKE_WORKER + body, encoding="utf-8")
        monkeypatch.setattr(interpreter, "WORKER", script)
        monkeypatch.setattr(interpreter, "_probed", {})
        monkeypatch.setenv("MTMSD_PYTHON", "/usr/bin/python3")
        return script

    return put
