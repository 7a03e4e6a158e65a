# SPDX-License-Identifier: GPL-2.0-or-later
"""Features whose coordinates are no numbers, or that have heights and measures: left out and named, or used flat."""

from __future__ import annotations

import json

import numpy as np
import pytest
from label_layers import labels_of, placed, table
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsFeature,
    QgsGeometry,
    QgsLineString,
    QgsMultiPoint,
    QgsPoint,
    QgsPolygon,
    QgsProcessingException,
    QgsProject,
    QgsVectorLayer,
)
from scenes import (
    CRS,
    LEFT,
    PIXEL,
    TOP,
    Log,
    box_of_pixels,
    class_of_pixel,
    point_in_pixel,
    run,
    spectra,
    vector_layer,
    write_raster,
)
from split_layers import counts, split

NAN, INF = float("nan"), float("inf")


def layer_of(kind, shapes, crs=CRS):
    """A layer in memory of (geometry, value); geometries as they are given."""
    layer = QgsVectorLayer(f"{kind}?crs={crs}&field=cover:string", "samples", "memory")
    for geometry, value in shapes:
        feature = QgsFeature(layer.fields())
        feature.setGeometry(geometry)
        feature.setAttributes([value])
        layer.dataProvider().addFeature(feature)
    return layer


def point_at(x, y):
    return QgsGeometry(QgsPoint(x, y))


def good_points(per_class=6):
    """One class a stripe of the scene."""
    return [
        (point_in_pixel(6 * i + 2, 21 * index + 4), name)
        for index, name in enumerate(("water", "meadow", "forest"))
        for i in range(per_class)
    ]


def spiked(value):
    """A polygon with one vertex that is no place."""
    x, y = LEFT + 40, TOP - 40
    ring = [QgsPoint(x, y), QgsPoint(x + 40, y), QgsPoint(value, y - 40), QgsPoint(x, y)]
    return QgsGeometry(QgsPolygon(QgsLineString(ring)))


BAD = [
    pytest.param("Point", point_at(NAN, NAN), id="NaN"),
    pytest.param("Point", point_at(INF, TOP), id="infinite"),
    pytest.param("Point", point_at(1.7976931348623157e308, TOP), id="largest number"),
    pytest.param("Polygon", spiked(INF), id="infinite vertex"),
    pytest.param("Polygon", spiked(-1.7976931348623157e308), id="vertex of the lowest number"),
    pytest.param("Polygon", spiked(NAN), id="NaN vertex"),
]


def with_bad(kind, bad):
    shapes = good_points()
    if kind == "Polygon":
        shapes = [(shape.buffer(PIXEL, 4), value) for shape, value in shapes]
    return layer_of(kind, [(bad, "water"), *shapes])


@pytest.mark.parametrize(("kind", "bad"), BAD)
def test_one_bad_feature_among_good_ones_is_left_out_and_named(kind, bad):
    labels = labels_of(with_bad(kind, bad))
    assert len(labels.shapes) == 18
    assert len(labels.skipped) == 1
    assert sum(labels.skipped.values()) == 1
    assert labels.skipped.text == "1 with coordinates that are no numbers (feature 1)"


@pytest.mark.parametrize(("kind", "bad"), BAD)
def test_runs_go_on_without_it(tmp_path, kind, bad):
    layer, log = with_bad(kind, bad), Log()
    training, validation = split(layer, log)
    assert sum(map(sum, (counts(training).values(), counts(validation).values()))) == 18
    assert "(feature 1)" in log.text
    path = write_raster(tmp_path / "map.tif", (class_of_pixel() + 1)[None].astype(np.uint8))
    ids = {"water": "1", "meadow": "2", "forest": "3"}
    with_ids = layer_of(kind, [(feature.geometry(), ids[feature["cover"]]) for feature in layer.getFeatures()])
    log = Log()
    run("assessaccuracy", {"INPUT": str(path), "REFERENCE": with_ids, "CLASS_FIELD": "cover"}, log)
    assert "(feature 1)" in log.text


def test_shapes_that_a_projection_sends_to_infinity_are_left_out_and_named(tmp_path):
    """Lambert's conic of France has no place for the South Pole, and QGIS gives no error for it."""
    raster = write_raster(tmp_path / "map.tif", (class_of_pixel() + 1)[None].astype(np.uint8), epsg=2154)
    pole, log = QgsGeometry.fromWkt("POLYGON((-180 -90, 180 -90, 180 90, -180 90, -180 -90))"), Log()
    good = vector_layer(
        [(box_of_pixels(2, 2, 6, 6), "1"), (box_of_pixels(2, 30, 6, 34), "2")],
        "Polygon",
        crs="EPSG:2154",
        crs_of_shapes="EPSG:2154",
    )
    to_degrees = QgsCoordinateTransform(good.crs(), QgsCoordinateReferenceSystem("EPSG:4326"), QgsProject.instance())
    shapes = [(pole, "1")]
    for feature in good.getFeatures():
        shape = feature.geometry()
        shape.transform(to_degrees)
        shapes.append((shape, feature["cover"]))
    layer = layer_of("Polygon", shapes, "EPSG:4326")
    results = run("assessaccuracy", {"INPUT": str(raster), "REFERENCE": layer, "CLASS_FIELD": "cover"}, log)
    assert (results["SAMPLES"], results["OA"]) == (32, 100)
    assert "1 outside the area of the raster's CRS (feature 1)" in log.text
    log = Log()
    split(layer, log, RASTER=str(raster), METHOD="random")
    assert "1 outside the area of the raster's CRS (feature 1)" in log.text


