# SPDX-License-Identifier: GPL-2.0-or-later
"""How the outputs look: one legend row a class, with its name and colour.

Three ways, because none alone reaches everybody: a post-processor styles the layer that QGIS loads right after the
run, a .qml beside the file styles later loads, and the tables inside the file (raster/geotiff.py) serve other software.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Callable, ClassVar

from qgis.core import (
    QgsCategorizedSymbolRenderer,
    QgsColorRampShader,
    QgsGradientColorRamp,
    QgsGradientStop,
    QgsMapLayer,
    QgsMultiBandColorRenderer,
    QgsPalettedRasterRenderer,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingLayerPostProcessorInterface,
    QgsRasterLayer,
    QgsRasterShader,
    QgsRendererCategory,
    QgsSingleBandPseudoColorRenderer,
    QgsSymbol,
    QgsVectorLayer,
)
from qgis.PyQt.QtGui import QColor
from qgis.PyQt.QtXml import QDomDocument

from ....mtmsd_qgis.jobs.data_model import ClassEntry
from ..files.atomic_write import write_text
from ..files.owned_files import style_mark

# Viridis (CC0, van der Walt & Smith, 2015) at five places: reads the same in grey and to the colour-blind.
_RAMP = ("#440154", "#3b528b", "#21918c", "#5ec962", "#fde725")

# Of the area of applicability: dark where nothing is known, bright inside, as share_style has it.
_OUTSIDE, _INSIDE = (0, _RAMP[0], "outside"), (1, _RAMP[-1], "inside")

_MOST_SEGMENT_COLOURS = 8192  # beyond, colours between two of them are mixed
_GOLDEN = 0.6180339887
_SEGMENT_SHADES = ((0.75, 0.85), (0.45, 0.95), (0.6, 0.65))  # saturation and value, 0 to 1

Style = Callable[[QgsMapLayer], None]


class Styler(QgsProcessingLayerPostProcessorInterface):
    """Applies a style when QGIS has loaded the layer."""

    _kept: ClassVar[list[Styler]] = []  # QGIS keeps no reference of its own

    def __init__(self, style: Style) -> None:
        """Store the style."""
        super().__init__()
        self._style = style

    def postProcessLayer(
        self, layer: QgsMapLayer, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> None:
        """Called by QGIS, on the main thread."""
        if layer is not None and layer.isValid():
            self._style(layer)
            layer.triggerRepaint()

    @classmethod
    def attach(cls, context: QgsProcessingContext, destination: str, style: Style) -> None:
        """Have a layer styled, where it will be loaded at all."""
        if destination and context.willLoadLayerOnCompletion(destination):
            styler = cls(style)
            cls._kept.append(styler)
            context.layerToLoadOnCompletionDetails(destination).setPostProcessor(styler)


def class_map_style(classes: Sequence[ClassEntry]) -> Style:
    """One colour and legend row a class, in the order of the classes."""

    def style(layer: QgsMapLayer) -> None:
        if isinstance(layer, QgsRasterLayer):
            rows = [QgsPalettedRasterRenderer.Class(c.id, QColor(c.color), c.name) for c in classes]
            layer.setRenderer(QgsPalettedRasterRenderer(layer.dataProvider(), 1, rows))

    return style


def share_style(layer: QgsMapLayer, band: int = 1) -> None:
    """A band, the first one where none is given, from 0 (dark) to 1 (bright): a probability, or an entropy."""
    if isinstance(layer, QgsRasterLayer):
        stops = [QgsGradientStop(i / (len(_RAMP) - 1), QColor(color)) for i, color in enumerate(_RAMP)]
        ramp = QgsGradientColorRamp(stops[0].color, stops[-1].color, False, stops[1:-1])
        renderer = QgsSingleBandPseudoColorRenderer(layer.dataProvider(), band)
        renderer.setClassificationMin(0.0)
        renderer.setClassificationMax(1.0)
        renderer.createShader(
            ramp, QgsColorRampShader.Type.Interpolated, QgsColorRampShader.ClassificationMode.EqualInterval, len(_RAMP)
        )
        layer.setRenderer(renderer)


def applicability_style(layer: QgsMapLayer) -> None:
    """The first band: whether a pixel lies inside the area of applicability."""
    if isinstance(layer, QgsRasterLayer):
        rows = [QgsPalettedRasterRenderer.Class(v, QColor(color), name) for v, color, name in (_OUTSIDE, _INSIDE)]
        layer.setRenderer(QgsPalettedRasterRenderer(layer.dataProvider(), 1, rows))


def segments_style(count: int) -> Style:
    """Colours that tell segments, numbered from 1, from their neighbours; the legend is one bar, not a row each."""

    def style(layer: QgsMapLayer) -> None:
        if not isinstance(layer, QgsRasterLayer):
            return
        step = max(1, -(-count // _MOST_SEGMENT_COLOURS))
        items = [
            QgsColorRampShader.ColorRampItem(number, _segment_colour(place), str(number))
            for place, number in enumerate(range(1, count + step, step))
        ]
        ramp = QgsColorRampShader(1, count, None, QgsColorRampShader.Type.Interpolated)
        ramp.setColorRampItemList(items)
        shader = QgsRasterShader(1, count)
        shader.setRasterShaderFunction(ramp)
        renderer = QgsSingleBandPseudoColorRenderer(layer.dataProvider(), 1, shader)
        renderer.setClassificationMin(1)
        renderer.setClassificationMax(count)
        layer.setRenderer(renderer)

    return style


def _segment_colour(place: int) -> QColor:
    """The hue turns by the golden ratio from one to the next, so that no two of a few hundred in a row are alike."""
    saturation, value = _SEGMENT_SHADES[place % len(_SEGMENT_SHADES)]
    return QColor.fromHsvF(place * _GOLDEN % 1.0, saturation, value)


def colours_style(first: int) -> Style:
    """Three bands from this one on as red, green and blue, as they are."""

    def style(layer: QgsMapLayer) -> None:
        if isinstance(layer, QgsRasterLayer):
            layer.setRenderer(QgsMultiBandColorRenderer(layer.dataProvider(), first, first + 1, first + 2))

    return style


def samples_style(classes: Sequence[ClassEntry], field: str, *, by_name: bool) -> Style:
    """Categories of a point layer, which the classifier takes names and colours from."""

    def style(layer: QgsMapLayer) -> None:
        if isinstance(layer, QgsVectorLayer):
            categories = []
            for entry in classes:
                symbol = QgsSymbol.defaultSymbol(layer.geometryType())
                symbol.setColor(QColor(entry.color))
                categories.append(QgsRendererCategory(entry.name if by_name else entry.id, symbol, entry.name))
            layer.setRenderer(QgsCategorizedSymbolRenderer(field, categories))

    return style


def save_beside(layer: QgsMapLayer, style: Style, path: Path) -> None:
    """Write the style where QGIS looks for it when the file is opened: the same name with .qml."""
    style(layer)
    document = QDomDocument("qgis")
    layer.exportNamedStyle(document)
    document.insertBefore(document.createComment(style_mark(path)), document.documentElement())
    write_text(document.toString(1), path.with_suffix(".qml"))
