# SPDX-License-Identifier: GPL-2.0-or-later
"""What features mean, through QGIS: the report, with and without a training layer, again, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import (
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingModelAlgorithm,
    QgsProcessingModelChildAlgorithm,
    QgsProcessingModelChildParameterSource,
    QgsProcessingModelOutput,
    QgsProcessingModelParameter,
    QgsProcessingParameterRasterLayer,
    QgsRasterLayer,
)
from scenes import Log, results_of, run

pytestmark = pytest.mark.usefixtures("torch_python")
FEW = {"TIMESTEPS": "100,500", "STAGES": "3,5", "DEVICE": "cpu"}


def test_a_report_with_a_training_layer(scene, model, tmp_path):
    log, report = Log(), tmp_path / "report.html"
    training = {"TRAINING": str(scene.polygons), "CLASS_FIELD": "cover"}
    given = {"INPUT": str(scene.raster), "MODEL": str(model), **FEW, **training}
    results = run("explorefeatures", {**given, "REPORT": str(report)}, log)
    document = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert document["format"] == "mtmsd-exploration"
    assert [(cell["stage"], cell["timestep"]) for cell in document["cells"]] == [(3, 100), (3, 500), (5, 100), (5, 500)]
    best = max(document["cells"], key=lambda cell: cell["accuracy"])
    assert results["BEST_ACCURACY"] == best["accuracy"] > 0
    assert (results["BEST_STAGE"], results["BEST_TIMESTEP"]) == (best["stage"], best["timestep"])
    assert document["facts"]["Training layer"] == "polygons, field cover"
    assert document["pixel_m"] == pytest.approx(10.0)
    page = report.read_text("utf-8")
    assert "What it knows of the classes" in page
    assert len(page) < 3_000_000
    assert "1 of them looked at" in log.text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "report.json"]


def test_the_gallery_lies_on_the_scene(scene, model, tmp_path):
    given = {"INPUT": str(scene.raster), "MODEL": str(model), **FEW, "CREATION_OPTIONS": "COMPRESS=ZSTD"}
    gallery = tmp_path / "gallery.tif"
    results = run("explorefeatures", {**given, "REPORT": str(tmp_path / "r.html"), "GALLERY": str(gallery)})
    assert results["GALLERY"] == str(gallery)
    made, source = gdal.Open(str(gallery)), gdal.Open(str(scene.raster))
    assert (made.RasterYSize, made.RasterXSize) == (source.RasterYSize, source.RasterXSize)
    assert made.GetGeoTransform() == pytest.approx(source.GetGeoTransform())
    assert made.GetProjection() == source.GetProjection()
    assert made.GetMetadata("IMAGE_STRUCTURE")["COMPRESSION"] == "ZSTD"
    names = [made.GetRasterBand(number).GetDescription() for number in range(1, made.RasterCount + 1)]
    assert names == [f"stage {s}, t = {t}: component {c}" for s in (3, 5) for t in (100, 500) for c in (1, 2, 3)]
    values = made.ReadAsArray()
    assert values.dtype == np.uint8
    assert made.GetRasterBand(1).GetNoDataValue() == 0
    assert values.min() > 0
    layer = QgsRasterLayer(str(gallery))
    assert layer.renderer().usesBands() == [7, 8, 9]  # the finest stage at the least noise
    assert "gallery" not in json.loads((tmp_path / "r.json").read_text("utf-8"))


def test_a_grid_of_larger_pixels_begins_where_it_is_told(scene):
    from mtmsd.algorithms.bridge.raster.source import describe_raster

    grid = describe_raster(QgsRasterLayer(str(scene.raster))).grid
    left, right, _, top, _, below = grid.transform
    coarse = grid.coarser((8, 12), (3, 5), 4)
    assert (coarse.height, coarse.width) == (3, 5)
    assert coarse.transform == (left + 12 * right, 4 * right, 0, top + 8 * below, 0, 4 * below)


def test_without_a_training_layer(scene, model, tmp_path):
    given = {"INPUT": str(scene.raster), "MODEL": str(model), **FEW}
    results = run("explorefeatures", {**given, "REPORT": str(tmp_path / "report.html")})
    assert results["BEST_ACCURACY"] is None
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "There is no training layer" in page


def test_what_was_cancelled_goes_on_to_the_same_report(scene, model, tmp_path):
    given = {"INPUT": str(scene.raster), "MODEL": str(model), **FEW}
    run("explorefeatures", {**given, "REPORT": str(tmp_path / "whole.html")})
    cancelled = Log(cancel_at="looked at")
    with pytest.raises(QgsProcessingException, match="Cancelled"):
        run("explorefeatures", {**given, "REPORT": str(tmp_path / "r.html")}, cancelled)
    assert not (tmp_path / "r.html").exists()
    log = Log()
    run("explorefeatures", {**given, "REPORT": str(tmp_path / "r.html")}, log)
    assert ("Going on" in log.text) == ("kept in" in cancelled.text)
    whole, again = (json.loads((tmp_path / name).read_text("utf-8")) for name in ("whole.json", "r.json"))
    assert ("Interrupted" in again["facts"]) == ("Going on" in log.text)
    assert {**again, "seconds": 0, "facts": 0} == {**whole, "seconds": 0, "facts": 0}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r.html", "r.json", "whole.html", "whole.json"]


def test_what_cannot_be_explored_is_refused_with_one_sentence(scene, model, tmp_path):
    for changes, words in (
        ({"MODEL": str(scene.raster)}, "not a diffusion model"),
        ({"TIMESTEPS": "5000"}, "Timesteps must be"),
        ({"TIMESTEPS": "many"}, "TIMESTEPS must be whole numbers"),
        ({"STAGES": "9"}, "Stages must be"),
        ({"TRAINING": str(scene.polygons)}, "CLASS_FIELD is empty"),
        ({"RESUME": str(tmp_path / "none")}, "RESUME should be the folder"),
    ):
        given = {"INPUT": str(scene.raster), "MODEL": str(model), **FEW, "REPORT": str(tmp_path / "r.html"), **changes}
        with pytest.raises(QgsProcessingException, match=words):
            run("explorefeatures", given)
        assert not (tmp_path / "r.html").exists()


def test_it_is_a_step_of_a_model(scene, model, tmp_path, project):
    user = QgsProcessingModelChildParameterSource.fromModelParameter
    value = QgsProcessingModelChildParameterSource.fromStaticValue
    chain = QgsProcessingModelAlgorithm("Explore", "Test", "test")
    chain.addModelParameter(QgsProcessingParameterRasterLayer("INPUT"), QgsProcessingModelParameter("INPUT"))
    step = QgsProcessingModelChildAlgorithm("mtmsd:explorefeatures")
    step.setChildId("explore")
    step.addParameterSources("INPUT", [user("INPUT")])
    for name, given in {"MODEL": str(model), **FEW}.items():
        step.addParameterSources(name, [value(given)])
    outputs = {}
    for name in ("REPORT", "GALLERY"):
        outputs[name] = QgsProcessingModelOutput(name, name)
        outputs[name].setChildId("explore")
        outputs[name].setChildOutputName(name)
    step.setModelOutputs(outputs)
    chain.addChildAlgorithm(step)
    chain.updateDestinationParameters()
    places = {d.name(): d.name().split(":")[-1] for d in chain.destinationParameterDefinitions()}
    files = {name: tmp_path / (kind + (".html" if kind == "REPORT" else ".tif")) for name, kind in places.items()}
    context, log = QgsProcessingContext(), Log()
    context.setProject(project)
    _, fine = chain.run({"INPUT": str(scene.raster), **{n: str(p) for n, p in files.items()}}, context, log)
    assert fine, log.text
    assert [path.is_file() for path in files.values()] == [True, True]


def test_it_runs_in_qgis_process(scene, model, qgis_process, tmp_path):
    done = qgis_process.run(
        "mtmsd:explorefeatures", INPUT=scene.raster, MODEL=model, REPORT=tmp_path / "report.html", **FEW
    )
    assert results_of(done)["REPORT"] == str(tmp_path / "report.html")
    assert (tmp_path / "report.json").is_file()
