# SPDX-License-Identifier: GPL-2.0-or-later
"""Label raster -> one point feature for every labelled pixel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from osgeo import gdal
from qgis.core import QgsFeature, QgsFields, QgsGeometry, QgsPointXY

from ..feedback import ProgressRange
from ..raster.source import Grid


def labelled_points(
    labels: bytes, grid: Grid, fields: QgsFields, names: Mapping[int, str], progress: ProgressRange
) -> Iterator[QgsFeature]:
    """Points at pixel centres, row by row.

    Args:
        labels: uint16 (H, W), little endian: class ids, 0 for none.
        grid: Of the labels.
        fields: An integer for the id, a text for the name.
        names: Of the classes.
        progress: Told after each row.
    """
    import numpy as np

    ids = np.frombuffer(labels, "<u2").reshape(grid.height, grid.width)
    for row in range(grid.height):
        for column in np.flatnonzero(ids[row]):
            x, y = gdal.ApplyGeoTransform(grid.transform, float(column) + 0.5, row + 0.5)
            class_id = int(ids[row, column])
            feature = QgsFeature(fields)
            feature.setGeometry(QgsGeometry.fromPointXY(QgsPointXY(x, y)))
            feature.setAttributes([class_id, names.get(class_id, "")])
            yield feature
        progress.advance((row + 1) / grid.height)
