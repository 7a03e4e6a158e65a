# SPDX-License-Identifier: GPL-2.0-or-later
"""mtmsd:assessaccuracy on small maps whose accuracy is known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from harness import QgisProcess
from osgeo import gdal
from qgis.core import (
    QgsPalettedRasterRenderer,
    QgsProcessingException,
    QgsProcessingFeatureSourceDefinition,
    QgsProcessingUtils,
    QgsRasterLayer,
    QgsRasterRange,
    QgsVectorLayer,
)
from qgis.PyQt.QtGui import QColor
from scenes import (
    Log,
    box_of_pixels,
    categorize,
    point_in_pixel,
    results_of,
    run,
    save_layer,
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


@pytest.fixture
def plain(tmp_path):
    return class_map(tmp_path / "plain.tif")


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


def test_figures_and_files(plain, tmp_path):
    log = Log()
    results, document = assess(plain, points(*SIX), tmp_path, log)
    assert results["OA"] == pytest.approx(100 * 5 / 6)
    assert results["AA"] == pytest.approx(100 * (2 / 3 + 1 + 1) / 3)
    assert results["SAMPLES"] == 6
    assert results["OA_BY_AREA"] == pytest.approx(25 * 1 + 25 * 0.5 + 50 * 1)
    assert document["accuracy"]["matrix"] == [[2, 1, 0], [0, 1, 0], [0, 0, 2]]
    assert document["mapped_pixels"] == [360, 360, 720]
    assert document["pixel_area_m2"] == 100
    assert [entry["id"] for entry in document["classes"]] == [1, 2, 3]
    assert "Rows: reference" in (tmp_path / "a.html").read_text("utf-8")
    assert (tmp_path / "a.csv").read_text("utf-8-sig").startswith("figure,value,")
    assert any("Overall accuracy 83.3 %" in line for line in log.lines)
    assert any("It was not said how" in line for line in log.lines)


def test_without_files_there_are_still_numbers(plain):
    results = run("assessaccuracy", {"INPUT": str(plain), "REFERENCE": points(*SIX), "CLASS_FIELD": "cover"})
    assert (results["REPORT"], results["OUTPUT_JSON"], results["OUTPUT_CSV"]) == (None, None, None)
    assert results["OA"] == pytest.approx(100 * 5 / 6)


@pytest.mark.parametrize("told", [{"names": NAMED}, {"table": NAMED}], ids=["categories", "table"])
def test_text_classes_by_the_names_in_the_file(tmp_path, told):
    raster = class_map(tmp_path / "named.tif", **told)
    words = {1: "water", 2: "MEADOW", 3: "Forest"}
    layer = points(*((r, c, words[k]) for r, c, k in SIX), field_type="string")
    results, document = assess(raster, layer, tmp_path)
    assert results["OA"] == pytest.approx(100 * 5 / 6)
    assert [entry["name"] for entry in document["classes"]] == ["Water", "Meadow", "Forest"]


def test_text_classes_by_the_names_in_a_legend(plain, tmp_path, project):
    layer = QgsRasterLayer(str(plain), "legend")
    rows = [QgsPalettedRasterRenderer.Class(i, QColor("#123456"), name) for i, name in NAMED.items()]
    layer.setRenderer(QgsPalettedRasterRenderer(layer.dataProvider(), 1, rows))
    project.addMapLayer(layer)
    reference = points(*((r, c, NAMED[k]) for r, c, k in SIX), field_type="string")
    results, document = assess(layer.id(), reference, tmp_path)
    assert results["OA"] == pytest.approx(100 * 5 / 6)
    assert {entry["color"] for entry in document["classes"]} == {"#123456"}


def test_labels_of_the_reference_layer_are_names_too(tmp_path, project):
    raster = class_map(tmp_path / "named.tif", names={1: "WASSER", 2: "WIESE"})
    reference = points((10, 2, "WaSser"), (10, 12, "w2"), field_type="string")
    categorize(reference, colors={"w2": "#00ff00"})
    reference.renderer().updateCategoryLabel(0, "Wiese")
    project.addMapLayer(reference)
    results, _ = assess(raster, reference.id(), tmp_path)
    assert results["OA"] == 100


def test_polygons_of_another_crs_are_told_to_be_no_independent_samples(plain, tmp_path):
    shapes = [
        (box_of_pixels(6 + 3 * i, left, 8 + 3 * i, left + 2), k)
        for i in range(5)
        for left, k in ((2, 1), (12, 2), (25, 3))
    ]
    reference = save_layer(vector_layer(shapes, "Polygon", crs="EPSG:4326", field_type="integer"), tmp_path / "p.gpkg")
    results, document = assess(plain, str(reference), tmp_path)
    assert (results["OA"], results["SAMPLES"]) == (100, 60)
    assert document["accuracy"]["features"] == 15
    assert document["accuracy"]["oa_interval_by_feature"][0] < document["accuracy"]["oa_interval"][0]
    assert any("The 60 reference pixels come from 15 features" in note for note in document["notes"])


def test_what_is_left_out_is_counted_and_named(plain, tmp_path):
    log = Log()
    reference = points(*SIX, (1, 5, 1), (2, 6, 1), (300, 300, 2), (20, 20, None))
    results, document = assess(plain, reference, tmp_path, log)
    assert results["SAMPLES"] == 6
    assert document["left_out"] == {
        "without a class": 1,
        "outside the raster": 1,
        "pixels on nodata of the map": 2,
    }
    assert any("outside the raster (feature 9)" in line for line in log.warnings)


def test_selected_features_only(plain, tmp_path, project):
    reference = points(*SIX)
    project.addMapLayer(reference)
    reference.selectByExpression("cover = 3")
    selected = QgsProcessingFeatureSourceDefinition(reference.id(), selectedFeaturesOnly=True)
    results, document = assess(plain, selected, tmp_path)
    assert (results["OA"], results["SAMPLES"], results["KAPPA"]) == (100, 2, None)
    assert any("Kappa is undefined" in note for note in document["notes"])
    assert any("No reference sample is of: 1, 2." in note for note in document["notes"])


def test_classes_that_the_map_lacks_count_as_wrong(plain, tmp_path):
    results, document = assess(plain, points(*SIX, (20, 20, 9)), tmp_path)
    assert results["OA"] == pytest.approx(100 * 5 / 7)
    assert document["classes"][3]["id"] == 9
    assert document["accuracy"]["matrix"][3] == [0, 0, 1, 0]
    assert any("their reference samples count as wrong: 9 (1)" in note for note in document["notes"])


@pytest.mark.parametrize(
    ("dtype", "values"),
    [("int16", [-5, 7, 300]), ("int32", [-5, 7, 3_000_000]), ("uint16", [1, 40_000, 65_000]), ("uint8", [0, 1, 255])],
)
def test_maps_of_any_whole_numbers(tmp_path, dtype, values):
    codes = {"int32": gdal.GDT_Int32}
    raster = class_map(tmp_path / "m.tif", np.array([0, *values])[IDS], nodata=None, dtype=dtype, code=codes.get(dtype))
    results, document = assess(raster, points(*((r, c, values[k - 1]) for r, c, k in SIX)), tmp_path)
    assert results["OA"] == pytest.approx(100 * 5 / 6)
    assert [e["id"] for e in document["classes"]] == sorted({0, *values})  # without nodata, 0 is a class
    assert sum(document["mapped_pixels"]) == 1600


def test_no_data_as_the_layer_says(plain, tmp_path, project):
    layer = QgsRasterLayer(str(plain), "settings")
    layer.dataProvider().setUseSourceNoDataValue(1, False)
    layer.dataProvider().setUserNoDataValue(1, [QgsRasterRange(3, 3)])
    project.addMapLayer(layer)
    results, document = assess(layer.id(), points(*SIX), tmp_path)
    assert results["SAMPLES"] == 4
    assert [(e["id"], n) for e, n in zip(document["classes"], document["mapped_pixels"])] == [
        (0, 160),
        (1, 360),
        (2, 360),
        (3, 0),
    ]


def test_signed_bytes(tmp_path):
    path = tmp_path / "signed.tif"
    dataset = gdal.GetDriverByName("GTiff").Create(str(path), 2, 1, 1, gdal.GDT_Byte, ["PIXELTYPE=SIGNEDBYTE"])
    dataset.SetGeoTransform((500000.0, 10.0, 0, 5800000.0, 0, -10.0))
    dataset.GetRasterBand(1).WriteRaster(0, 0, 2, 1, bytes([253, 4]))
    del dataset
    results, document = assess(path, points((0, 0, -3), (0, 1, 4), crs="EPSG:32632"), tmp_path)
    assert (results["OA"], [e["id"] for e in document["classes"]]) == (100, [-3, 4])


def test_a_large_map_is_read_in_windows(tmp_path, monkeypatch):
    from mtmsd.algorithms.bridge import class_map as module

    whole = assess(class_map(tmp_path / "m.tif"), points(*SIX), tmp_path)[1]
    monkeypatch.setattr(module, "_PIXELS_AT_ONCE", 100)
    windows = list(module._windows(module.describe_raster(QgsRasterLayer(str(tmp_path / "m.tif"))).grid, (7, 3)))
    assert sum(w.height * w.width for w in windows) == 1600
    assert len(windows) > 10
    again = assess(class_map(tmp_path / "m.tif"), points(*SIX), tmp_path)[1]
    assert {**again, "facts": 0} == {**whole, "facts": 0}


def test_a_layer_of_another_provider(plain, tmp_path, project):
    layer = QgsRasterLayer(str(plain), "plain")
    project.addMapLayer(layer)
    uri = "?crs=EPSG:32632&extent=500000,5799600,500400,5800000&width=40&height=40&formula=%22plain@1%22&plain:uri="
    virtual = QgsRasterLayer(f"{uri}{plain}&plain:provider=gdal", "virtual", "virtualraster")
    assert virtual.isValid()
    project.addMapLayer(virtual)
    words = refusal(virtual.id(), points(*SIX), tmp_path)
    assert "whole numbers" in words  # a calculation gives floating point numbers


def test_strata_of_an_earlier_map(plain, tmp_path):
    earlier = np.where(np.arange(40)[:, None] < 12, 5, 6) * np.ones((1, 40), dtype=int)
    earlier[39] = 0
    strata = class_map(tmp_path / "strata.tif", earlier, names={5: "north", 6: "south"})
    _, document = assess(plain, points(*SIX, (39, 30, 3)), tmp_path, STRATA=str(strata))
    assert document["sampling"]["method"] == "stratified"
    assert document["adjusted"]["strata"] == [
        {"name": "north", "pixels": 320, "samples": 2},
        {"name": "south", "pixels": 1080, "samples": 4},
    ]
    assert document["adjusted"]["oa"] == pytest.approx(100 * (320 + 1080 * 3 / 4) / 1400)
    assert document["left_out"] == {"pixels on nodata of the strata": 1}
    assert any("40 pixels of the map lie on nodata of the strata" in note for note in document["notes"])
    assert sum(document["mapped_pixels"]) == 1400


def test_pixels_in_degrees_have_no_area(tmp_path):
    raster = class_map(tmp_path / "m.tif", transform=(9.0, 0.001, 0, 52.0, 0, -0.001), epsg=4326)
    layer = QgsVectorLayer("Point?crs=EPSG:4326&field=cover:integer", "p", "memory")
    from qgis.core import QgsFeature, QgsGeometry

    for row, col, k in SIX:
        feature = QgsFeature(layer.fields())
        feature.setGeometry(QgsGeometry.fromWkt(f"POINT({9 + (col + 0.5) * 0.001} {52 - (row + 0.5) * 0.001})"))
        feature.setAttributes([k])
        layer.dataProvider().addFeature(feature)
    _, document = assess(raster, layer, tmp_path)
    assert document["pixel_area_m2"] is None
    assert any("CRS is in degrees" in note for note in document["notes"])


@pytest.mark.parametrize(
    ("raster", "more", "words"),
    [
        ({"dtype": "float32"}, {}, "numbers of the type Float32"),
        ({"values": np.arange(1600).reshape(40, 40), "dtype": "int16"}, {}, "more than 500"),
        ({}, {"CLASS_FIELD": "height"}, "has no field 'height'. Its fields are: cover"),
        ({}, {"STRATA": "map", "SAMPLING": "random"}, "Choose 'stratified', or leave STRATA empty"),
        ({}, {"STRATA": "small"}, "should have the pixels of the map map"),
        ({}, {"STRATA": "moved"}, "or lies elsewhere"),
        ({}, {"REPORT": "OUTPUT_JSON"}, "two of them are the same"),
    ],
)
def test_what_cannot_work_is_refused(tmp_path, raster, more, words):
    path = class_map(tmp_path / "map.tif", raster.pop("values", IDS), **raster)
    class_map(tmp_path / "small.tif", IDS[:20])
    class_map(tmp_path / "moved.tif", transform=(500005.0, 10.0, 0, 5800000.0, 0, -10.0))
    if "STRATA" in more:
        more = {**more, "STRATA": str(tmp_path / f"{more['STRATA']}.tif")}
    if "REPORT" in more:
        more = {"REPORT": str(tmp_path / "out" / "a.json")}
    assert words in refusal(path, points(*SIX), tmp_path, **more)


def test_layers_that_cannot_work_are_refused(plain, tmp_path):
    cases = {
        "no usable feature was found": vector_layer([], "Point", field_type="integer"),
        "lies on a pixel of the raster plain with data (1 outside the raster": points((900, 900, 1)),
        "should hold ids or names of the map's classes; its values are 'sea'": points(
            (9, 9, "sea"), field_type="string"
        ),
    }
    for number, (words, layer) in enumerate(cases.items()):
        (tmp_path / str(number)).mkdir()
        assert words in refusal(plain, layer, tmp_path / str(number))
    assert not list(Path(QgsProcessingUtils.tempFolder()).glob("mtmsd_*"))


def test_several_bands_are_refused(tmp_path):
    raster = write_raster(tmp_path / "bands.tif", np.ones((3, 9, 9), dtype=np.uint8))
    assert "should have one band" in refusal(raster, points(*SIX), tmp_path)


def test_the_map_and_the_reference_are_not_written_over(plain, tmp_path):
    table = tmp_path / "samples.csv"
    x = "\n".join(f"{500005 + 10 * c},{5799995 - 10 * r},{k}" for r, c, k in SIX)
    table.write_text(f"x,y,cover\n{x}\n")
    before = table.read_bytes()
    layer = QgsVectorLayer(f"file://{table}?xField=x&yField=y&crs=EPSG:32632&detectTypes=yes", "table", "delimitedtext")
    assert layer.isValid()
    words = refusal(plain, layer, tmp_path, OUTPUT_CSV=str(table))
    assert "the layer table lies there" in words
    assert table.read_bytes() == before


def test_a_place_that_cannot_be_written_leaves_nothing(plain, tmp_path):
    (tmp_path / "file").write_text("")
    assert "cannot be written" in refusal(plain, points(*SIX), tmp_path, OUTPUT_CSV=str(tmp_path / "file" / "a.csv"))


def test_cancel_leaves_nothing(plain, tmp_path):
    with pytest.raises(QgsProcessingException, match="Cancelled"):
        assess(plain, points(*SIX), tmp_path, Log(cancel_at="Map: "))
    assert [path.name for path in tmp_path.iterdir()] == ["plain.tif"]


def test_from_the_command_line_and_without_torch(plain, tmp_path):
    reference = save_layer(points(*SIX), tmp_path / "reference.gpkg")
    program = QgisProcess(tmp_path / "home", None)
    outputs = {"REPORT": tmp_path / "a.html", "OUTPUT_JSON": tmp_path / "a.json"}
    done = program.run(
        "mtmsd:assessaccuracy", INPUT=plain, REFERENCE=reference, CLASS_FIELD="cover", SAMPLING="stratified", **outputs
    )
    assert done.returncode == 0, done.stderr
    assert results_of(done)["OA"] == pytest.approx(100 * 5 / 6)
    assert json.loads((tmp_path / "a.json").read_text())["sampling"]["method"] == "stratified"
