# SPDX-License-Identifier: GPL-2.0-or-later
"""Extraction with the real worker: the feature raster and what it says of itself."""

from __future__ import annotations

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import (
    QgsProcessingException,
    QgsRasterLayer,
)
from scenes import (
    CLASSIFY,
    EXTRACT,
    PRETRAIN,
    Log,
    read_raster,
    run,
    spectra,
    write_raster,
)

pytestmark = pytest.mark.usefixtures("torch_python")


def named(path, names):
    """The raster with these names of its bands."""
    dataset = gdal.Open(str(path), gdal.GA_Update)
    for number, name in enumerate(names, 1):
        dataset.GetRasterBand(number).SetDescription(name)
    return path


def test_feature_raster(scene, features):
    dataset = gdal.Open(str(features))
    source = gdal.Open(str(scene.raster))
    assert dataset.RasterCount == 2 * 8 + 12  # features, and the spectra behind them
    assert dataset.GetRasterBand(1).GetDescription().startswith("t100 s")
    assert dataset.GetRasterBand(9).GetDescription().startswith("t500 s")
    assert dataset.GetGeoTransform() == source.GetGeoTransform()
    assert dataset.GetProjection() == source.GetProjection()
    assert gdal.GetDataTypeName(dataset.GetRasterBand(1).DataType) == "Int16"
    assert dataset.GetRasterBand(1).GetScale() != 1


def test_bands_of_the_model_that_a_raster_marks_as_bad_are_told_of(model, tmp_path):
    other, log = write_raster(tmp_path / "other.tif", spectra()), Log()
    dataset = gdal.Open(str(other), gdal.GA_Update)
    for number in (4, 7):
        dataset.GetRasterBand(number).SetMetadataItem("bbl", "0")
    del dataset
    outputs = {"OUTPUT": str(tmp_path / "features.tif")}
    run("extractfeatures", {"INPUT": str(other), "MODEL": str(model), **outputs, **EXTRACT}, log)
    assert "Used, though the metadata of the raster other mark them as bad: bands 4, 7." in log.text


def test_features_of_nodata_are_nodata_and_of_reordered_bands_the_same(scene, model, features, tmp_path):
    values = spectra()
    values[:, :8, :] = 0
    nodata = write_raster(tmp_path / "nodata.tif", values, nodata=0)
    results = run(
        "extractfeatures", {"INPUT": str(nodata), "MODEL": str(model), "OUTPUT": "TEMPORARY_OUTPUT", **EXTRACT}
    )
    assert results["BANDS_WRITTEN"] == 16 + 12  # features, and the spectra behind them
    written = read_raster(results["OUTPUT"])
    assert (written[:, :8] == -32768).all()
    assert (written[:, 8:] != -32768).all()

    turned = write_raster(tmp_path / "turned.tif", spectra()[::-1])
    dataset = gdal.Open(str(turned), gdal.GA_Update)
    for number in range(1, 13):
        dataset.GetRasterBand(number).SetDescription(f"b{13 - number}")
    del dataset
    results = run(
        "extractfeatures", {"INPUT": str(turned), "MODEL": str(model), "OUTPUT": "TEMPORARY_OUTPUT", **EXTRACT}
    )
    assert np.array_equal(read_raster(results["OUTPUT"]), read_raster(features))


def test_a_raster_in_which_some_bands_have_no_name_is_the_one_that_its_model_was_trained_on(tmp_path):
    raster = write_raster(tmp_path / "some.tif", spectra())
    named(raster, ["", "", "", *(f"B{number:02}" for number in range(4, 13))])
    model, parameters = str(tmp_path / "m.mtmsd"), {"OUTPUT": str(tmp_path / "f.tif"), **EXTRACT}
    run("pretraindiffusion", {"INPUT": str(raster), "OUTPUT": model, **PRETRAIN})
    assert run("extractfeatures", {"INPUT": str(raster), "MODEL": model, **parameters})["BANDS_WRITTEN"] == 16 + 12


