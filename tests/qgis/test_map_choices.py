# SPDX-License-Identifier: GPL-2.0-or-later
"""Choices of the analyst as QGIS runs them: parameters, legends, reports."""

from __future__ import annotations

import json

import numpy as np
import pytest
from qgis.core import QgsRasterLayer
from scenes import CLASSIFY, legend, read_raster, run

pytestmark = pytest.mark.usefixtures("torch_python")


def classify(scene, folder, **more):
    """A map of the plain bands, in a second."""
    parameters = {
        "INPUT": str(scene.raster),
        "TRAINING": str(scene.polygons),
        "CLASS_FIELD": "cover",
        "OUTPUT": str(folder / "map.tif"),
        "REPORT": str(folder / "report.html"),
        "CONFIDENCE": str(folder / "confidence.tif"),
        **CLASSIFY,
        "CLASSIFIER": "linear",
        **more,
    }
    return run("classify", parameters)


def report_of(folder):
    return json.loads((folder / "report.json").read_text())


def test_not_sure_is_a_row_of_the_legend_and_apart_in_report_and_table(scene, tmp_path):
    file = str(tmp_path / "c.mtmsdc")
    classify(scene, tmp_path, LEAST_CONFIDENCE=0.99, OUTPUT_CLASSIFIER=file)
    ids, confidence = read_raster(tmp_path / "map.tif")[0], read_raster(tmp_path / "confidence.tif")[0]
    assert ids.dtype == np.uint8
    assert np.array_equal(ids == 255, confidence < np.float32(0.99))
    rows = legend(QgsRasterLayer(str(tmp_path / "map.tif"), "map"))
    assert rows[-1] == (255, "not sure", "#c8c8c8")
    assert len(rows) == 4
    reject = report_of(tmp_path)["choices"]["reject"]
    assert reject["pixels"] == (ids == 255).sum()
    assert any("LEAST_CONFIDENCE" in note for note in report_of(tmp_path)["notes"])
    assert f"255,not sure,,,,,,,,,,,,{reject['pixels']}," in (tmp_path / "report.csv").read_text("utf-8-sig")
    applied = {"INPUT": str(scene.raster), "CLASSIFIER": file, "DEVICE": "cpu", "LEAST_CONFIDENCE": 0.99}
    run("applyclassifier", {**applied, "OUTPUT": str(tmp_path / "again.tif"), "REPORT": str(tmp_path / "again.html")})
    assert (tmp_path / "again.tif").read_bytes() == (tmp_path / "map.tif").read_bytes()
    assert "are &#x27;not sure&#x27;" in (tmp_path / "again.html").read_text()
