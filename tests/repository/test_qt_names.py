# SPDX-License-Identifier: GPL-2.0-or-later
"""The check of our names against Qt 6 finds what it is there for, and passes what is right."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import check_qt_names  # noqa: E402

STUBS = {
    "QtCore": """
import enum
class QObject:
    def parent(self) -> 'QObject': ...
class Qt:
    class AlignmentFlag(enum.IntFlag):
        AlignLeft = ...
class QVariant: ...
class QThread(QObject):
    def start(self, priority: Qt|None, *rest: int, /) -> None: ...
""",
    "QtWidgets": """
from PyQt6 import QtCore
class QWidget(QtCore.QObject):
    def show(self) -> None: ...
""",
}


@pytest.fixture
def stubs(tmp_path):
    for name, text in STUBS.items():
        (tmp_path / f"{name}.pyi").write_text(text, encoding="utf-8")
    return check_qt_names.Stubs(tmp_path)


def complaints(stubs, tmp_path, text):
    file = tmp_path / "ours.py"
    file.write_text(text, encoding="utf-8")
    return [text for _, text in check_qt_names.complaints(check_qt_names.Source(file), stubs)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("from PyQt5.QtCore import Qt", "import from qgis.PyQt"),
        ("from qgis.PyQt.QtCore import QRegExp", "QtCore has no QRegExp"),
        ("from qgis.PyQt.QtWebKit import QWebView", "no module QtWebKit"),
        ("from qgis.PyQt.QtCore import Qt\nx = Qt.AlignLeft", "write Qt.AlignmentFlag.AlignLeft"),
        ("from qgis.PyQt.QtCore import Qt as Q\nx = Q.AlignmentFlag.AlignNowhere", "has no AlignNowhere"),
        ("from qgis.PyQt.QtWidgets import QWidget\nQWidget.hide", "QWidget has no hide"),
        ("from qgis.PyQt.QtCore import QVariant\nx = QVariant.Int", "QVariant has no Int"),
        ("from qgis.PyQt.QtCore import QVariant\nx = QVariant()", "is no null value"),
        ("dialog.exec_()", "use exec"),
        ("from qgis.core import QgsWkbTypes\nf(QgsWkbTypes.Point)", "QgsWkbTypes.<Enum>.Point"),
        ("from qgis.core import Qgis\ny = a == Qgis.Warning", "Qgis.<Enum>.Warning"),
    ],
)
def test_what_qt_6_has_not_is_named(stubs, tmp_path, text, expected):
    (complaint,) = complaints(stubs, tmp_path, text)
    assert expected in complaint


@pytest.mark.parametrize(
    "text",
    [
        "from qgis.PyQt.QtCore import Qt\nx = Qt.AlignmentFlag.AlignLeft.value",
        "from qgis.PyQt.QtWidgets import QWidget\nQWidget().show(); QWidget.parent",  # of the base, in another module
        "from qgis.PyQt.QtCore import QVariant\nx = QVariant.Type.Int  # Qt 5",
        "from qgis.core import QgsWkbTypes\ndef f() -> QgsWkbTypes.Type:\n    return g(QgsWkbTypes.Type.Point)",
        "from qgis.core import QgsProcessing, Qgis\nkinds = QgsProcessing.SourceType\nf(Qgis.QGIS_VERSION)",
        "from qgis.core import Qgis\ngetattr(Qgis.DataType, name)",
        "from qgis.core import QgsColorRampShader\nQgsColorRampShader.ColorRampItem(1)",
    ],
)
def test_what_is_right_passes(stubs, tmp_path, text):
    assert complaints(stubs, tmp_path, text) == []


def test_all_our_sources_that_qgis_loads_are_looked_at():
    tests = ROOT / "tests"  # those of the core name QGIS only in texts
    folders = [path for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith((".", "build", "dist"))]
    sources = {*ROOT.glob("*.py"), *(path for folder in folders for path in folder.rglob("*.py"))}
    shown = [p for p in sources if tests not in p.parents or tests / "qgis" in p.parents]
    with_qgis = {p for p in shown if "from qgis." in p.read_text("utf-8")}
    looked_at = {ROOT / place for place in check_qt_names.OURS}
    assert [path for path in with_qgis if not looked_at & {path, *path.parents}] == []
