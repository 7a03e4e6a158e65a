# SPDX-License-Identifier: GPL-2.0-or-later
"""Which Python becomes the worker's, and what it is given."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest
from qgis.core import QgsProcessingException
from scenes import Log


@pytest.fixture
def interpreter(monkeypatch, tmp_path):
    from mtmsd.algorithms.bridge.worker import interpreter

    monkeypatch.delenv("MTMSD_PYTHON", raising=False)
    monkeypatch.setenv("MTMSD_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(interpreter, "_probed", {})
    return interpreter


def program(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_option_comes_before_variable_before_managed_environment(interpreter, monkeypatch, tmp_path):
    from processing.core.ProcessingConfig import ProcessingConfig

    managed = program(tmp_path / "home" / "env-1" / "bin" / "python", "")
    assert [c.path for c in interpreter.candidates()][:1] != [managed]  # not complete yet
    (managed.parents[1] / "complete").touch()
    assert interpreter.candidates()[0].path == managed
    monkeypatch.setenv("MTMSD_PYTHON", "/from/variable")
    assert [str(c.path) for c in interpreter.candidates()] == ["/from/variable"]
    monkeypatch.setattr(ProcessingConfig.settings["MTMSD_PYTHON"], "value", "/from/option")
    assert [str(c.path) for c in interpreter.candidates()] == ["/from/option"]


def test_python_of_qgis_is_the_last_resort_and_never_qgis_itself(interpreter):
    last = interpreter.candidates()[-1]
    assert last.is_qgis_python
    assert "python" in last.path.name


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("exit 3", "should be a Python 3.9 or newer"),
        ("echo rubbish", "should be a Python 3.9 or newer"),
        ("""echo '{"python": "3.11", "torch": null, "torch_error": "ImportError: libcudart.so"}'""", "libcudart.so"),
        ("""echo '{"python": "3.11", "torch": null}'""", "torch is not installed there"),
    ],
)
def test_a_python_that_will_not_do_is_named(interpreter, monkeypatch, tmp_path, text, words):
    path = program(tmp_path / "python", text)
    monkeypatch.setenv("MTMSD_PYTHON", str(path))
    with pytest.raises(QgsProcessingException) as caught:
        interpreter.find("torch", Log())
    assert words in str(caught.value)
    assert str(path) in str(caught.value)
    assert "MTMSD_PYTHON" in str(caught.value)


def test_a_missing_file_and_a_file_that_is_no_program_are_named(interpreter, monkeypatch, tmp_path):
    monkeypatch.setenv("MTMSD_PYTHON", str(tmp_path / "nowhere"))
    with pytest.raises(QgsProcessingException, match="there is no file"):
        interpreter.find("torch", Log())
    (tmp_path / "text").write_text("no program")
    monkeypatch.setenv("MTMSD_PYTHON", str(tmp_path / "text"))
    with pytest.raises(QgsProcessingException, match="cannot be started"):
        interpreter.find("torch", Log())


def test_an_answer_with_torch_is_asked_for_once(interpreter, monkeypatch, tmp_path):
    count = tmp_path / "count"
    answer = """'{"python": "3.11", "torch": "2.0"}'"""
    path = program(tmp_path / "python", f"echo x >> '{count}'; echo {answer}")
    monkeypatch.setenv("MTMSD_PYTHON", str(path))
    for _ in range(3):
        assert interpreter.find("torch", Log()).path == path
    assert count.read_text().count("x") == 1


def test_a_slow_python_can_be_cancelled(interpreter, monkeypatch, tmp_path):
    monkeypatch.setenv("MTMSD_PYTHON", str(program(tmp_path / "python", "sleep 600")))
    log = Log()
    log.cancel()
    start = time.monotonic()
    with pytest.raises(QgsProcessingException, match="Cancelled"):
        interpreter.find("torch", log)
    assert time.monotonic() - start < 60  # the program's own child sleeps longer


def test_environment_of_the_worker_has_nothing_of_qgis(interpreter, monkeypatch, tmp_path):
    monkeypatch.setenv("PYTHONHOME", "/usr")
    monkeypatch.setenv("PYTHONPATH", "/usr/share/qgis/python")
    monkeypatch.setenv("PROJ_LIB", "/usr/share/proj")
    monkeypatch.setenv("LD_LIBRARY_PATH", os.pathsep.join(["/usr/lib/grass78/lib", "/home/grassmann/cuda/lib64"]))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "gone.pem"))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    environment = interpreter.clean_environment()
    assert not {"PYTHONHOME", "PYTHONPATH", "PROJ_LIB", "SSL_CERT_FILE"} & set(environment)
    assert environment["LD_LIBRARY_PATH"] == "/home/grassmann/cuda/lib64"
    assert environment["CUDA_VISIBLE_DEVICES"] == "1"
    assert environment["PYTHONNOUSERSITE"] == "1"


@pytest.mark.parametrize(
    ("prefix", "file", "platform"),
    [
        ("usr", "usr/bin/python3", "linux"),
        ("OSGeo4W/apps/Python312", "OSGeo4W/apps/Python312/python.exe", "win32"),
        ("Program Files/QGIS 3.40.6/apps/Python312", "Program Files/QGIS 3.40.6/apps/Python312/python.exe", "win32"),
        ("QGIS.app/Contents/MacOS", "QGIS.app/Contents/MacOS/bin/python3", "darwin"),
        ("QGIS.app/Contents/Frameworks", None, "darwin"),
    ],
    ids=["Linux", "OSGeo4W", "MSI", "macOS 3", "macOS 4"],
)
def test_the_python_behind_qgis_on_every_system(tmp_path, prefix, file, platform):
    from mtmsd.algorithms.bridge.worker.python_locations import interpreter_below

    # What lies beside it opens QGIS, or needs a PYTHONHOME.
    for other in ("OSGeo4W/bin/qgis-bin.exe", "OSGeo4W/bin/python3.exe", "QGIS.app/Contents/MacOS/QGIS"):
        program(tmp_path / other, "")
    (tmp_path / prefix).mkdir(parents=True, exist_ok=True)
    expected = program(tmp_path / file, "") if file else None
    assert interpreter_below(tmp_path / prefix, platform) == expected


@pytest.mark.parametrize(
    ("platform", "variables", "folder"),
    [
        ("linux", {}, "/home/anna/.local/share/mtmsd"),
        ("linux", {"XDG_DATA_HOME": "/data"}, "/data/mtmsd"),
        ("linux", {"MTMSD_HOME": "/scratch/m", "XDG_DATA_HOME": "/data"}, "/scratch/m"),
        ("win32", {"LOCALAPPDATA": "/c/Local"}, "/c/Local/mtmsd"),
        ("win32", {}, "/home/anna/AppData/Local/mtmsd"),
        ("darwin", {}, "/home/anna/Library/Application Support/mtmsd"),
    ],
)
def test_the_place_of_the_plugins_own_environments(platform, variables, folder):
    from mtmsd.algorithms.bridge.worker.python_locations import default_home

    assert default_home(platform, variables, Path("/home/anna")) == Path(folder)


def test_the_python_of_an_environment_on_windows_and_elsewhere():
    from mtmsd.algorithms.bridge.worker.python_locations import python_of_environment

    assert python_of_environment(Path("/e"), "win32") == Path("/e/Scripts/python.exe")
    assert python_of_environment(Path("/e"), "darwin") == Path("/e/bin/python")


def test_the_environment_that_was_set_up_last_comes_first(interpreter, tmp_path):
    for age_seconds, name in ((30, "env-3.9.2-a"), (10, "env-3.10.1-b"), (20, "env-3.12.0-c")):
        path = program(tmp_path / "home" / name / "bin" / "python", "")
        marker = path.parents[1] / "complete"
        marker.touch()
        os.utime(marker, (1e9 - age_seconds, 1e9 - age_seconds))
    names = [c.path.parents[1].name for c in interpreter.candidates() if not c.is_qgis_python]
    assert names == ["env-3.10.1-b", "env-3.12.0-c", "env-3.9.2-a"]


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"version": [3, 12, 4], "bits": 64, "missing": []}, ""),
        ({"version": [3, 9, 5], "bits": 64, "missing": []}, "needs Python 3.10 to"),
        ({"version": [3, 99, 0], "bits": 64, "missing": []}, "needs Python 3.10 to"),
        ({"version": [3, 12, 4], "bits": 32, "missing": []}, "64 bits"),
        ({"version": [3, 12, 4], "bits": 64, "missing": ["ensurepip"]}, "python3.12-venv"),
        ({"version": [3, 12, 4], "bits": 64, "missing": ["ssl"]}, "cannot import ssl"),
    ],
)
def test_a_python_that_no_environment_can_be_made_from_is_explained(facts, words):
    from mtmsd.algorithms.bridge.environment.base_python import trouble_with

    found = trouble_with(facts, Path("/usr/bin/python3"))
    assert words in found
    assert bool(found) == bool(words)


def test_environment_of_the_worker_on_windows_has_nothing_of_osgeo4w(interpreter, monkeypatch):
    monkeypatch.setenv("OSGEO4W_ROOT", "/c/OSGeo4W")
    monkeypatch.setenv("PATH", os.pathsep.join(["/c/OSGeo4W/bin", "/c/osgeo4w/apps/qt5/bin", "/c/Windows"]))
    for name in ("PYTHONEXECUTABLE", "PIP_TARGET", "DYLD_LIBRARY_PATH", "GDAL_DRIVER_PATH"):
        monkeypatch.setenv(name, "/c/OSGeo4W/somewhere")
    monkeypatch.setenv("SSL_CERT_FILE", "/c/OSGeo4W/bin/curl-ca-bundle.crt")
    monkeypatch.setenv("https_proxy", "http://proxy:3128")
    environment = interpreter.clean_environment()
    assert environment["PATH"] == "/c/Windows"
    assert environment["https_proxy"] == "http://proxy:3128"
    dropped = {"PYTHONEXECUTABLE", "PIP_TARGET", "DYLD_LIBRARY_PATH", "GDAL_DRIVER_PATH", "SSL_CERT_FILE"}
    assert not dropped & set(environment)


def test_without_any_python_the_dialog_is_told_and_so_is_a_run(interpreter, monkeypatch, scene):
    import processing
    from qgis.core import QgsApplication

    monkeypatch.setattr(sys, "prefix", "/nowhere")
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("mtmsd:pretraindiffusion")
    able, message = algorithm.canExecute()
    assert not able
    assert "No Python with torch was found" in message
    with pytest.raises(QgsProcessingException, match="No Python with torch was found"):
        processing.run(
            "mtmsd:pretraindiffusion", {"INPUT": str(scene.raster), "OUTPUT": "TEMPORARY_OUTPUT"}, feedback=Log()
        )
