# SPDX-License-Identifier: GPL-2.0-or-later
"""The demonstration's picture: ground truth, map and confidence side by side, with the map's own names and colours.

Usage: demo_picture.py FOLDER OVERALL_ACCURACY
Runs in QGIS's Python; reads what the demonstration has left in the folder, writes map_beside_ground_truth.png.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from qgis.core import (
    QgsApplication,
    QgsColorRampShader,
    QgsGradientColorRamp,
    QgsGradientStop,
    QgsRasterBandStats,
    QgsRasterLayer,
    QgsRasterShader,
    QgsSingleBandPseudoColorRenderer,
)
from qgis.PyQt.QtCore import QRectF, Qt
from qgis.PyQt.QtGui import QBrush, QColor, QFont, QImage, QLinearGradient, QPainter, QPen

# Pixels of the picture.
MARGIN = 48
GAP = 36
PANEL = 580
TITLE_HEIGHT = 112
HEADING_HEIGHT = 44
LEGEND_ROW = 36
LEGEND_COLUMNS = 4
SWATCH = 22

INK = QColor("#1f2933")
FAINT_INK = QColor("#616e7c")
UNLABELLED = QColor("#eef0f2")
# Viridis at five places: dark is unsure, bright is sure, and it reads the same in grey.
RAMP = ("#440154", "#3b528b", "#21918c", "#5ec962", "#fde725")


@dataclass(frozen=True)
class LegendEntry:
    """A class of the map."""

    name: str
    color: QColor


def main() -> int:
    """Draw and save; 0 where the picture was written."""
    folder, accuracy = Path(sys.argv[1]), float(sys.argv[2])
    application = QgsApplication([], True)  # kept: fonts live as long as it does
    application.initQgis()
    written = picture(folder, accuracy).save(str(folder / "map_beside_ground_truth.png"))
    application.exitQgis()
    return 0 if written else 1


def picture(folder: Path, accuracy: float) -> QImage:
    """The whole picture."""
    class_map = _layer(folder / "class_map.tif")
    entries = legend_of(class_map)
    rows = -(-len(entries) // LEGEND_COLUMNS)
    panels = (
        ("Ground truth", _image(_layer(folder / "ground_truth.tif"))),
        ("Map", _image(class_map)),
        ("Confidence", confidence(_layer(folder / "confidence.tif"))),
    )
    panel_height = max(image.height() for _, image in panels)
    width = 2 * MARGIN + 3 * PANEL + 2 * GAP
    legend_top = TITLE_HEIGHT + HEADING_HEIGHT + panel_height + GAP
    whole = QImage(width, legend_top + rows * LEGEND_ROW + MARGIN, QImage.Format.Format_RGB32)
    whole.fill(Qt.GlobalColor.white)

    painter = QPainter(whole)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    _title(painter, accuracy)
    for number, (heading, image) in enumerate(panels):
        _panel(painter, MARGIN + number * (PANEL + GAP), heading, image)
    _text(painter, (MARGIN + 210, TITLE_HEIGHT + 29), "grey: not labelled", TextStyle(18, FAINT_INK))
    _color_bar(painter, QRectF(MARGIN + 2 * (PANEL + GAP) + 150, TITLE_HEIGHT + 12, PANEL - 150, 18))
    _legend(painter, legend_top, entries)
    painter.end()
    return whole


def legend_of(class_map: QgsRasterLayer) -> list[LegendEntry]:
    """Names and colours that the map carries."""
    return [LegendEntry(entry.label, entry.color) for entry in class_map.renderer().classes()]


def confidence(layer: QgsRasterLayer) -> QImage:
    """The confidence in the colours of the ramp, from none to full."""
    greatest = layer.dataProvider().bandStatistics(1, QgsRasterBandStats.Stats.Max).maximumValue
    function = QgsColorRampShader(0, 100 if greatest > 1.5 else 1, _ramp())
    function.classifyColorRamp(255, 1, layer.extent(), layer.dataProvider())
    shader = QgsRasterShader()
    shader.setRasterShaderFunction(function)
    layer.setRenderer(QgsSingleBandPseudoColorRenderer(layer.dataProvider(), 1, shader))
    return _image(layer)


def _ramp() -> QgsGradientColorRamp:
    stops = [QgsGradientStop(i / (len(RAMP) - 1), QColor(color)) for i, color in enumerate(RAMP)]
    return QgsGradientColorRamp(stops[0].color, stops[-1].color, False, stops[1:-1])


def _layer(path: Path) -> QgsRasterLayer:
    layer = QgsRasterLayer(str(path), path.stem)
    if not layer.isValid():
        sys.exit(f"{path} should be a raster that QGIS can open; it is not.")
    return layer


def _image(layer: QgsRasterLayer) -> QImage:
    """The layer as its renderer paints it, whole pixels enlarged, on the colour of unlabelled ground."""
    drawn = layer.renderer().block(1, layer.extent(), layer.width(), layer.height()).image()
    height = round(PANEL * layer.height() / layer.width())
    image = QImage(PANEL, height, QImage.Format.Format_RGB32)
    image.fill(UNLABELLED)
    painter = QPainter(image)
    painter.drawImage(
        0,
        0,
        drawn.scaled(PANEL, height, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.FastTransformation),
    )
    painter.end()
    return image


def _title(painter: QPainter, accuracy: float) -> None:
    _text(painter, (MARGIN, 56), f"Indian Pines: overall accuracy {accuracy:.2f} %", TextStyle(34, INK, bold=True))
    line = "10 % of each class trained on, tested on the other 90 %; both drawn at random from the same fields"
    _text(painter, (MARGIN, 92), line, TextStyle(20, FAINT_INK))


def _panel(painter: QPainter, left: int, heading: str, image: QImage) -> None:
    _text(painter, (left, TITLE_HEIGHT + 30), heading, TextStyle(24, INK, bold=True))
    painter.drawImage(left, TITLE_HEIGHT + HEADING_HEIGHT, image)


def _color_bar(painter: QPainter, place: QRectF) -> None:
    label_width = 56
    bar = place.adjusted(label_width, 0, -label_width - 10, 0)
    gradient = QLinearGradient(bar.topLeft(), bar.topRight())
    for number, color in enumerate(RAMP):
        gradient.setColorAt(number / (len(RAMP) - 1), QColor(color))
    painter.fillRect(bar, QBrush(gradient))
    painter.setPen(FAINT_INK)
    painter.setFont(_font(18))
    middle = Qt.AlignmentFlag.AlignVCenter
    painter.drawText(
        QRectF(place.left(), bar.top(), label_width - 8, bar.height()), middle | Qt.AlignmentFlag.AlignRight, "0 %"
    )
    painter.drawText(QRectF(bar.right() + 8, bar.top(), label_width + 10, bar.height()), middle, "100 %")


def _legend(painter: QPainter, top: int, entries: list[LegendEntry]) -> None:
    column_width = (3 * PANEL + 2 * GAP) / LEGEND_COLUMNS
    rows = -(-len(entries) // LEGEND_COLUMNS)
    for number, entry in enumerate(entries):
        left = MARGIN + number // rows * column_width
        upper = top + number % rows * LEGEND_ROW
        painter.setPen(QPen(FAINT_INK, 1))
        painter.setBrush(entry.color)
        painter.drawRect(QRectF(left + 0.5, upper + 0.5, SWATCH, SWATCH))
        _text(painter, (left + SWATCH + 12, upper + 18), entry.name, TextStyle(20, INK))


@dataclass(frozen=True)
class TextStyle:
    """Height in pixels, colour, and whether it is bold."""

    size: int
    color: QColor
    bold: bool = False


def _text(painter: QPainter, start: tuple[float, float], text: str, style: TextStyle) -> None:
    """A line of text from a point on its baseline, (x, y) in pixels."""
    painter.setPen(style.color)
    painter.setFont(_font(style.size, style.bold))
    painter.drawText(int(start[0]), int(start[1]), text)


def _font(size: int, bold: bool = False) -> QFont:
    font = QFont("DejaVu Sans")
    font.setPixelSize(size)
    font.setBold(bold)
    return font


if __name__ == "__main__":
    sys.exit(main())
