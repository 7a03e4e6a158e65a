# SPDX-License-Identifier: GPL-2.0-or-later
"""EXPLAIN: points of a layer in, tables of training polygons in the report and its JSON."""

from __future__ import annotations

import json

import numpy as np
import pytest
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsFeature,
    QgsGeometry,
    QgsPoint,
    QgsPointXY,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeatureSource,
    QgsProject,
    QgsRasterLayer,
    QgsVectorLayer,
)
from scenes import CLASSIFY, CRS, LEFT, PIXEL, TOP, Log, run, vector_layer, write_raster


def points_at(*places):
    """Points at the centres of pixels (row, column)."""
    centres = [QgsPointXY(LEFT + (col + 0.5) * PIXEL, TOP - (row + 0.5) * PIXEL) for row, col in places]
    return vector_layer([(QgsGeometry.fromPointXY(centre), "x") for centre in centres], "Point")


def parameters(scene, features, tmp_path, **more):
    return {
        "INPUT": str(features), "TRAINING": str(scene.polygons), "CLASS_FIELD": "cover", **CLASSIFY,
        "OUTPUT": str(tmp_path / "map.tif"), "REPORT": str(tmp_path / "report.html"), **more,
    }  # fmt: skip


def test_points_are_explained_by_features_of_the_training_layer(scene, features, tmp_path, torch_python):
    wanted = [(5, 6), (20, 20), (-3, 4)]  # the last one lies off the raster
    log = Log()
    run("classify", parameters(scene, features, tmp_path, EXPLAIN=points_at(*wanted)), log)
    assert any(
        line.startswith("Not explained of the layer") and "1 outside the raster" in line for line in log.warnings
    )
    document = json.loads((tmp_path / "report.json").read_text("utf-8"))
    explained = document["explanations"]
    assert [(each["point"]["row"], each["point"]["col"]) for each in explained] == wanted[:2]
    assert "Why these pixels" in (tmp_path / "report.html").read_text("utf-8")
    layer = QgsVectorLayer(str(scene.polygons), "polygons", "ogr")
    names = {entry["id"]: entry["name"] for entry in document["classes"]}
    raster = QgsRasterLayer(str(features))
    turned = QgsCoordinateTransform(
        raster.crs(), QgsCoordinateReferenceSystem(layer.crs()), QgsProject.instance().transformContext()
    )
    assert all(each["supporting"] for each in explained)
    for part in [part for each in explained for part in (*each["supporting"], *each["opposing"])]:
        feature = layer.getFeature(part["feature"])
        assert feature["cover"] == names[part["class_id"]]
        place = turned.transform(QgsPointXY(part["x"], part["y"]))
        assert feature.geometry().distance(QgsGeometry.fromPointXY(place)) < 1e-3


def test_points_that_lie_nowhere_are_left_out_and_named(tmp_path):
    from mtmsd.algorithms.bridge.explanation.explained_points import pixels_of
    from mtmsd.algorithms.bridge.raster.source import describe_raster

    layer = QgsVectorLayer("Point?crs=EPSG:4326", "visits", "memory")
    turned = QgsCoordinateTransform(
        QgsCoordinateReferenceSystem(CRS), layer.crs(), QgsProject.instance().transformContext()
    )
    good, off = (turned.transform(QgsPointXY(LEFT + (col + 0.5) * PIXEL, TOP - 2.5 * PIXEL)) for col in (3, -4))
    for place in (good, QgsPointXY(9, 95), QgsPointXY(float("nan"), 50), None, off):
        feature = QgsFeature(layer.fields())
        if place is not None:
            feature.setGeometry(QgsGeometry(QgsPoint(place.x(), place.y())))
        layer.dataProvider().addFeature(feature)
    raster = write_raster(tmp_path / "in.tif", np.ones((1, 7, 9), np.uint8))
    grid = describe_raster(QgsRasterLayer(str(raster), "in")).grid
    source = QgsProcessingFeatureSource(layer, QgsProcessingContext())
    found = pixels_of(source, grid, QgsProject.instance().transformContext())
    assert [(pixel.row, pixel.col) for pixel in found.pixels] == [(2, 3)]
    assert found.warning == (
        "Not explained of the layer visits: 1 with coordinates that are no numbers (feature 3), 1 without a geometry "
        "(feature 4), 1 outside the area of the raster's CRS (feature 2), 1 outside the raster (feature 5)."
    )


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (
            {"CLASSIFIER": "linear"},
            "EXPLAIN needs the classifier 'auto' on one raster alone; found CLASSIFIER 'linear'",
        ),
        ({"TEXTURE": True}, "found TEXTURE"),
        ({"REPORT": ""}, "REPORT is empty"),
        ({"EXPLAIN": [(-1, 3), (5000, 2)]}, "has none there"),
        ({"EXPLAIN": [(4, 5)] * 101}, "has 101 on the raster"),
    ],
)
def test_what_cannot_be_explained_is_said_at_once(scene, features, tmp_path, more, words):
    points = points_at(*more.get("EXPLAIN", [(5, 6)]))
    with pytest.raises(QgsProcessingException, match=words):
        run("classify", parameters(scene, features, tmp_path, **{**more, "EXPLAIN": points}))
    assert not (tmp_path / "map.tif").exists()
