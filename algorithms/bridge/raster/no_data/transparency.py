# SPDX-License-Identifier: GPL-2.0-or-later
"""Bands that say which pixels are seen (alpha bands), told from those that GDAL takes for such.

Enters: a data set. Leaves: their numbers. GDAL itself hides pixels by them only in rasters of two or four bands, of
bytes or unsigned 16-bit numbers; multispectral mosaics have them behind any number of bands of any type.
"""

from __future__ import annotations

from contextlib import suppress

from osgeo import gdal

_LOOK = 512  # rows and columns, at most, that an alpha band is looked at in
_ENDS = 0.9  # share of an alpha band's pixels that are 0 or the highest value; those between are edges
_HIGHEST_BYTE = 255


def transparency_of(dataset: gdal.Dataset) -> frozenset[int]:
    """Numbers (from 1) of the alpha bands; none where the raster has no other bands.

    GDAL takes the fourth band of any image of bytes for an alpha band, near infrared and flags of 0 and 1 too. Of
    transparency nearly all pixels have the lowest or the highest value.
    """
    bands = {number: dataset.GetRasterBand(number) for number in range(1, dataset.RasterCount + 1)}
    alpha = [n for n, band in bands.items() if band.GetColorInterpretation() == gdal.GCI_AlphaBand and _has_ends(band)]
    return frozenset(alpha if len(alpha) < len(bands) else ())


def _has_ends(band: gdal.Band) -> bool:
    """Whether nearly all pixels, seen from afar, are 0 or the highest value; what cannot be read is met elsewhere."""
    import numpy as np

    seen = None
    with suppress(RuntimeError):  # where somebody called gdal.UseExceptions
        seen = band.ReadAsArray(buf_xsize=min(band.XSize, _LOOK), buf_ysize=min(band.YSize, _LOOK))
    if seen is None:
        return True
    highest = _HIGHEST_BYTE if band.DataType == gdal.GDT_Byte else seen.max()
    return bool(np.isin(seen, (0, highest)).mean() >= _ENDS)
