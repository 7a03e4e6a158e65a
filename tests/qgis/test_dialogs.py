# SPDX-License-Identifier: GPL-2.0-or-later
"""The steps with the real worker, as a person starts them: in the dialog and in the batch panel."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from qgis.core import QgsApplication, QgsProcessingContext, QgsRasterLayer, QgsVectorLayer
from scenes import CLASSIFY, EXPECTED_LEGEND, PRETRAIN, categorize, legend, make_scene

pytestmark = pytest.mark.usefixtures("torch_python")


def test_batch_over_two_scenes(scene, tmp_path, project):
    from processing.gui.BatchAlgorithmDialog import BatchAlgorithmDialog
    from qgis.core import QgsProxyProgressTask
    from qgis.PyQt import sip

    (tmp_path / "other").mkdir()
    other = make_scene(tmp_path / "other")
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("mtmsd:pretraindiffusion")
    dialog = BatchAlgorithmDialog(algorithm)
    panel = dialog.mainWidget()
    panel.checkLoadLayersOnCompletion.setChecked(False)
    while panel.batchRowCount() < 2:
        panel.addRow()
    for row, raster in enumerate((scene.raster, other.raster)):
        for name, value in {"INPUT": str(raster), **PRETRAIN, "ITERATIONS": 1}.items():
            context = QgsProcessingContext()
            panel.wrappers[row][panel.parameter_to_column[name]].setParameterValue(value, context)
        widget = panel.tblParameters.cellWidget(row + 1, panel.parameter_to_column["OUTPUT"])
        widget.setValue(str(tmp_path / f"model{row}.mtmsd"))
    dialog.runAlgorithm()
    assert (tmp_path / "model0.mtmsd").is_file()
    assert (tmp_path / "model1.mtmsd").is_file()
    dialog.close()
    # QGIS 3.22's batch dialog leaves its progress task unfinished; exitQgis would wait for it for ever.
    for task in QgsApplication.taskManager().tasks():
        sip.cast(task, QgsProxyProgressTask).finalize(True)


def test_dialog_opened_filled_and_run(scene, features, tmp_path, project):
    from processing.gui.AlgorithmDialog import AlgorithmDialog
    from qgis.PyQt.QtWidgets import QApplication

    training = categorize(QgsVectorLayer(str(scene.polygons), "Training areas", "ogr"))
    raster = QgsRasterLayer(str(features), "Features")
    project.addMapLayers([training, raster])
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("mtmsd:classify")
    dialog = AlgorithmDialog(algorithm)
    dialog.resize(1000, 800)
    dialog.show()
    output = str(tmp_path / "map.tif")
    parameters = {"INPUT": raster.id(), "TRAINING": training.id(), "CLASS_FIELD": "cover", "OUTPUT": output}
    dialog.setParameters({**parameters, **CLASSIFY})
    QApplication.processEvents()
    save_screenshot(dialog, "classify_dialog.png")
    ended = []
    dialog.algorithmFinished.connect(lambda fine, results: ended.append((fine, results)))
    dialog.runAlgorithm()
    deadline = time.monotonic() + 120
    while not ended and time.monotonic() < deadline:
        QApplication.processEvents()
        time.sleep(0.02)
    save_screenshot(dialog, "classify_log.png")
    assert [fine for fine, _ in ended] == [True]
    assert ended[0][1]["OUTPUT"] == output
    loaded_maps = [layer for layer in project.mapLayers().values() if layer.source() == output]
    assert [legend(layer) for layer in loaded_maps] == [EXPECTED_LEGEND]
    dialog.close()


def test_every_dialog_opens(project):
    from processing.gui.AlgorithmDialog import AlgorithmDialog
    from qgis.PyQt.QtWidgets import QApplication, QGroupBox

    for item in QgsApplication.processingRegistry().providerById("mtmsd").algorithms():
        dialog = AlgorithmDialog(item.create())
        dialog.resize(1000, 1400)
        dialog.show()
        for box in dialog.findChildren(QGroupBox):
            box.setProperty("collapsed", False)
        QApplication.processEvents()
        save_screenshot(dialog, f"{item.name()}_dialog.png")
        assert dialog.mainWidget() is not None
        dialog.close()


def save_screenshot(widget, name):
    folder = os.environ.get("MTMSD_SCREENSHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        widget.grab().save(str(Path(folder) / name))
