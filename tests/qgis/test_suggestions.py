# SPDX-License-Identifier: GPL-2.0-or-later
"""Suggested samples as a layer, anywhere or within reach of lines."""

from __future__ import annotations

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import (
    NULL,
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsFeature,
    QgsGeometry,
    QgsLineString,
    QgsPoint,
    QgsPointXY,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeatureSource,
    QgsProject,
    QgsRasterLayer,
    QgsVectorLayer,
)
from scenes import (
    CLASSIFY,
    LEFT,
    NAMES,
    PIXEL,
    TOP,
    Log,
    box_of_pixels,
    run,
    spectra,
    vector_layer,
    write_raster,
)


def test_a_small_share_of_the_doubt_is_not_told_as_none():
    from mtmsd.algorithms.bridge.uncertainty.suggestion_points import reason
    from mtmsd.mtmsd_qgis.jobs.suggestions import Suggestion

    for share, words in ((0.004, "less than 1 % of the doubt"), (0.116, "with 12 % of the doubt")):
        assert words in reason(Suggestion(0, 0, 1, 2, 0.5, 0.1, share), "a", "b")


def test_a_classification_suggests_points_within_reach(scene, features, tmp_path, torch_python):
    x = LEFT + 10.5 * PIXEL
    road = QgsGeometry.fromPolylineXY([QgsPointXY(x, TOP), QgsPointXY(x, TOP - 1000 * PIXEL)])
    path = tmp_path / "next.gpkg"
    results = run(
        "classify",
        {
            "INPUT": str(features), "TRAINING": str(scene.polygons), "CLASS_FIELD": "cover", **CLASSIFY,
            "OUTPUT": str(tmp_path / "map.tif"), "SUGGESTIONS": str(path), "SUGGESTION_COUNT": 5,
            "REACHABLE": vector_layer([(road, "road")], "LineString"), "REACHABLE_DISTANCE": 2 * PIXEL,
        },
    )  # fmt: skip
    layer = QgsVectorLayer(str(path), "next", "ogr")
    assert results["SUGGESTIONS"]
    assert layer.crs() == QgsRasterLayer(str(features)).crs()
    points = list(layer.getFeatures())
    assert [point["rank"] for point in points] == [1, 2, 3, 4, 5]
    names = {"water", "meadow", "forest"}
    for point in points:
        assert point["class"] == NULL  # the map's class would be learnt where nobody has looked
        assert {point["map_class"], point["runner_up"]} <= names
        assert point["map_class"] != point["runner_up"]
        assert point["why"].startswith(f"{point['map_class']} ({point['confidence']:.2f}) or {point['runner_up']} (")
        assert abs(point.geometry().asPoint().x() - x) <= 2 * PIXEL


def test_pixels_within_a_distance_of_a_line(tmp_path):
    from mtmsd.algorithms.bridge.raster.source import describe_raster
    from mtmsd.algorithms.bridge.uncertainty.suggestion_points import pixels_within

    raster = write_raster(tmp_path / "in.tif", np.ones((1, 7, 9), np.uint8))
    grid = describe_raster(QgsRasterLayer(str(raster), "in")).grid
    x = LEFT + 3.5 * PIXEL
    line = QgsGeometry.fromPolylineXY([QgsPointXY(x, TOP), QgsPointXY(x, TOP - 7 * PIXEL)])
    for distance, columns in ((0, [3]), (1.0 * PIXEL, [2, 3, 4]), (2.5 * PIXEL, [1, 2, 3, 4, 5])):
        near = np.frombuffer(pixels_within([line], distance, grid), np.uint8).reshape(7, 9)
        assert np.array_equal(near, np.isin(np.arange(9), columns)[None].repeat(7, axis=0))
    assert not any(pixels_within([], 100, grid))


