# SPDX-License-Identifier: GPL-2.0-or-later
"""Classification of a raster as it comes: empty and constant bands must not cost all its pixels."""

from __future__ import annotations

import numpy as np
import processing
import pytest
from osgeo import gdal
from qgis.core import QgsProcessingException, QgsRasterLayer, QgsRasterRange
from scenes import CLASSIFY, EXTRACT, PRETRAIN, Log, read_raster, run, write_raster


def rewritten(scene, path, change):
    values = read_raster(scene.raster).astype(np.int16)
    change(values)
    dataset = gdal.Open(str(scene.raster))
    write_raster(path, values, transform=dataset.GetGeoTransform(), nodata=-999)
    return path


def parameters(scene, raster, tmp_path):
    return {
        "INPUT": str(raster),
        "TRAINING": str(scene.polygons),
        "CLASS_FIELD": "cover",
        "OUTPUT": str(tmp_path / "map.tif"),
        **CLASSIFY,
    }


@pytest.mark.usefixtures("torch_python")
def test_empty_and_constant_bands_are_left_out_and_named(scene, tmp_path):
    def change(values):
        values[1] = -999
        values[4] = 7

    log = Log()
    raster = rewritten(scene, tmp_path / "r.tif", change)
    processing.run("mtmsd:classify", parameters(scene, raster, tmp_path), feedback=log)
    assert "Bands left out: 2 no data, 5 constant (7)." in log.text
    mapped = read_raster(tmp_path / "map.tif")
    original = read_raster(scene.raster)
    assert ((mapped != 0).sum()) > 0.9 * original[0].size


def test_a_raster_of_empty_bands_is_refused(scene, tmp_path):
    def change(values):
        values[:] = -999

    raster = rewritten(scene, tmp_path / "r.tif", change)
    with pytest.raises(QgsProcessingException, match="at least one usable band was expected"):
        processing.run("mtmsd:classify", parameters(scene, raster, tmp_path), feedback=Log())
    assert not (tmp_path / "map.tif").exists()


def without_names(path, values):
    write_raster(path, values)
    dataset = gdal.Open(str(path), gdal.GA_Update)
    for number in range(1, len(values) + 1):
        dataset.GetRasterBand(number).SetDescription("")
    return path


@pytest.mark.usefixtures("torch_python")
@pytest.mark.parametrize("named", [True, False])
def test_a_classifier_counts_the_bands_that_were_left_out(scene, tmp_path, named):
    values = read_raster(scene.raster)
    values[2] = 7
    unnamed = without_names(tmp_path / "unnamed.tif", values)
    raster = write_raster(tmp_path / "named.tif", values) if named else unnamed
    classifier = {"OUTPUT_CLASSIFIER": str(tmp_path / "c.mtmsdc"), "CLASSIFIER": "linear"}
    run("classify", {**parameters(scene, raster, tmp_path), **classifier})
    again = {"CLASSIFIER": classifier["OUTPUT_CLASSIFIER"], "OUTPUT": str(tmp_path / "again.tif"), "DEVICE": "cpu"}
    usable = without_names(tmp_path / "usable.tif", np.delete(values, 2, axis=0))
    for other in (raster, unnamed, usable):
        run("applyclassifier", {"INPUT": str(other), **again})
        np.testing.assert_array_equal(read_raster(tmp_path / "again.tif"), read_raster(tmp_path / "map.tif"))
    more = without_names(tmp_path / "more.tif", np.concatenate([values[:1], values]))
    with pytest.raises(QgsProcessingException, match="expects a raster of 12 bands, this one has 13 bands and neither"):
        run("applyclassifier", {"INPUT": str(more), **again})


@pytest.mark.usefixtures("torch_python")
def test_no_data_and_wavelengths_of_the_layer_reach_the_worker(scene, tmp_path, project):
    def change(values):
        values[3, :, 60:] = 31000

    raster = QgsRasterLayer(str(rewritten(scene, tmp_path / "r.tif", change)), "layer")
    raster.dataProvider().setUserNoDataValue(4, [QgsRasterRange(30000, 32000)])
    for number in range(1, 13):
        raster.setCustomProperty(f"QGISPAM/band/{number}//wavelength", 400 + 50 * number)
        raster.setCustomProperty(f"QGISPAM/band/{number}//fwhm", 10)
    project.addMapLayer(raster)
    log = Log()
    processing.run(
        "mtmsd:classify",
        {**parameters(scene, raster.id(), tmp_path), "CLASSIFIER": "linear", "SPLIT": "none"},
        feedback=log,
    )
    assert "Wavelengths: 450 to 1000 nm, width 10 to 10 nm." in log.lines
    mapped = read_raster(tmp_path / "map.tif")[0]
    assert (mapped[:, 60:] == 0).all()
    assert (mapped[:, :60] != 0).all()


@pytest.mark.usefixtures("torch_python")
def test_one_band_goes_through_all_steps(scene, tmp_path):
    raster = write_raster(tmp_path / "one.tif", read_raster(scene.raster)[:1])
    places = {name: str(tmp_path / name) for name in ("model.mtmsd", "features.tif")}
    processing.run(
        "mtmsd:pretraindiffusion", {"INPUT": str(raster), "OUTPUT": places["model.mtmsd"], **PRETRAIN}, feedback=Log()
    )
    processing.run(
        "mtmsd:extractfeatures",
        {"INPUT": str(raster), "MODEL": places["model.mtmsd"], "OUTPUT": places["features.tif"], **EXTRACT},
        feedback=Log(),
    )
    for source in (raster, places["features.tif"]):
        processing.run("mtmsd:classify", parameters(scene, source, tmp_path), feedback=Log())
        assert set(np.unique(read_raster(tmp_path / "map.tif"))) <= {1, 2, 3}
