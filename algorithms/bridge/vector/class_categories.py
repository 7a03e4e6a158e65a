# SPDX-License-Identifier: GPL-2.0-or-later
"""The categories that a layer draws its class field by: their values, names and colours.

Enters: a vector layer, on the thread that owns it. Leaves: rows of values, colour and label, which hold no layer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from qgis.core import QgsCategorizedSymbolRenderer, QgsVectorLayer
from qgis.PyQt.QtGui import QColor


@dataclass(frozen=True)
class ClassCategory:
    """A category of a layer.

    Attributes:
        value: Of the field, as the category has it: often text, also where the field has numbers; or a list of them.
        color: It is drawn in.
        label: In the legend.
    """

    value: Any
    color: QColor
    label: str

    @property
    def values(self) -> list[Any]:
        """One or more values of the field."""
        return self.value if isinstance(self.value, list) else [self.value]


def categories_by(layer: QgsVectorLayer | None, field: str) -> list[ClassCategory]:
    """The categories of a layer that is drawn by this field; empty where it is not.

    The field's name is looked for as QGIS does when it draws: as it is, then with other capitals, then as an alias.
    """
    renderer = None if layer is None else _renderer(layer)
    if layer is None or renderer is None:
        return []
    drawn_by = layer.fields().lookupField(renderer.classAttribute().strip().strip('"'))
    if drawn_by < 0 or drawn_by != layer.fields().lookupField(field):
        return []
    return [
        ClassCategory(category.value(), category.symbol().color(), category.label())
        for category in renderer.categories()
        if category.symbol() is not None
    ]


def _renderer(layer: QgsVectorLayer) -> QgsCategorizedSymbolRenderer | None:
    """The layer's renderer by categories.

    A layer that Processing has just loaded from a file is plain; what QGIS would load with it lies beside the file, or
    in its database. The layer is opened anew for that: a clone would copy its features, which fails on some.
    """
    renderer = layer.renderer()
    if isinstance(renderer, QgsCategorizedSymbolRenderer):
        return renderer.clone()
    if layer.providerType() == "memory":
        return None
    styled = QgsVectorLayer(layer.source(), layer.name(), layer.providerType())
    renderer = styled.renderer()
    return renderer.clone() if isinstance(renderer, QgsCategorizedSymbolRenderer) else None
