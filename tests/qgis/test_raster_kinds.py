# SPDX-License-Identifier: GPL-2.0-or-later
"""Rasters of every number type, every kind of "no data" and every grid, into the job folder and out of it."""

from __future__ import annotations

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import QgsCoordinateReferenceSystem, QgsProject, QgsRasterLayer, QgsRasterRange
from scenes import (
    CRS,
    LEFT,
    PIXEL,
    TOP,
    Log,
    box_of_pixels,
    plus_one,
    read_raster,
    vector_layer,
    write_raster,
)


def cube_of(layer, folder, numbers=None):
    """The layer as the worker sees it: physical values (bands, H, W), NaN where there is no data."""
    from mtmsd.algorithms.bridge.feedback import ProgressRange
    from mtmsd.algorithms.bridge.raster.scene_export import SceneExport
    from mtmsd.algorithms.bridge.raster.source import describe_raster
    from mtmsd.mtmsd_qgis.io.cube import Cube
    from mtmsd.mtmsd_qgis.io.windows import whole

    source = describe_raster(layer if isinstance(layer, QgsRasterLayer) else QgsRasterLayer(str(layer), "in"))
    numbers = numbers or range(1, len(source.bands) + 1)
    context = QgsProject.instance().transformContext()
    cube = Cube(folder, SceneExport(source, folder, context).bands(numbers, None, ProgressRange(Log(), 0, 1)))
    return cube.read(whole(cube.height, cube.width))


def raster_of(path, codes, values, nodata=None, options=()):
    """A data set with a band of each type code; values (H, W) are written as float64."""
    values = np.asarray(values, dtype=float)
    driver = "GTiff" if len(set(codes)) == 1 else "VRT"
    parts = []
    for number, code in enumerate(dict.fromkeys(codes)):
        part = str(path) if driver == "GTiff" else f"{path}.{number}.tif"
        count = len(codes) if driver == "GTiff" else 1
        dataset = gdal.GetDriverByName("GTiff").Create(part, *values.shape[::-1], count, code, list(options))
        dataset.SetGeoTransform((LEFT, PIXEL, 0, TOP, 0, -PIXEL))
        for band in range(1, count + 1):
            if nodata is not None:
                dataset.GetRasterBand(band).SetNoDataValue(nodata)
            dataset.GetRasterBand(band).WriteArray(values)
        del dataset
        parts.append(part)
    if driver == "VRT":
        gdal.BuildVRT(str(path), parts, separate=True).FlushCache()
    return path


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("Byte", 0, 255),
        ("Int8", -128, 127),
        ("UInt16", 0, 65535),
        ("Int16", -32768, 32767),
        ("UInt32", 0, 2**32 - 1),
        ("Int32", -(2**31), 2**31 - 1),
        ("UInt64", 0, 2**40),
        ("Int64", -(2**40), 2**40),
        ("Float32", -1.5, 3e30),
        ("Float64", -1.5, 3e30),
    ],
)
def test_every_number_type(tmp_path, name, low, high):
    code = getattr(gdal, f"GDT_{name}", None)
    if code is None:
        pytest.skip(f"this GDAL has no {name}")
    path = raster_of(tmp_path / "in.tif", [code], [[low, high, 1, 7]], nodata=7)
    assert np.array_equal(
        cube_of(path, tmp_path)[0, 0], np.array([low, high, 1, np.nan], dtype=np.float32), equal_nan=True
    )


@pytest.mark.skipif(hasattr(gdal, "GDT_Int8"), reason="this GDAL has a type of its own for signed bytes")
def test_signed_bytes_of_older_gdals(tmp_path):
    dataset = gdal.GetDriverByName("GTiff").Create(
        str(tmp_path / "in.tif"), 3, 1, 1, gdal.GDT_Byte, ["PIXELTYPE=SIGNEDBYTE"]
    )
    dataset.GetRasterBand(1).WriteRaster(0, 0, 3, 1, np.array([-128, -1, 127], np.int8).tobytes())
    del dataset
    assert cube_of(tmp_path / "in.tif", tmp_path)[0, 0].tolist() == [-128, -1, 127]


