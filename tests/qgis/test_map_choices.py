# SPDX-License-Identifier: GPL-2.0-or-later
"""Choices of the analyst as QGIS runs them: parameters, legends, reports."""

from __future__ import annotations

import json

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import QgsGeometry, QgsProcessingException, QgsRasterLayer
from scenes import CLASSIFY, Log, legend, read_raster, run, spectra, vector_layer, write_raster

pytestmark = pytest.mark.usefixtures("torch_python")


def classify(scene, folder, log=None, **more):
    """A map of the plain bands, in a second."""
    parameters = {
        "INPUT": str(scene.raster),
        "TRAINING": str(scene.polygons),
        "CLASS_FIELD": "cover",
        "OUTPUT": str(folder / "map.tif"),
        "REPORT": str(folder / "report.html"),
        "CONFIDENCE": str(folder / "confidence.tif"),
        **CLASSIFY,
        "CLASSIFIER": "linear",
        **more,
    }
    return run("classify", parameters, log)


def report_of(folder):
    return json.loads((folder / "report.json").read_text())


def test_not_sure_is_a_row_of_the_legend_and_apart_in_report_and_table(scene, tmp_path):
    file = str(tmp_path / "c.mtmsdc")
    classify(scene, tmp_path, LEAST_CONFIDENCE=0.99, OUTPUT_CLASSIFIER=file)
    ids, confidence = read_raster(tmp_path / "map.tif")[0], read_raster(tmp_path / "confidence.tif")[0]
    assert ids.dtype == np.uint8
    assert np.array_equal(ids == 255, confidence < np.float32(0.99))
    rows = legend(QgsRasterLayer(str(tmp_path / "map.tif"), "map"))
    assert rows[-1] == (255, "not sure", "#c8c8c8")
    assert len(rows) == 4
    reject = report_of(tmp_path)["choices"]["reject"]
    assert reject["pixels"] == (ids == 255).sum()
    assert any("LEAST_CONFIDENCE" in note for note in report_of(tmp_path)["notes"])
    assert f"255,not sure,,,,,,,,,,,,{reject['pixels']}," in (tmp_path / "report.csv").read_text("utf-8-sig")
    applied = {"INPUT": str(scene.raster), "CLASSIFIER": file, "DEVICE": "cpu", "LEAST_CONFIDENCE": 0.99}
    run("applyclassifier", {**applied, "OUTPUT": str(tmp_path / "again.tif"), "REPORT": str(tmp_path / "again.html")})
    assert (tmp_path / "again.tif").read_bytes() == (tmp_path / "map.tif").read_bytes()
    assert "are &#x27;not sure&#x27;" in (tmp_path / "again.html").read_text()


@pytest.mark.parametrize(("smallest", "unit"), [(12, "pixels"), (1150, "m2")])  # pixels of 10 m
def test_the_smallest_patch_is_given_in_pixels_or_square_metres(scene, tmp_path, smallest, unit):
    classify(scene, tmp_path, SIEVE=smallest, SIEVE_UNIT=unit, SEED=3)
    sieve = report_of(tmp_path)["choices"]["sieve"]
    assert sieve["unit"] == 12
    assert report_of(tmp_path)["facts"]["Smallest patch"] == "12 pixels, 1200 m2"
    assert sum(sieve["mapped_pixels"]) == sum(report_of(tmp_path)["mapped_pixels"]) == 64 * 64


@pytest.mark.parametrize(
    ("epsg", "left", "top", "pixel", "why"),
    [
        (4326, 10, 50, 0.001, "its CRS is in degrees"),
        (3857, 1e6, 6.8e6, 10, "a square metre of its CRS, .* is not one"),
    ],
)
def test_square_metres_need_a_raster_with_metres(scene, tmp_path, epsg, left, top, pixel, why):
    transform = (left, pixel, 0, top, 0, -pixel)
    raster = write_raster(tmp_path / "no_metres.tif", spectra(), transform=transform, epsg=epsg)
    place = QgsGeometry.fromWkt(f"POINT({left + 9.5 * pixel} {top - 9.5 * pixel})")
    layer = vector_layer([(place, "a")], "Point", crs=f"EPSG:{epsg}")
    words = rf"SIEVE_UNIT 'm2' needs a raster .*{why}.*Give SIEVE in pixels, or warp .* to UTM or an equal-area CRS"
    with pytest.raises(QgsProcessingException, match=words):
        run(
            "classify",
            {
                "INPUT": str(raster),
                "TRAINING": layer,
                "CLASS_FIELD": "cover",
                "OUTPUT": str(tmp_path / "map.tif"),
                "SIEVE": 100,
                "SIEVE_UNIT": "m2",
            },
        )


