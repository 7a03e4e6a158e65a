# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes scene.tif (12 bands, 64 x 64) and samples.gpkg (points of 3 classes) into a folder; for QGIS's own Python."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from osgeo import gdal, ogr, osr

LEFT, TOP, PIXEL_M, SIDE, BANDS = 500000.0, 5800000.0, 10.0, 64, 12
CLASSES = ("water", "meadow", "forest")


def main() -> None:
    """Write both files."""
    folder = Path(sys.argv[1])
    reference = osr.SpatialReference()
    reference.ImportFromEPSG(32632)
    classes = np.broadcast_to(np.arange(SIDE) * len(CLASSES) // SIDE, (SIDE, SIDE))
    _write_scene(folder / "scene.tif", classes, reference)
    _write_samples(folder / "samples.gpkg", classes, reference)


def _write_scene(path: Path, classes: np.ndarray, reference: osr.SpatialReference) -> None:
    rng = np.random.default_rng(0)
    spectra = rng.uniform(1000, 3000, (len(CLASSES), BANDS))
    values = spectra[classes] + rng.normal(0, 60, (SIDE, SIDE, BANDS))
    dataset = gdal.GetDriverByName("GTiff").Create(str(path), SIDE, SIDE, BANDS, gdal.GDT_UInt16)
    dataset.SetGeoTransform((LEFT, PIXEL_M, 0, TOP, 0, -PIXEL_M))
    dataset.SetProjection(reference.ExportToWkt())
    for band in range(BANDS):
        dataset.GetRasterBand(band + 1).WriteArray(values[:, :, band].astype(np.uint16))


def _write_samples(path: Path, classes: np.ndarray, reference: osr.SpatialReference) -> None:
    source = ogr.GetDriverByName("GPKG").CreateDataSource(str(path))
    layer = source.CreateLayer("samples", reference, ogr.wkbPoint)
    layer.CreateField(ogr.FieldDefn("class", ogr.OFTString))
    for row in range(2, SIDE, 4):
        for column in range(2, SIDE, 4):
            feature = ogr.Feature(layer.GetLayerDefn())
            feature["class"] = CLASSES[classes[row, column]]
            x, y = LEFT + (column + 0.5) * PIXEL_M, TOP - (row + 0.5) * PIXEL_M
            feature.SetGeometry(ogr.CreateGeometryFromWkt(f"POINT ({x} {y})"))
            layer.CreateFeature(feature)


if __name__ == "__main__":
    main()