@pytest.mark.parametrize("crs", [CRS, "EPSG:4326"])
def test_heights_and_measures_that_are_no_numbers_do_not_matter(crs):
    flat = vector_layer(good_points(), "Point", crs=crs)
    shapes = []
    for feature in flat.getFeatures():
        point = feature.geometry().asPoint()
        shapes.append((QgsGeometry(QgsPoint(point.x(), point.y(), NAN, NAN)), feature["cover"]))
    layer = layer_of("PointZM", shapes, crs)
    expected, _ = placed(flat, where=None)
    samples, _ = placed(layer)
    assert labels_of(layer).skipped == {}
    assert table(samples) == table(expected)
    training, validation = split(layer)
    assert training.featureCount() + validation.featureCount() == 18


def test_good_parts_of_a_multipoint_count():
    parts = QgsMultiPoint()
    for row in (3, 5):
        point = point_in_pixel(row, row).asPoint()
        parts.addGeometry(QgsPoint(point.x(), point.y()))
    parts.addGeometry(QgsPoint(NAN, NAN))
    layer = layer_of("MultiPoint", [(QgsGeometry(parts), "a")])
    samples, _ = placed(layer)
    assert table(samples) == [[3, 3, 0, 0], [5, 5, 0, 0]]
    assert labels_of(layer).skipped.text == "1 parts with coordinates that are no numbers (feature 1)"


def test_good_parts_of_a_multipolygon_count():
    good = box_of_pixels(2, 2, 4, 5)
    both = QgsGeometry.collectGeometry([good, spiked(INF)])
    samples, _ = placed(layer_of("MultiPolygon", [(both, "a")]))
    assert len(samples.table) == 6


def test_a_mask_with_a_bad_feature_hides_what_the_others_cover(tmp_path):
    from mtmsd.algorithms.bridge.feedback import ProgressRange
    from mtmsd.algorithms.bridge.raster.masks import describe_mask
    from mtmsd.algorithms.bridge.raster.scene_export import SceneExport
    from mtmsd.algorithms.bridge.raster.source import describe_raster
    from qgis.core import QgsRasterLayer

    raster = write_raster(tmp_path / "in.tif", spectra(bands=1, height=8, width=8))
    mask = describe_mask(layer_of("Polygon", [(spiked(INF), "a"), (box_of_pixels(0, 0, 2, 3), "b")]))
    log = Log()
    source = describe_raster(QgsRasterLayer(str(raster), "in"))
    export = SceneExport(source, tmp_path, QgsProject.instance().transformContext())
    export.bands([1], mask, ProgressRange(log, 0, 1))
    assert "6 of 64 pixels are left out" in log.text
    assert "with coordinates that are no numbers (feature 1)" in log.text


def test_a_mask_whose_pixels_are_not_known_is_refused_by_its_feature(tmp_path):
    from mtmsd.algorithms.bridge.raster.masks import describe_mask, usable_pixels
    from mtmsd.algorithms.bridge.raster.source import describe_raster
    from qgis.core import QgsRasterLayer

    raster = write_raster(tmp_path / "in.tif", spectra(bands=1, height=8, width=8))
    grid = describe_raster(QgsRasterLayer(str(raster), "in")).grid
    shape = QgsGeometry.fromWkt("Polygon((8 50, 10 50, 9 95, 8 50))")
    degrees = {"crs": "EPSG:4326", "crs_of_shapes": "EPSG:4326"}
    mask = describe_mask(vector_layer([(shape, "x")], "Polygon", name="clouds", **degrees))
    with pytest.raises(QgsProcessingException, match="expected in the mask clouds; feature 1 lies outside"):
        usable_pixels(mask, grid, QgsProject.instance().transformContext())


def dot(row, column):
    """A polygon whose vertices are all in one place."""
    point = point_in_pixel(row, column).asPoint()
    corner = QgsPoint(point.x(), point.y())
    return QgsGeometry(QgsPolygon(QgsLineString([corner, corner, corner, corner])))


def test_polygons_without_an_extent_are_split_by_blocks_too():
    layer = layer_of("Polygon", [(dot(6 * row, 6 * column), "ab"[row % 2]) for row in range(8) for column in range(8)])
    training, validation = split(layer, METHOD="block")
    assert training.featureCount() + validation.featureCount() == 64
    assert validation.featureCount() > 0


@pytest.mark.parametrize("first", [0, 1])
def test_points_and_polygons_of_one_file_take_their_own_pixels_and_lines_none(tmp_path, first):
    """QGIS takes such a file for a layer of what its first feature is, and hands out all of them."""
    shapes = [(point_in_pixel(1, 1), "a"), (box_of_pixels(4, 4, 7, 7), "b")]
    line = QgsGeometry.fromWkt(f"LINESTRING({LEFT} {TOP - 95}, {LEFT + 100} {TOP - 95})")
    features = [
        {"type": "Feature", "geometry": json.loads(shape.asJson()), "properties": {"cover": value}}
        for shape, value in (*(shapes[first:] + shapes[:first]), (line, "a"))
    ]
    crs = {"type": "name", "properties": {"name": CRS}}
    path = tmp_path / "mixed.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "crs": crs, "features": features}))
    layer = QgsVectorLayer(str(path), "mixed")
    samples, _ = placed(layer)
    assert [(row, col) for row, col, *_ in table(samples)] == [(1, 1), *((r, c) for r in (4, 5, 6) for c in (4, 5, 6))]
    assert labels_of(layer).skipped.text == "1 that are lines (feature 2)"
