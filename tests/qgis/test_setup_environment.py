# SPDX-License-Identifier: GPL-2.0-or-later
"""Building an environment, with the real venv and the real pip, from wheels that are a few kilobytes small."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from qgis.core import QgsProcessingException
from scenes import Log
from wheels import make_index, make_wheels

BROKEN = "raise OSError('[WinError 1114] A DLL initialization routine failed: c10.dll')"


@pytest.fixture
def home(monkeypatch, tmp_path):
    """An empty place for environments, no Python named, no graphics card, no QGIS proxy."""
    from mtmsd.algorithms.bridge.environment import torch_builds
    from mtmsd.algorithms.bridge.worker import interpreter

    folder = tmp_path / "ein Ort mit ä"
    monkeypatch.delenv("MTMSD_PYTHON", raising=False)
    monkeypatch.setenv("MTMSD_HOME", str(folder))
    monkeypatch.setattr(interpreter, "_probed", {})
    monkeypatch.setattr(torch_builds, "graphics_cards", lambda: ([], ""))
    return folder


@pytest.fixture
def wheels(tmp_path):
    from mtmsd.algorithms.bridge.environment.torch_builds import REQUIREMENTS

    def make(name="wheels", **options):
        return make_wheels(tmp_path / name, REQUIREMENTS, **options)

    return make


def set_up(log=None, **parameters):
    import processing

    return processing.run("mtmsd:setupenvironment", parameters, feedback=log or Log())


def refusal(log=None, **parameters):
    with pytest.raises(QgsProcessingException) as caught:
        set_up(log, **parameters)
    return str(caught.value)


def environments(folder):
    return sorted(path.name for path in folder.glob("env-*"))


def test_an_environment_is_built_found_used_and_left_alone_the_second_time(home, wheels):
    from mtmsd.algorithms.bridge.worker import interpreter

    log = Log()
    first = set_up(log, WHEELS=str(wheels()))
    python = Path(first["PYTHON"])
    assert first["TORCH_VERSION"].endswith("+cpu")
    assert python.is_relative_to(home)
    assert (python.parents[1] / "complete").is_file()
    assert not (python.parents[1] / "tmp").exists()
    assert interpreter.find("torch", Log()).path == python
    order = [log.text.index(words) for words in ("Place:", "Size:", "Source:", "Making", "small convolution", "ready")]
    assert order == sorted(order)
    assert max(log.values) == pytest.approx(100, abs=0.1)

    log = Log()
    assert set_up(log, WHEELS=str(wheels())) == first
    assert "was there already" in log.text
    assert len(environments(home)) == 1


def test_an_environment_that_no_longer_works_is_replaced(home, wheels):
    python = Path(set_up(WHEELS=str(wheels()))["PYTHON"])
    next(python.parents[1].rglob("torch/__init__.py")).write_text("raise ImportError('gone')")
    log = Log()
    second = Path(set_up(log, WHEELS=str(wheels()))["PYTHON"])
    assert second != python
    assert "did not work any more" in log.text
    assert environments(home) == [second.parents[1].name]


def test_a_failure_names_the_cause_and_keeps_what_was_there(home, wheels):
    from mtmsd.algorithms.bridge.worker import interpreter

    good = Path(set_up(WHEELS=str(wheels()))["PYTHON"])
    next(good.parents[1].rglob("torch/__init__.py")).write_text("__version__ = '0'")  # asks for a new one
    before = environments(home)
    assert "Visual C++" in refusal(WHEELS=str(wheels("broken", more=BROKEN)))
    assert environments(home) == before
    assert interpreter.candidates()[0].path == good


def test_cuda_is_never_swapped_for_the_cpu(home, wheels, monkeypatch):
    from mtmsd.algorithms.bridge.environment import torch_builds

    card = torch_builds.Card("RTX", (590, 1), (8, 9), 2**33)
    monkeypatch.setattr(torch_builds, "graphics_cards", lambda: ([card], ""))
    words = refusal(BUILD="auto", WHEELS=str(wheels(build="+cu130", cuda="13.0")))  # this torch finds no card
    assert "torch finds no card" in words
    assert "BUILD cpu" in words
    assert environments(home) == []
    words = refusal(BUILD="auto", WHEELS=str(wheels("cpu")))
    assert "(cu130 build) was not found" in words
    assert environments(home) == []


def test_cuda_without_a_card_is_refused(home, wheels):
    assert "The CUDA build was asked for" in refusal(BUILD="cuda", WHEELS=str(wheels()))


@pytest.mark.parametrize("moment", ["Making", "Installing collected", "small convolution"])
def test_cancelling_leaves_nothing(home, wheels, moment):
    log = Log(cancel_at=moment)
    assert "Cancelled" in refusal(log, WHEELS=str(wheels()))
    assert environments(home) == []


def test_cancelling_ends_pip_and_its_children_at_once(home, wheels, monkeypatch, tmp_path):
    from mtmsd.algorithms.bridge.environment import builder

    body = "import subprocess; child = subprocess.Popen(['sleep', '600'])\n"
    body += f"open({str(tmp_path / 'pid')!r}, 'w').write(str(child.pid)); print('Collecting for ever', flush=True)\n"
    body += "child.wait()"
    monkeypatch.setattr(builder, "_PIP", ("-c", body))
    assert "Cancelled" in refusal(Log(cancel_at="for ever"), WHEELS=str(wheels()))
    assert environments(home) == []
    status = Path("/proc", (tmp_path / "pid").read_text(), "status")
    assert not status.exists() or "\nState:\tZ" in status.read_text()


def test_what_a_killed_run_left_is_cleared_away(home, wheels):
    """And a folder of that form that is somebody else's is not: FOLDER may be any."""
    (home / "env-3.11.0-abc" / "lib").mkdir(parents=True)
    (home / "env-3.11.0-abc" / ".mtmsd-unfinished").touch()
    (home / "env-thesis" / "lib").mkdir(parents=True)
    set_up(WHEELS=str(wheels()))
    assert "env-3.11.0-abc" not in environments(home)
    assert "env-thesis" in environments(home)
    assert not list(home.rglob(".mtmsd-unfinished"))


