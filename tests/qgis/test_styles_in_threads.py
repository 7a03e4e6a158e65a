# SPDX-License-Identifier: GPL-2.0-or-later
"""Styles are saved on the main thread, wherever an algorithm runs, and no window asks about them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import sys
from pathlib import Path
tests, folder, way = sys.argv[1:]
sys.path.insert(0, tests)
import conftest
from harness import start_qgis
application = start_qgis()
import processing
from qgis.core import QgsApplication, QgsProcessingAlgRunnerTask, QgsProcessingContext, QgsProject, QgsTask
from qgis.core import QgsVectorLayer
from qgis.PyQt.QtCore import QEventLoop
from scenes import COLORS, Log, categorize, save_layer
from split_layers import points

path = save_layer(points(10, values=tuple(COLORS)), Path(folder, "all.gpkg"))
layer = categorize(QgsVectorLayer(str(path), "all", "ogr"))
layer.saveStyleToDatabase("classes", "of the user", True, "")
QgsProject.instance().addMapLayer(layer)
parameters = {"INPUT": layer.id(), "CLASS_FIELD": "cover", "METHOD": "random"}
names = ("training", "validation")
for name in names:
    parameters["OUTPUT_" + name.upper()] = f"ogr:dbname='{path}' table=\\"{name}\\" (geom)"
algorithm = QgsApplication.processingRegistry().algorithmById("mtmsd:splitsamples")
context = QgsProcessingContext()
context.setProject(QgsProject.instance())
for _ in range(3):
    log, loop, ends = Log(), QEventLoop(), []
    if way == "dialog":
        task = QgsProcessingAlgRunnerTask(algorithm, parameters, context, log)
        task.executed.connect(lambda fine, results: (ends.append(fine), loop.quit()))
    else:
        def work(task):
            processing.run(algorithm.create(), parameters, feedback=log)

        def ended(error, *_):
            ends.append(error is None)
            loop.quit()

        task = QgsTask.fromFunction("split", work, on_finished=ended)
    QgsApplication.taskManager().addTask(task)
    (loop.exec if hasattr(loop, "exec") else loop.exec_)()
    assert ends == [True], log.text
    application.processEvents()
    for name in names:
        part = QgsVectorLayer(f"{path}|layername={name}", name, "ogr")
        part.loadDefaultStyle()
        assert {c.value(): c.symbol().color().name() for c in part.renderer().categories()} == COLORS
        count, _, styles, *_ = part.listStylesInDatabase()
        assert styles[:count] == ["classes"], styles
        QgsProject.instance().addMapLayer(part)
assert QgsVectorLayer(f"{path}|layername=all", "all", "ogr").listStylesInDatabase()[3][0] == "of the user"
print("all is well")
"""


@pytest.mark.parametrize("way", ["dialog", "script"])
def test_splitting_again_into_one_geopackage_from_a_background_task(tmp_path, way):
    """In a process of its own, as the fault took QGIS down or had it wait for an answer."""
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    arguments = [sys.executable, str(program), str(Path(__file__).parent), str(tmp_path), way]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=300)
    assert done.stdout.strip().endswith("all is well"), (done.returncode, done.stdout[-2000:], done.stderr[-3000:])


def test_a_style_of_somebody_else_in_the_table_stays(tmp_path):
    from mtmsd.algorithms.bridge.layers.saved_styles import save_styles
    from mtmsd.algorithms.bridge.vector.sample_styles import categories_of
    from qgis.core import QgsVectorLayer
    from scenes import COLORS, categorize, save_layer
    from split_layers import points

    layer = categorize(points(10, values=tuple(COLORS)))
    path = save_layer(layer, tmp_path / "all.gpkg")
    QgsVectorLayer(str(path), "all", "ogr").saveStyleToDatabase("classes", "of the user", True, "")
    for _ in range(2):
        assert save_styles([(str(path), categories_of(layer, "cover"))]) == []
    count, _, names, descriptions, _ = QgsVectorLayer(str(path), "all", "ogr").listStylesInDatabase()
    assert sorted(zip(names[:count], descriptions)) == [
        ("classes", "of the user"),
        ("classes 2", "Written by MTMSD for QGIS"),
    ]
