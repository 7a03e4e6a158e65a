# SPDX-License-Identifier: GPL-2.0-or-later
"""No data as other programs write it: what GDAL's mask hides is no data, and what nobody declared is noticed."""

from __future__ import annotations

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import QgsProcessingException, QgsProject, QgsRasterLayer
from scenes import (
    CLASSIFY,
    EXTRACT,
    PRETRAIN,
    Log,
    box_of_pixels,
    read_raster,
    run,
    spectra,
    vector_layer,
    write_raster,
)

LEAST = np.float32(-3.4028235e38)


def described(path):
    from mtmsd.algorithms.bridge.raster.source import describe_raster

    return describe_raster(QgsRasterLayer(str(path), "in"))


def exported(path, folder):
    """The raster as the worker reads it."""
    from mtmsd.algorithms.bridge.feedback import ProgressRange
    from mtmsd.algorithms.bridge.raster.scene_export import SceneExport
    from mtmsd.mtmsd_qgis.io.cube import Cube
    from mtmsd.mtmsd_qgis.io.windows import whole

    source = described(path)
    context = QgsProject.instance().transformContext()
    cube = Cube(
        folder,
        SceneExport(source, folder, context).bands(range(1, len(source.bands) + 1), None, ProgressRange(Log(), 0, 1)),
    )
    return cube.read(whole(cube.height, cube.width))


def scene_with_border(path, fill, nodata):
    """Float spectra as ArcGIS writes them: a border of the lowest number, and a declared value that is near it."""
    values = spectra(height=48, width=48).astype(np.float32) / 10_000
    values[:, :6, :] = fill
    return write_raster(path, values, nodata=nodata)


@pytest.mark.parametrize("code", [gdal.GDT_Float32, gdal.GDT_Float64])
@pytest.mark.parametrize(
    ("nodata", "fill"),
    [
        (-3.4e38, LEAST),
        (-3.40282e38, LEAST),
        (-3.402823e38, LEAST),
        (-9999.0, np.float32(-9999)),
        (0.1, np.float32(0.1)),
        (1e20, np.float32(1e20)),
    ],
)
def test_what_gdals_mask_hides_is_no_data(tmp_path, nodata, fill, code):
    values = np.linspace(1, 2, 16, dtype=np.float64).reshape(1, 4, 4)
    values[0, 1, 1:3] = fill
    path = write_raster(tmp_path / "in.tif", values, nodata=nodata, code=code)
    dataset = gdal.Open(str(path))
    hidden = dataset.GetRasterBand(1).GetMaskBand().ReadAsArray() == 0
    del dataset
    found = np.isnan(exported(path, tmp_path)[0])
    assert found.sum() == 2
    assert not (hidden & ~found).any()


def test_the_lowest_number_of_64_bits_declared_for_32(tmp_path):
    values = np.linspace(1, 2, 16, dtype=np.float32).reshape(1, 4, 4)
    values[0, 1, 1:3] = LEAST
    path = write_raster(tmp_path / "in.tif", values)
    gdal.Translate(str(tmp_path / "in.vrt"), str(path), noData="-1.797e308")
    assert np.isnan(exported(tmp_path / "in.vrt", tmp_path)).sum() == 2


def test_a_mask_of_a_single_band_hides_its_pixels(tmp_path):
    """A virtual raster whose second band alone has a mask."""
    write_raster(tmp_path / "in.tif", spectra(bands=2, height=4, width=4))
    shown = np.full((1, 4, 4), 255, np.uint8)
    shown[0, 0, :3] = 0
    write_raster(tmp_path / "mask.tif", shown)
    source = (
        '<SimpleSource><SourceFilename relativeToVRT="1">{}</SourceFilename><SourceBand>{}</SourceBand></SimpleSource>'
    )
    mask = f'<MaskBand><VRTRasterBand dataType="Byte">{source.format("mask.tif", 1)}</VRTRasterBand></MaskBand>'
    bands = "".join(
        f'<VRTRasterBand dataType="UInt16" band="{n}">{source.format("in.tif", n)}{mask if n == 2 else ""}'
        "</VRTRasterBand>"
        for n in (1, 2)
    )
    (tmp_path / "in.vrt").write_text(f'<VRTDataset rasterXSize="4" rasterYSize="4">{bands}</VRTDataset>')
    hidden = np.isnan(exported(tmp_path / "in.vrt", tmp_path)).all(axis=0)
    assert hidden.sum() == 3
    assert hidden[0, :3].all()


def test_a_mask_layer_of_floats_with_such_a_nodata_leaves_it_in(tmp_path):
    from mtmsd.algorithms.bridge.raster.masks import describe_mask, usable_pixels

    values = np.full((1, 4, 4), LEAST, np.float32)
    values[0, 0, 0] = 1
    mask = write_raster(tmp_path / "mask.tif", values, nodata=-3.4e38)
    scene = described(write_raster(tmp_path / "in.tif", spectra(bands=1, height=4, width=4)))
    context = QgsProject.instance().transformContext()
    usable = usable_pixels(describe_mask(QgsRasterLayer(str(mask), "mask")), scene.grid, context)
    assert usable == bytes([0] + [1] * 15)