@pytest.mark.parametrize(
    "transform",
    [
        (LEFT, 5.0, 0.0, TOP, 0.0, -20.0),
        (LEFT, 20.0, 0.0, TOP, 0.0, -5.0),
        (LEFT, 4.0, 12.0, TOP, 3.0, -16.0),  # rotated, pixels of 5 m x 20 m
    ],
)
@pytest.mark.parametrize("distance", [40, 87.0])
def test_a_distance_is_in_metres_whatever_the_shape_of_the_pixels(tmp_path, transform, distance):
    from mtmsd.algorithms.bridge.raster.source import describe_raster
    from mtmsd.algorithms.bridge.uncertainty.suggestion_points import pixels_within

    raster = write_raster(tmp_path / "in.tif", np.ones((1, 40, 50), np.uint8), transform=transform)
    grid = describe_raster(QgsRasterLayer(str(raster), "in")).grid
    ends = [QgsPointXY(*gdal.ApplyGeoTransform(transform, *place)) for place in ((20.3, 18.2), (30.1, 25.4))]
    line = QgsGeometry.fromPolylineXY(ends)
    near = np.frombuffer(pixels_within([line], distance, grid), np.uint8).reshape(40, 50)
    far_from_line = np.array(
        [
            [
                line.distance(
                    QgsGeometry.fromPointXY(QgsPointXY(*gdal.ApplyGeoTransform(transform, col + 0.5, row + 0.5)))
                )
                for col in range(50)
            ]
            for row in range(40)
        ]
    )
    assert near[far_from_line <= distance - 8].all()  # a little more than the diagonal of a square of 5 m
    assert not near[far_from_line > distance + 8].any()


def test_lines_that_lead_nowhere_are_left_out_and_named():
    from mtmsd.algorithms.bridge.uncertainty.suggestion_points import Lines, WantedSuggestions
    from mtmsd.mtmsd_qgis.jobs.suggestions import SuggestionSettings

    layer = QgsVectorLayer("LineStringZ?crs=EPSG:32632&field=cover:string", "roads", "memory")
    nan, x = float("nan"), LEFT + 2 * PIXEL
    for end in ((x, TOP - 50, nan), (nan, TOP, 0), (1e308, 0, 0)):
        feature = QgsFeature(layer.fields())
        feature.setGeometry(QgsGeometry(QgsLineString([QgsPoint(x, TOP, nan), QgsPoint(*end)])))
        layer.dataProvider().addFeature(feature)
    layer.dataProvider().addFeature(QgsFeature(layer.fields()))
    lines = Lines.of(QgsProcessingFeatureSource(layer, QgsProcessingContext()))
    assert len(lines.shapes) == 1
    assert WantedSuggestions(SuggestionSettings(5, within_reach=True), lines).warning == (
        "Not used in the layer roads: 2 with coordinates that are no numbers (features 2 and 3), "
        "1 without a geometry (feature 4)."
    )


def test_roads_off_the_map_are_left_out_and_named(tmp_path):
    from mtmsd.algorithms.bridge.raster.source import describe_raster
    from mtmsd.algorithms.bridge.uncertainty.suggestion_points import Lines, WantedSuggestions
    from mtmsd.mtmsd_qgis.jobs.suggestions import REACHABLE_FILE, SuggestionSettings

    raster = write_raster(tmp_path / "in.tif", np.ones((1, 7, 9), np.uint8))
    grid = describe_raster(QgsRasterLayer(str(raster), "in")).grid
    context = QgsProject.instance().transformContext()
    road = QgsGeometry.fromPolylineXY([QgsPointXY(LEFT + 35, TOP), QgsPointXY(LEFT + 35, TOP - 70)])
    road.transform(QgsCoordinateTransform(grid.crs, QgsCoordinateReferenceSystem("EPSG:4326"), context))
    beyond = QgsGeometry.fromPolylineXY([QgsPointXY(9, 95), QgsPointXY(9, 96)])
    degrees = {"crs": "EPSG:4326", "crs_of_shapes": "EPSG:4326"}
    layer = vector_layer([(beyond, "road"), (road, "road")], "LineString", name="roads", **degrees)
    lines = Lines.of(QgsProcessingFeatureSource(layer, QgsProcessingContext()))
    wanted = WantedSuggestions(SuggestionSettings(5, within_reach=True), lines)
    wanted.option(tmp_path, grid, context)
    assert sum((tmp_path / REACHABLE_FILE).read_bytes()) > 0
    assert wanted.warning == "Not used in the layer roads: 1 outside the area of the raster's CRS (feature 1)."


