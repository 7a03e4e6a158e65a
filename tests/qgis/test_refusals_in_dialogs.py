# SPDX-License-Identifier: GPL-2.0-or-later
"""What a person sees in the dialog where an input cannot be used, and areas of pixels."""

from __future__ import annotations

import time

import pytest
from dialogs import algorithm_dialog
from qgis.core import QgsRasterLayer, QgsVectorLayer
from scenes import vector_layer, write_raster

WAIT_SECONDS = 60


def words_after_running(name, parameters) -> tuple[bool, str]:
    """Whether the dialog's run succeeded, and the text of its log and of the bar that says why nothing was run."""
    from qgis.PyQt.QtWidgets import QApplication, QTextEdit

    dialog = algorithm_dialog(name)
    dialog.setParameters(parameters)
    dialog.runAlgorithm()
    deadline = time.monotonic() + WAIT_SECONDS
    text = ""
    while "Execution " not in text and time.monotonic() < deadline:
        QApplication.processEvents()
        time.sleep(0.02)
        bar = dialog.messageBar().currentItem()
        if bar is not None:  # refused before anything was run
            text = bar.text()
            break
        text = "\n".join(widget.toPlainText() for widget in dialog.findChildren(QTextEdit))
    dialog.close()
    return "Execution completed" in text, text


def test_each_refusal_is_said_once_in_the_dialog_and_leaves_nothing(scene, tmp_path, project, fake_worker):
    fake_worker("sys.exit(9)")
    raster = QgsRasterLayer(str(scene.raster), "Scene")
    samples = QgsVectorLayer(str(scene.polygons), "Training areas", "ogr")
    nothing = vector_layer([], "Polygon")
    no_model = tmp_path / "none.mtmsd"
    no_model.write_text("no model")
    project.addMapLayers([raster, samples, nothing])
    out = tmp_path / "out"
    out.mkdir()
    cases = [
        ("pretraindiffusion", {"INPUT": raster.id(), "PATCH_SIZE": 256, "OUTPUT": str(out / "m.mtmsd")}, "256 x 256"),
        (
            "extractfeatures",
            {"INPUT": raster.id(), "MODEL": str(no_model), "OUTPUT": str(out / "f.tif")},
            "is not a diffusion model. A .mtmsd file written by",
        ),
        (
            "classify",
            {"INPUT": raster.id(), "TRAINING": nothing.id(), "CLASS_FIELD": "cover", "OUTPUT": str(out / "c.tif")},
            "no usable feature was found",
        ),
    ]
    for name, parameters, words in cases:
        fine, text = words_after_running(name, parameters)
        assert not fine, name
        assert text.count(words) == 1, (name, text)
    assert list(out.iterdir()) == []


@pytest.mark.parametrize(("epsg", "expected"), [(32633, 600.0), (4326, None), (None, None)])
def test_a_pixel_has_an_area_where_its_crs_has_metres(tmp_path, epsg, expected):
    import numpy as np
    from mtmsd.algorithms.bridge.raster.source import describe_raster

    path = tmp_path / "r.tif"
    write_raster(path, np.ones((2, 4, 5), np.uint8), transform=(10.0, 20.0, 0.0, 50.0, 0.0, -30.0), epsg=epsg)
    layer = QgsRasterLayer(str(path), "r")
    assert describe_raster(layer).grid.pixel_area_m2 == expected
