# SPDX-License-Identifier: GPL-2.0-or-later
"""Adds the provider to QGIS and takes it away again; does nothing else at load."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QCoreApplication

from .algorithms.base.translation import install_translator
from .algorithms.provider import MtmsdProvider

if TYPE_CHECKING:
    from qgis.gui import QgisInterface
    from qgis.PyQt.QtCore import QTranslator


class MtmsdPlugin:
    """What QGIS loads."""

    def __init__(self, iface: QgisInterface | None) -> None:
        """Keep nothing: the provider needs no window."""
        self.provider: MtmsdProvider | None = None
        self.translator: QTranslator | None = None

    def initProcessing(self) -> None:
        """Register the provider; all that qgis_process calls."""
        self.translator = install_translator()  # before the algorithms take their titles
        self.provider = MtmsdProvider()
        QgsApplication.processingRegistry().addProvider(self.provider)
        # A model looks its steps up in the registry, which knows them only now.
        self.provider.refreshAlgorithms()

    def initGui(self) -> None:
        """Register the provider in the desktop."""
        self.initProcessing()

    def unload(self) -> None:
        """Take the provider away."""
        if self.provider is not None:
            QgsApplication.processingRegistry().removeProvider(self.provider)
            self.provider = None
        if self.translator is not None:
            QCoreApplication.removeTranslator(self.translator)
            self.translator = None
