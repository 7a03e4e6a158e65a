# SPDX-License-Identifier: GPL-2.0-or-later
"""Suggested samples: the pixels within reach on their way to the worker, and the worker's pixels as points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil, hypot
from pathlib import Path
from typing import Any

from osgeo import gdal
from qgis.core import (
    NULL,
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransformContext,
    QgsFeature,
    QgsFeatureRequest,
    QgsFeatureSink,
    QgsField,
    QgsFields,
    QgsGeometry,
    QgsMapLayer,
    QgsMarkerSymbol,
    QgsPalLayerSettings,
    QgsPointXY,
    QgsProcessingException,
    QgsProcessingFeatureSource,
    QgsSingleSymbolRenderer,
    QgsVectorLayer,
    QgsVectorLayerSimpleLabeling,
)

from ....mtmsd_qgis.jobs.data_model import ClassEntry
from ....mtmsd_qgis.jobs.json_dataclasses import to_json
from ....mtmsd_qgis.jobs.suggestions import REACHABLE_FILE, Suggestion, SuggestionSettings
from ..raster.masks import burn, in_crs, memory_raster
from ..raster.source import Grid, metres_per_unit
from ..vector.clean_geometry import OUTSIDE_CRS, clean_shapes
from ..vector.exclusion_counts import ExclusionCounts
from ..vector.field_types import NUMBER, TEXT, WHOLE_NUMBER

_SQUARE = 0.01  # of a side, by which a square's sides, and its angles, may differ
_SMALL = 0.005  # a share that would read as 0 %
_SYMBOL = {"name": "circle", "color": "#ffd92f", "outline_color": "#000000", "size": "3"}


@dataclass(frozen=True)
class Lines:
    """Lines that somebody can walk or drive along.

    Attributes:
        name: Of the layer.
        shapes: Its usable geometries.
        ids: Of their features.
        crs: Of them.
        skipped: Features that are not used, and why.
    """

    name: str
    shapes: tuple[QgsGeometry, ...]
    ids: tuple[int, ...]
    crs: QgsCoordinateReferenceSystem
    skipped: ExclusionCounts

    @classmethod
    def of(cls, source: QgsProcessingFeatureSource) -> Lines:
        """Read all features."""
        skipped = ExclusionCounts()
        features = source.getFeatures(
            QgsFeatureRequest(), QgsProcessingFeatureSource.Flag.FlagSkipGeometryValidityChecks
        )
        ids, shapes = clean_shapes(features, skipped)
        return cls(source.sourceName(), tuple(shapes), tuple(ids), source.sourceCrs(), skipped)

    def moved(self, crs: QgsCoordinateReferenceSystem, context: QgsCoordinateTransformContext) -> list[QgsGeometry]:
        """Copies in another CRS; skipped is told of those outside its area."""
        copies = in_crs(self.shapes, self.crs, crs, context)
        outside = [number for number, copy in zip(self.ids, copies) if copy is None]
        if outside:
            self.skipped.note(OUTSIDE_CRS, outside)
        return [copy for copy in copies if copy is not None]


@dataclass(frozen=True)
class WantedSuggestions:
    """What the user asks for.

    Attributes:
        settings: Number, and whether pixels must be within reach.
        lines: From which they can be reached.
        distance_m: At most so far from a line.
    """

    settings: SuggestionSettings
    lines: Lines | None = None
    distance_m: float = 0.0

    @property
    def warning(self) -> str:
        """What of the lines is not used, as is known after option; empty where all is."""
        if self.lines is None or not self.lines.skipped:
            return ""
        return f"Not used in the layer {self.lines.name}: {self.lines.skipped.text}."

    def option(self, folder: Path, grid: Grid, context: QgsCoordinateTransformContext) -> dict[str, Any]:
        """The option of the job; pixels within reach are written into its folder.

        Raises:
            QgsProcessingException: No pixel is within reach.
        """
        if self.lines is not None:
            reachable = pixels_within(self.lines.moved(grid.crs, context), self.distance_m, grid)
            if 1 not in reachable:
                raise QgsProcessingException(
                    f"REACHABLE should have lines within REACHABLE_DISTANCE of the raster; the layer {self.lines.name} "
                    "has none. Choose another layer, enlarge the distance, or leave REACHABLE empty."
                )
            (folder / REACHABLE_FILE).write_bytes(reachable)
        return dict(to_json(self.settings))


def pixels_within(lines: Sequence[QgsGeometry], distance_m: float, grid: Grid) -> bytes:
    """One byte a pixel, row by row: 1 where its centre lies within a distance of a pixel that a line touches.

    Args:
        lines: In the grid's CRS.
        distance_m: At most; a pixel that a line touches is always within reach.
        grid: In a projected CRS. Where its pixels are not square, distances are those of smaller squares.
    """
    import numpy as np

    shapes = [shape.asWkb().data() for shape in lines]
    touched, squares = memory_raster(grid), _squares(grid)
    burn(touched, shapes, 1)
    near = _near(shapes, distance_m, squares)
    if squares is not grid:
        fine, near = near, memory_raster(grid, with_crs=False)
        gdal.ReprojectImage(fine, near, None, None, gdal.GRA_NearestNeighbour)
    both = (np.frombuffer(band.GetRasterBand(1).ReadRaster(), np.uint8) for band in (touched, near))
    return np.maximum(*both).tobytes()  # what a line touches is at no distance, which GDAL leaves at 0


def _near(shapes: Sequence[bytes], distance_m: float, grid: Grid) -> gdal.Dataset:
    """1 near pixels that a line touches, of a grid of squares: GDAL takes distances in pixels."""
    touched, near = (memory_raster(grid, with_crs=False) for _ in range(2))
    burn(touched, shapes, 1)
    side_m = _sides(grid)[0] * metres_per_unit(grid.crs)
    options = [
        "VALUES=1",
        "DISTUNITS=PIXEL",
        f"MAXDIST={max(distance_m / side_m, 0.5)}",
        "FIXED_BUF_VAL=1",
        "NODATA=0",
    ]
    gdal.ComputeProximity(touched.GetRasterBand(1), near.GetRasterBand(1), options)
    return near


def _squares(grid: Grid) -> Grid:
    """The grid itself where its pixels are squares, else squares as wide as the shorter side, on the same ground."""
    (width, height), (_, right, down, _, across, below) = _sides(grid), grid.transform
    if abs(width - height) < _SQUARE * width and abs(right * down + across * below) < _SQUARE * width * height:
        return grid
    side, box = min(width, height), grid.extent
    rows, cols = (ceil(length / side) for length in (box.height(), box.width()))
    return replace(grid, height=rows, width=cols, transform=(box.xMinimum(), side, 0.0, box.yMaximum(), 0.0, -side))


def _sides(grid: Grid) -> tuple[float, float]:
    """Length of a step along a row and of one along a column, in map coordinates."""
    _, right, down, _, across, below = grid.transform
    return hypot(right, across), hypot(down, below)


def suggestion_fields() -> QgsFields:
    """Of the layer of points; its class is for the user to fill, as that of the map is most often wrong there."""
    fields = QgsFields()
    for name, kind in (
        ("rank", WHOLE_NUMBER),
        ("class", TEXT),
        ("map_class", TEXT),
        ("runner_up", TEXT),
        ("confidence", NUMBER),
        ("why", TEXT),
    ):
        fields.append(QgsField(name, kind))
    return fields


def write_points(
    sink: QgsFeatureSink, suggestions: Sequence[Suggestion], classes: Sequence[ClassEntry], grid: Grid
) -> None:
    """A point at the centre of each pixel, the most useful first.

    Raises:
        QgsProcessingException: The layer cannot be written.
    """
    names = {entry.id: entry.name for entry in classes}
    for rank, each in enumerate(suggestions, 1):
        x, y = gdal.ApplyGeoTransform(grid.transform, each.col + 0.5, each.row + 0.5)
        feature = QgsFeature(suggestion_fields())
        feature.setGeometry(QgsGeometry.fromPointXY(QgsPointXY(x, y)))
        name, other = names.get(each.class_id, ""), names.get(each.runner_up_id, "")
        feature.setAttributes([rank, NULL, name, other, round(each.confidence, 4), reason(each, name, other)])
        if not sink.addFeature(feature, QgsFeatureSink.Flag.FastInsert):
            raise QgsProcessingException(f"SUGGESTIONS cannot be written: {sink.lastError()}")


def reason(each: Suggestion, name: str, other: str) -> str:
    """Why a pixel is suggested, in a sentence."""
    share = "less than 1" if 0 < each.share < _SMALL else f"{100 * each.share:.0f}"
    return (
        f"{name} ({each.confidence:.2f}) or {other} ({each.confidence - each.margin:.2f}); typical of pixels with "
        f"{share} % of the doubt"
    )


def points_style(layer: QgsMapLayer) -> None:
    """Yellow points with their rank."""
    if isinstance(layer, QgsVectorLayer):
        layer.setRenderer(QgsSingleSymbolRenderer(QgsMarkerSymbol.createSimple(_SYMBOL)))
        settings = QgsPalLayerSettings()
        settings.fieldName = "rank"
        layer.setLabeling(QgsVectorLayerSimpleLabeling(settings))
        layer.setLabelsEnabled(True)
