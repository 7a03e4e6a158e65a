# SPDX-License-Identifier: GPL-2.0-or-later
"""What a file is, said without the worker."""

from __future__ import annotations

import json

import pytest
from qgis.core import QgsProcessingException
from scenes import Log, results_of, run


def test_a_model_is_described_without_a_python_for_the_worker(model, tmp_path, monkeypatch):
    monkeypatch.setenv("MTMSD_PYTHON", str(tmp_path / "nothing"))
    before = model.read_bytes()
    log = Log()
    results = run("describefile", {"INPUT": str(model), "REPORT": str(tmp_path / "r.html")}, log)
    assert (results["KIND"], results["VERSION"], results["BANDS"], results["CLASSES"]) == ("model", 1, 12, 0)
    assert len(results["FINGERPRINT"]) == 64
    assert results["OA"] is None
    assert results["FINGERPRINT"] in log.text
    assert "<h1>Diffusion model</h1>" in (tmp_path / "r.html").read_text("utf-8")
    assert json.loads((tmp_path / "r.json").read_text("utf-8"))["sha256"] == results["FINGERPRINT"]
    assert model.read_bytes() == before


def test_other_files_and_a_report_in_the_place_of_the_file_are_refused(model, tmp_path):
    text = tmp_path / "text.mtmsd"
    text.write_text("a shopping list " * 9)
    for parameters, words in (
        ({"INPUT": str(text)}, "is not a file of this plugin"),
        ({"INPUT": str(tmp_path / "none.mtmsd")}, "cannot be opened"),
        ({"INPUT": str(model), "REPORT": str(model)}, "which INPUT reads"),
    ):
        with pytest.raises(QgsProcessingException, match=words):
            run("describefile", parameters)


def test_it_runs_in_qgis_process(model, qgis_process, tmp_path):
    done = qgis_process.run("mtmsd:describefile", INPUT=model, REPORT=tmp_path / "r.html")
    assert results_of(done)["KIND"] == "model"
    assert (tmp_path / "r.json").is_file()
