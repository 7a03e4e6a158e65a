# SPDX-License-Identifier: GPL-2.0-or-later
"""The steps with the real worker, as a person starts them: in the dialog and in the batch panel."""

from __future__ import annotations

import json
import os
import time
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from dialogs import algorithm_dialog, batch_dialog
from qgis.core import Qgis, QgsApplication, QgsProcessingContext, QgsRasterLayer, QgsVectorLayer
from scenes import (
    CLASSIFY,
    EXPECTED_LEGEND,
    EXTRACT,
    PRETRAIN,
    categorize,
    legend,
    make_scene,
    read_raster,
    run,
    write_raster,
)

pytestmark = pytest.mark.usefixtures("torch_python")


def run_batch(name, rows, output="OUTPUT"):
    """Fill the batch panel of an algorithm in, a row of values each, and run it until all have their output."""
    from qgis.core import QgsProxyProgressTask
    from qgis.PyQt import sip

    dialog = batch_dialog(name)
    panel = dialog.mainWidget()
    panel.checkLoadLayersOnCompletion.setChecked(False)
    while panel.batchRowCount() < len(rows):
        panel.addRow()
    for row, values in enumerate(rows):
        for parameter, value in values.items():
            column = panel.parameter_to_column[parameter]
            if panel.alg.parameterDefinition(parameter).isDestination():
                panel.tblParameters.cellWidget(row + 1, column).setValue(str(value))
            else:
                panel.wrappers[row][column].setParameterValue(value, QgsProcessingContext())
    # QGIS 3.22 trips over the reports that a batch has written, when it comes to list them: all rows have run by then.
    trips = output == "REPORT" and Qgis.QGIS_VERSION_INT < 33600
    with pytest.raises(TypeError, match="timestamp") if trips else nullcontext():
        dialog.runAlgorithm()
    wait_for(lambda: all(Path(values[output]).is_file() for values in rows))  # QGIS 3.40 runs the rows in a task
    if Qgis.QGIS_VERSION_INT < 33600:
        # QGIS 3.22's batch dialog leaves its progress task unfinished; exitQgis would wait for it for ever.
        for task in QgsApplication.taskManager().tasks():
            sip.cast(task, QgsProxyProgressTask).finalize(True)
    wait_for(lambda: not QgsApplication.taskManager().countActiveTasks())
    if not sip.isdeleted(dialog):  # QGIS 3.44 has done so by itself
        dialog.close()


def wait_for(happened):
    """Go on with the window's events until it has happened."""
    from qgis.PyQt.QtWidgets import QApplication

    deadline = time.monotonic() + 120
    while not happened() and time.monotonic() < deadline:
        QApplication.processEvents()
        time.sleep(0.02)


@pytest.fixture
def two_scenes(scene, tmp_path):
    (tmp_path / "other").mkdir()
    return [str(scene.raster), str(make_scene(tmp_path / "other").raster)]


def test_batch_over_two_scenes(two_scenes, tmp_path, project):
    settings = {**PRETRAIN, "ITERATIONS": 1}
    outputs = [tmp_path / "model0.mtmsd", tmp_path / "model1.mtmsd"]
    run_batch("pretraindiffusion", [{"INPUT": r, "OUTPUT": o, **settings} for r, o in zip(two_scenes, outputs)])
    assert [path.is_file() for path in outputs] == [True, True]


def test_batch_with_one_model_for_two_scenes(two_scenes, model, features, tmp_path, project):
    outputs = [tmp_path / "features0.tif", tmp_path / "features1.tif"]
    same = {"MODEL": str(model), **EXTRACT}
    run_batch("extractfeatures", [{"INPUT": r, "OUTPUT": o, **same} for r, o in zip(two_scenes, outputs)])
    for path in outputs:  # the two scenes are alike, and so are their features
        assert np.array_equal(read_raster(path), read_raster(features))


def test_batch_with_one_classifier_for_two_rasters(scene, features, tmp_path, project):
    learnt, first = tmp_path / "fields.mtmsdc", tmp_path / "map.tif"
    training = {"INPUT": str(features), "TRAINING": str(scene.polygons), "CLASS_FIELD": "cover"}
    run("classify", {**training, **CLASSIFY, "OUTPUT": str(first), "OUTPUT_CLASSIFIER": str(learnt)})
    outputs = [tmp_path / "map0.tif", tmp_path / "map1.tif"]
    same = {"CLASSIFIER": str(learnt), "DEVICE": "cpu"}
    run_batch("applyclassifier", [{"INPUT": str(features), "OUTPUT": o, **same} for o in outputs])
    for path in outputs:
        assert np.array_equal(read_raster(path), read_raster(first))


