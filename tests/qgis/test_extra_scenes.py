# SPDX-License-Identifier: GPL-2.0-or-later
"""Learning from several rasters: matched bands, masks, samples by raster, the report, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsFeature,
    QgsGeometry,
    QgsProcessingException,
    QgsProject,
    QgsRectangle,
)
from scenes import (
    CRS,
    EXTRACT,
    NAMES,
    PRETRAIN,
    Log,
    box_of_pixels,
    class_of_pixel,
    job_folders,
    read_raster,
    run,
    spectra,
    vector_layer,
    write_raster,
)

FAR = (200000.0, 20.0, 0.0, 5900000.0, 0.0, -20.0)  # another place, in pixels of another size


def described(path: Path, wavelengths: list[float], bad: int = 0) -> Path:
    """The raster with centre wavelengths, and one band marked as bad."""
    dataset = gdal.Open(str(path), gdal.GA_Update)
    for number, wavelength in enumerate(wavelengths, 1):
        dataset.GetRasterBand(number).SetMetadataItem("wavelength", str(wavelength))
        dataset.GetRasterBand(number).SetMetadataItem("wavelength_units", "Nanometers")
    if bad:
        dataset.GetRasterBand(bad).SetMetadataItem("bbl", "0")
    return path


def trained(tmp_path, raster, extra, log=None, **parameters):
    given = {"INPUT": str(raster), "EXTRA_INPUTS": [str(path) for path in extra], "OUTPUT": str(tmp_path / "m.mtmsd")}
    return run("pretraindiffusion", {**given, **PRETRAIN, **parameters}, log)


@pytest.mark.usefixtures("torch_python")
def test_the_bands_of_a_further_raster_are_matched_and_its_pixels_counted(tmp_path):
    values = spectra()
    nm = [400.0 + 40 * i for i in range(12)]
    raster = described(write_raster(tmp_path / "may.tif", values), nm)
    june = write_raster(tmp_path / "june.tif", values[::-1, :, :32], transform=FAR, epsg=32633)
    described(june, nm[::-1], bad=3)  # 760 nm
    mask = vector_layer([(box_of_pixels(0, 0, 32, 64), "x")], "Polygon", name="clouds")
    log, report = Log(), tmp_path / "report.html"
    link = tmp_path / "link.tif"
    link.symlink_to(raster)
    extra = [june, raster, link]
    results = trained(tmp_path, raster, extra, log, MASK=mask, REPORT=str(report))
    assert 0 < results["FINAL_LOSS"] < 2
    assert "Further raster: june, 32 x 64 pixels, 12 bands; bands matched by wavelength." in log.lines
    assert "may was given twice; it counts once." in log.warnings
    assert "link was given twice; it counts once." in log.warnings
    assert "Marked as bad in a further raster, left out: 10." in log.warnings
    shares = "2048 (50.0 %) from may, 2048 (50.0 %) from june"
    assert f"Valid pixels: {shares}." in log.lines
    assert shares in report.read_text()
    from mtmsd.mtmsd_qgis.io.array_file import read_arrays, read_header

    assert [band["number"] for band in read_header(results["OUTPUT"])["bands"]] == [*range(1, 10), 11, 12]
    # The same ground twice, with its bands the other way round: both have the same mean where they are matched.
    expected = values[:, 32:].reshape(12, -1).sum(axis=1) + values[:, :, :32].reshape(12, -1).sum(axis=1)
    mean = read_arrays(results["OUTPUT"])["preprocessor.mean"]
    assert mean == pytest.approx([*(expected / 4096)[:9], *(expected / 4096)[10:]], rel=1e-6)
    assert job_folders() == []


@pytest.mark.parametrize(
    ("bands", "wavelengths", "message"),
    [
        (11, None, "scene was expected, other is of another one"),
        (12, [1400.0 + 40 * i for i in range(12)], "no band for b1 (400 nm), b2 (440 nm)"),
    ],
)
def test_a_raster_of_another_sensor_is_refused(tmp_path, bands, wavelengths, message):
    raster = write_raster(tmp_path / "scene.tif", spectra())
    other = write_raster(tmp_path / "other.tif", spectra(bands))
    if wavelengths:
        described(raster, [400.0 + 40 * i for i in range(12)])
        described(other, wavelengths)
    with pytest.raises(QgsProcessingException, match="same sensor") as refusal:
        trained(tmp_path, raster, [other])
    assert message in str(refusal.value)
    assert not (tmp_path / "m.mtmsd").exists()


def test_a_further_raster_is_not_replaced_and_must_hold_a_patch(tmp_path):
    raster = write_raster(tmp_path / "scene.tif", spectra())
    small = write_raster(tmp_path / "small.tif", spectra(width=12))
    with pytest.raises(QgsProcessingException, match="small has 12 x 64"):
        trained(tmp_path, raster, [small])
    with pytest.raises(QgsProcessingException, match=r"OUTPUT would replace .*small\.tif, which EXTRA_INPUTS reads"):
        trained(tmp_path, raster, [small], OUTPUT=str(small))


def two_dates_and_another_tile(tmp_path):
    """Two rasters of the same ground, one of another place in another CRS, and polygons on all of it."""
    may = write_raster(tmp_path / "may.tif", spectra(seed=0))
    june = write_raster(tmp_path / "june.tif", spectra(seed=0))
    far = write_raster(tmp_path / "far.tif", spectra(seed=0), transform=FAR, epsg=32633)
    here = [
        (box_of_pixels(row, 21 * index + 4, row + 6, 21 * index + 12), name)
        for index, name in enumerate(NAMES)
        for row in (4, 20)
    ]
    there = []
    for index, name in enumerate(NAMES):
        left, top = FAR[0] + (21 * index + 4) * 20, FAR[3] - 30 * 20
        there.append((QgsGeometry.fromRect(QgsRectangle(left, top - 120, left + 160, top)), name))
    transform = QgsCoordinateTransform(
        QgsCoordinateReferenceSystem("EPSG:32633"), QgsCoordinateReferenceSystem(CRS), QgsProject.instance()
    )
    for shape, _ in there:
        shape.transform(transform)
    outside = (box_of_pixels(200, 0, 210, 10), "water")
    return may, june, far, vector_layer([*here, *there, outside], "Polygon", crs="EPSG:4326")


@pytest.mark.usefixtures("torch_python")
def test_one_layer_teaches_from_the_raster_that_covers_it(tmp_path):
    may, june, far, layer = two_dates_and_another_tile(tmp_path)
    log, report = Log(), tmp_path / "report.html"
    parameters = {
        "INPUT": str(may),
        "EXTRA_INPUTS": [str(june), str(far), str(june)],
        "TRAINING": layer,
        "CLASS_FIELD": "cover",
        "SPLIT": "scene",
        "OUTPUT": str(tmp_path / "map.tif"),
        "OUTPUT_CLASSIFIER": str(tmp_path / "c.mtmsdc"),
        "REPORT": str(report),
        "DEVICE": "cpu",
    }
    results = run("classify", parameters, log)
    assert "june was given twice; it counts once." in log.warnings
    assert "Further raster: far, 64 x 64 pixels, 12 bands; bands matched by " in log.text
    counts = [line for line in log.lines if "sample pixels in" in line]
    assert counts[:2] == ["288 sample pixels in may.", "0 sample pixels in june."]
    far_pixels = int(counts[2].split(" ")[0])
    assert far_pixels == pytest.approx(144, abs=12)  # polygons of another CRS lie a little askew
    assert "Features that lie in several rasters: 6; each has its pixels in the first of them." in log.lines
    assert "Left out of the samples of the layer training: 1 outside all rasters (feature 10)." in log.warnings
    assert any(line.startswith("1 of 2 scenes, ") for line in log.lines)
    assert results["OA"] > 95
    assert read_raster(results["OUTPUT"]).shape == (1, 64, 64)
    ids = np.array([3, 2, 1])  # of water, meadow and forest, numbered by name
    assert (read_raster(results["OUTPUT"])[0] == ids[class_of_pixel()]).mean() > 0.95
    assert "june, 64 x 64 pixels, 12 bands; far, 64 x 64 pixels, 12 bands" in report.read_text()
    assert (tmp_path / "c.mtmsdc").is_file()


def learnt_with_another(tmp_path, values, log, bad=0, nodata=None):
    """classify with polygons in a raster and in another, whose values are given."""
    may, _, _, layer = two_dates_and_another_tile(tmp_path)
    other = write_raster(tmp_path / "other.tif", values, transform=FAR, epsg=32633, nodata=nodata)
    if bad:
        described(other, [400.0 + 40 * i for i in range(12)], bad)
    parameters = {
        "INPUT": str(may), "EXTRA_INPUTS": [str(other)], "TRAINING": layer, "CLASS_FIELD": "cover", "SPLIT": "scene",
        "OUTPUT": str(tmp_path / "map.tif"), "CLASSIFIER": "linear", "DEVICE": "cpu",
    }  # fmt: skip
    return run("classify", parameters, log)


@pytest.mark.usefixtures("torch_python")
@pytest.mark.parametrize(
    ("value", "bad", "warning"),
    [
        (0, 0, "Bands left out: 5 no data in raster number 1 of EXTRA_INPUTS."),
        (7, 0, "Bands left out: 5 constant (7) in raster number 1 of EXTRA_INPUTS."),
        (7, 5, "Marked as bad in a further raster, left out: 5."),
    ],
)
def test_a_band_of_no_use_in_one_raster_is_left_out_of_all(tmp_path, value, bad, warning):
    values, log = spectra(), Log()
    values[4] = value
    results = learnt_with_another(tmp_path, values, log, bad, nodata=0)
    assert [line for line in log.warnings if "left out" in line] == [warning]
    assert results["OA"] > 95


@pytest.mark.usefixtures("torch_python")
def test_what_is_left_out_of_several_rasters_is_named_with_its_raster(tmp_path):
    may, june, far, layer = two_dates_and_another_tile(tmp_path)
    last = layer.getFeature(9)  # of forest, in the other tile
    doubled = QgsFeature(layer.fields())
    doubled.setGeometry(last.geometry())
    doubled.setAttributes(["water"])
    layer.dataProvider().addFeature(doubled)
    dataset = gdal.Open(str(far), gdal.GA_Update)
    values = dataset.ReadAsArray()
    values[:, 30:33, 4:12] = 0  # of the polygon of water there
    dataset.WriteArray(values)
    dataset.GetRasterBand(1).SetNoDataValue(0)
    del dataset
    log = Log()
    parameters = {
        "INPUT": str(may), "EXTRA_INPUTS": [str(june), str(far)], "TRAINING": layer, "CLASS_FIELD": "cover",
        "OVERLAPS": "drop", "CLASSIFIER": "linear", "OUTPUT": str(tmp_path / "map.tif"), "DEVICE": "cpu",
    }  # fmt: skip
    run("classify", parameters, log)
    found = [line for line in log.warnings if line.startswith("Left out of the samples")]
    assert len(found) == 1
    text = found[0].replace("Left out of the samples of the layer training: ", "")
    mixed, nodata, outside = text.split(", ")
    assert re.fullmatch(r"\d+ pixels with labels of different classes in far \(features 9 and 11\)", mixed)
    assert re.fullmatch(r"\d+ pixels on nodata in far \(feature 7\)", nodata)
    assert outside == "1 outside all rasters (feature 10)."
    assert int(mixed.split(" ")[0]) == pytest.approx(48, abs=6)
    assert int(nodata.split(" ")[0]) == pytest.approx(24, abs=6)


def test_a_fill_value_of_a_further_raster_is_refused(tmp_path, torch_python):
    values = spectra().astype(np.int16)
    values[:, :, 40:] = -9999
    with pytest.raises(QgsProcessingException, match=r"In raster number 1 of EXTRA_INPUTS: .*1536 of 4096 pixels"):
        learnt_with_another(tmp_path, values, Log())


@pytest.mark.usefixtures("torch_python")
def test_a_further_raster_without_data_has_no_part_in_the_training(tmp_path):
    """As a tile under clouds, or one that is empty."""
    first, seen = (write_raster(tmp_path / f"{name}.tif", spectra(), nodata=0) for name in ("first", "seen"))
    clouded = write_raster(tmp_path / "clouded.tif", spectra(), transform=FAR, epsg=32633)
    empty = write_raster(tmp_path / "empty.tif", 0 * spectra(), nodata=0)
    clouds = vector_layer([(QgsGeometry.fromRect(QgsRectangle(199e3, 5890e3, 210e3, 5910e3)), "x")], "Polygon",
                          crs="EPSG:32633", crs_of_shapes="EPSG:32633", name="clouds")  # fmt: skip
    log, page = Log(), tmp_path / "report.html"
    trained(tmp_path, first, [clouded, empty, seen], log, MASK=clouds, REPORT=str(page))
    left_out = [line for line in log.warnings if "it is left out" in line]
    assert left_out == [
        f"{name} has no data, or none beside the mask; it is left out." for name in ("clouded", "empty")
    ]
    assert "Valid pixels: 4096 (50.0 %) from first, 4096 (50.0 %) from seen." in log.lines
    assert "clouded" not in page.read_text()
    assert not [line for line in log.warnings if "Mask clouds: 0 of" in line][1:]  # it need not lie on all of them


def test_a_further_raster_without_data_is_named_where_bands_are_classified(tmp_path, torch_python):
    with pytest.raises(QgsProcessingException, match=r"each raster of EXTRA_INPUTS; other has none\. Leave it out"):
        learnt_with_another(tmp_path, 0 * spectra(), Log(), nodata=0)


@pytest.mark.usefixtures("torch_python")
def test_feature_rasters_of_one_model_and_no_other(tmp_path):
    may, _, far, layer = two_dates_and_another_tile(tmp_path)
    model = run("pretraindiffusion", {"INPUT": str(may), "OUTPUT": str(tmp_path / "m.mtmsd"), **PRETRAIN})["OUTPUT"]
    features = {}
    for raster, keep in ((may, 8), (far, 0)):
        output = str(tmp_path / f"features_{raster.name}")
        extraction = {"INPUT": str(raster), "MODEL": model, "OUTPUT": output, **EXTRACT, "KEEP": keep}
        features[raster] = run("extractfeatures", extraction)["OUTPUT"]
    parameters = {"TRAINING": layer, "CLASS_FIELD": "cover", "OUTPUT": str(tmp_path / "map.tif"), "DEVICE": "cpu"}
    log = Log()
    results = run("classify", {"INPUT": features[may], "EXTRA_INPUTS": [features[far]], **parameters}, log)
    assert "Further raster: features_far, 64 x 64 pixels" in log.text
    assert results["OA"] > 90
    with pytest.raises(QgsProcessingException, match="features_may is a feature raster and far is none"):
        run("classify", {"INPUT": features[may], "EXTRA_INPUTS": [str(far)], **parameters})
    with pytest.raises(QgsProcessingException, match=r"features_may lacks feature .*KEEP=0"):
        run("classify", {"INPUT": features[far], "EXTRA_INPUTS": [features[may]], **parameters})


def test_holding_out_scenes_needs_two(tmp_path):
    may, _, _, layer = two_dates_and_another_tile(tmp_path)
    parameters = {"INPUT": str(may), "TRAINING": layer, "CLASS_FIELD": "cover", "SPLIT": "scene"}
    with pytest.raises(QgsProcessingException, match="at least two rasters were expected"):
        run("classify", {**parameters, "OUTPUT": str(tmp_path / "map.tif")})
