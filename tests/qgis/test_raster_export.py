# SPDX-License-Identifier: GPL-2.0-or-later
"""Rasters into the job folder and out of it: every value, nodata, bands, grid."""

from __future__ import annotations

import json

import numpy as np
import pytest
from gdal_exceptions import MODULES, enter, gdal_exceptions, leave_all
from osgeo import gdal
from qgis.core import QgsCoordinateReferenceSystem, QgsProcessingException, QgsProject, QgsRasterLayer
from scenes import (
    LEFT,
    PIXEL,
    TOP,
    Log,
    box_of_pixels,
    plus_one,
    point_in_pixel,
    read_raster,
    spectra,
    vector_layer,
    write_raster,
)


def described(path, name="in"):
    from mtmsd.algorithms.bridge.raster.source import describe_raster

    return describe_raster(path if isinstance(path, QgsRasterLayer) else QgsRasterLayer(str(path), name))


def copied(source, folder, numbers=None, mask=None):
    from mtmsd.algorithms.bridge.feedback import ProgressRange
    from mtmsd.algorithms.bridge.raster.scene_export import SceneExport

    numbers = numbers or range(1, len(source.bands) + 1)
    context = QgsProject.instance().transformContext()
    return SceneExport(source, folder, context).bands(numbers, mask, ProgressRange(Log(), 0, 1))


def stored(cube, folder):
    """(H, bands, W), as the worker sees it."""
    shape = (cube.height, len(cube.bands), cube.width)
    return np.fromfile(folder / cube.file, cube.dtype).reshape(shape)


def job(tmp_path):
    folder = tmp_path / "job with blank é"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "float32"])
def test_a_copy_is_line_interleaved_and_keeps_type_and_values(tmp_path, dtype):
    values = (spectra(bands=3, height=7, width=5) % 200).astype(dtype)
    cube = copied(described(write_raster(tmp_path / "in.tif", values)), job(tmp_path))
    assert cube.dtype == dtype
    assert np.array_equal(stored(cube, job(tmp_path)), values.transpose(1, 0, 2))


def test_gdal_opens_the_copy(tmp_path):
    values = spectra(bands=3, height=7, width=5)
    cube = copied(described(write_raster(tmp_path / "in.tif", values)), job(tmp_path))
    assert np.array_equal(read_raster(job(tmp_path) / cube.file), values)


def test_a_raster_larger_than_a_chunk(tmp_path, monkeypatch):
    from mtmsd.algorithms.bridge.raster import export

    monkeypatch.setattr(export, "CHUNK_BYTES", 1000)
    values = spectra(bands=4, height=33, width=17)
    cube = copied(described(write_raster(tmp_path / "in.tif", values)), job(tmp_path))
    assert np.array_equal(stored(cube, job(tmp_path)), values.transpose(1, 0, 2))


@pytest.mark.parametrize("interleave", ["BAND", "PIXEL"])
@pytest.mark.parametrize("chunk_bytes", [1, 2 * 3 * 16 * 16 * 2])
def test_a_compressed_raster_is_read_by_its_own_blocks(tmp_path, monkeypatch, interleave, chunk_bytes):
    """Each block once, though neither a line of blocks nor one block fits into a chunk."""
    from mtmsd.algorithms.bridge.raster import export

    monkeypatch.setattr(export, "CHUNK_BYTES", chunk_bytes)
    values = spectra(bands=3, height=40, width=70)
    plain = write_raster(tmp_path / "plain.tif", values, nodata=0)
    tiled = ["TILED=YES", "BLOCKXSIZE=16", "BLOCKYSIZE=16", "COMPRESS=DEFLATE", f"INTERLEAVE={interleave}"]
    gdal.Translate(str(tmp_path / "in.tif"), str(plain), creationOptions=tiled)
    windows = []
    lines = export._lines
    monkeypatch.setattr(export, "_lines", lambda d, window, *rest: windows.append(window) or lines(d, window, *rest))
    cube = copied(described(tmp_path / "in.tif"), job(tmp_path), numbers=[3, 1])
    assert np.array_equal(stored(cube, job(tmp_path)), values[[2, 0]].transpose(1, 0, 2))
    assert sum(cols * rows for _, _, cols, rows in windows) == 40 * 70
    assert all(col % 16 == row % 16 == 0 for col, row, _, _ in windows)


