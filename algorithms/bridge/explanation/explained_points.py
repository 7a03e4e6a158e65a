# SPDX-License-Identifier: GPL-2.0-or-later
"""Points of a layer as pixels, and the training polygons of explanations as features of their layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from osgeo import gdal
from qgis.core import QgsCoordinateTransformContext, QgsFeatureRequest, QgsProcessingFeatureSource

from ....mtmsd_qgis.jobs.explanation.pixel_explanation import GroupPart, PixelExplanation, PointToExplain
from ..raster.masks import in_crs
from ..raster.source import Grid
from ..vector.clean_geometry import OUTSIDE_CRS, clean_shapes
from ..vector.exclusion_counts import ExclusionCounts
from ..vector.rasterization import OUTSIDE, pixel_at


@dataclass(frozen=True)
class ExplainedPoints:
    """Pixels to explain.

    Attributes:
        name: Of the layer of points.
        pixels: In which the points lie, named by the ids of their features.
        skipped: Features that lie on no pixel, and why.
    """

    name: str
    pixels: tuple[PointToExplain, ...]
    skipped: ExclusionCounts

    @property
    def warning(self) -> str:
        """What is not explained; empty where all is."""
        return f"Not explained of the layer {self.name}: {self.skipped.text}." if self.skipped else ""


def pixels_of(
    points: QgsProcessingFeatureSource, grid: Grid, context: QgsCoordinateTransformContext
) -> ExplainedPoints:
    """The pixels in which the points lie; points off the raster are left out."""
    skipped = ExclusionCounts()
    features = points.getFeatures(QgsFeatureRequest(), QgsProcessingFeatureSource.Flag.FlagSkipGeometryValidityChecks)
    ids, shapes = clean_shapes(features, skipped)
    found: list[PointToExplain] = []
    for number, shape in zip(ids, in_crs(shapes, points.sourceCrs(), grid.crs, context)):
        if shape is None:
            skipped.note(OUTSIDE_CRS, [number])
            continue
        pixels = [pixel for vertex in shape.vertices() if (pixel := pixel_at(vertex.x(), vertex.y(), grid))]
        found += [PointToExplain(row, col, str(number)) for row, col in pixels]
        if not pixels:
            skipped.note(OUTSIDE, [number])
    return ExplainedPoints(points.sourceName(), tuple(found), skipped)


def with_features(
    explanations: Sequence[PixelExplanation], ids: Sequence[int], grid: Grid
) -> tuple[PixelExplanation, ...]:
    """Explanations whose polygons have the ids of their features, and map coordinates.

    Args:
        explanations: Of the worker.
        ids: Of the features of the training layer, in its order.
        grid: Of the raster.
    """

    def named(part: GroupPart) -> GroupPart:
        x, y = gdal.ApplyGeoTransform(grid.transform, part.col + 0.5, part.row + 0.5)
        return replace(part, feature=ids[part.feature], x=x, y=y)

    return tuple(
        replace(
            each,
            supporting=tuple(named(part) for part in each.supporting),
            opposing=tuple(named(part) for part in each.opposing),
        )
        for each in explanations
    )
