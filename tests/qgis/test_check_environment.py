# SPDX-License-Identifier: GPL-2.0-or-later
"""The report on the environment: complete, true, and fit to be pasted into a public thread."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from scenes import Log, results_of


@pytest.fixture
def check(monkeypatch, tmp_path):
    """A function that runs the algorithm and gives results, log, JSON and HTML."""
    import processing
    from mtmsd.algorithms.bridge.worker import interpreter

    monkeypatch.setattr(interpreter, "_probed", {})
    monkeypatch.setenv("MTMSD_HOME", str(tmp_path / "none"))

    def run():
        paths = {"OUTPUT_JSON": str(tmp_path / "e.json"), "OUTPUT_HTML": str(tmp_path / "e.html")}
        log = Log()
        results = processing.run("mtmsd:checkenvironment", paths, feedback=log)
        return results, log, json.loads(Path(paths["OUTPUT_JSON"]).read_text("utf-8")), Path(paths["OUTPUT_HTML"])

    return run


def test_without_torch_it_says_so_and_what_to_do(check, monkeypatch, bare_python):
    from mtmsd.algorithms.bridge.worker import python_locations

    monkeypatch.delenv("MTMSD_PYTHON", raising=False)
    monkeypatch.setattr(python_locations, "interpreter_below", lambda prefix, platform: bare_python)
    results, log, document, page = check()
    assert results["READY"] is False
    assert document["ready"] is False
    assert "mtmsd:setupenvironment" in log.warnings[0]
    assert "mtmsd:setupenvironment" in page.read_text("utf-8")


def test_with_torch_it_says_what_will_be_used_and_why(check, monkeypatch, torch_python):
    monkeypatch.setenv("MTMSD_PYTHON", torch_python)
    results, log, document, page = check()
    assert results["READY"] is True
    assert document["advice"].startswith("Ready. The environment variable MTMSD_PYTHON will be used, on C")
    used = document["interpreters"][0]
    assert used["convolution_ok"] is True
    assert "no usable card" in used["device"] or "cuda" in used["device"]
    assert {"QGIS", "Plugin", "System", "Versions", "Graphics cards by the driver"} <= set(document["machine"])
    assert any("GiB" in value for title, value in document["machine"].items() if title.startswith("Free space"))
    for text in (log.text, page.read_text("utf-8")):
        assert used["torch"] in text
        assert "worker protocol" in text


def test_the_home_folder_is_nowhere_in_it(check, monkeypatch, tmp_path):
    home = tmp_path / "home" / "anna.secret"
    python = home / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f"#!/bin/sh\necho {home}/lib is broken >&2\nexit 3\n")
    python.chmod(0o755)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("MTMSD_PYTHON", str(python))
    _, log, document, page = check()
    for text in (log.text, json.dumps(document), page.read_text("utf-8")):
        assert "anna.secret" not in text
        assert "~/bin/python" in text


def test_qgis_process_checks_the_environment(qgis_process, tmp_path):
    completed = qgis_process.run(
        "mtmsd:checkenvironment", OUTPUT_JSON=tmp_path / "e.json", OUTPUT_HTML=tmp_path / "e.html"
    )
    assert results_of(completed)["READY"] is True
    assert '"torch": "' in (tmp_path / "e.json").read_text()
    assert "Ready" in (tmp_path / "e.html").read_text()
