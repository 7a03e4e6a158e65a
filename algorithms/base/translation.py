# SPDX-License-Identifier: GPL-2.0-or-later
"""The user's language: titles, help and choices of the algorithms. Logs, errors and reports are in English."""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QCoreApplication, QLocale, QTranslator

PLACE = Path(__file__).resolve().parents[2] / "i18n"
_CONTEXT = "Mtmsd"  # one for all classes, so that a base class translates for its children


def tr(text: str) -> str:
    """The text in the user's language, or as it is."""
    return QCoreApplication.translate(_CONTEXT, text)


def translatable(text: str) -> str:
    """The text as it is, marked for the translators; tr translates it where it is shown."""
    return text


def install_translator() -> QTranslator | None:
    """Put our texts in the language that QGIS is set to; None where we have none for it."""
    translator = QTranslator()
    if not translator.load(QLocale(QgsApplication.locale()), "mtmsd", "_", str(PLACE)):
        return None
    QCoreApplication.installTranslator(translator)
    return translator  # to be kept: Qt does not