def test_bands_in_the_order_asked_for(tmp_path):
    values = spectra(bands=5, height=4, width=4)
    cube = copied(described(write_raster(tmp_path / "in.tif", values)), job(tmp_path), numbers=[4, 1])
    assert [band.number for band in cube.bands] == [4, 1]
    assert [band.name for band in cube.bands] == ["b4", "b1"]
    assert np.array_equal(stored(cube, job(tmp_path)), values[[3, 0]].transpose(1, 0, 2))


def test_nodata_scale_and_offset_travel_with_the_bands(tmp_path):
    path = write_raster(tmp_path / "in.tif", spectra(bands=2, height=4, width=4), nodata=0)
    dataset = gdal.Open(str(path), gdal.GA_Update)
    dataset.GetRasterBand(2).SetScale(0.0001)
    dataset.GetRasterBand(2).SetOffset(-1.5)
    del dataset
    first, second = described(path).bands
    assert (first.nodata, first.scale, first.offset) == (0, 1.0, 0.0)
    assert (second.nodata, second.scale, second.offset) == (0, 0.0001, -1.5)


def test_bands_of_different_types_get_one_that_holds_them(tmp_path):
    one = write_raster(tmp_path / "a.tif", np.full((1, 3, 3), 200, np.uint8))
    two = write_raster(tmp_path / "b.tif", np.full((1, 3, 3), -5, np.int16))
    path = str(tmp_path / "both.vrt")
    gdal.BuildVRT(path, [str(one), str(two)], separate=True).FlushCache()
    dataset = gdal.Open(path)
    types = {gdal.GetDataTypeName(dataset.GetRasterBand(n).DataType) for n in (1, 2)}
    del dataset
    cube = copied(described(path), job(tmp_path))
    assert types == {"Byte", "Int16"}
    assert cube.dtype == "int16"
    assert stored(cube, job(tmp_path))[0, :, 0].tolist() == [200, -5]


@pytest.mark.parametrize(
    ("domain", "items", "expected"),
    [
        ("ENVI", {"wavelength": "{0.45, 0.55}", "wavelength_units": "Micrometers"}, [450.0, 550.0]),
        ("", {"wavelength": "{450, 550}", "wavelength_units": "Nanometers"}, [450.0, 550.0]),
        ("", {"wavelength": "{0.45, 0.55}"}, [450.0, 550.0]),
        ("", {"wavelength": "{450}"}, [None, None]),
        ("", {"wavelength": "{400, 410}", "wavelength_units": "Wavenumber"}, [None, None]),
    ],
)
def test_wavelengths_of_the_data_set(tmp_path, domain, items, expected):
    path = write_raster(tmp_path / "in.tif", spectra(bands=2, height=4, width=4))
    dataset = gdal.Open(str(path), gdal.GA_Update)
    for key, value in items.items():
        dataset.SetMetadataItem(key, value, domain)
    del dataset
    assert [band.wavelength_nm for band in described(path).bands] == pytest.approx(expected)


def test_wavelengths_of_bands_and_in_names(tmp_path):
    path = write_raster(tmp_path / "in.tif", spectra(bands=3, height=4, width=4))
    dataset = gdal.Open(str(path), gdal.GA_Update)
    dataset.GetRasterBand(1).SetMetadataItem("wavelength", "0.5")
    dataset.GetRasterBand(1).SetMetadataItem("wavelength_units", "Micrometers")
    dataset.GetRasterBand(2).SetDescription("Band 2 (611.5 Nanometers)")
    dataset.GetRasterBand(3).SetMetadataItem("CENTRAL_WAVELENGTH_UM", "0.7", "IMAGERY")
    del dataset
    assert [band.wavelength_nm for band in described(path).bands] == pytest.approx([500.0, 611.5, 700.0])


def test_bad_bands_of_the_metadata(tmp_path):
    path = write_raster(tmp_path / "in.tif", spectra(bands=4, height=4, width=4))
    dataset = gdal.Open(str(path), gdal.GA_Update)
    dataset.SetMetadataItem("bbl", "{1, 0, 1, 1}", "ENVI")
    dataset.GetRasterBand(4).SetMetadataItem("bbl", "0")
    del dataset
    assert described(path).bad == {2, 4}


