# SPDX-License-Identifier: GPL-2.0-or-later
"""Classification with the real worker: maps, reports, legends, validation layers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import (
    QgsApplication,
    QgsProcessingContext,
    QgsProcessingFeatureSourceDefinition,
    QgsProcessingOutputLayerDefinition,
    QgsRasterLayer,
    QgsVectorLayer,
)
from scenes import (
    CLASSIFY,
    EXPECTED_LEGEND,
    NAMES,
    Log,
    box_of_pixels,
    categorize,
    class_of_pixel,
    legend,
    loaded,
    read_raster,
    results_of,
    run,
    vector_layer,
)

pytestmark = pytest.mark.usefixtures("torch_python")


def classify(features, training, folder, log=None, **more):
    parameters = {
        "INPUT": str(features),
        "TRAINING": training,
        "CLASS_FIELD": "cover",
        "OUTPUT": str(folder / "map.tif"),
        **CLASSIFY,
        **more,
    }
    return run("classify", parameters, log)


def test_classification_returns_every_output(scene, features, tmp_path):
    outputs = {name: str(tmp_path / f"{name}.tif") for name in ("CONFIDENCE", "PROBABILITIES", "UNCERTAINTY")}
    results = classify(features, str(scene.polygons), tmp_path, REPORT=str(tmp_path / "report.html"), **outputs)
    files = {"OUTPUT", "CONFIDENCE", "PROBABILITIES", "UNCERTAINTY", "SUGGESTIONS", "REPORT", "OUTPUT_CLASSIFIER"}
    assert files | {"TOKENS", "TOKEN_POLYGONS"} | {"OA", "AA", "KAPPA", "SECONDS", "DEVICE_USED"} == set(results)
    assert results["OUTPUT_CLASSIFIER"] is None  # not asked for
    assert 0 <= results["OA"] <= 100
    ids, confidence = read_raster(tmp_path / "map.tif")[0], read_raster(outputs["CONFIDENCE"])[0]
    probabilities = read_raster(outputs["PROBABILITIES"])
    assert set(np.unique(ids)) <= {1, 2, 3}
    assert np.allclose(probabilities.sum(axis=0), 1, atol=1e-4)
    assert np.allclose(probabilities.max(axis=0), confidence, atol=1e-5)
    dataset = gdal.Open(outputs["PROBABILITIES"])
    assert [dataset.GetRasterBand(n).GetDescription() for n in (1, 2, 3)] == sorted(NAMES)
    shown = QgsRasterLayer(outputs["PROBABILITIES"]).renderer()  # the most frequent class, from 0 to 1
    assert (shown.band(), shown.classificationMin(), shown.classificationMax()) == (
        np.bincount(ids.flat).argmax(),
        0,
        1,
    )
    dataset = gdal.Open(outputs["UNCERTAINTY"])
    measures = [dataset.GetRasterBand(n + 1).GetDescription() for n in range(dataset.RasterCount)]
    assert measures[:2] == ["entropy", "margin"]
    assert measures[2:] in ([], ["disagreement"])  # where the ensemble has two kinds of models
    assert "forest" in (tmp_path / "report.html").read_text()
    document = json.loads((tmp_path / "report.json").read_text())
    assert (document["kind"], document["accuracy"]["oa"]) == ("classification", results["OA"])
    assert document["notes"][0] == document["split"]["sentence"]
    assert (tmp_path / "report.csv").read_text("utf-8-sig").startswith("figure,value,")
    assert not list(tmp_path.glob("*.partial*"))


def test_nothing_held_out_gives_no_accuracy_and_plain_bands_are_classified(scene, tmp_path):
    log = Log()
    results = classify(
        scene.raster, str(scene.polygons), tmp_path, log, SPLIT="none", CLASSIFIER="linear", EPOCHS=20, KEEP=0
    )
    assert results["OA"] is None
    assert results["AA"] is None
    assert results["KAPPA"] is None
    assert "It is no feature raster: each band is taken as a feature." in log.lines
    # The three spectra lie far apart: whoever mixes up rows and columns, ids or classes, fails here.
    expected = np.array([3, 2, 1])[class_of_pixel()]  # water, meadow, forest; ids in alphabetical order
    assert (read_raster(tmp_path / "map.tif")[0] == expected).mean() > 0.9


def test_validation_layer_with_other_classes(scene, features, tmp_path):
    reference = vector_layer(
        [
            (box_of_pixels(30, 2, 34, 4), "water"),
            (box_of_pixels(30, 60, 34, 62), "forest"),
            (box_of_pixels(0, 0, 2, 2), "ice"),
        ],
        "Polygon",
        name="field_visits",
    )
    log = Log()
    report = {"VALIDATION": reference, "REPORT": str(tmp_path / "report.html")}
    results = classify(features, str(scene.polygons), tmp_path, log, **report)
    assert results["OA"] is not None
    assert (
        "Left out of the samples of the layer field_visits: 1 of a class that the training layer lacks (feature 3)."
        in log.warnings
    )
    assert "Validation layer: field_visits, 16 reference pixels." in log.lines
    assert json.loads((tmp_path / "report.json").read_text())["notes"][0] == (
        "A layer of reference samples was used. Left out of the validation layer, as the map does not "
        "have their class: 1 feature of 'ice'. The map gives such places other classes, and the accuracy does not "
        "count that as wrong."
    )


def test_same_seed_same_bytes(scene, features, tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        classify(features, str(scene.polygons), tmp_path / name)
    assert (tmp_path / "one" / "map.tif").read_bytes() == (tmp_path / "two" / "map.tif").read_bytes()


def test_class_map_in_the_project_has_one_legend_row_a_class(scene, features, tmp_path, project):
    training = categorize(QgsVectorLayer(str(scene.polygons), "training", "ogr"))
    project.addMapLayer(training)
    context = QgsProcessingContext()
    context.setProject(project)
    parameters = {
        "INPUT": str(features),
        "TRAINING": training.id(),
        "CLASS_FIELD": "cover",
        "OUTPUT": QgsProcessingOutputLayerDefinition(str(tmp_path / "map.tif"), project),
        "CONFIDENCE": QgsProcessingOutputLayerDefinition(str(tmp_path / "confidence.tif"), project),
        **CLASSIFY,
    }
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("mtmsd:classify")
    layers = loaded(algorithm, parameters, context)
    assert legend(layers["OUTPUT"]) == EXPECTED_LEGEND
    assert layers["CONFIDENCE"].renderer().type() == "singlebandpseudocolor"
    assert layers["OUTPUT"].name() == "Class map – features"
    # And so it is when the file is opened another day.
    assert legend(QgsRasterLayer(str(tmp_path / "map.tif"), "map")) == EXPECTED_LEGEND


def test_selected_features_only(scene, features, tmp_path, project):
    training = QgsVectorLayer(str(scene.polygons), "training", "ogr")
    project.addMapLayer(training)
    training.selectByExpression("cover in ('water', 'forest')")
    selected = QgsProcessingFeatureSourceDefinition(training.id(), selectedFeaturesOnly=True)
    classify(features, selected, tmp_path)
    assert [name for _, name, _ in legend(QgsRasterLayer(str(tmp_path / "map.tif"), "map"))] == ["forest", "water"]


def test_qgis_process_runs_the_steps(qgis_process, scene, features, tmp_path):
    places = {"INPUT": features, "TRAINING": scene.polygons, "OUTPUT": tmp_path / "mit Leerzeichen ä.tif"}
    completed = qgis_process.run("mtmsd:classify", CLASS_FIELD="cover", **places, **CLASSIFY)
    assert completed.returncode == 0, completed.stderr
    results = results_of(completed)
    assert results["OUTPUT"] == str(tmp_path / "mit Leerzeichen ä.tif")
    assert isinstance(results["OA"], float)
    assert read_raster(results["OUTPUT"]).shape == (1, 64, 64)


def test_a_temporary_output_is_loaded_once(scene, features, project):
    """QGIS makes up another name each time it is asked for one, and keeps all of them to be loaded."""
    context = QgsProcessingContext()
    context.setProject(project)
    parameters = {
        "INPUT": str(features),
        "TRAINING": str(scene.polygons),
        "CLASS_FIELD": "cover",
        "OUTPUT": QgsProcessingOutputLayerDefinition("TEMPORARY_OUTPUT", project),
        **CLASSIFY,
    }
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("mtmsd:classify")
    layers = loaded(algorithm, parameters, context)
    assert list(layers) == ["OUTPUT"]
    assert [Path(place).is_file() for place in context.layersToLoadOnCompletion()] == [True]


def test_one_polygon_a_class_gives_no_figure_and_says_what_to_do(scene, torch_python, tmp_path):
    """What the sentence advises helps."""
    shapes = [(box_of_pixels(2, 21 * index + 2, 60, 21 * index + 18), name) for index, name in enumerate(NAMES)]
    parameters = {
        "INPUT": str(scene.raster), "TRAINING": vector_layer(shapes, "Polygon"), "CLASS_FIELD": "cover",
        "OUTPUT": str(tmp_path / "map.tif"), "REPORT": str(tmp_path / "report.html"), **CLASSIFY,
        "CLASSIFIER": "linear",
    }  # fmt: skip
    log = Log()
    found = run("classify", {**parameters, "SPLIT": "spatial"}, log)
    assert found["OA"] is None
    for text in (log.text, (tmp_path / "report.html").read_text("utf-8")):
        assert "Nothing could be held out, so no accuracy is given" in text
        assert "were held out, so this figure" not in text
    found = run("classify", {**parameters, "SPLIT": "block", "BLOCK_SIZE": 16})
    assert found["OA"] > 90
