# SPDX-License-Identifier: GPL-2.0-or-later
"""A map without labels through QGIS: of plain bands, of a feature raster, of a scene with its model."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from qgis.core import QgsProcessingException, QgsRasterLayer, QgsVectorLayer
from scenes import (
    LEFT,
    NAMES,
    PIXEL,
    PRETRAIN,
    TOP,
    Log,
    class_of_pixel,
    legend,
    read_raster,
    results_of,
    run,
    write_raster,
)

pytestmark = pytest.mark.usefixtures("torch_python")
BANDS = {"FEATURES": "bands", "DEVICE": "cpu"}


@pytest.fixture(scope="module")
def clusters(scene, torch_python, tmp_path_factory):
    """Folder of map.tif, confidence.tif and places.gpkg, of three clusters of the scene's bands."""
    folder = tmp_path_factory.mktemp("clusters")
    names = {"OUTPUT": "map.tif", "CONFIDENCE": "confidence.tif", "SUGGESTIONS": "places.gpkg"}
    outputs = {name: str(folder / file) for name, file in names.items()}
    results = run("clusterscene", {"INPUT": str(scene.raster), "CLUSTERS": 3, **BANDS, "SEED": 5, **outputs})
    assert results["MATCHED_OA"] is None
    return folder


def pixel_of(point):
    """Row and column in the scene's raster."""
    return int((TOP - point.y()) // PIXEL), int((point.x() - LEFT) // PIXEL)


def test_the_classes_are_found_without_labels_and_judged_by_a_layer(scene, clusters, tmp_path):
    outputs = {
        "OUTPUT": str(tmp_path / "map.tif"),
        "CONFIDENCE": str(tmp_path / "confidence.tif"),
        "OUTPUT_LEVELS": str(tmp_path / "levels.tif"),
        "SUGGESTIONS": str(tmp_path / "places.gpkg"),
        "REPORT": str(tmp_path / "report.html"),
    }
    reference = {"REFERENCE": str(scene.polygons), "CLASS_FIELD": "cover"}
    given = {"INPUT": str(scene.raster), "CLUSTERS": 3, **BANDS}
    results = run("clusterscene", {**given, "LEVELS": "2,3", **reference, **outputs})
    assert results["CLUSTERS_USED"] == 3
    assert results["MATCHED_OA"] > 99
    assert results["ARI"] > 0.97
    found = read_raster(tmp_path / "map.tif")[0]
    table = np.zeros((3, 3), dtype=int)
    np.add.at(table, (class_of_pixel(), found - 1), 1)
    assert table.max(axis=1).sum() > 0.97 * found.size
    assert [row[1] for row in legend(QgsRasterLayer(outputs["OUTPUT"]))] == ["cluster 1", "cluster 2", "cluster 3"]
    levels = read_raster(tmp_path / "levels.tif")
    np.testing.assert_array_equal(levels[1], found)
    assert len({(a, b) for a, b in zip(levels[0].ravel(), levels[1].ravel())}) == 3
    confidence = read_raster(tmp_path / "confidence.tif")[0]
    assert 0.8 < confidence.mean() <= 1
    places = list(QgsVectorLayer(outputs["SUGGESTIONS"], "places", "ogr").getFeatures())
    assert sorted((p["cluster"], p["rank"]) for p in places) == [(c, r) for c in (1, 2, 3) for r in (1, 2, 3)]
    document = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert (document["format"], document["choice"], document["scores"]["ari"]) == (
        "mtmsd-clusters",
        "given",
        results["ARI"],
    )
    assert not list(tmp_path.glob("*.checkpoint"))
    assert (tmp_path / "map.tif").read_bytes() == (clusters / "map.tif").read_bytes()  # of another seed, not judged


def test_suggested_places_that_are_given_a_class_name_the_whole_map(clusters, tmp_path):
    for name in ("map.qml", "confidence.qml"):
        assert (clusters / name).is_file()
    places = shutil.copy(clusters / "places.gpkg", tmp_path)
    layer, kinds = QgsVectorLayer(str(places), "places", "ogr"), class_of_pixel()
    column = layer.fields().indexOf("class")
    assert layer.startEditing()
    for point in layer.getFeatures():
        assert not point["class"]
        row, col = pixel_of(point.geometry().asPoint())
        layer.changeAttributeValue(point.id(), column, NAMES[kinds[row, col]])
    assert layer.commitChanges()
    points, named = {"SAMPLES": str(places), "CLASS_FIELD": "class"}, str(tmp_path / "named.tif")
    results = run("nameclusters", {"INPUT": str(clusters / "map.tif"), **points, "OUTPUT": named})
    assert (results["CLASSES"], results["NAMED_SHARE"]) == (3, 100)
    expected = np.argsort(np.argsort(NAMES))[kinds] + 1  # ids in alphabetical order
    assert (read_raster(named)[0] == expected).mean() > 0.95


def test_what_was_cancelled_goes_on_to_the_same_map(scene, clusters, tmp_path):
    given = {"INPUT": str(scene.raster), "CLUSTERS": 3, **BANDS}
    log, folder = Log(cancel_at_percent=20), tmp_path / "map.tif.checkpoint"
    with pytest.raises(QgsProcessingException, match="Cancelled"):
        run("clusterscene", {**given, "OUTPUT": str(tmp_path / "map.tif")}, log)
    assert not (tmp_path / "map.tif").exists()
    more = {"RESUME": str(folder)} if folder.exists() else {}  # a small scene may have kept nothing yet
    run("clusterscene", {**given, **more, "OUTPUT": str(tmp_path / "map.tif")})
    assert not folder.exists()
    assert (tmp_path / "map.tif").read_bytes() == (clusters / "map.tif").read_bytes()


def test_the_number_of_clusters_is_proposed(tmp_path):
    """Of kinds in small fields, so that each half of the scene has all."""
    rng, log = np.random.default_rng(0), Log()
    kinds = np.kron(rng.permutation(np.arange(144) % 3).reshape(12, 12), np.ones((8, 8), dtype=int))
    values = rng.uniform(1000, 3000, (3, 6))[kinds].transpose(2, 0, 1) + rng.normal(0, 60, (6, *kinds.shape))
    raster = write_raster(tmp_path / "fields.tif", values.astype(np.uint16))
    outputs = {"OUTPUT": str(tmp_path / "map.tif"), "REPORT": str(tmp_path / "report.html")}
    assert run("clusterscene", {"INPUT": str(raster), **BANDS, **outputs}, log)["CLUSTERS_USED"] == 3
    assert "3 clusters are proposed" in log.text
    document = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert (document["choice"], len(document["stability"])) == ("proposed", 29)


def test_what_two_halves_of_a_tiny_scene_agree_on_is_not_known(tmp_path):
    values = np.random.default_rng(0).normal(size=(4, 8, 8)).astype(np.float32)
    raster, log = write_raster(tmp_path / "tiny.tif", values), Log()
    outputs = {"OUTPUT": str(tmp_path / "map.tif"), "REPORT": str(tmp_path / "report.html")}
    run("clusterscene", {"INPUT": str(raster), "CLUSTERS": 40, **BANDS, **outputs}, log)
    assert "The map has 40 clusters, as given; how stable they are is not known" in log.text
    assert json.loads((tmp_path / "report.json").read_text("utf-8"))["agreement"] is None
    assert "not known</" in (tmp_path / "report.html").read_text("utf-8")


def test_a_scene_with_its_model_and_a_feature_raster(scene, features, tmp_path):
    few = {k: v for k, v in PRETRAIN.items() if k != "DEVICE"}
    outputs = {"OUTPUT": str(tmp_path / "map.tif"), "OUTPUT_MODEL": str(tmp_path / "m.mtmsd")}
    first = run("clusterscene", {"INPUT": str(scene.raster), "CLUSTERS": 3, "DEVICE": "cpu", **few, **outputs})
    assert first["CLUSTERS_USED"] == 3
    again = {"MODEL": outputs["OUTPUT_MODEL"], "OUTPUT": str(tmp_path / "again.tif")}
    run("clusterscene", {"INPUT": str(scene.raster), "CLUSTERS": 3, "DEVICE": "cpu", **again})
    np.testing.assert_array_equal(read_raster(again["OUTPUT"]), read_raster(outputs["OUTPUT"]))
    of_features = {"INPUT": str(features), "CLUSTERS": 3, "DEVICE": "cpu", "OUTPUT": str(tmp_path / "f.tif")}
    assert run("clusterscene", of_features)["CLUSTERS_USED"] == 3
    assert read_raster(tmp_path / "f.tif").min() == 1


def test_levels_that_are_not_written_are_told_of(scene, tmp_path):
    for levels, told in (("2,4", True), ("", False)):
        log = Log()
        outputs = {"LEVELS": levels, "OUTPUT": str(tmp_path / "map.tif")}
        run("clusterscene", {"INPUT": str(scene.raster), "CLUSTERS": 3, **BANDS, **outputs}, log)
        assert ("LEVELS is used with OUTPUT_LEVELS alone; it is not used here." in log.warnings) == told


def test_bands_that_do_not_count_are_told_of(scene, model, features, tmp_path):
    for given, words in (
        ({"INPUT": str(scene.raster), "MODEL": str(model)}, "BANDS is not used: the bands are those of MODEL."),
        ({"INPUT": str(features)}, "BANDS is not used: a feature raster is taken whole."),
    ):
        for bands, told in (([1, 3], True), (None, False)):
            log = Log()
            outputs = {"CLUSTERS": 3, "OUTPUT": str(tmp_path / "map.tif")}
            run("clusterscene", {**given, **outputs, "BANDS": bands, "DEVICE": "cpu"}, log)
            assert (words in log.lines) == told


def test_what_cannot_be_clustered_is_refused_with_one_sentence(scene, model, tmp_path):
    one = write_raster(tmp_path / "one.tif", np.full((3, 20, 20), 7, dtype=np.uint16))
    for changes, words in (
        ({"CLUSTERS": 1}, "CLUSTERS should be 0"),
        ({"LEVELS": "4,99"}, "LEVELS should be numbers of clusters"),
        ({"OUTPUT_LEVELS": str(tmp_path / "l.tif")}, "OUTPUT_LEVELS needs LEVELS"),
        ({"REFERENCE": str(scene.polygons)}, "REFERENCE needs CLASS_FIELD"),
        ({"MODEL": str(model)}, "Leave MODEL empty"),
        ({"OUTPUT_MODEL": str(tmp_path / "m.mtmsd")}, "OUTPUT_MODEL is for a model that is trained here"),
        ({"INPUT": str(one)}, "usable band"),
    ):
        parameters = {"INPUT": str(scene.raster), **BANDS, "OUTPUT": str(tmp_path / "map.tif"), **changes}
        with pytest.raises(QgsProcessingException, match=words):
            run("clusterscene", parameters)
        assert not (tmp_path / "map.tif").exists()


def test_it_runs_in_qgis_process(scene, qgis_process, tmp_path):
    done = qgis_process.run(
        "mtmsd:clusterscene", INPUT=scene.raster, FEATURES="bands", CLUSTERS=3, OUTPUT=tmp_path / "map.tif"
    )
    assert results_of(done)["CLUSTERS_USED"] == 3
    assert (tmp_path / "map.tif").is_file()