def test_a_raster_without_georeference_lies_where_qgis_shows_it(tmp_path):
    from mtmsd.algorithms.bridge.vector.rasterization import pixel_at

    path = write_raster(tmp_path / "in.tif", spectra(bands=2, height=4, width=6), transform=None, epsg=None)
    layer = QgsRasterLayer(str(path), "in")
    grid = described(layer).grid
    assert not grid.georeferenced
    extent = layer.extent()
    assert pixel_at(extent.xMinimum() + 0.5, extent.yMaximum() - 0.5, grid) == (0, 0)
    assert pixel_at(extent.xMaximum() - 0.5, extent.yMinimum() + 0.5, grid) == (3, 5)


def test_control_points_are_refused(tmp_path):
    path = write_raster(tmp_path / "in.tif", spectra(bands=2, height=4, width=4), transform=None, epsg=None)
    dataset = gdal.Open(str(path), gdal.GA_Update)
    points = [gdal.GCP(x, y, 0, x, y) for x, y in ((0, 0), (4, 0), (0, 4))]
    wkt = QgsCoordinateReferenceSystem("EPSG:32632").toWkt()
    dataset.SetGCPs(points, wkt)
    del dataset
    layer = QgsRasterLayer(str(path), "in")
    with pytest.raises(QgsProcessingException, match="control points"):
        described(layer)


def test_a_crs_that_the_user_gave_the_layer_wins(tmp_path):
    path = write_raster(tmp_path / "in.tif", spectra(bands=2, height=4, width=4))
    layer = QgsRasterLayer(str(path), "in")
    layer.setCrs(QgsCoordinateReferenceSystem("EPSG:25833"))
    assert "25833" in described(layer).grid.wkt


def test_a_layer_of_another_provider_is_exported(tmp_path):
    values = spectra(bands=2, height=6, width=8).astype(np.float32)
    path = write_raster(tmp_path / "in.tif", values)
    virtual = plus_one(path, width=8, height=6)
    source = described(virtual)
    assert [band.name for band in source.bands] == [""]  # QGIS calls it "Band 1"
    cube = copied(source, job(tmp_path))
    assert np.allclose(stored(cube, job(tmp_path))[:, 0, :], values[0] + 1)
    del virtual  # what is exported is a copy
    again = copied(source, job(tmp_path))
    assert np.allclose(stored(again, job(tmp_path))[:, 0, :], values[0] + 1)
    QgsProject.instance().clear()


def test_mask_of_polygons_in_another_crs(tmp_path):
    from mtmsd.algorithms.bridge.raster.masks import describe_mask, usable_pixels

    source = described(write_raster(tmp_path / "in.tif", spectra(bands=2, height=6, width=8)))
    mask = describe_mask(vector_layer([(box_of_pixels(1, 2, 3, 5), "x")], "Polygon", crs="EPSG:4326"))
    usable = np.frombuffer(usable_pixels(mask, source.grid, QgsProject.instance().transformContext()), np.uint8)
    expected = np.ones((6, 8))
    expected[1:3, 2:5] = 0
    assert np.array_equal(usable.reshape(6, 8), expected)


def test_mask_of_points(tmp_path):
    from mtmsd.algorithms.bridge.raster.masks import describe_mask, usable_pixels

    source = described(write_raster(tmp_path / "in.tif", spectra(bands=2, height=6, width=8)))
    mask = describe_mask(vector_layer([(point_in_pixel(4, 7), "x")], "Point"))
    usable = np.frombuffer(usable_pixels(mask, source.grid, QgsProject.instance().transformContext()), np.uint8)
    assert np.argwhere(usable.reshape(6, 8) == 0).tolist() == [[4, 7]]