@pytest.mark.parametrize(("name", "nodata"), [("UInt64", 2**64 - 1), ("Int64", -(2**63))])
def test_no_data_values_beyond_every_float_reach_the_worker(tmp_path, name, nodata):
    from mtmsd.algorithms.bridge.raster.source import describe_raster
    from mtmsd.mtmsd_qgis.jobs.data_model import CubeFile
    from mtmsd.mtmsd_qgis.jobs.protocol import Job, read_job, write_job

    code = getattr(gdal, f"GDT_{name}", None)
    if code is None:
        pytest.skip(f"this GDAL has no {name}")
    path = tmp_path / "in.tif"
    dataset = gdal.GetDriverByName("GTiff").Create(str(path), 2, 1, 1, code)
    dataset.GetRasterBand(1).SetNoDataValue(nodata)
    dataset.GetRasterBand(1).WriteRaster(0, 0, 2, 1, np.array([nodata, 5], name.lower()).tobytes())
    del dataset
    assert np.array_equal(cube_of(path, tmp_path)[0, 0], [np.nan, 5], equal_nan=True)
    bands = describe_raster(QgsRasterLayer(str(path), "in")).bands
    write_job(Job("pretrain", scene=CubeFile("s.raw", 1, 2, "float64", bands)), tmp_path)
    assert read_job(tmp_path).scene.bands == bands


def test_bands_of_different_types_keep_their_values_and_their_own_nodata(tmp_path):
    path = raster_of(tmp_path / "in.vrt", [gdal.GDT_Byte, gdal.GDT_Float32], [[1, 2, 3]])
    dataset = gdal.Open(str(path), gdal.GA_Update)
    dataset.GetRasterBand(1).SetNoDataValue(1)
    dataset.GetRasterBand(2).SetNoDataValue(2)
    del dataset
    read = cube_of(path, tmp_path)
    assert np.array_equal(read[:, 0], [[np.nan, 2, 3], [1, np.nan, 3]], equal_nan=True)


def test_nan_and_infinity_are_no_data(tmp_path):
    path = write_raster(tmp_path / "in.tif", np.array([[[np.nan, np.inf, -np.inf, 1]]], dtype=np.float32))
    assert np.isfinite(cube_of(path, tmp_path)[0, 0]).tolist() == [False, False, False, True]


def ranges(*pairs):
    return [QgsRasterRange(low, high) for low, high in pairs]


@pytest.mark.parametrize("scaled", [False, True])
def test_additional_no_data_values_of_the_layer_count_as_qgis_counts_them(tmp_path, scaled):
    path = write_raster(tmp_path / "in.tif", np.array([[[0, 1, 2, 3, 4, 5]]] * 2, dtype=np.uint8), nodata=0)
    if scaled:
        dataset = gdal.Open(str(path), gdal.GA_Update)
        for number in (1, 2):
            dataset.GetRasterBand(number).SetScale(0.5)
            dataset.GetRasterBand(number).SetOffset(1.0)
        del dataset
    layer = QgsRasterLayer(str(path), "in")
    provider = layer.dataProvider()
    values = [1.5, 2.5, 3.0] if scaled else [1, 3, 4]
    provider.setUserNoDataValue(2, ranges((values[0], values[0]), (values[1], values[2])))
    read = cube_of(layer, tmp_path)
    assert np.isnan(read[0, 0]).tolist() == [True, False, False, False, False, False]
    assert np.isnan(read[1, 0]).tolist() == [True, True, False, True, True, False]
    block = provider.block(2, layer.extent(), 6, 1)
    assert [block.isNoData(0, column) for column in range(6)] == np.isnan(read[1, 0]).tolist()


