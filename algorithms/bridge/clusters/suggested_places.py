# SPDX-License-Identifier: GPL-2.0-or-later
"""Places to look at -> point features, with a field to fill."""

from __future__ import annotations

from collections.abc import Sequence

from osgeo import gdal
from qgis.core import NULL, QgsFeature, QgsField, QgsFields, QgsGeometry, QgsPointXY, QgsWkbTypes

from ....mtmsd_qgis.jobs.clusters.cluster_map import SuggestedPlace
from ..raster.source import Grid
from ..vector.field_types import NUMBER, TEXT, WHOLE_NUMBER

PLACE_KIND = QgsWkbTypes.Type.Point


def place_fields() -> QgsFields:
    """Cluster, rank in it, confidence there, and the class, which is for the user to fill."""
    fields = QgsFields()
    for name, kind in (("cluster", WHOLE_NUMBER), ("rank", WHOLE_NUMBER), ("confidence", NUMBER), ("class", TEXT)):
        fields.append(QgsField(name, kind))
    return fields


def place_features(places: Sequence[SuggestedPlace], grid: Grid, fields: QgsFields) -> list[QgsFeature]:
    """Points at pixel centres, in the order of the places."""
    features = []
    for place in places:
        x, y = gdal.ApplyGeoTransform(grid.transform, place.col + 0.5, place.row + 0.5)
        feature = QgsFeature(fields)
        feature.setGeometry(QgsGeometry.fromPointXY(QgsPointXY(x, y)))
        feature.setAttributes([place.cluster, place.rank, round(place.confidence, 4), NULL])
        features.append(feature)
    return features
