# SPDX-License-Identifier: GPL-2.0-or-later
"""Physical values of a window of a raster, NaN where nodata, a mask or transparency says that there is no data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from osgeo import gdal

from ..raster.masks import band_pixels, hiding_bands
from ..raster.source import RasterSource

if TYPE_CHECKING:
    from numpy.typing import NDArray


def read_values(
    dataset: gdal.Dataset, source: RasterSource, number: int, window: tuple[int, int, int, int]
) -> NDArray[Any]:
    """(h, w) float64.

    Args:
        dataset: Of the raster.
        source: What is known of it.
        number: Of the band, from 1.
        window: Column, row, width, height; inside the raster.

    Raises:
        QgsProcessingException: It cannot be read.
    """
    import numpy as np

    from ....mtmsd_qgis.io.nodata import nodata_range, within

    name = f"extra raster {source.name}"
    band, described = dataset.GetRasterBand(number), source.bands[number - 1]
    stored = band_pixels(band, name, window)
    values = stored.astype(np.float64) * described.scale + described.offset
    unknown = ~np.isfinite(values)
    ends = nodata_range(described.nodata, stored.dtype)
    if ends is not None:
        unknown |= within(stored, ends)
    for low, high in described.excluded:
        unknown |= (values >= low) & (values <= high)
    for hiding in hiding_bands(source, dataset, number):
        unknown |= ~(band_pixels(hiding, name, window) > 0)
    values[unknown] = np.nan
    return values
