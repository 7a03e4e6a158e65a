# SPDX-License-Identifier: GPL-2.0-or-later
"""Small class maps whose accuracy is known, and their assessment."""

from __future__ import annotations

import json

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import (
    QgsProcessingException,
)
from scenes import (
    point_in_pixel,
    run,
    vector_layer,
    write_raster,
)

# 40 x 40 pixels: water (1) left, meadow (2) in the middle, forest (3) right; the uppermost rows are nodata.
IDS = np.repeat([1, 2, 3], [10, 10, 20])[None, :] * np.ones((40, 1), dtype=int)
IDS[:4] = 0
NAMED = {1: "Water", 2: "Meadow", 3: "Forest"}


def class_map(path, values=IDS, *, nodata=0, names=None, table=None, **more):
    """A class map; names as category names, table as an attribute table."""
    write_raster(path, values[None].astype(more.pop("dtype", np.uint8)), nodata=nodata, **more)
    dataset = gdal.Open(str(path), gdal.GA_Update)
    band = dataset.GetRasterBand(1)
    if names:
        band.SetCategoryNames([names.get(i, "") for i in range(max(names) + 1)])
    if table:
        attributes = gdal.RasterAttributeTable()
        attributes.CreateColumn("Value", gdal.GFT_Integer, gdal.GFU_MinMax)
        attributes.CreateColumn("Class", gdal.GFT_String, gdal.GFU_Name)
        for row, (number, name) in enumerate(table.items()):
            attributes.SetValueAsInt(row, 0, number)
            attributes.SetValueAsString(row, 1, name)
        band.SetDefaultRAT(attributes)
    del band, dataset
    return path


def points(*rows, field_type="integer", **more):
    """Points of (row, column, class)."""
    return vector_layer([(point_in_pixel(r, c), k) for r, c, k in rows], "Point", field_type=field_type, **more)


SIX = ((10, 2, 1), (11, 3, 1), (12, 12, 2), (13, 13, 1), (14, 30, 3), (15, 31, 3))  # one wrong: water mapped as meadow


def assess(raster, reference, folder, log=None, **more):
    """The results, and the JSON document."""
    outputs = {
        "REPORT": str(folder / "a.html"),
        "OUTPUT_JSON": str(folder / "a.json"),
        "OUTPUT_CSV": str(folder / "a.csv"),
    }
    parameters = {"INPUT": str(raster), "REFERENCE": reference, "CLASS_FIELD": "cover", **outputs, **more}
    results = run("assessaccuracy", parameters, log)
    return results, json.loads((folder / "a.json").read_text("utf-8"))


def refusal(raster, reference, folder, **more):
    (folder / "out").mkdir()
    with pytest.raises(QgsProcessingException) as caught:
        assess(raster, reference, folder / "out", **more)
    assert list((folder / "out").iterdir()) == []
    return str(caught.value)