def test_batch_with_extra_rasters(scene, features, tmp_path, project):
    """Each row has its own, or none."""
    size = read_raster(scene.raster).shape[1:]
    heights = [
        str(write_raster(tmp_path / f"heights{i}.tif", np.random.default_rng(i).normal(size=(1, *size)).astype("f4")))
        for i in range(2)
    ]
    training = {"INPUT": str(features), "TRAINING": str(scene.polygons), "CLASS_FIELD": "cover", "DEVICE": "cpu"}
    extras = [{"EXTRA": [each], "EXTRA_USE": "always"} for each in heights]
    outputs = [
        {"OUTPUT": tmp_path / f"map{i}.tif", "OUTPUT_CLASSIFIER": tmp_path / f"learnt{i}.mtmsdc"} for i in range(3)
    ]
    run_batch("classify", [{**training, **extra, **files} for extra, files in zip([*extras, {}], outputs)])
    for i, extra in enumerate([*extras, {}]):
        alone = tmp_path / f"alone{i}.tif"
        run("classify", {**training, **extra, "OUTPUT": str(alone)})
        assert np.array_equal(read_raster(outputs[i]["OUTPUT"]), read_raster(alone))
    learnt = [files["OUTPUT_CLASSIFIER"].read_bytes() for files in outputs]
    used = [[name in content for name in (b"heights0", b"heights1")] for content in learnt]
    assert used == [[True, False], [False, True], [False, False]]


def test_batch_of_reports_on_the_features_of_two_scenes(two_scenes, model, tmp_path, project):
    reports = [tmp_path / "report0.html", tmp_path / "report1.html"]
    same = {"MODEL": str(model), "TIMESTEPS": "100", "STAGES": "5", "DEVICE": "cpu"}
    run_batch("explorefeatures", [{"INPUT": r, "REPORT": o, **same} for r, o in zip(two_scenes, reports)], "REPORT")
    first, second = (json.loads(path.with_suffix(".json").read_text("utf-8")) for path in reports)
    assert first["cells"] == second["cells"]  # the two scenes are alike


def test_dialog_opened_filled_and_run(scene, features, tmp_path, project):
    from qgis.PyQt.QtWidgets import QApplication

    training = categorize(QgsVectorLayer(str(scene.polygons), "Training areas", "ogr"))
    raster = QgsRasterLayer(str(features), "Features")
    project.addMapLayers([training, raster])
    dialog = algorithm_dialog("classify")
    dialog.resize(1000, 800)
    dialog.show()
    output = str(tmp_path / "map.tif")
    parameters = {"INPUT": raster.id(), "TRAINING": training.id(), "CLASS_FIELD": "cover", "OUTPUT": output}
    dialog.setParameters({**parameters, **CLASSIFY})
    QApplication.processEvents()
    save_screenshot(dialog, "classify_filled_in.png")
    ended = []
    dialog.algorithmFinished.connect(lambda fine, results: ended.append((fine, results)))
    dialog.runAlgorithm()
    wait_for(lambda: ended)
    save_screenshot(dialog, "classify_log.png")
    assert [fine for fine, _ in ended] == [True]
    assert ended[0][1]["OUTPUT"] == output
    loaded_maps = [layer for layer in project.mapLayers().values() if layer.source() == output]
    assert [legend(layer) for layer in loaded_maps] == [EXPECTED_LEGEND]
    dialog.close()


def test_centimetres_can_be_typed_where_samples_are_split(scene, project):
    layer = QgsVectorLayer(str(scene.polygons), "samples", "ogr")
    project.addMapLayer(layer)
    dialog = algorithm_dialog("splitsamples")
    dialog.setParameters({"INPUT": layer.id(), "CLASS_FIELD": "cover", "BUFFER": 0.05, "BLOCK_SIZE": 0.25})
    asked = dialog.createProcessingParameters()
    assert (asked["BUFFER"], asked["BLOCK_SIZE"]) == (0.05, 0.25)
    dialog.close()


def test_every_dialog_opens(project):
    from qgis.PyQt.QtWidgets import QApplication, QGroupBox

    for item in QgsApplication.processingRegistry().providerById("mtmsd").algorithms():
        dialog = algorithm_dialog(item.name())
        dialog.resize(1000, 1400)
        dialog.show()
        for box in dialog.findChildren(QGroupBox):
            box.setProperty("collapsed", False)
        QApplication.processEvents()
        save_screenshot(dialog, f"{item.name()}_all_parameters.png")
        assert dialog.mainWidget() is not None
        dialog.close()


def save_screenshot(widget, name):
    folder = os.environ.get("MTMSD_SCREENSHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        widget.grab().save(str(Path(folder) / name))
