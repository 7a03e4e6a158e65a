# SPDX-License-Identifier: GPL-2.0-or-later
"""Vector layers -> samples and classes, with small numbers that can be counted by hand."""

from __future__ import annotations

import numpy as np
import pytest
from label_layers import grid, labels_of, placed, table
from qgis.core import (
    QgsFeatureRequest,
    QgsGeometry,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeatureSource,
    QgsProcessingFeatureSourceDefinition,
    QgsProcessingUtils,
    QgsProject,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QDate
from scenes import (
    COLORS,
    LEFT,
    TOP,
    box_of_pixels,
    categorize,
    point_in_pixel,
    save_layer,
    vector_layer,
)


def test_points_take_their_pixel_and_are_groups_of_their_own():
    layer = vector_layer([(point_in_pixel(7, 2), "b"), (point_in_pixel(0, 0), "a")], "Point")
    samples, classes = placed(layer)
    assert [(entry.id, entry.name) for entry in classes.values()] == [(1, "a"), (2, "b")]
    assert table(samples) == [[0, 0, 0, 1], [7, 2, 1, 0]]


def test_a_polygon_takes_the_pixels_whose_centre_it_covers():
    outline = (LEFT + 20.1, TOP - 35.1, LEFT + 44.9, TOP - 54.9)  # columns 2 to 4, rows 3.51 to 5.49
    shape = QgsGeometry.fromWkt("POLYGON(({0} {1},{2} {1},{2} {3},{0} {3},{0} {1}))".format(*outline))
    samples, _ = placed(vector_layer([(shape, "a")], "Polygon"))
    assert table(samples) == [[4, 2, 0, 0], [4, 3, 0, 0]]


def test_a_polygon_smaller_than_a_pixel_takes_the_pixel_it_lies_in():
    shape = point_in_pixel(5, 6).buffer(0.01, 4)
    shape.translate(3, 3)
    samples, _ = placed(vector_layer([(shape, "a")], "Polygon"))
    assert table(samples) == [[5, 6, 0, 0]]


def test_polygons_with_holes_and_parts():
    ring = box_of_pixels(0, 0, 5, 5).difference(box_of_pixels(1, 1, 4, 4))
    both = ring.combine(box_of_pixels(10, 10, 11, 12))
    samples, _ = placed(vector_layer([(both, "a")], "MultiPolygon"))
    assert len(samples.table) == 16 + 2
    assert [2, 2] not in samples.table.positions.tolist()


def test_what_reaches_over_the_edge_is_cut_off():
    samples, _ = placed(
        vector_layer([(box_of_pixels(-3, -3, 1, 2), "a"), (box_of_pixels(18, 19, 25, 25), "a")], "Polygon")
    )
    assert table(samples) == [[0, 0, 0, 0], [0, 1, 0, 0], [18, 19, 0, 1], [19, 19, 0, 1]]


def test_what_lies_outside_is_counted():
    shapes = [(point_in_pixel(0, 20), "a"), (point_in_pixel(-1, 0), "a"), (point_in_pixel(1, 1), "a")]
    samples, _ = placed(vector_layer(shapes, "Point"))
    assert samples.left_out == {"outside the raster": 2}
    assert samples.left_out.text == "2 outside the raster (features 1 and 2)"


@pytest.mark.parametrize(
    "transform",
    [
        (LEFT, 30.0, 0.0, TOP, 0.0, -10.0),
        (LEFT, 10.0, 0.0, TOP - 200.0, 0.0, 10.0),  # south up
        (LEFT, 8.0, 6.0, TOP, 6.0, -8.0),  # turned
    ],
)
def test_any_grid(transform):
    where = grid(transform=transform)
    pixels = [(2, 3), (2, 4), (9, 11)]
    shapes = []
    for row, column in pixels:
        corners = [(column, row), (column + 1, row), (column + 1, row + 1), (column, row + 1), (column, row)]
        places = [
            f"{transform[0] + c * transform[1] + r * transform[2]} {transform[3] + c * transform[4] + r * transform[5]}"
            for c, r in corners
        ]
        shapes.append((QgsGeometry.fromWkt(f"POLYGON(({','.join(places)}))").buffer(-0.5, 2), "a"))
    samples, _ = placed(vector_layer(shapes, "Polygon"), where)
    assert samples.table.positions.tolist() == [list(pixel) for pixel in pixels]


def test_a_layer_in_another_crs_is_reprojected():
    shapes = [(point_in_pixel(3, 4), "a"), (point_in_pixel(19, 19), "b")]
    near, _ = placed(vector_layer(shapes, "Point"))
    far, _ = placed(vector_layer(shapes, "Point", crs="EPSG:4326"))
    assert table(near) == table(far)


def test_null_classes_and_empty_geometries_are_counted():
    shapes = [
        (point_in_pixel(0, 0), "a"),
        (point_in_pixel(0, 1), None),
        (point_in_pixel(0, 2), " "),
        (QgsGeometry(), "a"),
    ]
    labels = labels_of(vector_layer(shapes, "Point"))
    assert len(labels.shapes) == 1
    assert labels.skipped == {"without a class": 2, "without a geometry": 1}
    assert labels.skipped.text == "2 without a class (features 2 and 3), 1 without a geometry (feature 4)"


@pytest.mark.parametrize(
    ("field_type", "values", "expected"),
    [
        ("integer", [7, 3, 300], [(3, "3"), (7, "7"), (300, "300")]),
        ("double", [2.0, 5.0], [(2, "2"), (5, "5")]),
        ("double", [0.5, 1.5], [(1, "0.5"), (2, "1.5")]),
        ("integer", [0, 4], [(1, "0"), (2, "4")]),  # 0 is nodata on the map
        ("integer", [-1, 70000], [(1, "-1"), (2, "70000")]),
        ("string", ["oak", "ash"], [(1, "ash"), (2, "oak")]),
        ("string", ["10", "9", "oak"], [(1, "9"), (2, "10"), (3, "oak")]),
        ("double", [10.5, 2.0, 9.5], [(1, "2"), (2, "9.5"), (3, "10.5")]),
    ],
)
def test_ids_and_names(field_type, values, expected):
    shapes = [(point_in_pixel(i, i), value) for i, value in enumerate(values)]
    _, classes = placed(vector_layer(shapes, "Point", field_type=field_type))
    assert [(entry.id, entry.name) for entry in classes.values()] == expected


@pytest.mark.parametrize(
    ("field_type", "values", "expected"),
    [
        ("date", [QDate(2024, 5, 1), QDate(2023, 5, 1)], ["2023-05-01", "2024-05-01"]),
        ("boolean", [True, False], ["false", "true"]),
        ("long", [2**40, 7], ["7", str(2**40)]),
        ("string(5)", [" oak", "ash"], ["ash", "oak"]),
    ],
)
def test_class_fields_of_any_type(field_type, values, expected):
    shapes = [(point_in_pixel(i, i), value) for i, value in enumerate(values)]
    _, classes = placed(vector_layer(shapes, "Point", field_type=field_type))
    assert [entry.name for entry in classes.values()] == expected
    assert [entry.id for entry in classes.values()] == [1, 2]


def test_a_multipoint_labels_all_its_pixels_as_one_group():
    places = ", ".join(point_in_pixel(n, n).asWkt(1).removeprefix("Point ") for n in (3, 5, 25))  # the last one outside
    samples, _ = placed(vector_layer([(QgsGeometry.fromWkt(f"MULTIPOINT({places})"), "a")], "MultiPoint"))
    assert table(samples) == [[3, 3, 0, 0], [5, 5, 0, 0]]


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:3857", "EPSG:3035", "EPSG:2154"])
def test_polygons_in_any_crs_take_the_same_pixels(crs):
    shapes = [(box_of_pixels(2, 3, 9, 8), "a"), (box_of_pixels(12, 10, 13, 19), "b")]
    at_home, _ = placed(vector_layer(shapes, "Polygon"))
    abroad, _ = placed(vector_layer(shapes, "MultiPolygon", crs=crs))
    assert table(at_home) == table(abroad)


def test_dates_and_truths_are_classes_too():
    from mtmsd.algorithms.bridge.vector.labels import class_key
    from qgis.PyQt.QtCore import QDate, QDateTime, QTime, QVariant

    assert class_key(QDate(2024, 5, 1)) == "2024-05-01"
    assert class_key(QTime(8, 30)) == "08:30:00"
    assert class_key(QDateTime(2024, 5, 1, 8, 30, 0)) == "2024-05-01T08:30:00"  # another one than that of the evening
    assert class_key(QDateTime(2024, 5, 1, 0, 0, 0)) == "2024-05-01"  # some formats write a date so
    assert class_key(True) == "true"
    assert class_key(QVariant()) is None  # Qt 5
    assert class_key(float("nan")) is None
    assert class_key(float("inf")) is None


def test_names_and_colours_come_from_the_categories():
    shapes = [(point_in_pixel(i, i), name) for i, name in enumerate((*COLORS, "bog"))]
    _, classes = placed(categorize(vector_layer(shapes, "Point")))
    assert classes["water"].name == "WATER"
    assert classes["water"].color == COLORS["water"]
    assert classes["bog"].name == "bog"
    assert len({entry.color for entry in classes.values()}) == 4


def test_categories_of_another_field_are_not_taken():
    layer = vector_layer([(point_in_pixel(0, 0), "water")], "Point")
    _, classes = placed(categorize(layer, field="upper(cover)"))
    assert classes["water"].name == "water"


def test_categories_beside_a_file_are_found(tmp_path):
    path = save_layer(vector_layer([(point_in_pixel(0, 0), "water")], "Point"), tmp_path / "layer.gpkg")
    styled = QgsVectorLayer(str(path), "layer", "ogr")
    categorize(styled).saveNamedStyle(str(tmp_path / "layer.qml"))
    context = QgsProcessingContext()  # owns the layer
    plain = QgsProcessingUtils.mapLayerFromString(str(path), context)
    _, classes = placed(plain)
    assert classes["water"].name == "WATER"


def test_two_categories_of_one_name_stay_apart():
    layer = vector_layer([(point_in_pixel(0, 0), "water"), (point_in_pixel(1, 1), "forest")], "Point")
    categorize(layer)
    renderer = layer.renderer().clone()
    for index in range(len(renderer.categories())):
        renderer.updateCategoryLabel(index, "wet")
    layer.setRenderer(renderer)
    _, classes = placed(layer)
    assert [entry.name for entry in classes.values()] == ["wet (forest)", "wet (water)"]


@pytest.mark.parametrize("count", [1, 2, 8, 9, 16, 21, 22, 23, 24, 100])
def test_palette_gives_different_colours(count):
    from mtmsd.algorithms.bridge.raster.palette import palette

    colors = palette(count)
    assert len(set(colors)) == count
    assert all(len(color) == 7 and color.startswith("#") for color in colors)


def test_only_selected_features_where_asked():
    from mtmsd.algorithms.base.parameters import ParameterValues
    from mtmsd.algorithms.classify import Classify

    shapes = [(point_in_pixel(i, i), name) for i, name in enumerate(COLORS)]
    layer = categorize(vector_layer(shapes, "Point"))
    QgsProject.instance().addMapLayer(layer)
    layer.selectByExpression("cover = 'meadow'")
    context = QgsProcessingContext()
    context.setProject(QgsProject.instance())
    algorithm = Classify()
    algorithm.initAlgorithm()
    parameters = {"TRAINING": QgsProcessingFeatureSourceDefinition(layer.id(), selectedFeaturesOnly=True)}
    values = ParameterValues(algorithm, parameters, context)
    source = values.source("TRAINING")
    assert [feature["cover"] for feature in source.getFeatures(QgsFeatureRequest())] == ["meadow"]
    assert values.vector_layer("TRAINING") == layer
    QgsProject.instance().clear()


def test_features_that_are_left_out_are_not_compared_with_each_other():
    from mtmsd.algorithms.bridge.vector.exclusion_counts import ExclusionCounts

    looks = []

    class Number(int):
        __hash__ = int.__hash__

        def __eq__(self, other):
            looks.append(self)
            return int(self) == int(other)

    left_out = ExclusionCounts()
    for number in range(100):
        left_out.note("outside the raster", [Number(number)])
    assert len(looks) < 100
    assert left_out.text == "100 outside the raster (features 0, 1, 2, 3, 4 and 95 more)"


def test_samples_on_nodata_and_under_the_mask_are_left_out(tmp_path):
    from mtmsd.algorithms.bridge.vector.exclusion_counts import ExclusionCounts
    from mtmsd.algorithms.bridge.vector.rasterization import SamplePixels, without_nodata
    from mtmsd.mtmsd_qgis.io.cube import Cube
    from mtmsd.mtmsd_qgis.jobs.data_model import Band, CubeFile
    from mtmsd.mtmsd_qgis.sampling.sample_table import SampleTable

    values = np.ones((3, 2, 4), dtype="<i2")  # rows, bands, columns
    values[0, 1, 2] = -9
    values.tofile(tmp_path / "cube.raw")
    mask = np.ones((3, 4), dtype=np.uint8)
    mask[2, 0] = 0
    mask.tofile(tmp_path / "mask.raw")
    cube = CubeFile("cube.raw", 3, 4, "int16", (Band(nodata=-9), Band(nodata=-9)), "mask.raw")
    array = np.array([[0, 1, 0, 0], [0, 2, 0, 0], [2, 0, 0, 0], [2, 3, 1, 1]])
    samples = SamplePixels(SampleTable.from_array(array), ExclusionCounts())
    kept = without_nodata(samples, (11, 12), Cube(tmp_path, cube))
    assert table(kept) == [[0, 1, 0, 0], [2, 3, 1, 1]]
    assert kept.left_out == {"pixels on nodata": 2}
    assert kept.left_out.text == "2 pixels on nodata (feature 11)"


def test_no_way_between_a_local_grid_and_the_earth():
    from mtmsd.algorithms.bridge.vector.labels import read_labels
    from mtmsd.algorithms.import_scene import local_grid_crs

    layer = vector_layer([(point_in_pixel(0, 0), "a")], "Point")
    source = QgsProcessingFeatureSource(layer, QgsProcessingContext())
    with pytest.raises(QgsProcessingException, match="none is known"):
        read_labels(source, layer, "cover", local_grid_crs(), QgsProject.instance().transformContext())
