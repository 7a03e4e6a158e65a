# SPDX-License-Identifier: GPL-2.0-or-later
"""The steps with the real worker: in the console, in qgis_process, in a model."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import (
    QgsApplication,
    QgsCategorizedSymbolRenderer,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeatureSourceDefinition,
    QgsProcessingModelAlgorithm,
    QgsProcessingOutputLayerDefinition,
    QgsProcessingUtils,
    QgsRasterLayer,
    QgsVectorLayer,
)
from scenes import (
    CLASSIFY,
    EXPECTED_LEGEND,
    EXTRACT,
    NAMES,
    PRETRAIN,
    Log,
    box_of_pixels,
    categorize,
    class_of_pixel,
    legend,
    read_raster,
    results_of,
    run,
    spectra,
    vector_layer,
    write_raster,
)

pytestmark = pytest.mark.usefixtures("torch_python")


def job_folders():
    return list(Path(QgsProcessingUtils.tempFolder()).glob("mtmsd_*"))


def test_pretraining_returns_every_output_and_says_what_it_does(scene, tmp_path):
    log = Log()
    report = tmp_path / "report.html"
    results = run(
        "pretraindiffusion",
        {"INPUT": str(scene.raster), "OUTPUT": str(tmp_path / "m.mtmsd"), "REPORT": str(report), **PRETRAIN, "SEED": 7},
        log,
    )
    assert set(results) == {"OUTPUT", "REPORT", "FINAL_LOSS", "SECONDS", "DEVICE_USED"}
    assert 0 < results["FINAL_LOSS"] < 2
    assert Path(results["OUTPUT"]).stat().st_size > 1_000_000
    assert "<html" in report.read_text()
    assert "Raster: scene, 64 x 64 pixels, 12 bands." in log.lines
    assert any("Preset quick, 3 iterations" in line and "seed 7" in line for line in log.lines)
    assert any(line.startswith("Device: CPU") and line.endswith(", asked for.") for line in log.lines)
    assert log.values[-1] == 100
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.mtmsd", "report.html"]
    assert job_folders() == []


def with_unusable_bands(path: Path) -> Path:
    """A raster whose second band is marked as bad and whose fifth is constant."""
    raster = write_raster(path, spectra())
    dataset = gdal.Open(str(raster), gdal.GA_Update)
    dataset.GetRasterBand(2).SetMetadataItem("bbl", "0")
    dataset.GetRasterBand(5).Fill(17)
    return raster


def test_bad_bands_and_mask(tmp_path):
    raster = with_unusable_bands(tmp_path / "in.tif")
    mask = vector_layer([(box_of_pixels(0, 0, 10, 64), "x")], "Polygon", name="clouds")
    log = Log()
    run("pretraindiffusion", {"INPUT": str(raster), "OUTPUT": str(tmp_path / "m.mtmsd"), "MASK": mask, **PRETRAIN}, log)
    assert "Marked as bad in the metadata, left out: 2." in log.lines
    assert "Mask clouds: 640 of 4096 pixels are left out." in log.lines
    assert any("5 constant (17)" in line for line in log.warnings)
    from mtmsd.mtmsd_qgis.io.model_file import read_header

    assert [band["number"] for band in read_header(tmp_path / "m.mtmsd")["bands"]] == [1, 3, 4, *range(6, 13)]


@pytest.mark.parametrize("masked", [False, True])
def test_statistics_of_the_scene_come_from_the_model_unless_training_saw_less_of_it(tmp_path, masked):
    """A band that is left out, and a constant one: extraction reads fewer bands than training did."""
    raster = with_unusable_bands(tmp_path / "in.tif")
    mask = vector_layer([(box_of_pixels(0, 0, 10, 64), "x")], "Polygon", name="clouds")
    training = {"INPUT": str(raster), "OUTPUT": str(tmp_path / "m.mtmsd"), "MASK": mask if masked else None}
    model = run("pretraindiffusion", {**training, **PRETRAIN})["OUTPUT"]
    log = Log()
    output = str(tmp_path / "features.tif")
    run("extractfeatures", {"INPUT": str(raster), "MODEL": model, "OUTPUT": output, **EXTRACT}, log)
    assert any("Statistics of the scene: from the model" in line for line in log.lines) != masked


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


def test_extraction_with_training_samples_and_its_layout(scene, model, tmp_path):
    parameters = {"INPUT": str(scene.raster), "MODEL": str(model), "OUTPUT": str(tmp_path / "f.tif"), **EXTRACT}
    run("extractfeatures", {**parameters, "TRAINING": str(scene.polygons), "CLASS_FIELD": "cover"})
    from mtmsd.algorithms.bridge.raster.source import describe_raster

    layout = describe_raster(QgsRasterLayer(str(tmp_path / "f.tif"))).layout
    assert (layout.timesteps, layout.features, layout.purification) == ((100, 500), 8, "classes")


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
    outputs = {name: str(tmp_path / f"{name}.tif") for name in ("CONFIDENCE", "PROBABILITIES")}
    results = classify(features, str(scene.polygons), tmp_path, REPORT=str(tmp_path / "report.html"), **outputs)
    assert {"OUTPUT", "CONFIDENCE", "PROBABILITIES", "REPORT", "OA", "AA", "KAPPA", "SECONDS", "DEVICE_USED"} == set(
        results
    )
    assert 0 <= results["OA"] <= 100
    ids, confidence = read_raster(tmp_path / "map.tif")[0], read_raster(outputs["CONFIDENCE"])[0]
    probabilities = read_raster(outputs["PROBABILITIES"])
    assert set(np.unique(ids)) <= {1, 2, 3}
    assert np.allclose(probabilities.sum(axis=0), 1, atol=1e-4)
    assert np.allclose(probabilities.max(axis=0), confidence, atol=1e-5)
    dataset = gdal.Open(outputs["PROBABILITIES"])
    assert [dataset.GetRasterBand(n).GetDescription() for n in (1, 2, 3)] == sorted(NAMES)
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
        name="survey",
    )
    log = Log()
    results = classify(features, str(scene.polygons), tmp_path, log, VALIDATION=reference)
    assert results["OA"] is not None
    assert (
        "Left out of the samples of the layer survey: 1 of a class that the training layer lacks (feature 3)."
        in log.warnings
    )
    assert "Validation layer: survey, 16 reference pixels." in log.lines


def test_same_seed_same_bytes(scene, features, tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        classify(features, str(scene.polygons), tmp_path / name)
    assert (tmp_path / "one" / "map.tif").read_bytes() == (tmp_path / "two" / "map.tif").read_bytes()


def loaded(algorithm, parameters, context):
    """The layer that lands in the project, styled as it is there."""
    log = Log()
    _, fine = algorithm.run(parameters, context, log)
    assert fine, log.text
    styled = {}
    for destination, details in context.layersToLoadOnCompletion().items():
        layer = QgsProcessingUtils.mapLayerFromString(destination, context)
        if details.postProcessor():
            details.postProcessor().postProcessLayer(layer, context, log)
        styled[details.outputName] = layer
        layer.setName(details.name)
    return styled


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


def test_shipped_model(scene, tmp_path, project):
    training = categorize(QgsVectorLayer(str(scene.polygons), "training", "ogr"))
    project.addMapLayer(training)
    model = QgsApplication.processingRegistry().createAlgorithmById("mtmsd:scenetoclassmap")
    assert isinstance(model, QgsProcessingModelAlgorithm)
    assert model.displayName() == "Scene to class map"
    context = QgsProcessingContext()
    context.setProject(project)
    destinations = {d.name(): d.name().split(":")[-1] for d in model.destinationParameterDefinitions()}
    assert set(destinations.values()) == {"CLASS_MAP", "CONFIDENCE", "REPORT", "MODEL"}
    names = {short: full for full, short in destinations.items()}
    parameters = {
        "INPUT": str(scene.raster),
        "TRAINING": training.id(),
        "CLASS_FIELD": "cover",
        "ITERATIONS": 1,
        "TIMESTEPS": "200",
        "SPLIT": "random",
        names["CLASS_MAP"]: QgsProcessingOutputLayerDefinition(str(tmp_path / "map.tif"), project),
        names["MODEL"]: str(tmp_path / "scene.mtmsd"),
    }
    layers = loaded(model, parameters, context)
    (layer,) = layers.values()
    assert legend(layer) == EXPECTED_LEGEND
    assert (tmp_path / "scene.mtmsd").is_file()


def test_qgis_process_runs_the_steps(qgis_process, scene, features, tmp_path):
    places = {"INPUT": features, "TRAINING": scene.polygons, "OUTPUT": tmp_path / "mit Leerzeichen ä.tif"}
    completed = qgis_process.run("mtmsd:classify", CLASS_FIELD="cover", **places, **CLASSIFY)
    assert completed.returncode == 0, completed.stderr
    results = results_of(completed)
    assert results["OUTPUT"] == str(tmp_path / "mit Leerzeichen ä.tif")
    assert isinstance(results["OA"], float)
    assert read_raster(results["OUTPUT"]).shape == (1, 64, 64)


def test_qgis_process_checks_the_environment(qgis_process, tmp_path):
    completed = qgis_process.run(
        "mtmsd:checkenvironment", OUTPUT_JSON=tmp_path / "e.json", OUTPUT_HTML=tmp_path / "e.html"
    )
    assert results_of(completed)["READY"] is True
    assert '"torch": "' in (tmp_path / "e.json").read_text()
    assert "Ready" in (tmp_path / "e.html").read_text()


@pytest.mark.parametrize("algorithm", ["pretraindiffusion", "extractfeatures", "classify"])
def test_cancel_is_quick_and_leaves_nothing(scene, model, features, tmp_path, algorithm):
    parameters, percent = {
        "pretraindiffusion": (
            {"INPUT": str(scene.raster), "OUTPUT": str(tmp_path / "m.mtmsd"), **PRETRAIN, "ITERATIONS": 2000},
            9,
        ),
        "extractfeatures": (
            {"INPUT": str(scene.raster), "MODEL": str(model), "OUTPUT": str(tmp_path / "f.tif"), "DEVICE": "cpu"},
            20,
        ),
        "classify": (
            {
                "INPUT": str(features), "TRAINING": str(scene.polygons), "CLASS_FIELD": "cover",
                "OUTPUT": str(tmp_path / "map.tif"), **CLASSIFY, "CLASSIFIER": "mtmsd", "EPOCHS": 10000,
            },
            19,
        ),
    }[algorithm]  # fmt: skip
    log = Log(cancel_at_percent=percent)
    cancelled = []
    log.canceled.connect(lambda: cancelled.append(time.monotonic()))
    with pytest.raises(QgsProcessingException, match="Cancelled"):
        run(algorithm, parameters, log)
    assert time.monotonic() - cancelled[0] < 10  # the grace of a worker that does not listen is 1.2 s
    assert [path.name for path in tmp_path.iterdir() if path.suffix != ".checkpoint"] == []
    assert job_folders() == []


def test_a_cancelled_pretraining_goes_on_to_the_same_model(scene, tmp_path):
    parameters = {"INPUT": str(scene.raster), "OUTPUT": str(tmp_path / "m.mtmsd"), **PRETRAIN, "ITERATIONS": 100}
    log = Log(cancel_at_percent=30)
    with pytest.raises(QgsProcessingException, match="Cancelled"):
        run("pretraindiffusion", parameters, log)
    checkpoint = tmp_path / "m.mtmsd.checkpoint"
    assert any(str(checkpoint) in line for line in log.lines)
    resumed = run("pretraindiffusion", {**parameters, "RESUME": str(checkpoint)})
    whole = run("pretraindiffusion", {**parameters, "OUTPUT": str(tmp_path / "whole.mtmsd")})
    assert resumed["FINAL_LOSS"] == whole["FINAL_LOSS"]
    assert (tmp_path / "m.mtmsd").read_bytes() == (tmp_path / "whole.mtmsd").read_bytes()


def test_import_of_a_benchmark_scene(tmp_path, project, torch_python):
    import subprocess

    code = (
        "import sys, numpy as np, scipy.io as s; r = np.random.default_rng(0); g = np.zeros((9, 7)); g[2, 3] = 2;"
        "g[8, 0] = 1; s.savemat(sys.argv[1], {'cube': r.integers(0, 9, (9, 7, 5), dtype=np.int16)});"
        "s.savemat(sys.argv[2], {'gt': g})"
    )
    subprocess.run([torch_python, "-c", code, str(tmp_path / "s.mat"), str(tmp_path / "g.mat")], check=True)
    results = run(
        "importscene",
        {
            "INPUT": str(tmp_path / "s.mat"), "GROUND_TRUTH": str(tmp_path / "g.mat"), "PIXEL_SIZE": 20,
            "OUTPUT": str(tmp_path / "scene.tif"), "OUTPUT_REFERENCE": str(tmp_path / "labels.tif"),
            "OUTPUT_SAMPLES": str(tmp_path / "labels.gpkg"),
        },
    )  # fmt: skip
    assert read_raster(results["OUTPUT"]).shape == (5, 9, 7)
    labels = read_raster(results["OUTPUT_REFERENCE"])[0]
    assert np.argwhere(labels).tolist() == [[2, 3], [8, 0]]
    raster = QgsRasterLayer(str(tmp_path / "scene.tif"), "scene")
    assert raster.crs().isValid()
    assert (raster.rasterUnitsPerPixelX(), raster.extent().yMinimum()) == (20, 0)
    points = QgsVectorLayer(str(tmp_path / "labels.gpkg"), "points", "ogr")
    found = [
        (f["class_id"], f["class"], f.geometry().asPoint().x(), f.geometry().asPoint().y())
        for f in points.getFeatures()
    ]
    assert found == [(2, "Class 2", 70.0, 130.0), (1, "Class 1", 10.0, 10.0)]
    assert isinstance(points.renderer(), QgsCategorizedSymbolRenderer)
    assert len(legend(QgsRasterLayer(str(tmp_path / "labels.tif"), "labels"))) == 2
