# SPDX-License-Identifier: GPL-2.0-or-later
"""Points of a layer as pixels, and the training polygons of explanations as features of their layer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from osgeo import gdal
from qgis.core import QgsCoordinateTransformContext, QgsProcessingFeatureSource

from ....mtmsd_qgis.jobs.explanation.pixel_explanation import GroupPart, PixelExplanation, PointToExplain
from ..raster.masks import in_crs
from ..raster.source import Grid


def pixels_of(
    points: QgsProcessingFeatureSource, grid: Grid, context: QgsCoordinateTransformContext
) -> tuple[PointToExplain, ...]:
    """The pixels in which the points lie, named by the ids of their features; points off the raster are left out.

    Raises:
        QgsProcessingException: A point cannot be brought into the raster's CRS.
    """
    features = [feature for feature in points.getFeatures() if feature.hasGeometry()]
    shapes = in_crs((feature.geometry() for feature in features), points.sourceCrs(), grid.crs, context)
    found = []
    for feature, shape in zip(features, shapes):
        for vertex in shape.vertices():
            place = gdal.ApplyGeoTransform(grid.inverse, vertex.x(), vertex.y())
            col, row = (math.floor(n) if math.isfinite(n) else -1 for n in place)
            if 0 <= row < grid.height and 0 <= col < grid.width:
                found.append(PointToExplain(row, col, str(feature.id())))
    return tuple(found)


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