def test_open_ranges_and_a_no_data_value_that_is_switched_off(tmp_path):
    path = write_raster(tmp_path / "in.tif", np.array([[[0, 1, 2, 3]]], dtype=np.uint8), nodata=0)
    layer = QgsRasterLayer(str(path), "in")
    layer.dataProvider().setUseSourceNoDataValue(1, False)
    layer.dataProvider().setUserNoDataValue(1, ranges((2.5, np.nan)))
    assert np.array_equal(cube_of(layer, tmp_path)[0, 0], [0, 1, 2, np.nan], equal_nan=True)


def test_additional_no_data_values_of_a_layer_of_another_provider(tmp_path):
    path = write_raster(tmp_path / "in.tif", np.array([[[0, 1, 2, 3]]], dtype=np.float32))
    virtual = plus_one(path, width=4, height=1)
    virtual.dataProvider().setUserNoDataValue(1, ranges((3, 3)))
    assert np.array_equal(cube_of(virtual, tmp_path)[0, 0], [1, 2, np.nan, 4], equal_nan=True)
    QgsProject.instance().clear()


def with_mask_band(folder):
    path = write_raster(folder / "in.tif", np.array([[[1, 2, 3, 4]]] * 2, dtype=np.uint8))
    dataset = gdal.Open(str(path), gdal.GA_Update)
    dataset.CreateMaskBand(gdal.GMF_PER_DATASET)
    dataset.GetRasterBand(1).GetMaskBand().WriteArray(np.array([[255, 0, 255, 255]], dtype=np.uint8))
    return path


def with_alpha_band(folder):
    path = write_raster(folder / "in.tif", np.array([[[1, 2, 3, 4]], [[255, 0, 255, 255]]], dtype=np.uint8))
    dataset = gdal.Open(str(path), gdal.GA_Update)
    dataset.GetRasterBand(2).SetColorInterpretation(gdal.GCI_AlphaBand)
    del dataset
    return path


def with_values_of_all_bands(folder):
    path = write_raster(folder / "in.tif", np.array([[[1, 0, 0, 4]], [[0, 0, 3, 0]]], dtype=np.uint8))
    dataset = gdal.Open(str(path), gdal.GA_Update)
    dataset.SetMetadataItem("NODATA_VALUES", "0 0")
    return path


@pytest.mark.parametrize("make", [with_mask_band, with_alpha_band, with_values_of_all_bands])
def test_a_mask_that_the_raster_carries_itself(tmp_path, make):
    from mtmsd.algorithms.bridge.feedback import ProgressRange
    from mtmsd.algorithms.bridge.raster.source import describe_raster
    from mtmsd.algorithms.bridge.raster.valid_pixels import pixels_with_data

    path = make(tmp_path)
    assert np.isnan(cube_of(path, tmp_path)[0, 0]).tolist() == [False, True, False, False]
    source = describe_raster(QgsRasterLayer(str(path), "in"))
    context = QgsProject.instance().transformContext()
    found = pixels_with_data(source, np.array([[0, 0], [0, 1], [0, 3]]), context, ProgressRange(Log(), 0, 1))
    assert found.tolist() == [True, False, True]


def test_near_infrared_that_gdal_takes_for_an_alpha_band_hides_no_pixel(tmp_path):
    """GDAL calls the fourth band of any image of bytes so."""
    from mtmsd.algorithms.bridge.extras.extra_source import data_bands
    from mtmsd.algorithms.bridge.raster.source import describe_raster

    values = np.random.default_rng(0).integers(0, 200, (4, 30, 30), dtype=np.uint8)
    path = write_raster(tmp_path / "in.tif", values)
    assert gdal.Open(str(path)).GetRasterBand(4).GetColorInterpretation() == gdal.GCI_AlphaBand
    assert np.array_equal(cube_of(path, tmp_path), values)
    assert data_bands(describe_raster(QgsRasterLayer(str(path), "in"))) == [1, 2, 3, 4]
    values[3] = values[3] < 50  # nor do flags
    path = write_raster(tmp_path / "flags.tif", values)
    assert np.array_equal(cube_of(path, tmp_path), values)
    values[3] = np.where(values[3], 0, 255)  # and a true one, with edges between
    values[3, :1] = 100
    path = write_raster(tmp_path / "seen.tif", values)
    read = cube_of(path, tmp_path)
    assert np.array_equal(np.isnan(read[0]), values[3] == 0)
    assert data_bands(describe_raster(QgsRasterLayer(str(path), "in"))) == [1, 2, 3]