def test_two_at_once_are_refused_and_a_dead_holder_does_not_count(home, wheels):
    from mtmsd.algorithms.bridge.files import folder_lock

    home.mkdir()
    hold = "import fcntl, sys, time; f = open(sys.argv[1], 'w'); fcntl.flock(f, fcntl.LOCK_EX); print(1, flush=True)"
    holder = subprocess.Popen(
        [sys.executable, "-c", hold + "; time.sleep(600)", str(home / folder_lock._LOCK_FILE)], stdout=subprocess.PIPE
    )
    with holder:
        holder.stdout.readline()
        assert "by another QGIS at this moment" in refusal(WHEELS=str(wheels()))
        holder.kill()
    assert set_up(WHEELS=str(wheels()))["TORCH_VERSION"]


def test_a_folder_of_ones_own_is_remembered(home, wheels, tmp_path):
    from mtmsd.algorithms.bridge.worker import interpreter

    python = Path(set_up(WHEELS=str(wheels()), FOLDER=str(tmp_path / "elsewhere"))["PYTHON"])
    assert python.is_relative_to(tmp_path / "elsewhere")
    assert interpreter.candidates()[0].path == python


def test_a_home_that_cannot_be_written_takes_no_environment_away(home, wheels, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    monkeypatch.setenv("MTMSD_HOME", str(tmp_path / "file" / "mtmsd"))
    for _ in range(2):  # made, and found
        log = Log()
        python = Path(set_up(log, WHEELS=str(wheels()), FOLDER=str(tmp_path / "elsewhere"))["PYTHON"])
        assert python.is_file()
        assert f"Name {python} under Settings" in log.warnings[0]


def test_the_run_says_when_another_python_comes_first(home, wheels, monkeypatch):
    monkeypatch.setenv("MTMSD_PYTHON", "/usr/bin/python3")
    log = Log()
    set_up(log, WHEELS=str(wheels()))
    assert "It is not used yet" in log.warnings[0]


def test_little_space_is_found_before_anything_is_done(home, wheels, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=2**20))
    words = refusal(WHEELS=str(wheels()))
    assert "GiB are needed" in words
    assert "FOLDER" in words
    assert not home.exists()


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"WHEELS": "/nowhere"}, "there is no folder"),
        ({"WHEELS": "/usr"}, "has no such file"),
        ({"INDEX_URL": "pytorch.org"}, "should be an address"),
        ({"BASE_PYTHON": "/bin/true"}, "does not answer as one"),
    ],
)
def test_what_will_not_do_is_refused_with_a_sentence(home, parameters, words):
    assert words in refusal(**parameters)