def test_roads_elsewhere_are_refused_before_the_work(scene, tmp_path, fake_worker):
    fake_worker("sys.exit(9)")
    road = QgsGeometry.fromPolylineXY([QgsPointXY(0, 0), QgsPointXY(9, 9)])
    parameters = {
        "INPUT": str(scene.raster), "TRAINING": str(scene.polygons), "CLASS_FIELD": "cover", **CLASSIFY,
        "OUTPUT": str(tmp_path / "map.tif"), "SUGGESTIONS": str(tmp_path / "next.gpkg"),
        "REACHABLE": vector_layer([(road, "road")], "LineString", name="roads"),
    }  # fmt: skip
    with pytest.raises(QgsProcessingException, match="the layer roads has none"):
        run("classify", parameters)


def test_where_all_pixels_have_a_label_the_layer_is_empty(tmp_path, torch_python):
    raster = write_raster(tmp_path / "in.tif", spectra())
    labels = [(box_of_pixels(0, first, 64, last), name) for name, first, last in zip(NAMES, (0, 21, 42), (21, 42, 64))]
    path, log = tmp_path / "next.gpkg", Log()
    run(
        "classify",
        {
            "INPUT": str(raster), "TRAINING": vector_layer(labels, "Polygon"), "CLASS_FIELD": "cover",
            "CLASSIFIER": "linear", "SPLIT": "random", "DEVICE": "cpu", "OUTPUT": str(tmp_path / "map.tif"),
            "SUGGESTIONS": str(path),
        },
        log,
    )  # fmt: skip
    assert QgsRasterLayer(str(tmp_path / "map.tif")).isValid()
    assert QgsVectorLayer(str(path), "next", "ogr").featureCount() == 0
    assert [line for line in log.warnings if "SUGGESTIONS is empty, as no pixel of the map is left" in line]


@pytest.mark.parametrize(
    ("name", "output", "more"),
    [
        ("classify", "SUGGESTIONS", {}),
        ("clusterscene", "SUGGESTIONS", {}),
        ("classify", "TOKEN_POLYGONS", {"SUPERTOKENS": 9}),
    ],
)
@pytest.mark.parametrize(
    ("file", "reason"),
    [("next.dxf", "field"), ("(new) points.gpkg", "layer name"), ("12:30.gpkg", "Could not create layer 12:30.gpkg")],
)
def test_a_format_or_name_that_takes_no_such_layer_is_refused_before_the_work(
    scene, tmp_path, fake_worker, name, output, more, file, reason
):
    fake_worker("sys.exit(9)")
    parameters = {
        "INPUT": str(scene.raster), "OUTPUT": str(tmp_path / "map.tif"), output: str(tmp_path / file),
        "TRAINING": str(scene.polygons), "CLASS_FIELD": "cover", **more,
    }  # fmt: skip
    with pytest.raises(QgsProcessingException, match=rf"{output} cannot be written to .*: .*{reason}"):
        run(name, parameters)
    assert not (tmp_path / file).exists()


def test_points_go_into_a_folder_that_is_not_there_yet(scene, features, tmp_path, torch_python):
    path = tmp_path / "new" / "next.gpkg"
    run(
        "classify",
        {
            "INPUT": str(features), "TRAINING": str(scene.polygons), "CLASS_FIELD": "cover", **CLASSIFY,
            "CLASSIFIER": "linear", "OUTPUT": str(tmp_path / "map.tif"), "SUGGESTIONS": str(path),
        },
    )  # fmt: skip
    assert QgsVectorLayer(str(path), "next", "ogr").featureCount() > 0


def test_a_distance_needs_a_raster_with_metres(scene, tmp_path, torch_python):
    degrees = (10.0, 1e-4, 0.0, 50.0, 0.0, -1e-4)
    raster = write_raster(tmp_path / "degrees.tif", np.ones((2, 20, 20), np.uint8), transform=degrees, epsg=4326)
    road = QgsGeometry.fromPolylineXY([QgsPointXY(10, 50), QgsPointXY(11, 49)])
    with pytest.raises(QgsProcessingException, match=r"a size in metres was expected.* its CRS is in degrees"):
        run(
            "classify",
            {
                "INPUT": str(raster), "TRAINING": str(scene.polygons), "CLASS_FIELD": "cover", **CLASSIFY,
                "OUTPUT": str(tmp_path / "map.tif"), "SUGGESTIONS": str(tmp_path / "next.gpkg"),
                "REACHABLE": vector_layer([(road, "road")], "LineString"),
            },
        )  # fmt: skip
