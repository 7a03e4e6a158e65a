# SPDX-License-Identifier: GPL-2.0-or-later
"""Made-up rasters in the layouts in which ready-made embeddings are handed out.

Like AlphaEarth's: 64 bands A00 to A63 of signed bytes, unit vectors whose square roots are quantised, -128 where there
is no data, rows from south to north. Like TESSERA's: 128 bands of 32-bit numbers without names and NaN where there is
no data; or signed bytes with a scale.
"""

from __future__ import annotations

import numpy as np
from osgeo import gdal, osr
from scenes import LEFT, PIXEL, TOP, class_of_pixel

SIDE = 64
NO_DATA = np.s_[:, 40:50, 8:60]  # of (bands, H, W)
_HAS_INT8 = hasattr(gdal, "GDT_Int8")  # GDAL 3.7 and later


def unit_vectors(bands):
    """(bands, SIDE, SIDE): a direction a class, noise, length 1."""
    rng = np.random.default_rng(0)
    means = rng.normal(0, 1, (3, bands))[class_of_pixel(SIDE, SIDE)].transpose(2, 0, 1)
    vectors = means + rng.normal(0, 0.6, means.shape)
    return vectors / np.linalg.norm(vectors, axis=0)


def quantised_roots(vectors):
    """Signed bytes as AlphaEarth's files hold them: the inverse of sign(q) (q / 127.5)^2."""
    return np.rint(np.sign(vectors) * np.sqrt(np.abs(vectors)) * 127.5).clip(-127, 127).astype(np.int8)


def alphaearth(path, *, upwards=True, dtype=np.int8, constant=(), declared=True):
    """A raster like AlphaEarth's.

    Args:
        path: The file.
        upwards: Whether the first row is the southernmost, as in the files.
        dtype: int8 as in the files; another one for comparison.
        constant: Bands (from 0) that are 3 everywhere.
        declared: Whether -128 is declared as no data.
    """
    values = quantised_roots(unit_vectors(64))
    values[list(constant)] = 3
    values[NO_DATA] = -128
    return write_embedding(
        path, values.astype(dtype), nodata=-128 if declared else None, names="A{:02d}", upwards=upwards
    )


def tessera_bytes():
    """(128, SIDE, SIDE) int8, and a scale for each band."""
    vectors = unit_vectors(128)
    scales = np.abs(vectors).max(axis=(1, 2)) / 127
    return np.rint(vectors / scales[:, None, None]).astype(np.int8), scales


def write_embedding(path, values, *, nodata=None, names="", upwards=False, scales=None):
    """A GeoTIFF of (bands, H, W), its first row the northernmost; in the file the last one where it goes upwards."""
    bands, height, width = values.shape
    codes = {"float32": gdal.GDT_Float32, "int16": gdal.GDT_Int16, "int8": getattr(gdal, "GDT_Int8", gdal.GDT_Byte)}
    old = values.dtype == np.int8 and not _HAS_INT8
    options = ["PIXELTYPE=SIGNEDBYTE"] if old else []
    dataset = gdal.GetDriverByName("GTiff").Create(str(path), width, height, bands, codes[values.dtype.name], options)
    step = PIXEL if upwards else -PIXEL
    dataset.SetGeoTransform((LEFT, PIXEL, 0.0, TOP - height * PIXEL if upwards else TOP, 0.0, step))
    reference = osr.SpatialReference()
    reference.ImportFromEPSG(32632)
    dataset.SetProjection(reference.ExportToWkt())
    for number, content in enumerate(values[:, ::-1] if upwards else values):
        band = dataset.GetRasterBand(number + 1)
        if names:
            band.SetDescription(names.format(number))
        if nodata is not None:
            band.SetNoDataValue(nodata)
        if scales is not None:
            band.SetScale(float(scales[number]))
        band.WriteRaster(0, 0, width, height, np.ascontiguousarray(content).tobytes())
    dataset.FlushCache()
    del band, dataset
    return path
