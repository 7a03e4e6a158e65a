# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether a format can take a layer, under its name, found out before the work that ends with it."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from osgeo import gdal
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsFeatureSink,
    QgsFields,
    QgsGeometry,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingUtils,
    QgsVectorFileWriter,
    QgsWkbTypes,
)

from .file_places import place_of_destination


def refuse_format(parameter: str, destination: str, fields: QgsFields, kind: QgsWkbTypes.Type) -> None:
    """Write a layer of one feature in the destination's format and under its name somewhere else, and read it.

    Args:
        parameter: That names the output.
        destination: Its value.
        fields: Of the layer.
        kind: Of its geometries.

    Raises:
        QgsProcessingException: The format cannot take it, or not under this name, or keeps no geometries, as tables do.
    """
    place = place_of_destination(destination)
    driver = QgsVectorFileWriter.driverForExtension(place.path.suffix) if place is not None else ""
    if place is None or place.table or not driver:  # a table of a database, or what QGIS turns into a GeoPackage
        return
    trouble = ""
    with TemporaryDirectory() as folder:
        path = str(Path(folder, place.path.name))
        try:
            sink, _ = QgsProcessingUtils.createFeatureSink(
                path, QgsProcessingContext(), fields, kind, QgsCoordinateReferenceSystem()
            )
            sink.addFeature(_feature(fields, kind), QgsFeatureSink.Flag.FastInsert)
            del sink  # closes the file
        except QgsProcessingException as error:
            trouble = str(error).replace(path, place.path.name)
        if not trouble and _has_no_geometries(path):
            trouble = f"{driver} is a table without geometries there"
    if trouble:
        raise QgsProcessingException(
            f"{parameter} cannot be written to {place.path}: {trouble}. Choose another name, or another format, such "
            "as a GeoPackage."
        )


def _feature(fields: QgsFields, kind: QgsWkbTypes.Type) -> QgsFeature:
    """A feature at a place, its fields empty."""
    points = QgsWkbTypes.geometryType(kind) == QgsWkbTypes.GeometryType.PointGeometry
    shape = QgsGeometry.fromWkt("POINT(1 1)" if points else "POLYGON((1 1, 2 1, 2 2, 1 1))")
    feature = QgsFeature(fields)
    feature.setGeometry(shape.coerceToType(kind)[0])
    return feature


def _has_no_geometries(path: str) -> bool:
    """Whether a layer's first feature comes back without a geometry; formats that are only written have none."""
    gdal.PushErrorHandler("CPLQuietErrorHandler")
    try:
        dataset = gdal.OpenEx(path, gdal.OF_VECTOR)
        feature = dataset.GetLayer(0).GetNextFeature() if dataset is not None and dataset.GetLayerCount() else None
    except RuntimeError:  # where somebody called gdal.UseExceptions
        return False
    finally:
        gdal.PopErrorHandler()
    return feature is not None and feature.GetGeometryRef() is None