def test_mask_raster_of_another_grid_and_extent(tmp_path):
    from mtmsd.algorithms.bridge.raster.masks import describe_mask

    source = described(write_raster(tmp_path / "in.tif", spectra(bands=2, height=6, width=8)))
    coarse = np.zeros((1, 2, 2), np.uint8)
    coarse[0, 0, 1] = 7  # rows 0 and 1, columns 2 and 3
    coarse[0, 1, 0] = 255  # nodata: may be used
    transform = (LEFT, 2 * PIXEL, 0.0, TOP, 0.0, -2 * PIXEL)
    path = write_raster(tmp_path / "mask.tif", coarse, transform=transform, nodata=255)
    cube = copied(source, job(tmp_path), mask=describe_mask(QgsRasterLayer(str(path), "mask")))
    usable = np.fromfile(job(tmp_path) / cube.mask, np.uint8).reshape(6, 8)
    assert np.argwhere(usable == 0).tolist() == [[0, 2], [0, 3], [1, 2], [1, 3]]


def written(tmp_path, values, **band_facts):
    """A raw cube, as the worker writes it."""
    from mtmsd.mtmsd_qgis.jobs.data_model import Band, CubeFile

    values = np.asarray(values)
    values.transpose(1, 0, 2).copy().tofile(job(tmp_path) / "result.raw")
    bands = tuple(Band(name=f"t{n:03d} s0", **band_facts) for n in range(len(values)))
    return CubeFile("result.raw", values.shape[1], values.shape[2], values.dtype.name, bands)


def progress():
    from mtmsd.algorithms.bridge.feedback import ProgressRange

    return ProgressRange(Log(), 0, 100)


def test_feature_raster_keeps_values_grid_names_and_layout(tmp_path):
    from mtmsd.algorithms.bridge.raster.geotiff import RawRaster, write_features
    from mtmsd.mtmsd_qgis.jobs.data_model import FeatureLayout

    transform = (LEFT, 30.0, 0.0, TOP, 0.0, -10.0)
    source = described(write_raster(tmp_path / "in.tif", spectra(bands=2, height=37, width=23), transform=transform))
    values = np.random.default_rng(0).integers(-30000, 30000, (6, 37, 23)).astype(np.int16)
    cube = written(tmp_path, values, nodata=-32768.0, scale=0.25, offset=3.0)
    layout = FeatureLayout(timesteps=(50, 100), features=3, names=("a", "b", "c"), window=16, stages=(0, 5))
    path = tmp_path / "features.tif"
    write_features(RawRaster(cube, job(tmp_path), source.grid), path, layout, progress())
    again = described(path)
    assert again.layout == layout
    assert again.grid.transform == transform
    assert again.grid.wkt == source.grid.wkt
    assert [(b.name, b.nodata, b.scale, b.offset) for b in again.bands][:1] == [("t000 s0", -32768.0, 0.25, 3.0)]
    assert np.array_equal(read_raster(path), values)
    assert np.array_equal(stored(copied(again, job(tmp_path)), job(tmp_path)), values.transpose(1, 0, 2))
    assert not list(tmp_path.glob("*.partial*"))


def test_a_cancelled_write_leaves_what_was_there(tmp_path):
    from mtmsd.algorithms.bridge.feedback import ProgressRange
    from mtmsd.algorithms.bridge.raster.geotiff import RawRaster, write_many_bands

    source = described(write_raster(tmp_path / "in.tif", spectra(bands=2, height=8, width=8)))
    cube = written(tmp_path, np.ones((2, 8, 8), np.int16))
    path = tmp_path / "out.tif"
    path.write_text("of yesterday")
    log = Log()
    log.cancel()
    with pytest.raises(QgsProcessingException, match="Cancelled"):
        write_many_bands(RawRaster(cube, job(tmp_path), source.grid), path, ProgressRange(log, 0, 1))
    assert path.read_text() == "of yesterday"
    assert not list(tmp_path.glob("*.partial*"))


def test_a_place_that_cannot_be_written(tmp_path):
    from mtmsd.algorithms.bridge.files.atomic_write import write_text
    from mtmsd.algorithms.bridge.raster.geotiff import RawRaster, write_many_bands

    (tmp_path / "file").write_text("")
    with pytest.raises(QgsProcessingException, match="cannot be written"):
        write_text("x", tmp_path / "file" / "report.html")
    source = described(write_raster(tmp_path / "in.tif", spectra(bands=2, height=8, width=8)))
    cube = written(tmp_path, np.ones((2, 8, 8), np.int16))
    with pytest.raises(QgsProcessingException, match="cannot be written"):
        write_many_bands(RawRaster(cube, job(tmp_path), source.grid), tmp_path / "file" / "x.tif", progress())