def test_a_qgis_without_a_python_is_told_what_to_do(home, wheels, monkeypatch):
    monkeypatch.setattr(sys, "prefix", "/Applications/QGIS.app/Contents/Frameworks")
    words = refusal(WHEELS=str(wheels()))
    assert "QGIS 4 for macOS" in words
    assert "BASE_PYTHON" in words


@pytest.mark.parametrize("named", [True, False], ids=["in INDEX_URL", "that of the build"])
def test_torch_comes_from_its_own_index_and_the_rest_from_where_pip_is_configured(
    home, wheels, monkeypatch, tmp_path, named
):
    from mtmsd.algorithms.bridge.environment import torch_builds

    files = list(wheels().glob("*.whl"))
    configured = make_index(tmp_path / "simple", [file for file in files if not file.name.startswith("torch")])
    own = make_index(tmp_path / "own" / "cpu", [file for file in files if file.name.startswith("torch")])
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", configured)
    monkeypatch.setattr(torch_builds, "_INDEX", own.removesuffix("cpu") if not named else "https://nowhere.invalid/")
    log = Log()
    set_up(log, **({"INDEX_URL": own} if named else {}))
    assert "is ready: torch" in log.text
    assert ("Not there; taking it from" in log.text) is not named


def test_an_index_that_cannot_be_reached_is_explained(home, monkeypatch):
    """The proxy has no one behind it; its credentials are nowhere in the log."""
    from mtmsd.algorithms.bridge.environment import network_proxy
    from qgis.core import QgsSettings

    values = {"proxyEnabled": True, "proxyType": "HttpProxy", "proxyHost": "127.0.0.1", "proxyPort": "9",
              "proxyUser": "anna", "proxyPassword": "geheim"}  # fmt: skip
    for name in list(os.environ):
        if name.startswith("PIP_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_RETRIES", "1")  # without a second try pip does not say why
    try:
        for name, value in values.items():
            QgsSettings().setValue(f"proxy/{name}", value)
        assert network_proxy.qgis_proxy().environment["https_proxy"] == "http://anna:geheim@127.0.0.1:9"
        log = Log()
        words = refusal(log)
    finally:
        QgsSettings().remove("proxy")
    assert "cannot reach the network" in words
    assert "Proxy: 127.0.0.1:9" in log.text
    assert "geheim" not in log.text + words
    assert environments(home) == []


def test_the_last_line_of_a_program_is_not_lost_where_its_reader_gets_its_turn_late(monkeypatch):
    from mtmsd.algorithms.bridge.environment import child_process
    from mtmsd.algorithms.bridge.feedback import ProgressRange

    def late(stream, lines, read=child_process._read_lines):
        time.sleep(1)
        read(stream, lines)

    monkeypatch.setattr(child_process, "_read_lines", late)
    command = [sys.executable, "-c", "print('no space left'); raise SystemExit(3)"]
    ended = child_process.run_command(command, dict(os.environ), ProgressRange(Log(), 0, 100))
    assert (ended.status, ended.tail) == (3, "no space left")