def training():
    shapes = [
        (box_of_pixels(row, 16 * index + 4, row + 6, 16 * index + 12), name)
        for index, name in enumerate(("water", "meadow", "forest"))
        for row in (10, 30)
    ]
    return vector_layer(shapes, "Polygon")


def classify(raster, folder, log=None):
    parameters = {
        "INPUT": str(raster), "TRAINING": training(), "CLASS_FIELD": "cover", "OUTPUT": str(folder / "map.tif"),
        **CLASSIFY, "CLASSIFIER": "auto",
    }  # fmt: skip
    run("classify", parameters, log)
    return read_raster(folder / "map.tif")[0]


@pytest.mark.usefixtures("torch_python")
def test_a_scene_of_arcgis_is_mapped_where_it_has_data(tmp_path):
    found = classify(scene_with_border(tmp_path / "in.tif", LEAST, -3.4e38), tmp_path)
    assert (found[:6] == 0).all()
    assert (found[6:] > 0).all()


@pytest.mark.parametrize("fill", [LEAST, 1e36, -9999])
def test_a_fill_value_that_nobody_declared_is_refused_by_name(tmp_path, fill):
    raster = scene_with_border(tmp_path / "in.tif", fill, None)
    words = f"288 of 2304 pixels have the value {float(fill):.7g} in all bands".replace("+", r"\+")
    with pytest.raises(QgsProcessingException, match=words):
        classify(raster, tmp_path)
    assert not (tmp_path / "map.tif").exists()


@pytest.mark.usefixtures("torch_python")
def test_pretraining_refuses_it_too(tmp_path):
    raster = scene_with_border(tmp_path / "in.tif", 1e36, None)
    with pytest.raises(QgsProcessingException, match=r"288 of 2304 pixels have the value 1e\+36"):
        run("pretraindiffusion", {"INPUT": str(raster), "OUTPUT": str(tmp_path / "m.mtmsd"), **PRETRAIN})
    assert not (tmp_path / "m.mtmsd").exists()


@pytest.mark.usefixtures("torch_python")
def test_additional_no_data_of_the_layer_is_the_way_out(tmp_path):
    from qgis.core import QgsRasterRange

    raster = scene_with_border(tmp_path / "in.tif", 1e36, None)
    layer = QgsRasterLayer(str(raster), "in")
    for number in range(1, layer.bandCount() + 1):
        layer.dataProvider().setUserNoDataValue(number, [QgsRasterRange(1e36, 1e36)])
    log = Log()
    run("pretraindiffusion", {"INPUT": layer, "OUTPUT": str(tmp_path / "m.mtmsd"), **PRETRAIN}, log)
    assert log.warnings == []


@pytest.mark.usefixtures("torch_python")
@pytest.mark.parametrize("nodata", [float("nan"), float("-inf")])
def test_a_nodata_value_that_json_lacks_goes_into_the_model(tmp_path, nodata):
    values = spectra(height=32, width=32).astype(np.float32)
    values[:, 3, 3] = nodata
    raster, model = write_raster(tmp_path / "in.tif", values, nodata=nodata), tmp_path / "m.mtmsd"
    run("pretraindiffusion", {"INPUT": str(raster), "OUTPUT": str(model), **PRETRAIN})
    assert model.is_file()


@pytest.mark.usefixtures("torch_python")
def test_empty_bands_do_not_take_the_samples_of_a_scene(tmp_path):
    values = spectra(height=48, width=48).astype(np.float32)
    values[2:4] = np.nan
    raster, log = write_raster(tmp_path / "in.tif", values), Log()
    parameters = {
        "INPUT": str(raster), "TRAINING": training(), "CLASS_FIELD": "cover", "OUTPUT": str(tmp_path / "map.tif"),
        **PRETRAIN, **EXTRACT, **CLASSIFY,
    }  # fmt: skip
    run("mapscene", parameters, log)
    assert (read_raster(tmp_path / "map.tif") > 0).all()
    assert "Bands left out: 3 no data, 4 no data." in log.text


def test_zeros_that_nobody_declared_around_a_radar_image_are_told_of(tmp_path):
    from mtmsd.algorithms.bridge.extras.extra_source import shared_fill_sentence
    from mtmsd.algorithms.bridge.raster.source import describe_raster

    values = np.random.default_rng(0).gamma(4, 0.02, (2, 40, 40)).astype(np.float32)
    whole = write_raster(tmp_path / "whole.tif", values)
    values[:, :, :10] = 0
    cut = write_raster(tmp_path / "cut.tif", values)
    sentences = [shared_fill_sentence(describe_raster(QgsRasterLayer(str(path))), (1, 2)) for path in (whole, cut)]
    assert sentences[0] == ""
    assert sentences[1].startswith("400 of 1600 pixels have the value 0 in all bands")
    assert shared_fill_sentence(describe_raster(QgsRasterLayer(str(cut))), (1,)) == ""