def test_a_mask_layer_and_the_rasters_own_mask_together(tmp_path):
    from mtmsd.algorithms.bridge.raster.masks import both_usable

    assert both_usable(bytes([1, 1, 0, 0]), bytes([1, 0, 1, 0])) == bytes([1, 0, 0, 0])


@pytest.mark.parametrize("crs", [CRS, "EPSG:32631"])
def test_a_mask_that_lies_elsewhere_is_told_of(tmp_path, crs):
    from mtmsd.algorithms.bridge.feedback import ProgressRange
    from mtmsd.algorithms.bridge.raster.masks import describe_mask
    from mtmsd.algorithms.bridge.raster.scene_export import SceneExport
    from mtmsd.algorithms.bridge.raster.source import describe_raster

    path = write_raster(tmp_path / "in.tif", np.ones((1, 20, 20), np.uint8))
    sea = vector_layer([(box_of_pixels(0, 0, 9, 9), "x")], "Polygon", name="sea", crs=crs, crs_of_shapes=crs)
    log, context = Log(), QgsProject.instance().transformContext()
    export = SceneExport(describe_raster(QgsRasterLayer(str(path), "in")), tmp_path, context)
    export.bands([1], describe_mask(sea), ProgressRange(log, 0, 1))
    told = "Mask sea: 0 of 400 pixels are left out. Check that it lies where the raster lies, and has the right CRS."
    assert log.warnings == ([told] if crs != CRS else [])


def test_thousands_of_bands(tmp_path):
    values = np.arange(3000, dtype=np.uint16)[:, None, None] + np.zeros((1, 2, 3), np.uint16)
    read = cube_of(write_raster(tmp_path / "in.tif", values), tmp_path)
    assert read.shape == (3000, 2, 3)
    assert np.array_equal(read[:, 1, 2], np.arange(3000))


GRIDS = {
    "north up": (LEFT, PIXEL, 0.0, TOP, 0.0, -PIXEL),
    "not square": (LEFT, 30.0, 0.0, TOP, 0.0, -7.5),
    "south up": (LEFT, PIXEL, 0.0, TOP, 0.0, PIXEL),
    "turned": (LEFT, 8.0, 6.0, TOP, 6.0, -8.0),
    "nowhere": None,
}


@pytest.mark.parametrize("name", GRIDS)
@pytest.mark.parametrize("epsg", [32632, 4326, None])
def test_outputs_have_exactly_the_grid_of_the_input(tmp_path, name, epsg):
    from mtmsd.algorithms.bridge.feedback import ProgressRange
    from mtmsd.algorithms.bridge.raster.geotiff import RawRaster, write_class_map
    from mtmsd.algorithms.bridge.raster.source import describe_raster
    from mtmsd.mtmsd_qgis.jobs.data_model import Band, ClassEntry, CubeFile

    path = write_raster(tmp_path / "in.tif", np.ones((1, 5, 9), np.uint8), transform=GRIDS[name], epsg=epsg)
    layer = QgsRasterLayer(str(path), "in")
    np.ones((5, 1, 9), "<u2").tofile(tmp_path / "map.raw")
    cube = CubeFile("map.raw", 5, 9, "uint16", (Band("class", nodata=0),))
    grid = describe_raster(layer).grid
    write_class_map(
        RawRaster(cube, tmp_path, grid),
        tmp_path / "map.tif",
        [ClassEntry(1, "a", "#112233")],
        ProgressRange(Log(), 0, 1),
    )
    before, after = gdal.Open(str(path)), gdal.Open(str(tmp_path / "map.tif"))
    assert after.GetGeoTransform(can_return_null=True) == before.GetGeoTransform(can_return_null=True)
    assert after.GetProjection() == before.GetProjection()
    written = QgsRasterLayer(str(tmp_path / "map.tif"), "map")
    assert (written.extent(), written.crs()) == (layer.extent(), layer.crs())
    assert read_raster(tmp_path / "map.tif").shape == (1, 5, 9)


