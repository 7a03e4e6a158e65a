# SPDX-License-Identifier: GPL-2.0-or-later
"""A classifier file through QGIS: written with a map, described, applied to the same and to other rasters."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import QgsProcessingException, QgsRasterLayer, QgsVectorLayer
from scenes import (
    CLASSIFY,
    EXPECTED_LEGEND,
    EXTRACT,
    PRETRAIN,
    Log,
    categorize,
    legend,
    make_scene,
    read_raster,
    results_of,
    run,
    spectra,
    write_raster,
)

pytestmark = pytest.mark.usefixtures("torch_python")
TRAIN = {k: v for k, v in PRETRAIN.items() if k != "DEVICE"}
TINY = {**TRAIN, **EXTRACT, **CLASSIFY}


def called(path, names, values=None):
    """The scene, or a raster of the same size, with these names of its bands."""
    write_raster(path, spectra() if values is None else values)
    dataset = gdal.Open(str(path), gdal.GA_Update)
    for number, name in enumerate(names, 1):
        dataset.GetRasterBand(number).SetDescription(name)
    return path


@pytest.fixture(scope="module")
def learnt(scene, torch_python, tmp_path_factory):
    """A map of the scene by the default classifier, and its classifier with the model inside."""
    folder = tmp_path_factory.mktemp("learnt")
    layer = categorize(QgsVectorLayer(str(scene.polygons), "fields", "ogr"))
    results = run(
        "mapscene",
        {
            "INPUT": str(scene.raster),
            "TRAINING": layer,
            "CLASS_FIELD": "cover",
            "OUTPUT": str(folder / "map.tif"),
            "CONFIDENCE": str(folder / "confidence.tif"),
            "OUTPUT_CLASSIFIER": str(folder / "fields.mtmsdc"),
            **TINY,
        },
    )
    assert results["OUTPUT_CLASSIFIER"] == str(folder / "fields.mtmsdc")
    return folder


def test_the_same_scene_gives_the_same_map_with_names_and_colours(scene, learnt, tmp_path):
    log = Log()
    results = run(
        "applyclassifier",
        {
            "INPUT": str(scene.raster),
            "CLASSIFIER": str(learnt / "fields.mtmsdc"),
            "OUTPUT": str(tmp_path / "map.tif"),
            "CONFIDENCE": str(tmp_path / "confidence.tif"),
            "PROBABILITIES": str(tmp_path / "probabilities.tif"),
            "APPLICABILITY": str(tmp_path / "applicability.tif"),
            "REPORT": str(tmp_path / "report.html"),
            "DEVICE": "cpu",
        },
        log,
    )
    for name in ("map", "confidence"):
        np.testing.assert_array_equal(read_raster(tmp_path / f"{name}.tif"), read_raster(learnt / f"{name}.tif"))
    assert legend(QgsRasterLayer(str(tmp_path / "map.tif"))) == EXPECTED_LEGEND
    assert read_raster(tmp_path / "probabilities.tif").shape[0] == 3
    shown = legend(QgsRasterLayer(str(tmp_path / "applicability.tif")))
    assert [(value, label) for value, label, _ in shown] == [(0, "outside"), (1, "inside")]
    inside = read_raster(tmp_path / "applicability.tif")[0]
    assert 0.5 < results["INSIDE_SHARE"] <= 1
    assert results["INSIDE_SHARE"] == pytest.approx((inside == 1).mean(), abs=0.15)
    assert 0.3 < results["SHIFT_AUC"] < 0.75
    document = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert (document["format"], document["transfer"]["inside_share"]) == ("mtmsd-transfer", results["INSIDE_SHARE"])
    assert document["transfer"]["sentence"] in (tmp_path / "report.html").read_text("utf-8").replace("&#x27;", "'")
    assert f"{document['transfer']['sentence']} In the scene that it was learnt from, the classifier has" in log.text
    assert "Expect no more here.</p><h2>May the map be believed?" in (tmp_path / "report.html").read_text("utf-8")
    assert not list(tmp_path.glob("*.checkpoint"))


def test_the_file_is_described_and_needs_its_model_where_it_does_not_hold_it(scene, model, tmp_path):
    results = run(
        "mapscene",
        {
            "INPUT": str(scene.raster),
            "TRAINING": str(scene.polygons),
            "CLASS_FIELD": "cover",
            "MODEL": str(model),
            "INCLUDE_MODEL": False,
            "OUTPUT": str(tmp_path / "map.tif"),
            "OUTPUT_CLASSIFIER": str(tmp_path / "c.mtmsdc"),
            **{**EXTRACT, **CLASSIFY, "CLASSIFIER": "linear"},
        },
    )
    described = run("describefile", {"INPUT": results["OUTPUT_CLASSIFIER"], "REPORT": str(tmp_path / "r.html")})
    assert (described["KIND"], described["CLASSES"], described["BANDS"]) == ("classifier", 3, 12)
    assert described["OA"] == pytest.approx(results["OA"])
    parameters = {"INPUT": str(scene.raster), "CLASSIFIER": str(tmp_path / "c.mtmsdc"), "DEVICE": "cpu"}
    parameters["OUTPUT"] = str(tmp_path / "again.tif")
    with pytest.raises(QgsProcessingException, match="Choose the model with MODEL"):
        run("applyclassifier", parameters)
    run("applyclassifier", {**parameters, "MODEL": str(model)})
    np.testing.assert_array_equal(read_raster(tmp_path / "again.tif"), read_raster(tmp_path / "map.tif"))


def test_a_feature_raster_is_mapped_by_a_classifier_of_one(scene, features, model, tmp_path):
    parameters = {"INPUT": str(features), "TRAINING": str(scene.polygons), "CLASS_FIELD": "cover", **CLASSIFY}
    outputs = {"OUTPUT": str(tmp_path / "map.tif"), "OUTPUT_CLASSIFIER": str(tmp_path / "c.mtmsdc")}
    run("classify", {**parameters, "CLASSIFIER": "linear", **outputs})
    apply = {"CLASSIFIER": str(tmp_path / "c.mtmsdc"), "OUTPUT": str(tmp_path / "again.tif"), "DEVICE": "cpu"}
    run("applyclassifier", {"INPUT": str(features), **apply})
    np.testing.assert_array_equal(read_raster(tmp_path / "again.tif"), read_raster(tmp_path / "map.tif"))
    log = Log()
    run("applyclassifier", {"INPUT": str(features), "MODEL": str(model), **apply}, log)
    assert "MODEL is not used: this map is made without a diffusion model." in log.warnings
    for file, words in ((features, "is not a diffusion model"), (tmp_path / "nope.mtmsd", "cannot be opened")):
        with pytest.raises(QgsProcessingException, match=words):
            run("applyclassifier", {"INPUT": str(features), "MODEL": str(file), **apply})
    with pytest.raises(QgsProcessingException, match="INPUT has bands without features"):
        run("applyclassifier", {"INPUT": str(scene.raster), **apply, "OUTPUT": str(tmp_path / "no.tif")})
    assert not (tmp_path / "no.tif").exists()


@pytest.mark.parametrize("bands", [[5, 2, 3, 9, 11], [11, 2], list(range(12, 0, -1))])
@pytest.mark.parametrize("named", [True, False])
def test_bands_chosen_in_any_order_are_found_in_a_raster_without_names(scene, tmp_path, bands, named):
    values, numbered = spectra(), [f"b{number}" for number in range(1, 13)]
    values[2] = 7  # a band that the model leaves out, where it is chosen
    raster = called(tmp_path / "learnt.tif", numbered if named else [""] * 12, values)
    samples = {"TRAINING": str(scene.polygons), "CLASS_FIELD": "cover"}
    outputs = {"OUTPUT": str(tmp_path / "map.tif"), "OUTPUT_CLASSIFIER": str(tmp_path / "c.mtmsdc")}
    tiny = {**TINY, "COMPONENTS": 2, "KEEP": 4, "CLASSIFIER": "linear"}
    run("mapscene", {"INPUT": str(raster), "BANDS": bands, **samples, **outputs, **tiny})
    again = {"CLASSIFIER": str(tmp_path / "c.mtmsdc"), "OUTPUT": str(tmp_path / "again.tif"), "DEVICE": "cpu"}
    for names in ([""] * 12, numbered):
        run("applyclassifier", {"INPUT": str(called(tmp_path / "r.tif", names, values)), **again})
        np.testing.assert_array_equal(read_raster(tmp_path / "again.tif"), read_raster(tmp_path / "map.tif"))


def test_what_cannot_be_applied_is_refused_with_one_sentence(scene, learnt, model, tmp_path):
    few = write_raster(tmp_path / "few.tif", spectra()[:7])
    tiny = write_raster(tmp_path / "tiny.tif", spectra(height=10, width=10))
    later = called(tmp_path / "later.tif", [f"b{number}" for number in range(8, 20)])
    classifier = str(learnt / "fields.mtmsdc")
    cut = tmp_path / "cut.mtmsdc"
    cut.write_bytes(Path(classifier).read_bytes()[:-50])
    other = tmp_path / "other.mtmsd"
    run("pretraindiffusion", {"INPUT": str(scene.raster), "OUTPUT": str(other), **PRETRAIN, "SEED": 5})
    for changes, words in (
        ({"CLASSIFIER": str(model)}, "should be a classifier, it is a model"),
        ({"CLASSIFIER": str(cut)}, "is incomplete or damaged"),
        ({"CLASSIFIER": str(tmp_path / "none.mtmsdc")}, "cannot be opened"),
        ({"INPUT": str(few)}, "this raster has|this one has"),
        ({"INPUT": str(tiny)}, "Choose a larger raster or a classifier with a diffusion model that was trained with"),
        ({"INPUT": str(later)}, "has none of these names: b1, b2, b3, b4, b5 and 2 more; use"),
        ({"MODEL": str(other)}, "is another one"),
        ({"OUTPUT": str(scene.raster)}, "scene"),
    ):
        parameters = {"INPUT": str(scene.raster), "CLASSIFIER": classifier, "OUTPUT": str(tmp_path / "map.tif")}
        with pytest.raises(QgsProcessingException, match=words):
            run("applyclassifier", {**parameters, "DEVICE": "cpu", **changes})
        assert not (tmp_path / "map.tif").exists()


def test_extra_rasters_of_the_learnt_names_may_come_in_any_order(scene, tmp_path):
    rng = np.random.default_rng(0)
    paths = [str(write_raster(tmp_path / f"{n}.tif", rng.normal(size=(1, 64, 64)).astype("f4"))) for n in "hg"]
    samples = {"TRAINING": str(scene.polygons), "CLASS_FIELD": "cover", "SPLIT": "random"}
    outputs = {"OUTPUT": str(tmp_path / "map.tif"), "PROBABILITIES": str(tmp_path / "p.tif")}
    extras = {"EXTRA": paths, "EXTRA_USE": "always"}
    classifier = {"OUTPUT_CLASSIFIER": str(tmp_path / "c.mtmsdc")}
    inputs = {"INPUT": str(scene.raster), "DEVICE": "cpu"}
    run("classify", {**inputs, **samples, **outputs, **extras, **classifier})
    expected = read_raster(tmp_path / "p.tif")
    log = Log()
    run("applyclassifier", {**inputs, **outputs, "EXTRA": paths[::-1], "CLASSIFIER": str(tmp_path / "c.mtmsdc")}, log)
    np.testing.assert_array_equal(read_raster(tmp_path / "p.tif"), expected)
    assert "in the order of those that were learnt with, by name: h, g." in log.text


def test_it_runs_in_qgis_process_on_another_scene(learnt, qgis_process, tmp_path):
    (tmp_path / "other").mkdir()
    other = make_scene(tmp_path / "other")
    done = qgis_process.run(
        "mtmsd:applyclassifier",
        INPUT=other.raster,
        CLASSIFIER=learnt / "fields.mtmsdc",
        ADAPT="scale",
        OUTPUT=tmp_path / "map.tif",
    )
    assert results_of(done)["INSIDE_SHARE"] > 0.5
    assert (tmp_path / "map.tif").is_file()
