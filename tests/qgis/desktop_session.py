# SPDX-License-Identifier: GPL-2.0-or-later
"""What a person does in the desktop, for test_desktop.py: QGIS runs this with --code once its window is there.

Reads the file that MTMSD_DESKTOP_SESSION names, JSON: "modules" (this folder), "scene", "training", "features" and
"model" (files), "folder" (for results and pictures). Writes folder/session.json: what was found, or "error".
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from pathlib import Path

from qgis.core import (
    Qgis,
    QgsApplication,
    QgsContrastEnhancement,
    QgsMultiBandColorRenderer,
    QgsProcessingContext,
    QgsProject,
    QgsRasterLayer,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QSize, Qt, QTimer
from qgis.PyQt.QtWidgets import QApplication, QDockWidget, QGraphicsView, QMessageBox, QTreeView
from qgis.utils import iface

TASK = json.loads(Path(os.environ["MTMSD_DESKTOP_SESSION"]).read_text("utf-8"))
sys.path.insert(0, TASK["modules"])
FOLDER = Path(TASK["folder"])


def main() -> None:
    """Do it all; whatever happens, say so and leave."""
    found: dict[str, object] = {}
    try:
        found = session()
    except Exception:
        found = {"error": traceback.format_exc()}
    (FOLDER / "session.json").write_text(json.dumps(found), encoding="utf-8")
    QgsProject.instance().clear()
    iface.actionExit().trigger()


def session() -> dict[str, object]:
    """Load layers, look into the toolbox, fill in the dialog, run it, look at the map."""
    window = iface.mainWindow()
    window.resize(QSize(1180, 720))
    for dock in window.findChildren(QDockWidget):
        dock.setVisible(dock.objectName() in ("Layers", "ProcessingToolbox"))
    iface.newProject()
    load_layers()
    titles = open_toolbox(window)
    show_whole_scene()
    save(window, "desktop_toolbox")
    found: dict[str, object] = {"toolbox": titles, **run_dialog(window)}
    save_dialogs()
    save_batch()
    save_designer()
    return found


def load_layers() -> None:
    """Scene, feature raster and training areas, as a person styles them."""
    from landscape import COLORS, TRUE_COLOUR
    from scenes import categorize

    scene = QgsRasterLayer(TASK["scene"], "Scene")
    renderer = QgsMultiBandColorRenderer(scene.dataProvider(), *TRUE_COLOUR)
    for give in (
        renderer.setRedContrastEnhancement,
        renderer.setGreenContrastEnhancement,
        renderer.setBlueContrastEnhancement,
    ):
        stretch = QgsContrastEnhancement(Qgis.DataType.UInt16)
        stretch.setContrastEnhancementAlgorithm(
            QgsContrastEnhancement.ContrastEnhancementAlgorithm.StretchToMinimumMaximum
        )
        stretch.setMinimumValue(0)
        stretch.setMaximumValue(2300)
        give(stretch)
    scene.setRenderer(renderer)
    training = categorize(QgsVectorLayer(TASK["training"], "Training areas", "ogr"), colors=COLORS, label=str)
    features = QgsRasterLayer(TASK["features"], "Features")
    QgsProject.instance().addMapLayers([training, scene, features])
    nodes = QgsProject.instance().layerTreeRoot()
    nodes.findLayer(features.id()).setItemVisibilityChecked(False)
    for layer in (scene, features):
        nodes.findLayer(layer.id()).setExpanded(False)
    iface.setActiveLayer(training)


def open_toolbox(window) -> list[str]:
    """The titles below our provider, with the toolbox scrolled there."""
    toolbox = next(dock for dock in window.findChildren(QDockWidget) if dock.objectName() == "ProcessingToolbox")
    toolbox.show()
    window.resizeDocks([toolbox], [330], Qt.Orientation.Horizontal)
    tree = toolbox.findChild(QTreeView)
    settle()
    model = tree.model()
    titles = []
    for row in range(model.rowCount()):
        provider = model.index(row, 0)
        if provider.data() == "MTMSD":
            tree.expandRecursively(provider)
            groups = [model.index(number, 0, provider) for number in range(model.rowCount(provider))]
            titles = [model.index(n, 0, group).data() for group in groups for n in range(model.rowCount(group))]
            tree.scrollTo(provider, tree.ScrollHint.PositionAtTop)
    settle()
    return titles


def show_whole_scene() -> None:
    """The map, as large as the window allows."""
    (scene,) = QgsProject.instance().mapLayersByName("Scene")
    iface.mapCanvas().setExtent(scene.extent())
    iface.mapCanvas().refresh()
    settle()
    wait_for(lambda: not iface.mapCanvas().isDrawing())


def run_dialog(window) -> dict[str, object]:
    """Fill the dialog of the classification in, run it, and look at the layers that it loads."""
    import processing

    names = {layer.name(): layer.id() for layer in QgsProject.instance().mapLayers().values()}
    dialog = processing.createAlgorithmDialog(
        "mtmsd:classify",
        {
            "INPUT": names["Features"], "TRAINING": names["Training areas"], "CLASS_FIELD": "cover", "DEVICE": "cpu",
            "CONFIDENCE": "TEMPORARY_OUTPUT",
        },
    )  # fmt: skip
    dialog.resize(QSize(920, 640))
    dialog.show()
    settle()
    save(dialog, "dialog_classify")
    ended: list[tuple[bool, dict]] = []
    dialog.algorithmFinished.connect(lambda fine, results: ended.append((fine, results)))
    dialog.runAlgorithm()
    wait_for(lambda: ended)
    settle()
    save(dialog, "dialog_log")
    dialog.close()
    # Results are named after their scene: "Class map – scene".
    layers = {layer.name().split(" – ")[0]: layer for layer in QgsProject.instance().mapLayers().values()}
    arrange(window, layers)
    save(window, "desktop_map")
    legend = layers["Class map"].renderer().classes() if "Class map" in layers else []
    return {
        "ended": [fine for fine, _ in ended],
        "oa": ended[0][1].get("OA") if ended else None,
        "legend": [[row.value, row.label, row.color.name()] for row in legend],
        "layers": sorted(layers),
    }


def arrange(window, layers) -> None:
    """The class map alone, with its legend, and room for it."""
    nodes = QgsProject.instance().layerTreeRoot()
    for name, layer in layers.items():
        node = nodes.findLayer(layer.id())
        node.setItemVisibilityChecked(name == "Class map")
        node.setExpanded(name in ("Class map", "Confidence"))
    for dock in window.findChildren(QDockWidget):
        dock.setVisible(dock.objectName() == "Layers")
    iface.messageBar().clearWidgets()
    show_whole_scene()


def save_dialogs() -> None:
    """Every dialog, with the layers that a person would choose."""
    import processing

    QgsProject.instance().addMapLayer(
        QgsVectorLayer("Point?crs=EPSG:32632&field=cover:string", "Reference points", "memory")
    )
    layers = {layer.name().split(" – ")[0]: layer.id() for layer in QgsProject.instance().mapLayers().values()}
    usual = {"TRAINING": layers["Training areas"], "CLASS_FIELD": "cover", "REFERENCE": layers["Reference points"]}
    chosen = {name: {"MODEL": "scene.mtmsd"} for name in ("extractfeatures", "explorefeatures")}
    chosen |= {"assessaccuracy": {"INPUT": layers["Class map"]}}
    for item in QgsApplication.processingRegistry().providerById("mtmsd").algorithms():
        if item.name() != "classify":  # that one is taken before its run
            kinds = {parameter.name(): parameter.type() for parameter in item.parameterDefinitions()}
            inputs = {"raster": layers["Scene"], "source": layers["Training areas"]}
            values = {name: value for name, value in usual.items() if name in kinds}
            if kinds.get("INPUT") in inputs:
                values["INPUT"] = inputs[kinds["INPUT"]]
            dialog = processing.createAlgorithmDialog(item.id(), {**values, **chosen.get(item.name(), {})})
            dialog.resize(QSize(920, 640))
            dialog.show()
            settle(0.3)
            save(dialog, f"dialog_{item.name()}")
            dialog.close()


def save_batch() -> None:
    """The batch panel with one model for two scenes."""
    from dialogs import batch_dialog

    dialog = batch_dialog("extractfeatures")
    panel = dialog.mainWidget()
    while panel.batchRowCount() < 2:
        panel.addRow()
    columns = panel.parameter_to_column
    for row, month in enumerate(("june", "july")):
        for parameter, value in {"INPUT": f"scene_{month}.tif", "MODEL": "scene_june.mtmsd"}.items():
            panel.wrappers[row][columns[parameter]].setParameterValue(value, QgsProcessingContext())
        panel.tblParameters.cellWidget(row + 1, columns["OUTPUT"]).setValue(f"features_{month}.tif")
    dialog.show()
    settle()
    dialog.resize(QSize(1120, 400))
    for parameter in ("INPUT", "MODEL", "OUTPUT"):
        panel.tblParameters.setColumnWidth(columns[parameter], 230)
    settle()
    save(dialog, "dialog_batch")
    dialog.close()


def save_designer() -> None:
    """The shipped model in the model designer."""
    from processing.modeler.ModelerDialog import ModelerDialog

    model = QgsApplication.processingRegistry().createAlgorithmById("mtmsd:scenetoclassmap")
    designer = ModelerDialog.create(model)
    designer.resize(QSize(1180, 480))
    designer.show()
    settle()
    for dock in designer.findChildren(QDockWidget):
        dock.hide()
    view = designer.findChild(QGraphicsView)
    view.fitInView(view.scene().itemsBoundingRect(), Qt.AspectRatioMode.KeepAspectRatio)
    settle()
    save(designer, "desktop_designer")
    designer.setDirty(False)
    designer.close()


def settle(seconds: float = 0.6) -> None:
    """Let the window draw itself."""
    wait_for(lambda: False, seconds)


def wait_for(happened, seconds: float = 120.0) -> None:
    """Go on with the window's events until it has happened or the time is over."""
    end = time.monotonic() + seconds
    while not happened() and time.monotonic() < end:
        QApplication.processEvents()
        time.sleep(0.02)


def save(widget, name: str) -> None:
    """A picture of a window."""
    widget.grab().save(str(FOLDER / f"{name}.png"))


def dismiss() -> None:
    """Nobody is there to answer a message box: answer it, so that the session cannot hang."""
    box = QApplication.activeModalWidget()
    if isinstance(box, QMessageBox):
        box.accept()


ANSWERER = QTimer()
ANSWERER.timeout.connect(dismiss)
ANSWERER.start(500)
QTimer.singleShot(1500, main)
