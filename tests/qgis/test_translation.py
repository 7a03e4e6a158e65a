# SPDX-License-Identifier: GPL-2.0-or-later
"""Every text that a user meets in toolbox and dialog can be translated, and is, to German."""

from __future__ import annotations

import subprocess
import sys

import pytest
from harness import PLUGIN, PROGRAM, ROOT
from qgis.core import QgsApplication, QgsSettings
from qgis.PyQt.QtCore import QCoreApplication, QTranslator

sys.path.insert(0, str(ROOT / "scripts"))

import translations


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


@pytest.fixture
def speak(qgis):
    """A function that starts the plugin anew in a language, and returns its algorithms by name."""
    settings = QgsSettings()

    def start(language):
        qgis.mtmsd_plugin.unload()
        settings.setValue("locale/overrideFlag", True)
        settings.setValue("locale/userLocale", language)
        qgis.mtmsd_plugin.initProcessing()
        return {item.name(): item for item in QgsApplication.processingRegistry().providerById("mtmsd").algorithms()}

    yield start
    qgis.mtmsd_plugin.unload()
    settings.remove("locale")
    qgis.mtmsd_plugin.initProcessing()


@pytest.mark.parametrize("language", ["de", "de_CH"])
def test_german_by_the_language_of_qgis(speak, language):
    german = speak(language)
    assert german["classify"].displayName() == "3 Diffusionsmerkmale klassifizieren"
    assert german["classify"].parameterDefinition("TRAINING").description() == "Trainingslayer"
    assert "Überwachte Klassifikation" in german["classify"].shortHelpString()
    assert german["scenetoclassmap"].displayName() == "Von der Szene zur Klassenkarte"
    assert german["scenetoclassmap"].name() == "scenetoclassmap"  # ids stay
    assert german["classify"].parameterDefinition("SPLIT").options()[0] == "none"  # and so do the words of scripts


def test_english_where_there_is_no_translation(speak, monkeypatch, tmp_path):
    assert speak("fi")["classify"].displayName() == "3 Classify diffusion features"
    from mtmsd.algorithms.base import translation

    monkeypatch.setattr(translation, "PLACE", tmp_path / "gone")
    assert speak("de")["classify"].displayName() == "3 Classify diffusion features"


def test_compiled_translation_is_in_step_with_its_source():
    translator = QTranslator()
    assert translator.load(str(PLUGIN / "i18n" / "mtmsd_de.qm"))
    known = translations.read(ROOT / "i18n" / "mtmsd_de.ts")
    stale = [text for text, german in known.items() if translator.translate("Mtmsd", text) != german]
    assert stale == [], "run make translate"


def test_qgis_process_speaks_german_too(qgis_process):
    environment = {**qgis_process.environment, "LANG": "de_DE.UTF-8", "LC_ALL": "de_DE.UTF-8"}
    printed = subprocess.run([PROGRAM, "help", "mtmsd:classify"], env=environment, capture_output=True, check=True)
    assert "3 Diffusionsmerkmale klassifizieren" in printed.stdout.decode("utf-8", "replace")
