# SPDX-License-Identifier: GPL-2.0-or-later
"""A model of the graphical modeler that comes with the plugin."""

from __future__ import annotations

import re

from qgis.core import QgsProcessingModelAlgorithm
from qgis.PyQt.QtCore import QCoreApplication
from qgis.PyQt.QtGui import QIcon

from .algorithm import HELP, ROOT
from .help_text import help_text


class ShippedModel(QgsProcessingModelAlgorithm):
    """A model with an id that can be typed; QGIS's own class takes the title for the id, blanks and all."""

    def name(self) -> str:
        """Fixed id, made of the title's letters."""
        return re.sub(r"[^a-z0-9]", "", super().name().lower())

    def displayName(self) -> str:
        """Title."""
        return super().name()

    def group(self) -> str:
        """Heading in the toolbox, that of the steps; the file keeps its title only, and QGIS would show it twice."""
        return QCoreApplication.translate("Mtmsd", "Map a scene")

    def groupId(self) -> str:
        """Fixed id of the heading."""
        return "mapscene"

    def shortHelpString(self) -> str:
        """What it does; QGIS's own has tags in it, which qgis_process would print."""
        return help_text(self.helpContent().get("ALG_DESC", ""), self.parameterDefinitions())

    def helpUrl(self) -> str:
        """Its page in the user's guide."""
        return f"{HELP}{self.name()}.md"

    def createInstance(self) -> ShippedModel:
        """A copy of this model."""
        model = ShippedModel()
        model.loadVariant(self.toVariant())
        model.explain()
        return model

    def explain(self) -> None:
        """Give the parameters their help; the file has it apart from them."""
        texts = self.helpContent()
        for parameter in self.parameterDefinitions():
            if parameter.name() in texts:
                parameter.setHelp(texts[parameter.name()])

    def icon(self) -> QIcon:
        """That of all that we do: a model is the whole way."""
        return QIcon(self.svgIconPath())

    def svgIconPath(self) -> str:
        """Where the drawing lies."""
        return str(ROOT / "icons" / "mtmsd.svg")
