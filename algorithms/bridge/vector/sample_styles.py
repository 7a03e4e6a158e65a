# SPDX-License-Identifier: GPL-2.0-or-later
"""Names and colours of a sample layer's classes, kept in the layers that are made of it.

The classifier takes both from the categories of its training layer, so a part of a layer should have those of the
whole.
"""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsCategorizedSymbolRenderer, QgsMapLayer, QgsRendererCategory, QgsSymbol, QgsVectorLayer

from ..layers.styling import Style, save_beside, save_inside
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


def save_with(destination: str, style: Style) -> None:
    """Keep a style with a file of features; a layer in memory or a database gets it when it is loaded."""
    path = Path(destination.split("|")[0])
    if path.suffix.lower() == ".gpkg" and path.is_file():
        save_inside(QgsVectorLayer(destination, "samples", "ogr"), style)
    elif path.is_file():
        save_beside(QgsVectorLayer(destination, "samples", "ogr"), style, path)
