# SPDX-License-Identifier: GPL-2.0-or-later
"""Alpha bands behind any number of bands of any type: they hide pixels, and are no measurements."""

from __future__ import annotations

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import QgsProject, QgsRasterLayer
from scenes import EXTRACT, PRETRAIN, Log, point_in_pixel, read_raster, run, vector_layer, write_raster
from test_raster_kinds import cube_of


def mosaic_with_transparency(path, code):
    """Six bands; the last one hides the first two columns. GDAL minds it in neither number of bands nor type."""
    values = np.random.default_rng(0).integers(1, 100, (6, 20, 20)).astype(np.float32)
    values[5] = 255
    values[:, :, :2] = 0
    write_raster(path, values, code=code)
    dataset = gdal.Open(str(path), gdal.GA_Update)
    dataset.GetRasterBand(6).SetColorInterpretation(gdal.GCI_AlphaBand)
    assert dataset.GetRasterBand(1).GetMaskFlags() == gdal.GMF_ALL_VALID
    return path


@pytest.mark.parametrize("code", [gdal.GDT_Byte, gdal.GDT_UInt16, gdal.GDT_Int16, gdal.GDT_Float32])
def test_transparency_behind_any_number_of_bands_hides_pixels_and_is_no_band(tmp_path, code):
    from mtmsd.algorithms.bridge.extras.pixel_reader import read_values
    from mtmsd.algorithms.bridge.feedback import ProgressRange
    from mtmsd.algorithms.bridge.raster.scene_export import SceneExport
    from mtmsd.algorithms.bridge.raster.source import describe_raster

    path = mosaic_with_transparency(tmp_path / "in.tif", code)
    hidden = np.zeros((20, 20), dtype=bool)
    hidden[:, :2] = True
    assert np.array_equal(np.isnan(cube_of(path, tmp_path, [1, 2])[0]), hidden)
    source = describe_raster(QgsRasterLayer(str(path), "in"))
    assert np.array_equal(np.isnan(read_values(source.open(), source, 3, (0, 0, 20, 20))), hidden)
    log = Log()
    export = SceneExport(source, tmp_path, QgsProject.instance().transformContext())
    cube = export.usable_bands(ProgressRange(log, 0, 1))
    assert [band.number for band in cube.bands] == [1, 2, 3, 4, 5]
    assert log.warnings == ["Transparency, which hides pixels, left out: 6."]


def test_a_model_is_trained_without_transparency(tmp_path):
    log = Log()
    path = mosaic_with_transparency(tmp_path / "in.tif", gdal.GDT_Float32)
    run("pretraindiffusion", {"INPUT": str(path), "OUTPUT": str(tmp_path / "model.mtmsd"), **PRETRAIN}, log)
    assert "Transparency, which hides pixels, left out: 6." in log.lines
    assert any("4 components of 5 bands" in line for line in log.lines)


def without_names(path, made, bands):
    """The first bands of a raster, without names, so that their order alone tells which they are."""
    gdal.Translate(str(made), str(path), bandList=list(range(1, bands + 1)))
    dataset = gdal.Open(str(made), gdal.GA_Update)
    for number in range(1, bands + 1):
        dataset.GetRasterBand(number).SetDescription("")
    return made


def test_bands_are_matched_by_order_beside_transparency(tmp_path):
    mosaic = mosaic_with_transparency(tmp_path / "in.tif", gdal.GDT_Float32)
    seen, plain = (without_names(mosaic, tmp_path / f"{count}.tif", count) for count in (6, 5))
    model, classifier = tmp_path / "model.mtmsd", tmp_path / "plain.mtmsdc"
    run("pretraindiffusion", {"INPUT": str(plain), "OUTPUT": str(model), **PRETRAIN})
    features = {"INPUT": str(seen), "MODEL": str(model), "OUTPUT": str(tmp_path / "features.tif"), **EXTRACT}
    assert run("extractfeatures", features)["BANDS_WRITTEN"]
    points = [(point_in_pixel(row, col), "ab"[row % 2]) for row in range(0, 20, 3) for col in range(2, 20, 3)]
    training = {"TRAINING": vector_layer(points, "Point"), "CLASS_FIELD": "cover", "OUTPUT_CLASSIFIER": str(classifier)}
    run("classify", {"INPUT": str(plain), "OUTPUT": str(tmp_path / "map.tif"), **training, "DEVICE": "cpu"})
    applied = {"INPUT": str(seen), "CLASSIFIER": str(classifier), "OUTPUT": str(tmp_path / "seen_map.tif")}
    run("applyclassifier", {**applied, "DEVICE": "cpu"})
    assert np.array_equal(read_raster(tmp_path / "seen_map.tif")[0] == 0, read_raster(mosaic)[5] == 0)
