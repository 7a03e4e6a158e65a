# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether a format can take a layer, found out before the work that ends with it."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransformContext,
    QgsFields,
    QgsProcessingException,
    QgsVectorFileWriter,
    QgsWkbTypes,
)

from .file_places import place_of_destination


def refuse_format(parameter: str, destination: str, fields: QgsFields, kind: QgsWkbTypes.Type) -> None:
    """Write an empty layer of the destination's format somewhere else.

    Args:
        parameter: That names the output.
        destination: Its value.
        fields: Of the layer.
        kind: Of its geometries.

    Raises:
        QgsProcessingException: The format cannot take it.
    """
    place = place_of_destination(destination)
    driver = QgsVectorFileWriter.driverForExtension(place.path.suffix) if place is not None else ""
    if place is None or place.table or not driver:  # a table of a database, or what QGIS turns into a GeoPackage
        return
    options = QgsVectorFileWriter.SaveVectorOptions()
    options.driverName = driver
    context, crs = QgsCoordinateTransformContext(), QgsCoordinateReferenceSystem()
    with TemporaryDirectory() as folder:
        path = str(Path(folder, f"trial{place.path.suffix}"))
        writer = QgsVectorFileWriter.create(path, fields, kind, crs, context, options)
        trouble = "" if writer.hasError() == QgsVectorFileWriter.WriterError.NoError else writer.errorMessage()
        del writer  # closes the file
    if trouble:
        raise QgsProcessingException(
            f"{parameter} cannot be written to {place.path}: {trouble}. Choose another format, such as a GeoPackage."
        )
