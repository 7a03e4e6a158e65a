# SPDX-License-Identifier: GPL-2.0-or-later
"""mtmsd:assessaccuracy on small maps whose accuracy is known: figures, classes, samples, strata, a model."""

from __future__ import annotations

import json

import numpy as np
import pytest
from class_maps import IDS, NAMED, SIX, assess, class_map, points, refusal
from harness import QgisProcess
from osgeo import gdal
from qgis.core import (
    QgsFeature,
    QgsGeometry,
    QgsPalettedRasterRenderer,
    QgsProcessingContext,
    QgsProcessingFeatureSourceDefinition,
    QgsProcessingModelAlgorithm,
    QgsProcessingModelChildAlgorithm,
    QgsProcessingModelChildParameterSource,
    QgsProcessingModelOutput,
    QgsProcessingModelParameter,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterRasterLayer,
    QgsRasterLayer,
    QgsRasterRange,
    QgsVectorLayer,
)
from qgis.PyQt.QtGui import QColor
from scenes import (
    CLASSIFY,
    NAMES,
    Log,
    box_of_pixels,
    categorize,
    results_of,
    run,
    save_layer,
    vector_layer,
)


@pytest.fixture
def plain(tmp_path):
    return class_map(tmp_path / "plain.tif")


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


def test_a_number_that_the_map_lacks_is_no_id_where_names_are_numbers(tmp_path):
    raster = class_map(tmp_path / "from_0.tif", names={1: "0", 2: "1", 3: "2"})
    results, document = assess(raster, points((10, 2, 0), (12, 12, 1), (14, 30, 2), (15, 31, 3)), tmp_path)
    assert results["OA"] == 75
    assert [(entry["id"], entry["name"]) for entry in document["classes"]][2:] == [(3, "2"), (None, "3")]


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
    from mtmsd.algorithms.bridge.raster import class_map_reader as module

    whole = assess(class_map(tmp_path / "m.tif"), points(*SIX), tmp_path)[1]
    monkeypatch.setattr(module, "_PIXELS_AT_ONCE", 100)
    windows = list(
        module.windows_of_blocks(module.describe_raster(QgsRasterLayer(str(tmp_path / "m.tif"))).grid, (7, 3))
    )
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


@pytest.mark.parametrize(
    ("epsg", "transform", "why"),
    [
        (4326, (9.0, 0.001, 0, 52.0, 0, -0.001), "CRS is in degrees"),
        (3857, (1e6, 10, 0, 6.8e6, 0, -10), "is not one on the ground"),  # at 52 degrees north a square metre has 0.38
    ],
)
def test_pixels_of_some_crs_have_no_area(tmp_path, epsg, transform, why):
    raster = class_map(tmp_path / "m.tif", transform=transform, epsg=epsg)
    left, side, _, top, _, _ = transform
    layer = QgsVectorLayer(f"Point?crs=EPSG:{epsg}&field=cover:integer", "p", "memory")
    for row, col, k in SIX:
        feature = QgsFeature(layer.fields())
        feature.setGeometry(QgsGeometry.fromWkt(f"POINT({left + (col + 0.5) * side} {top - (row + 0.5) * side})"))
        feature.setAttributes([k])
        layer.dataProvider().addFeature(feature)
    _, document = assess(raster, layer, tmp_path)
    assert document["pixel_area_m2"] is None
    assert any(why in note and "equal-area CRS" in note for note in document["notes"])


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


def chain():
    """A model: classify, then hold its map against a layer."""
    user, step = (
        QgsProcessingModelChildParameterSource.fromModelParameter,
        QgsProcessingModelChildParameterSource.fromChildOutput,
    )
    value = QgsProcessingModelChildParameterSource.fromStaticValue
    model = QgsProcessingModelAlgorithm("Classify and assess", "Test", "test")
    model.addModelParameter(QgsProcessingParameterRasterLayer("INPUT"), QgsProcessingModelParameter("INPUT"))
    model.addModelParameter(QgsProcessingParameterFeatureSource("SAMPLES"), QgsProcessingModelParameter("SAMPLES"))
    classify = QgsProcessingModelChildAlgorithm("mtmsd:classify")
    classify.setChildId("classify")
    settings = {"CLASS_FIELD": "cover", **CLASSIFY, "CLASSIFIER": "linear", "SPLIT": "none", "EPOCHS": 20}
    assess_step = QgsProcessingModelChildAlgorithm("mtmsd:assessaccuracy")
    assess_step.setChildId("assess")
    assess_step.addParameterSources("INPUT", [step("classify", "OUTPUT")])
    assess_step.addParameterSources("REFERENCE", [user("SAMPLES")])
    assess_step.addParameterSources("CLASS_FIELD", [value("cover")])
    for name, given in settings.items():
        classify.addParameterSources(name, [value(given)])
    classify.addParameterSources("INPUT", [user("INPUT")])
    classify.addParameterSources("TRAINING", [user("SAMPLES")])
    report = QgsProcessingModelOutput("PAGE", "Page")
    report.setChildId("assess")
    report.setChildOutputName("REPORT")
    assess_step.setModelOutputs({"PAGE": report})
    model.addChildAlgorithm(classify)
    model.addChildAlgorithm(assess_step)
    model.updateDestinationParameters()
    return model


def test_behind_a_classification_in_a_model(scene, torch_python, tmp_path, project):
    """The map's names are the labels of the training layer's legend, not the values of its field."""
    training = categorize(QgsVectorLayer(str(scene.polygons), "training", "ogr"))
    project.addMapLayer(training)
    context, log = QgsProcessingContext(), Log()
    context.setProject(project)
    model = chain()
    (page,) = (d.name() for d in model.destinationParameterDefinitions())
    parameters = {"INPUT": str(scene.raster), "SAMPLES": training.id(), page: str(tmp_path / "page.html")}
    _, fine = model.run(parameters, context, log)
    assert fine, log.text
    text = (tmp_path / "page.html").read_text("utf-8")
    assert all(name.upper() in text for name in NAMES)
    assert "no pixel of these classes" not in text
    assert "The 576 reference pixels come from 12 features." in text
