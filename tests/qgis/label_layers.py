# SPDX-License-Identifier: GPL-2.0-or-later
"""Layers of labels on a small grid, and the samples that come of them."""

from __future__ import annotations

from dataclasses import replace

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsProcessingContext,
    QgsProcessingFeatureSource,
    QgsProject,
)
from scenes import CRS, LEFT, PIXEL, TOP, Log


def grid(height=20, width=20, transform=(LEFT, PIXEL, 0.0, TOP, 0.0, -PIXEL)):
    from mtmsd.algorithms.bridge.raster.source import Grid

    crs = QgsCoordinateReferenceSystem(CRS)
    return Grid(height, width, transform, crs.toWkt(), crs)


def labels_of(layer, field="cover"):
    from mtmsd.algorithms.bridge.vector.labels import read_labels

    source = QgsProcessingFeatureSource(layer, QgsProcessingContext())
    return read_labels(
        source, layer, field, QgsCoordinateReferenceSystem(CRS), QgsProject.instance().transformContext()
    )


def placed(layer, where=None, field="cover", overlaps="refuse", log=None):
    """Samples and classes of a layer."""
    from mtmsd.algorithms.bridge.feedback import ProgressRange
    from mtmsd.algorithms.bridge.vector.labels import make_classes
    from mtmsd.algorithms.bridge.vector.rasterization import rasterize_labels

    labels = replace(labels_of(layer, field), overlaps=overlaps)
    classes = make_classes(labels)
    return rasterize_labels(labels, classes, where or grid(), ProgressRange(log or Log(), 0, 1)), classes


def table(samples):
    return samples.table.to_array().tolist()
