# SPDX-License-Identifier: GPL-2.0-or-later
"""Names and colours of a sample layer's classes, kept in the layers that are made of it.

The classifier takes both from the categories of its training layer, so a part of a layer should have those of the
whole.
"""

from __future__ import annotations

from qgis.core import QgsCategorizedSymbolRenderer, QgsMapLayer, QgsRendererCategory, QgsSymbol, QgsVectorLayer

from ..layers.styling import Style
from .class_categories import categories_by


def categories_of(layer: QgsVectorLayer | None, field: str) -> Style | None:
    """A style with the layer's categories, drawn with plain symbols; None where it has none of this field."""
    rows = categories_by(layer, field)
    if not rows:
        return None

    def style(target: QgsMapLayer) -> None:
        if isinstance(target, QgsVectorLayer) and target.fields().lookupField(field) >= 0:
            categories = []
            for row in rows:
                symbol = QgsSymbol.defaultSymbol(target.geometryType())
                symbol.setColor(row.color)
                categories.append(QgsRendererCategory(row.value, symbol, row.label))
            target.setRenderer(QgsCategorizedSymbolRenderer(field, categories))

    return style