def test_square_metres_are_as_many_as_fit_into_pixels(scene, tmp_path):
    """The limit of 10^9 holds for pixels, so that 2 * 10^9 m2 are in order, and 2 * 10^11 m2 are not."""
    classify(scene, tmp_path, SIEVE=2e9, SIEVE_UNIT="m2")  # in pixels of 10 m
    assert report_of(tmp_path)["choices"]["sieve"]["unit"] == 2e7
    with pytest.raises(QgsProcessingException, match=r"at most 1000000000 pixels\. Found: 2000000000"):
        classify(scene, tmp_path, SIEVE=2e11, SIEVE_UNIT="m2")


def test_the_patches_are_those_that_gdal_sieves(tmp_path):
    from mtmsd.mtmsd_qgis.classification.choices.patches import PatchFinder

    rng = np.random.default_rng(0)
    classes = np.kron(rng.integers(1, 4, (6, 7)), np.ones((9, 8), int))
    for row, column in rng.integers(1, 52, (40, 2)):
        classes[row, column] = rng.integers(0, 4)  # specks, some of them without a class
    source = gdal.GetDriverByName("MEM").Create("", classes.shape[1], classes.shape[0], 1, gdal.GDT_Byte)
    band = source.GetRasterBand(1)
    band.SetNoDataValue(0)
    band.WriteArray(classes.astype(np.uint8))
    target = gdal.GetDriverByName("MEM").CreateCopy("", source)
    gdal.SieveFilter(band, band.GetMaskBand(), target.GetRasterBand(1), 5, 4)
    finder = PatchFinder()
    finder.add(classes - 1)
    patches = finder.patches()
    number = patches.of_strip(0, classes - 1)
    small = (patches.size[number] < 5) & (patches.kind[number] >= 0)
    assert small.sum() > 10
    assert np.array_equal(target.ReadAsArray() != classes, small)


def test_class_weights_by_the_areas_of_a_table(scene, tmp_path):
    table = tmp_path / "areas.csv"
    table.write_text("value,area\nwater,50\nmeadow,30\nforest,20\n")
    log = Log()
    classify(scene, tmp_path, log, CLASS_TABLE=str(table))
    assert "The column 'area' of CLASS_TABLE is used with CLASS_WEIGHTS 'area' alone" in log.text
    classify(scene, tmp_path, CLASS_TABLE=str(table), CLASS_WEIGHTS="area")
    weights = report_of(tmp_path)["choices"]["class_weights"]
    assert weights["shares"] == [0.2, 0.3, 0.5]  # forest, meadow, water
    assert any("CLASS_WEIGHTS" in note for note in report_of(tmp_path)["notes"])
    table.write_text("value,area\nwater,50\nforest,20\n")
    with pytest.raises(QgsProcessingException, match=r"needs the area of every class, .* missing: 'meadow'"):
        classify(scene, tmp_path, CLASS_TABLE=str(table), CLASS_WEIGHTS="area")
    table.write_text("value,area,merged_into\nwater,50,\nmeadow,30,\nforest,,meadow\n")
    with pytest.raises(QgsProcessingException, match=r"and of each that is merged into it, .* missing: 'meadow'"):
        classify(scene, tmp_path, CLASS_TABLE=str(table), CLASS_WEIGHTS="area")
    table.write_text("value,area\nwater,much\n")
    with pytest.raises(QgsProcessingException, match=r"area of the class 'water' .* positive number; found 'much'"):
        classify(scene, tmp_path, CLASS_TABLE=str(table), CLASS_WEIGHTS="area")
