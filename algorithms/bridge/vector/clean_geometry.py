# SPDX-License-Identifier: GPL-2.0-or-later
"""Geometries as everything else takes them: flat, and of real coordinates.

Enters: a geometry of a feature. Leaves: a flat copy of its parts whose coordinates are numbers, or the reason why there
is none. Heights are dropped first: one that is no number makes a reprojection fail.
"""

from __future__ import annotations

from collections.abc import Iterable

from qgis.core import (
    QgsAbstractGeometry,
    QgsCoordinateTransform,
    QgsCsException,
    QgsFeature,
    QgsGeometry,
    QgsPoint,
)

from .exclusion_counts import ExclusionCounts

_NOWHERE = 1e30  # no coordinate of any unit; QGIS writes the largest 64-bit number where it knows none
NO_GEOMETRY = "without a geometry"
NO_NUMBERS = "with coordinates that are no numbers"
OUTSIDE_CRS = "outside the area of the raster's CRS"
LINES = "that are lines"
PART_OF_NO_NUMBERS = "parts with coordinates that are no numbers"


def clean_shape(feature: QgsFeature, skipped: ExclusionCounts) -> QgsGeometry | None:
    """A flat copy of a feature's geometry, without parts whose coordinates are infinite or no numbers.

    Args:
        feature: Of any layer; it stays as it is.
        skipped: Told of the feature, or of its parts, that are left out.

    Returns:
        None where nothing is left.
    """
    shape = feature.geometry()
    if shape.isNull() or not shape.constGet().nCoordinates():
        skipped.note(NO_GEOMETRY, [feature.id()])
        return None
    flat = shape.get()  # detached: what is done to it does not reach the feature
    flat.dropZValue()
    flat.dropMValue()
    parts = [part.clone() for part in shape.constParts()]
    good = [part for part in parts if _has_numbers(part)]
    if len(good) == len(parts) and not shape.isEmpty():
        return shape
    if not good:
        skipped.note(NO_NUMBERS, [feature.id()])
        return None
    skipped.note(PART_OF_NO_NUMBERS, [feature.id()], len(parts) - len(good))
    return QgsGeometry.collectGeometry([QgsGeometry(part) for part in good])


def clean_sample(feature: QgsFeature, skipped: ExclusionCounts) -> QgsGeometry | None:
    """The same of points and polygons alone: a file of mixed geometries is a layer of what its first feature is."""
    shape = clean_shape(feature, skipped)
    if shape is not None and shape.constGet().dimension() == 1:
        skipped.note(LINES, [feature.id()])
        return None
    return shape


def clean_shapes(features: Iterable[QgsFeature], skipped: ExclusionCounts) -> tuple[list[int], list[QgsGeometry]]:
    """Ids and geometries of the features that clean_shape leaves something of."""
    found = [(feature.id(), clean_shape(feature, skipped)) for feature in features]
    usable = [(number, shape) for number, shape in found if shape is not None]
    return [number for number, _ in usable], [shape for _, shape in usable]


def moved(geometry: QgsGeometry, transform: QgsCoordinateTransform) -> bool:
    """Bring a geometry into another CRS; False where it lies outside the area of that.

    Some projections tell so with an error, others with infinite coordinates, as Lambert's conic of the far pole.
    """
    try:
        geometry.transform(transform)
    except QgsCsException:
        return False
    return all(_has_numbers(part) for part in geometry.constParts())


def _has_numbers(part: QgsAbstractGeometry) -> bool:
    """Whether all coordinates are numbers; of lines and outlines QGIS's sum over all vertices tells."""
    sums = (part.x(), part.y()) if isinstance(part, QgsPoint) else (part.length(), part.perimeter())
    return all(abs(value) < _NOWHERE for value in sums)  # false for NaN too