ROTATED_POLE = "+proj=ob_tran +o_proj=longlat +o_lon_p=-162 +o_lat_p=39.25 +lon_0=180"
UNKNOWN_UNIT = 'LOCAL_CS["plot",UNIT["unknown",1]]'


@pytest.mark.parametrize(
    ("crs", "left", "top", "pixel", "area", "why"),
    [
        ("EPSG:32632", 500_000, 5_761_000, 10, 100, ""),
        ("PROJ:+proj=utm +zone=32 +units=km", 500, 5761, 0.01, 100, ""),
        ("EPSG:2263", 980_000, 200_000, 10, 9.290304, ""),  # feet
        ("EPSG:6933", 964_862, 5_747_000, 10, 100, ""),  # equal areas, though a pixel is 7 m high and 14 m wide
        ("EPSG:3035", 4_900_000, 5_000_000, 10, 100, ""),
        ('WKT:LOCAL_CS["plot",UNIT["foot",0.3048]]', 0, 0, 10, 9.290304, ""),
        ("EPSG:3857", 1e6, 6.8e6, 10, None, "is not one on the ground"),
        ("EPSG:4087", 1e6, 5.8e6, 10, None, "is not one on the ground"),
        ("EPSG:4326", 9, 52, 0.001, None, "in degrees"),
        (f"PROJ:{ROTATED_POLE}", 0, 0, 0.01, None, "unit of its CRS is not one of length"),
        (f"WKT:{UNKNOWN_UNIT}", 0, 0, 10, None, "unit of its CRS is not one of length"),
    ],
)
def test_pixels_have_an_area_where_the_square_metre_of_the_crs_is_one_on_the_ground(
    tmp_path, crs, left, top, pixel, area, why
):
    from mtmsd.algorithms.bridge.raster.source import describe_raster

    path = write_raster(tmp_path / "in.tif", np.zeros((1, 8, 8), np.uint8), transform=(left, pixel, 0, top, 0, -pixel))
    layer = QgsRasterLayer(str(path), "in")
    layer.setCrs(QgsCoordinateReferenceSystem(crs))
    grid = describe_raster(layer).grid
    assert grid.pixel_area_m2 == (area if area is None else pytest.approx(area, rel=1e-5))
    assert why in grid.why_no_area
    assert bool(why) == (area is None)


@pytest.mark.parametrize(
    ("colors", "told"), [(None, False), ([(i, i, i) for i in range(256)], False), ([(0, 9, 200), (7, 7, 7)], True)]
)
def test_numbers_that_stand_for_colours_are_told_of(tmp_path, colors, told):
    from mtmsd.algorithms.bridge.raster.scene_export import announce
    from mtmsd.algorithms.bridge.raster.source import describe_raster

    path, log = write_raster(tmp_path / "map.tif", np.eye(5, dtype=np.uint8)[None]), Log()
    dataset = gdal.Open(str(path), gdal.GA_Update)
    if colors:
        table = gdal.ColorTable()
        for number, color in enumerate(colors):
            table.SetColorEntry(number, color)
        dataset.GetRasterBand(1).SetColorTable(table)
    del dataset
    announce(describe_raster(QgsRasterLayer(str(path), "map")), log)
    assert any("map stand for entries of its colour table" in warning for warning in log.warnings) == told
