# SPDX-License-Identifier: GPL-2.0-or-later
"""mtmsd:splitsamples: blocks and distances, in metres whatever the CRS, measured on the two layers themselves."""

from __future__ import annotations

import numpy as np
import pytest
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsDistanceArea,
    QgsFeature,
    QgsGeometry,
    QgsPointXY,
    QgsProject,
    QgsVectorLayer,
)
from scenes import Log, box_of_pixels, point_in_pixel, vector_layer, write_raster
from split_layers import counts, nearest, points, polygons, split


@pytest.fixture
def raster(tmp_path):
    return write_raster(tmp_path / "raster.tif", np.ones((1, 64, 64), dtype=np.uint8))


def blocks_of(layer, size):
    return {(int(p.x() // size), int(p.y() // size)) for p in (f.geometry().asPoint() for f in layer.getFeatures())}


@pytest.mark.parametrize("method", ["block", "group"])
def test_points_are_kept_apart_by_blocks(method):
    log = Log()
    training, validation = split(points(60), log, METHOD=method, BLOCK_SIZE=100)
    assert not blocks_of(training, 100) & blocks_of(validation, 100)
    assert 0.2 < validation.featureCount() / 120 < 0.4
    assert "Blocks of 100 m:" in log.text
    assert ("form no groups" in log.text) == (method == "group")


@pytest.mark.parametrize("kind", ["Point", "Polygon"])
def test_validation_features_on_the_ground_of_training_features_are_told_of(kind):
    """A layer that was merged twice has every feature twice; squares that only touch are none of these."""
    places = [(row, column) for row in range(0, 8, 4) for column in range(0, 40, 4)]
    once = [
        (
            point_in_pixel(*place) if kind == "Point" else box_of_pixels(*place, place[0] + 4, place[1] + 4),
            "ab"[place[0] // 4],
        )
        for place in places
    ]
    good, twice = Log(), Log()
    split(vector_layer(once, kind), good, METHOD="random")
    split(vector_layer([*once, *once], kind), twice, METHOD="random")
    assert good.warnings == []
    assert "lie on the ground of a training feature (features " in twice.warnings[0]


def test_a_block_size_is_chosen_from_the_extent():
    log = Log()
    split(points(60), log, METHOD="block")
    assert "Blocks of 57 m, chosen from the extent" in log.text  # 570 m by 570 m


def test_multipoints_are_groups_and_multipoints_of_one_point_are_not():
    def layer(parts):
        shapes = [
            (QgsGeometry.fromMultiPointXY([QgsPointXY(100 * n + 9 * i, 50 * n) for i in range(parts)]), "ab"[n % 2])
            for n in range(20)
        ]
        return vector_layer(shapes, "MultiPoint")

    several, one = Log(), Log()
    assert counts(split(layer(3), several)[1]) == {"a": 3, "b": 3}
    split(layer(1), one, BLOCK_SIZE=150)
    assert "Blocks" not in several.text
    assert "Blocks of 150 m" in one.text


def test_points_go_by_blocks_also_beside_a_multipoint():
    places = [[QgsPointXY(10 * n, 0)] for n in range(40)] + [[QgsPointXY(90, 50), QgsPointXY(210, 50)]]
    shapes = [(QgsGeometry.fromMultiPointXY(parts), "ab"[n % 2]) for n, parts in enumerate(places)]
    sides = split(vector_layer(shapes, "MultiPoint"), BLOCK_SIZE=100)
    points = [
        {
            shape.geometry().vertexAt(0).x() // 100
            for shape in side.getFeatures()
            if shape.geometry().vertexAt(0).y() == 0
        }
        for side in sides
    ]
    assert all(points)
    assert not points[0] & points[1]


@pytest.mark.parametrize("method", ["random", "group", "block"])
def test_the_distance_holds_between_pixels(raster, method):
    log = Log()
    more = {"RASTER": str(raster), "METHOD": method, "SHARE": 0.1, "BLOCK_SIZE": 120, "BUFFER": 25}
    if method == "random":
        more.update(COUNT=2, BUFFER=15)  # so few training pixels that something is left beyond the distance
    training, validation = split(polygons(10), log, **more)
    assert nearest(training, validation) > more["BUFFER"]
    assert "were left out" in log.text


def test_the_distance_holds_between_outlines_of_polygons():
    layer = polygons(10, ("a", "b"))  # outlines 20 m apart; a corner's neighbour at 28.3 m
    for distance, least in ((19.9, 0), (20, 20)):
        log = Log()
        training, validation = split(layer, log, SHARE=0.5, BUFFER=distance, SEED=3)
        assert nearest(training, validation) > distance
        assert ("0 of 10 validation samples" in log.text) == (least == 0)


def test_without_a_distance_nothing_is_left_out():
    training, validation = split(polygons(10))
    assert training.featureCount() + validation.featureCount() == 30


def ellipsoidal(training, validation, crs):
    measure = QgsDistanceArea()
    measure.setSourceCrs(crs, QgsProject.instance().transformContext())
    measure.setEllipsoid("EPSG:7030")
    ones = [feature.geometry().asPoint() for feature in training.getFeatures()]
    others = [feature.geometry().asPoint() for feature in validation.getFeatures()]
    return sorted(measure.measureLine(one, other) for one in ones for other in others)


def line_of_points(longitude, latitude, crs):
    """Forty points, classes by turns, each 100 m east of the one before on the ellipsoid."""
    measure = QgsDistanceArea()
    measure.setEllipsoid("EPSG:7030")
    start = QgsPointXY(longitude, latitude)
    layer = QgsVectorLayer(f"Point?crs={crs}&field=cover:string", "line", "memory")
    degrees, context = QgsCoordinateReferenceSystem("EPSG:4326"), QgsProject.instance().transformContext()
    transform = QgsCoordinateTransform(degrees, layer.crs(), context)
    for number in range(40):
        place = measure.computeSpheroidProject(start, 100.0 * number, np.pi / 2)
        feature = QgsFeature(layer.fields())
        feature.setGeometry(QgsGeometry.fromPointXY(transform.transform(place)))
        feature.setAttributes(["ab"[number % 2]])
        layer.dataProvider().addFeature(feature)
    return layer


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:3857", "EPSG:2263"])
@pytest.mark.parametrize("place", [(-74.0, 40.7), (-73.9, 40.8)])
def test_metres_are_metres_in_degrees_mercator_and_feet(crs, place):
    """A line of points 100 m apart from west to east, where a degree or a map unit is no metre."""
    layer = line_of_points(*place, crs)
    inside, outside = Log(), Log()
    training, validation = split(layer, inside, METHOD="random", COUNT=3, BUFFER=99)
    assert "0 of 34 validation samples" in inside.text
    assert abs(ellipsoidal(training, validation, layer.crs())[0] - 100) < 0.2
    training, validation = split(layer, outside, METHOD="random", COUNT=3, BUFFER=101)
    assert abs(ellipsoidal(training, validation, layer.crs())[0] - 200) < 0.4


def test_metres_across_the_180th_meridian():
    layer = line_of_points(179.99, -16.5, "EPSG:4326")
    training, validation = split(layer, METHOD="random", COUNT=3, BUFFER=101)
    assert abs(ellipsoidal(training, validation, layer.crs())[0] - 200) < 0.4


def test_blocks_in_degrees_are_squares_in_metres():
    log = Log()
    training, validation = split(points(60, crs="EPSG:4326"), log, METHOD="block", BLOCK_SIZE=100)
    assert "on a plane around latitude" in log.text
    assert validation.featureCount() > 0
    assert training.crs().authid() == "EPSG:4326"


def test_a_layer_on_a_local_grid_or_without_a_crs():
    from mtmsd.algorithms.import_scene import local_grid_crs

    layer = points(20)
    layer.setCrs(local_grid_crs())
    log = Log()
    split(layer, log, METHOD="block", BLOCK_SIZE=100, BUFFER=5)
    assert "Blocks of 100 m" in log.text
    layer = points(20, crs="")
    split(layer, log, METHOD="block", BLOCK_SIZE=100)
    assert "has no CRS" in log.text


def test_a_class_that_the_distance_leaves_without_validation_is_named():
    shapes = [(box_of_pixels(20 * i, 0, 20 * i + 4, 4), "far") for i in range(6)]
    shapes += [(box_of_pixels(0, 50 + i, 4, 51 + i), "close") for i in range(6)]
    log = Log()
    training, validation = split(vector_layer(shapes, "Polygon"), log, BUFFER=100)
    assert counts(validation) == {"far": 2}
    assert counts(training) == {"far": 4, "close": 4}
    assert any("without validation samples" in line and "'close'" in line for line in log.warnings)