@pytest.mark.parametrize("bands", [7, 20])
@pytest.mark.parametrize("driver", ["GTiff", "ENVI"])
def test_another_number_of_bands_without_names_is_refused(scene, tmp_path, bands, driver):
    raster = named(write_raster(tmp_path / "twelve.tif", spectra()), [""] * 12)
    model, other = str(tmp_path / "m.mtmsd"), str(tmp_path / "other")
    run("pretraindiffusion", {"INPUT": str(raster), "OUTPUT": model, **PRETRAIN})
    gdal.Translate(other, str(named(write_raster(tmp_path / "o.tif", spectra(bands)), [""] * bands)), format=driver)
    parameters = {"INPUT": other, "OUTPUT": str(tmp_path / "f.tif")}
    with pytest.raises(QgsProcessingException, match=f"expects a raster of 12 bands, this one has {bands} bands and"):
        run("extractfeatures", {**parameters, "MODEL": model, **EXTRACT})
    samples = {"TRAINING": str(scene.polygons), "CLASS_FIELD": "cover", **CLASSIFY, "CLASSIFIER": "linear"}
    outputs = {"OUTPUT": str(tmp_path / "map.tif"), "OUTPUT_CLASSIFIER": str(tmp_path / "c.mtmsdc")}
    run("classify", {"INPUT": str(raster), **samples, **outputs})
    with pytest.raises(QgsProcessingException, match=f"expects a raster of 12 bands, this one has {bands} bands and"):
        run("applyclassifier", {**parameters, "CLASSIFIER": outputs["OUTPUT_CLASSIFIER"], "DEVICE": "cpu"})
    with pytest.raises(QgsProcessingException, match=f"it has {bands} bands instead of 12, and neither"):
        run("pretraindiffusion", {"INPUT": str(raster), "EXTRA_INPUTS": [other], "OUTPUT": model, **PRETRAIN})


def test_extraction_with_training_samples_and_its_layout(scene, model, tmp_path):
    parameters = {"INPUT": str(scene.raster), "MODEL": str(model), "OUTPUT": str(tmp_path / "f.tif"), **EXTRACT}
    run("extractfeatures", {**parameters, "TRAINING": str(scene.polygons), "CLASS_FIELD": "cover"})
    from mtmsd.algorithms.bridge.raster.source import describe_raster

    layout = describe_raster(QgsRasterLayer(str(tmp_path / "f.tif"))).layout
    assert (layout.timesteps, layout.features, layout.purification) == ((100, 500), 8, "classes")


def test_timesteps_that_stand_for_all_are_said_and_kept_with_the_raster(scene, model, tmp_path):
    parameters = {"INPUT": str(scene.raster), "MODEL": str(model), "OUTPUT": str(tmp_path / "f.tif"), **EXTRACT}
    results = run("extractfeatures", {**parameters, "TIMESTEPS": "auto"})
    from mtmsd.algorithms.bridge.raster.source import describe_raster

    layout = describe_raster(QgsRasterLayer(str(tmp_path / "f.tif"))).layout
    assert layout.timestep_choice.candidates == tuple(range(50, 1000, 50))
    assert layout.timesteps == layout.timestep_choice.kept
    assert results["TIMESTEPS_USED"] == ",".join(map(str, layout.timesteps))
    assert results["BANDS_WRITTEN"] == 8 * len(layout.timesteps) + 12
    assert len(layout.timesteps) < 19


def test_timesteps_that_the_model_has_never_seen_are_refused(scene, tmp_path):
    model = tmp_path / "m.mtmsd"
    run("pretraindiffusion", {"INPUT": str(scene.raster), **PRETRAIN, "TRAIN_UP_TO": 120, "OUTPUT": str(model)})
    parameters = {"INPUT": str(scene.raster), "MODEL": str(model), "OUTPUT": str(tmp_path / "f.tif"), **EXTRACT}
    with pytest.raises(QgsProcessingException, match=r"TIMESTEPS should be 0 to 120, .* found 500"):
        run("extractfeatures", parameters)
    assert run("extractfeatures", {**parameters, "TIMESTEPS": None})["TIMESTEPS_USED"] == "50,100"
