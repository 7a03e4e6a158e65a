# SPDX-License-Identifier: GPL-2.0-or-later
"""Smaller copies of a raster inside its file, from which QGIS draws a large one in a moment."""

from __future__ import annotations

from pathlib import Path

from osgeo import gdal

from ..feedback import ProgressRange, refuse_when_cancelled

_SMALLEST_SIDE = 256  # pixels; the smallest overview fits into this


def overview_factors(height: int, width: int) -> list[int]:
    """Powers of two, until the raster fits into one tile; none for a small raster."""
    factors = []
    while max(height, width) > _SMALLEST_SIDE * (factors[-1] if factors else 1):
        factors.append(2 * factors[-1] if factors else 2)
    return factors


def build_overviews(path: Path, resampling: str, progress: ProgressRange) -> None:
    """Write them, compressed as the raster is.

    Args:
        path: A GeoTIFF that is closed, so that its colour table is in the file.
        resampling: GDAL's word: MODE for classes (the most frequent one), AVERAGE for numbers.
        progress: Asked for a cancel.

    Raises:
        QgsProcessingException: Cancelled.
        OSError: They cannot be written.
    """
    dataset = gdal.OpenEx(str(path), gdal.OF_RASTER | gdal.OF_UPDATE)
    if dataset is None:
        raise OSError(gdal.GetLastErrorMsg())
    factors = overview_factors(dataset.RasterYSize, dataset.RasterXSize)
    if not factors:
        return
    feedback = progress.feedback
    failure = dataset.BuildOverviews(resampling, factors, callback=lambda *_: int(not feedback.isCanceled()))
    refuse_when_cancelled(feedback)
    if failure:
        raise OSError(gdal.GetLastErrorMsg())