@pytest.mark.parametrize("exceptions", [False, True])
@pytest.mark.parametrize(("top", "code"), [(3, "Byte"), (300, "UInt16")])
def test_class_map_has_names_and_colours_for_other_software(tmp_path, top, code, exceptions):
    from mtmsd.algorithms.bridge.raster.geotiff import RawRaster, write_class_map
    from mtmsd.mtmsd_qgis.jobs.data_model import ClassEntry

    source = described(write_raster(tmp_path / "in.tif", spectra(bands=2, height=8, width=8)))
    classes = [ClassEntry(1, "water", "#1f78b4"), ClassEntry(top, "Wald, Gebüsch", "#33a02c")]
    values = np.zeros((1, 8, 8), np.uint16)
    values[0, 2:4] = top
    path = tmp_path / "map.tif"
    with gdal_exceptions(exceptions):
        write_class_map(RawRaster(written(tmp_path, values), job(tmp_path), source.grid), path, classes, progress())
    dataset = gdal.Open(str(path))
    band = dataset.GetRasterBand(1)
    table = band.GetDefaultRAT()
    rows = [(table.GetValueAsInt(r, 0), table.GetValueAsString(r, 1)) for r in range(table.GetRowCount())]
    assert gdal.GetDataTypeName(band.DataType) == code
    assert band.GetNoDataValue() == 0
    assert rows == [(1, "water"), (top, "Wald, Gebüsch")]
    assert (band.GetColorTable() is None) == (code == "UInt16")
    assert np.array_equal(band.ReadAsArray(), values[0])
    if code == "Byte":
        assert band.GetCategoryNames()[top] == "Wald, Gebüsch"
        assert band.GetColorTable().GetColorEntry(1) == (0x1F, 0x78, 0xB4, 255)


@pytest.mark.parametrize("order", [(), (0,), (0, 1, 2), (2, 0, 1)], ids=str)
@pytest.mark.parametrize("exceptions", [False, True])
def test_exceptions_of_gdal_are_left_as_they_were_found(order, exceptions):
    found = leave_all()
    try:
        enter(*(MODULES[i] for i in order))
        entered = [bool(module.GetUseExceptions()) for module in MODULES]
        with gdal_exceptions(exceptions):
            assert bool(gdal.GetUseExceptions()) == exceptions
        assert [bool(module.GetUseExceptions()) for module in MODULES] == entered
    finally:
        leave_all()
        enter(*reversed(found))


@pytest.mark.parametrize("exceptions", [False, True])
def test_a_mask_that_cannot_be_warped_or_read_is_refused(tmp_path, exceptions):
    from mtmsd.algorithms.bridge.raster.masks import describe_mask

    source = described(write_raster(tmp_path / "in.tif", spectra(bands=2, height=8, width=8)))
    elsewhere = write_raster(tmp_path / "local.tif", np.ones((1, 8, 8), np.uint8))
    dataset = gdal.Open(str(elsewhere), gdal.GA_Update)
    dataset.SetProjection('LOCAL_CS["plot",UNIT["metre",1]]')
    del dataset
    damaged = write_raster(tmp_path / "damaged.tif", np.ones((1, 400, 400), np.float32))
    with damaged.open("r+b") as file:
        file.truncate(20_000)
    for path, words in ((elsewhere, "brought to the raster's grid"), (damaged, "cannot be read")):
        mask = describe_mask(QgsRasterLayer(str(path), "mask"))
        with gdal_exceptions(exceptions), pytest.raises(QgsProcessingException, match=words):
            copied(source, job(tmp_path), mask=mask)


def test_a_feature_raster_that_lost_bands_is_refused_or_read(tmp_path):
    path = write_raster(tmp_path / "in.tif", spectra(bands=2, height=4, width=4))
    dataset = gdal.Open(str(path), gdal.GA_Update)
    dataset.SetMetadataItem("MTMSD_FEATURES", json.dumps({"version": 99}))
    del dataset
    from mtmsd.mtmsd_qgis.errors import FileFormatError

    with pytest.raises(FileFormatError, match="version 99"):
        described(path)
