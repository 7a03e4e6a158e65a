# SPDX-License-Identifier: GPL-2.0-or-later
"""A GeoTIFF -> a Cloud Optimized GeoTIFF: the same pixels in the order in which they can be read over a network."""

from __future__ import annotations

from pathlib import Path

from osgeo import gdal

from ...feedback import ProgressRange, refuse_when_cancelled
from .option_list import OptionList
from .raster_format import RasterFormat

_USUAL = ("COMPRESS=DEFLATE", "BIGTIFF=IF_SAFER", "OVERVIEW_RESAMPLING=AVERAGE")
_TILE_BYTES = 16 << 20  # all bands of a tile, where they are stored together
_SMALLEST_TILE = 128  # pixels, of the driver
_USUAL_TILE = 512


def copy_as_cog(source: Path, path: Path, wanted: RasterFormat, progress: ProgressRange) -> None:
    """Write it, with the overviews of the GeoTIFF, or with the driver's own where that has none.

    Args:
        source: The GeoTIFF, closed.
        path: Of the copy.
        wanted: What the user says of it.
        progress: Asked for a cancel.

    Raises:
        QgsProcessingException: Cancelled.
        OSError: It cannot be written.
    """
    dataset = gdal.Open(str(source))
    if dataset is None:
        raise OSError(gdal.GetLastErrorMsg())
    feedback = progress.feedback
    options = wanted.over([*_USUAL, *_predictor(dataset), _layout(dataset)])
    copy = gdal.GetDriverByName("COG").CreateCopy(
        str(path), dataset, options=options, callback=lambda *_: int(not feedback.isCanceled())
    )
    refuse_when_cancelled(feedback)
    if copy is None:
        raise OSError(gdal.GetLastErrorMsg())


def _predictor(dataset: gdal.Dataset) -> tuple[str, ...]:
    """The predictor for fractions; class ids are packed better without one."""
    fractions = dataset.GetRasterBand(1).DataType in (gdal.GDT_Float32, gdal.GDT_Float64)
    return ("PREDICTOR=FLOATING_POINT",) if fractions else ()


def _layout(dataset: gdal.Dataset) -> str:
    """Each band by itself where this GDAL can (3.11 and later), else tiles of all bands that fit into memory."""
    listed = OptionList.of_driver("COG")
    if listed is not None and "INTERLEAVE" in listed.options:
        return "INTERLEAVE=BAND"
    pixel = dataset.RasterCount * gdal.GetDataTypeSize(dataset.GetRasterBand(1).DataType) // 8
    side = _USUAL_TILE
    while side > _SMALLEST_TILE and side * side * pixel > _TILE_BYTES:
        side //= 2
    return f"BLOCKSIZE={side}"
