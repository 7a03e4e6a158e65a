# SPDX-License-Identifier: GPL-2.0-or-later
"""A run is cancelled from a script, in the dialog, in the batch panel and by Ctrl-C: it ends, and leaves nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from dialogs import algorithm_dialog, batch_dialog
from harness import PROGRAM, make_importable, start_qgis
from qgis.core import QgsProcessingContext, QgsProcessingException
from qgis.PyQt.QtCore import QTimer
from qgis.PyQt.QtWidgets import QApplication, QPushButton, QTextEdit
from scenes import CLASSIFY, PRETRAIN, Log, job_folders, run

pytestmark = pytest.mark.usefixtures("torch_python")

LONG = {**PRETRAIN, "ITERATIONS": 100_000}
# Two seconds on a machine of one's own: docs/reliability.md. Where others are at work, a worker that keeps its
# checkpoint is given 30; the runs would go on for many minutes.
MOST_SECONDS = 60.0


def workers(parent):
    """Children of a process that are workers at work."""
    found = []
    for children in Path(f"/proc/{parent}/task").glob("*/children"):
        for pid in children.read_text().split():
            try:
                line = Path(f"/proc/{pid}/cmdline").read_text()
            except OSError:
                continue
            found += [int(pid)] if "worker.py" in line and "--probe" not in line else []
    return found


def judge(output, asked, worker):
    assert time.monotonic() - asked < MOST_SECONDS
    assert not Path(f"/proc/{worker}").exists() or "\nState:\tZ" in Path(f"/proc/{worker}/status").read_text()
    assert [path.name for path in output.parent.iterdir()] == [f"{output.name}.checkpoint"]


class Impatient:
    """Clicks a dialog's cancel button once its log tells of a loss."""

    def __init__(self, dialog):
        self.asked, self.worker = 0.0, 0
        self._dialog = dialog
        self._timer = QTimer()
        self._timer.timeout.connect(self._look)
        self._timer.start(50)

    def _look(self):
        self.worker = self.worker or next(iter(workers(os.getpid())), 0)
        trains = any(", loss " in edit.toPlainText() for edit in self._dialog.findChildren(QTextEdit))
        if self.worker and trains:
            self._timer.stop()
            self.asked = time.monotonic()
            buttons = self._dialog.findChildren(QPushButton)
            button = next(button for button in buttons if button.text().replace("&", "") == "Cancel")
            self._timer.timeout.disconnect()  # and let go of the dialog: at the end of Python it would go too late
            self._dialog = None
            button.click()


def test_in_the_dialog(scene, tmp_path, project):
    output = tmp_path / "m.mtmsd"
    dialog = algorithm_dialog("pretraindiffusion")
    dialog.show()
    dialog.setParameters({"INPUT": str(scene.raster), "OUTPUT": str(output), **LONG})
    ended, impatient = [], Impatient(dialog)
    dialog.algorithmFinished.connect(lambda fine, results: ended.append(fine))
    dialog.runAlgorithm()
    deadline = time.monotonic() + 120
    while not ended and time.monotonic() < deadline:
        QApplication.processEvents()
        time.sleep(0.02)
    assert ended == [False]
    judge(output, impatient.asked, impatient.worker)
    dialog.close()


def test_in_the_batch_panel(scene, tmp_path):
    """In a QGIS of its own, as a batch dialog that was cancelled makes QGIS 3.22 crash at its very end."""
    command = [sys.executable, __file__, str(scene.raster), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr


def cancel_in_the_batch_panel(raster, folder):
    outputs = [folder / "m.mtmsd", folder / "n.mtmsd"]
    dialog = batch_dialog("pretraindiffusion")
    panel = dialog.mainWidget()
    panel.checkLoadLayersOnCompletion.setChecked(False)
    while panel.batchRowCount() < 2:
        panel.addRow()
    for row, output in enumerate(outputs):
        for name, value in {"INPUT": raster, **LONG}.items():
            panel.wrappers[row][panel.parameter_to_column[name]].setParameterValue(value, QgsProcessingContext())
        panel.tblParameters.cellWidget(row + 1, panel.parameter_to_column["OUTPUT"]).setValue(str(output))
    impatient = Impatient(dialog)
    dialog.runAlgorithm()  # in the window's own thread in QGIS 3.22, in one of its own in later ones
    deadline = time.monotonic() + 120
    while not (impatient.asked and not workers(os.getpid())) and time.monotonic() < deadline:
        QApplication.processEvents()
        time.sleep(0.02)
    judge(outputs[0], impatient.asked, impatient.worker)


def test_by_ctrl_c_in_qgis_process(qgis_process, scene, tmp_path):
    output = tmp_path / "m.mtmsd"
    values = [f"{name}={value}" for name, value in {"INPUT": scene.raster, "OUTPUT": output, **LONG}.items()]
    process = subprocess.Popen(
        [PROGRAM, "run", "mtmsd:pretraindiffusion", "--", *values],
        env=qgis_process.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    for line in process.stdout:
        if "of the variance" in line:  # the last line of the log before the training
            break
    time.sleep(1)
    (worker,) = workers(process.pid)
    asked = time.monotonic()
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=300)
    assert process.returncode != 0
    assert "Cancelled" in rest
    judge(output, asked, worker)


if __name__ == "__main__":
    make_importable()
    application = start_qgis()
    cancel_in_the_batch_panel(sys.argv[1], Path(sys.argv[2]))
    os._exit(0)


@pytest.mark.parametrize("algorithm", ["pretraindiffusion", "extractfeatures", "explorefeatures", "classify"])
def test_cancel_is_quick_and_leaves_nothing(scene, model, features, tmp_path, algorithm):
    parameters, percent = {
        "pretraindiffusion": (
            {"INPUT": str(scene.raster), "OUTPUT": str(tmp_path / "m.mtmsd"), **PRETRAIN, "ITERATIONS": 2000},
            9,
        ),
        "extractfeatures": (
            {"INPUT": str(scene.raster), "MODEL": str(model), "OUTPUT": str(tmp_path / "f.tif"), "DEVICE": "cpu"},
            20,
        ),
        "explorefeatures": (
            {"INPUT": str(scene.raster), "MODEL": str(model), "REPORT": str(tmp_path / "r.html"), "DEVICE": "cpu"},
            12,
        ),
        "classify": (
            {
                "INPUT": str(features), "TRAINING": str(scene.polygons), "CLASS_FIELD": "cover",
                "OUTPUT": str(tmp_path / "map.tif"), **CLASSIFY, "CLASSIFIER": "mtmsd", "EPOCHS": 10000,
            },
            19,
        ),
    }[algorithm]  # fmt: skip
    log = Log(cancel_at_percent=percent)
    cancelled = []
    log.canceled.connect(lambda: cancelled.append(time.monotonic()))
    with pytest.raises(QgsProcessingException, match="Cancelled"):
        run(algorithm, parameters, log)
    assert time.monotonic() - cancelled[0] < 10  # the grace of a worker that does not listen is 1.2 s
    assert [path.name for path in tmp_path.iterdir() if path.suffix != ".checkpoint"] == []
    assert job_folders() == []
