# SPDX-License-Identifier: GPL-2.0-or-later
"""A plane in which distances between the features of a layer are metres.

Enters: the layer's CRS and its geometries. Leaves: a MetricPlane, which moves copies of them there.

A projected CRS is taken as it is where its metre, at the middle of the layer, is right to a hundredth. Degrees, and
projections such as Web Mercator whose metre depends on the latitude, give way to an azimuthal equidistant projection
around the middle of the layer on the CRS's own ellipsoid. On a layer of 2000 km across, distances there are right to
half a hundredth. Source: Snyder (1987), Map Projections: A Working Manual, USGS Professional Paper 1395, chapter 25:
the scale across the radius is c / sin c at an angle c from the centre.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCoordinateTransformContext,
    QgsCsException,
    QgsEllipsoidUtils,
    QgsGeometry,
    QgsPointXY,
    QgsProcessingException,
)
from qgis.PyQt.QtGui import QTransform

from ..raster.source import (
    EARTH,
    METRE_TOLERANCE,
    PROBE_M,
    has_unit_of_length,
    is_local_grid,
    measure_on_ground,
    metres_per_unit,
)
from .clean_geometry import moved


@dataclass(frozen=True)
class MetricPlane:
    """The way from a CRS to metres.

    Attributes:
        sentence: What is measured in, for the log.
        metres_per_unit: Of the coordinates; applied where there is no transform.
        transform: To the plane; None where the CRS is a plane itself.
    """

    sentence: str
    metres_per_unit: float = 1.0
    transform: QgsCoordinateTransform | None = None

    def moved(self, geometry: QgsGeometry) -> QgsGeometry:
        """A copy in metres.

        Raises:
            QgsProcessingException: The geometry lies outside the area of its CRS.
        """
        copy = QgsGeometry(geometry)
        if self.transform is not None:
            _apply(self.transform, copy)
        elif self.metres_per_unit != 1.0:
            copy.transform(QTransform.fromScale(self.metres_per_unit, self.metres_per_unit))
        return copy


def metric_plane(
    crs: QgsCoordinateReferenceSystem, geometries: Sequence[QgsGeometry], context: QgsCoordinateTransformContext
) -> MetricPlane:
    """Find the plane for geometries of a CRS.

    Args:
        crs: Of the geometries.
        geometries: At least one.
        context: Of the project.

    Raises:
        QgsProcessingException: A geometry lies outside the area of the CRS.
    """
    if not crs.isValid():
        return MetricPlane("The layer has no CRS, so its map units are taken for metres.")
    plain = MetricPlane(f"Distances are measured in {_name(crs)}.", metres_per_unit(crs))
    if is_local_grid(crs):
        return plain
    if has_unit_of_length(crs) and _metre_is_right(crs, _middle(geometries), context):
        return plain
    return _around_the_middle(crs, geometries, context) or plain


def between(
    source: QgsCoordinateReferenceSystem, target: QgsCoordinateReferenceSystem, context: QgsCoordinateTransformContext
) -> QgsCoordinateTransform | None:
    """The way from one CRS to another; None where there is nothing to do, or one of the two is unknown.

    Raises:
        QgsProcessingException: There is none, as between a local grid and the Earth.
    """
    if not source.isValid() or not target.isValid() or source == target:
        return None
    if source.description() == target.description() and is_local_grid(source) and is_local_grid(target):
        return None  # two files tell the same grid in different words
    transform = QgsCoordinateTransform(source, target, context)
    if not transform.isValid():
        raise QgsProcessingException(
            f"A layer in a CRS that leads to {_name(target)} was expected; no way is known from "
            f"{_name(source)}. Choose a layer and a raster of the same place."
        )
    return transform


def _apply(transform: QgsCoordinateTransform, geometry: QgsGeometry) -> None:
    place = geometry.boundingBox().toString(1)
    if not moved(geometry, transform):
        raise QgsProcessingException(
            f"Coordinates within the area of {_name(transform.sourceCrs())} were expected; a feature lies "
            f"outside, at {place}. Check the layer's CRS."
        )


def _middle(geometries: Sequence[QgsGeometry]) -> QgsPointXY:
    box = geometries[0].boundingBox()
    for geometry in geometries:
        box.combineExtentWith(geometry.boundingBox())
    return box.center()


def _metre_is_right(
    crs: QgsCoordinateReferenceSystem, middle: QgsPointXY, context: QgsCoordinateTransformContext
) -> bool:
    measure = measure_on_ground(crs, context)
    step = PROBE_M / metres_per_unit(crs)
    ends = (QgsPointXY(middle.x() + step, middle.y()), QgsPointXY(middle.x(), middle.y() + step))
    try:
        return all(abs(measure.measureLine(middle, end) / PROBE_M - 1) <= METRE_TOLERANCE for end in ends)
    except QgsCsException:
        return False


def _around_the_middle(
    crs: QgsCoordinateReferenceSystem, geometries: Sequence[QgsGeometry], context: QgsCoordinateTransformContext
) -> MetricPlane | None:
    """The azimuthal equidistant plane; None where no way leads to degrees, as from some CRSs of other planets."""
    import numpy as np

    ellipsoid = QgsEllipsoidUtils.ellipsoidParameters(crs.ellipsoidAcronym() or EARTH)
    figure = f"+a={ellipsoid.semiMajor} +b={ellipsoid.semiMinor}"
    degrees = QgsCoordinateReferenceSystem.fromProj(f"+proj=longlat {figure} +no_defs")
    to_degrees = QgsCoordinateTransform(crs, degrees, context)
    if not to_degrees.isValid():
        return None
    positions = np.empty((len(geometries), 2))
    for number, geometry in enumerate(geometries):
        centre = QgsGeometry.fromPointXY(geometry.boundingBox().center())
        _apply(to_degrees, centre)
        positions[number] = centre.asPoint().x(), centre.asPoint().y()
    # The mean of directions in space: a mean of longitudes would fail on both sides of the 180th meridian.
    longitude, latitude = np.radians(positions.T)
    x, y = np.mean(np.cos(latitude) * np.cos(longitude)), np.mean(np.cos(latitude) * np.sin(longitude))
    longitude_0 = float(np.degrees(np.arctan2(y, x)))
    latitude_0 = float(np.degrees(np.arctan2(np.mean(np.sin(latitude)), np.hypot(x, y))))
    plane = QgsCoordinateReferenceSystem.fromProj(
        f"+proj=aeqd +lat_0={latitude_0:.6f} +lon_0={longitude_0:.6f} {figure} +units=m +no_defs"
    )
    sentence = (
        f"Distances are measured in metres on a plane around latitude {latitude_0:.3f}, longitude {longitude_0:.3f}, "
        f"as {_name(crs)} has no true metres there."
    )
    return MetricPlane(sentence, transform=QgsCoordinateTransform(crs, plane, context))


def _name(crs: QgsCoordinateReferenceSystem) -> str:
    return crs.description() or "the CRS"
