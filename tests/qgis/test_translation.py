# SPDX-License-Identifier: GPL-2.0-or-later
"""Every text that a user meets in toolbox and dialog can be translated."""

from __future__ import annotations

import pytest
from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QCoreApplication, QTranslator


class Marker(QTranslator):
    """Translates into the same text between marks, and remembers what it was asked for."""

    def __init__(self):
        super().__init__()
        self.asked = set()

    def isEmpty(self):
        return False

    def translate(self, context, text, disambiguation=None, n=-1):
        if context != "Mtmsd":
            return ""
        self.asked.add(text)
        return f"«{text}»"


@pytest.fixture
def marker(qgis):
    translator = Marker()
    provider = QgsApplication.processingRegistry().providerById("mtmsd")
    QCoreApplication.installTranslator(translator)
    provider.refreshAlgorithms()
    yield translator
    QCoreApplication.removeTranslator(translator)
    provider.refreshAlgorithms()


def texts_of(item):
    """Where -> text, of all that the toolbox, the dialog and qgis_process show of an algorithm."""
    texts = {"title": item.displayName(), "group": item.group(), "tags": ",".join(item.tags())}
    for parameter in item.parameterDefinitions():
        texts[f"{parameter.name()} title"] = parameter.description()
        texts[f"{parameter.name()} help"] = parameter.help()
        filters = getattr(parameter, "fileFilter", str)()
        if filters and filters != "All files (*.*)":  # QGIS's own
            texts[f"{parameter.name()} files"] = filters
    for output in item.outputDefinitions():
        texts[f"{output.name()} output"] = output.description()
    return texts


def test_every_text_is_translated(marker):
    provider = QgsApplication.processingRegistry().providerById("mtmsd")
    assert provider.longName().startswith("«")
    for item in provider.algorithms():
        plain = {where: text for where, text in texts_of(item).items() if not text.startswith("«")}
        assert (item.name(), plain) == (item.name(), {})
        panel = item.shortHelpString()
        assert panel.startswith("<p>«")
        assert panel.count("<p>") == panel.count("»</p>")  # what it does, and the help of every parameter
