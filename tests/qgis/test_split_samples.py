# SPDX-License-Identifier: GPL-2.0-or-later
"""mtmsd:splitsamples on small layers: what went where, measured on the two layers themselves."""

from __future__ import annotations

import json

import numpy as np
import pytest
from harness import QgisProcess
from osgeo import gdal
from qgis.core import (
    QgsCategorizedSymbolRenderer,
    QgsFeature,
    QgsGeometry,
    QgsProcessingException,
    QgsProcessingFeatureSourceDefinition,
    QgsProject,
    QgsVectorLayer,
    QgsWkbTypes,
)
from scenes import (
    COLORS,
    CRS,
    LEFT,
    PIXEL,
    TOP,
    Log,
    box_of_pixels,
    categorize,
    point_in_pixel,
    save_layer,
    vector_layer,
    write_raster,
)
from split_layers import counts, places, points, polygons, split


def refusal(layer, **more):
    with pytest.raises(QgsProcessingException) as caught:
        split(layer, **more)
    return str(caught.value)


@pytest.fixture
def raster(tmp_path):
    return write_raster(tmp_path / "raster.tif", np.ones((1, 64, 64), dtype=np.uint8))


def test_a_random_share_of_points():
    log = Log()
    training, validation = split(points(20), log, METHOD="random", SHARE=0.25)
    assert counts(training) == {"a": 15, "b": 15}
    assert counts(validation) == {"a": 5, "b": 5}
    assert not places(training) & places(validation)
    assert "a: 15 training, 5 validation" in log.lines
    assert "too high" in log.text


def test_a_random_count_of_points():
    training, validation = split(points(20), METHOD="random", COUNT=8)
    assert counts(training) == {"a": 8, "b": 8}
    assert counts(validation) == {"a": 12, "b": 12}


def test_the_same_seed_gives_the_same_layers():
    layer = points(20)
    first, again, other = (split(layer, METHOD="random", SEED=seed)[0] for seed in (1, 1, 2))
    assert places(first) == places(again)
    assert places(first) != places(other)


@pytest.mark.parametrize(("share", "validation"), [(0.3, 3), (0.5, 5), (0.02, 1)])
def test_whole_polygons_by_share(share, validation):
    _, held_out = split(polygons(10), SHARE=share)
    assert counts(held_out) == {"a": validation, "b": validation, "c": validation}


def test_whole_polygons_by_count():
    training, validation = split(polygons(10), COUNT=4)
    assert set(counts(training).values()) == {4}
    assert set(counts(validation).values()) == {6}


def test_fields_type_and_crs_stay():
    layer = QgsVectorLayer(
        f"MultiPolygonZ?crs={CRS}&field=cover:integer&field=note:string&field=area:double", "t", "memory"
    )
    for number in range(6):
        feature = QgsFeature(layer.fields())
        feature.setGeometry(
            QgsGeometry.fromWkt(f"MULTIPOLYGON Z (((0 {number} 7, 1 {number} 7, 1 {number}.5 7, 0 {number} 7)))")
        )
        feature.setAttributes([number % 2, f"n{number}", number / 2])
        layer.dataProvider().addFeature(feature)
    parts = split(layer)
    for part in parts:
        assert part.fields().names() == ["cover", "note", "area"]
        assert part.wkbType() == QgsWkbTypes.Type.MultiPolygonZ
        assert part.crs() == layer.crs()
    found = [(f["cover"], f["note"], f["area"], f.geometry().asWkt()) for part in parts for f in part.getFeatures()]
    expected = [(f["cover"], f["note"], f["area"], f.geometry().asWkt()) for f in layer.getFeatures()]
    assert sorted(found) == sorted(expected)


@pytest.mark.parametrize(
    ("field_type", "values"), [("string", ("oak", "ash")), ("integer", (7, 300)), ("double", (0.5, 2.0))]
)
def test_a_field_of_any_type(field_type, values):
    training, _ = split(points(10, field_type, values), METHOD="random")
    assert counts(training) == {values[0]: 7, values[1]: 7}


def test_only_selected_features():
    layer = points(20)
    QgsProject.instance().addMapLayer(layer)
    chosen = [feature.id() for feature in layer.getFeatures()][:20]
    layer.selectByIds(chosen)
    source = QgsProcessingFeatureSourceDefinition(layer.id(), selectedFeaturesOnly=True)
    try:
        runs = [split(source, METHOD="random") for _ in range(2)]
    finally:
        QgsProject.instance().clear()
    training, validation = runs[0]
    assert training.featureCount() + validation.featureCount() == 20
    assert places(training) == places(runs[1][0])


def test_polygons_become_pixels_and_stay_whole(raster):
    training, validation = split(polygons(10), RASTER=str(raster))
    assert training.wkbType() == QgsWkbTypes.Type.Point
    assert training.fields().names() == ["cover", "feature_id"]
    owners = [{feature["feature_id"] for feature in part.getFeatures()} for part in (training, validation)]
    assert not owners[0] & owners[1]
    assert owners[0] | owners[1] == set(range(1, 31))
    assert counts(training) == {"a": 7 * 16, "b": 7 * 16, "c": 7 * 16}
    place = next(validation.getFeatures()).geometry().asPoint()
    assert ((place.x() - LEFT) / PIXEL % 1, (TOP - place.y()) / PIXEL % 1) == (0.5, 0.5)


def test_pixels_carry_the_class_of_their_polygon(raster):
    layer = polygons(4)
    of_id = {feature.id(): feature for feature in layer.getFeatures()}
    for part in split(layer, RASTER=str(raster), METHOD="random"):
        for pixel in part.getFeatures():
            assert pixel["cover"] == of_id[pixel["feature_id"]]["cover"]
            assert of_id[pixel["feature_id"]].geometry().contains(pixel.geometry())


def test_a_count_of_pixels_with_whole_polygons(raster):
    log = Log()
    training, validation = split(polygons(10), log, RASTER=str(raster), COUNT=20)
    assert counts(training) == {"a": 20, "b": 20, "c": 20}
    assert counts(validation) == {"a": 8 * 16, "b": 8 * 16, "c": 8 * 16}
    assert "a: 20 training, 128 validation, 12 left out" in log.lines
    assert any("interval of an accuracy from them is too narrow" in line for line in log.lines)


def test_pixels_of_single_points_are_as_independent_as_the_points(raster):
    layer = vector_layer([(point_in_pixel(2 * n, n % 7), "ab"[n % 2]) for n in range(20)], "Point")
    log = Log()
    split(layer, log, RASTER=str(raster), METHOD="random")
    assert "too narrow" not in log.text


def test_what_becomes_no_pixel_is_counted(tmp_path):
    values = np.ones((1, 64, 64), dtype=np.uint8)
    values[0, 0, :2] = 0
    raster = write_raster(tmp_path / "holes.tif", values, nodata=0)
    layer = polygons(4)
    feature = QgsFeature(layer.fields())
    feature.setGeometry(box_of_pixels(0, 100, 4, 104))
    feature.setAttributes(["a"])
    layer.dataProvider().addFeature(feature)
    log = Log()
    parts = split(layer, log, RASTER=str(raster), METHOD="random")
    assert sum(part.featureCount() for part in parts) == 12 * 16 - 2
    assert any("1 outside the raster (feature 13), 2 pixels on nodata (feature 1)" in line for line in log.warnings)


def test_nodata_counts_in_every_band_but_not_in_empty_and_bad_ones(tmp_path):
    values = np.ones((4, 64, 64), dtype=np.uint8)
    values[1, 0, 3] = 0  # one pixel of the second band
    values[2] = 0  # an empty band
    values[3, :, :6] = 0  # a bad one
    raster = write_raster(tmp_path / "holes.tif", values, nodata=0)
    dataset = gdal.Open(str(raster), gdal.GA_Update)
    dataset.GetRasterBand(4).SetMetadataItem("bbl", "0")
    del dataset
    log = Log()
    parts = split(polygons(4), log, RASTER=str(raster), METHOD="random")
    assert sum(part.featureCount() for part in parts) == 12 * 16 - 1
    assert any("1 pixels on nodata (feature 1)" in line for line in log.warnings)


def test_a_layer_in_degrees_becomes_pixels_of_a_raster_in_metres(raster):
    parts = split(polygons(6, crs="EPSG:4326"), RASTER=str(raster))
    assert all(part.crs().authid() == CRS for part in parts)
    assert sum(part.featureCount() for part in parts) == 18 * 16


def test_a_class_of_one_polygon_stays_in_training_and_is_named():
    layer = polygons(10, ("a", "b"))
    feature = QgsFeature(layer.fields())
    feature.setGeometry(box_of_pixels(40, 0, 44, 4))
    feature.setAttributes(["rare"])
    layer.dataProvider().addFeature(feature)
    log = Log()
    training, validation = split(layer, log)
    assert counts(training)["rare"] == 1
    assert "rare" not in counts(validation)
    assert any("stay in training as a whole" in line and "'rare'" in line for line in log.warnings)


def test_fewer_samples_than_asked_for_are_named():
    log = Log()
    shapes = [(point_in_pixel(0, i), "few") for i in range(3)] + [(point_in_pixel(5, i), "many") for i in range(30)]
    split(vector_layer(shapes, "Point"), log, METHOD="random", COUNT=5)
    assert any("fewer than 5 training samples" in line and "'few'" in line for line in log.warnings)


def test_empty_classes_and_geometries_are_counted():
    layer = points(10)
    for geometry, value in ((point_in_pixel(1, 1), None), (point_in_pixel(1, 2), " "), (QgsGeometry(), "a")):
        feature = QgsFeature(layer.fields())
        feature.setGeometry(geometry)
        feature.setAttributes([value])
        layer.dataProvider().addFeature(feature)
    log = Log()
    parts = split(layer, log, METHOD="random")
    assert sum(part.featureCount() for part in parts) == 20
    words = "2 without a class in the field 'cover' (features 21 and 22), 1 without a geometry (feature 23)"
    assert any(words in warning for warning in log.warnings)


def test_files_keep_ids_names_and_colours(tmp_path):
    """GeoPackages in and out: the column of ids must not stand in the way, and categories go along."""
    layer = QgsVectorLayer(str(save_layer(points(10, values=tuple(COLORS)), tmp_path / "in.gpkg")), "in", "ogr")
    categorize(layer)
    outputs = {name: str(tmp_path / f"{name}.gpkg") for name in ("OUTPUT_TRAINING", "OUTPUT_VALIDATION")}
    split(layer, METHOD="random", **outputs)
    ids = set()
    for path in outputs.values():
        part = QgsVectorLayer(path, "part", "ogr")
        part.loadDefaultStyle()
        assert isinstance(part.renderer(), QgsCategorizedSymbolRenderer)
        colors = {c.value(): c.symbol().color().name() for c in part.renderer().categories()}
        assert colors == COLORS
        assert {c.label() for c in part.renderer().categories()} == {"WATER", "MEADOW", "FOREST"}
        ids |= {feature["fid"] for feature in part.getFeatures()}
    assert ids == set(range(1, 31))


def test_pixels_go_into_a_geopackage_from_one(tmp_path, raster):
    path = save_layer(polygons(4), tmp_path / "in.gpkg")
    outputs = {name: str(tmp_path / f"{name}.gpkg") for name in ("OUTPUT_TRAINING", "OUTPUT_VALIDATION")}
    split(str(path), RASTER=str(raster), **outputs)
    found = [QgsVectorLayer(place, "part", "ogr").featureCount() for place in outputs.values()]
    assert found == [9 * 16, 3 * 16]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"SHARE": 0}, "SHARE should be more than 0 and less than 1, such as 0.3; found 0"),
        ({"SHARE": 1}, "found 1"),
        ({"SHARE": -0.5}, "found -0.5"),
        ({"COUNT": 0}, "COUNT should be 1 or more training samples per class; found 0"),
        ({"BUFFER": -1}, "BUFFER should be 0 or more metres; found -1"),
        ({"BLOCK_SIZE": -2}, "BLOCK_SIZE should be 0 or more metres; found -2"),
        ({"BLOCK_SIZE": 1e7, "METHOD": "block"}, "each has samples in one block"),
        ({"COUNT": 500, "METHOD": "random"}, "each has no more than 500 samples (COUNT): 'a', 'b'"),
        ({"BUFFER": 5000, "METHOD": "random"}, "all 12 lie nearer"),
        ({"field": "height"}, "has no field 'height'. Its fields are: cover"),
    ],
)
def test_values_that_cannot_work(more, words):
    assert words in refusal(points(20), **more)


def test_layers_that_cannot_work(raster):
    assert "no usable feature was found" in refusal(vector_layer([], "Point"))
    assert "2 without a class" in refusal(vector_layer([(point_in_pixel(i, i), None) for i in range(2)], "Point"))
    assert "has one in the field 'cover': 'a'" in refusal(points(20, values=("a",)))
    line = vector_layer([(QgsGeometry.fromWkt("LINESTRING(0 0, 1 1)"), "a")], "LineString")
    assert "should hold points or polygons" in refusal(line)
    table = QgsVectorLayer("NoGeometry?field=cover:string", "table", "memory")
    assert "load it as points first" in refusal(table)
    one_place = vector_layer([(point_in_pixel(0, 0), "ab"[i % 2]) for i in range(8)], "Point")
    assert "in one place" in refusal(one_place, METHOD="block")
    two = vector_layer([(box_of_pixels(6 * i, 0, 6 * i + 4, 4), "ab"[i]) for i in range(2)], "Polygon")
    assert "each has samples of one feature" in refusal(two)
    far = vector_layer([(box_of_pixels(6 * i, 900, 6 * i + 4, 904), "ab"[i % 2]) for i in range(6)], "Polygon")
    assert "same place and have the right CRS" in refusal(far, RASTER=str(raster))


def test_outputs_that_cannot_work(tmp_path):
    same = str(tmp_path / "same.gpkg")
    assert "Two files were expected" in refusal(points(10), OUTPUT_TRAINING=same, OUTPUT_VALIDATION=same)
    path = save_layer(points(10), tmp_path / "in.gpkg")
    assert "which INPUT reads" in refusal(str(path), OUTPUT_TRAINING=str(path))
    assert QgsVectorLayer(str(path), "in", "ogr").featureCount() == 20


@pytest.mark.parametrize("suffix", ["csv", "xlsx", "shp", "geojson", "kml", "gml", "sqlite"])
def test_samples_go_into_formats_that_keep_their_places(tmp_path, suffix):
    outputs = {name: str(tmp_path / f"{name}.{suffix}") for name in ("OUTPUT_TRAINING", "OUTPUT_VALIDATION")}
    if suffix in ("csv", "xlsx"):
        assert "a table without geometries" in refusal(points(5), **outputs)
        assert list(tmp_path.iterdir()) == []
    else:
        training, _ = split(points(5), **outputs)
        assert next(QgsVectorLayer(training, "training").getFeatures()).hasGeometry()


def test_cancel_writes_nothing(tmp_path):
    outputs = {name: str(tmp_path / f"{name}.gpkg") for name in ("OUTPUT_TRAINING", "OUTPUT_VALIDATION")}
    with pytest.raises(QgsProcessingException, match="Cancelled"):
        split(points(20), Log(cancel_at="Blocks of"), METHOD="block", BUFFER=5, **outputs)
    assert list(tmp_path.iterdir()) == []


def test_from_the_command_line_and_without_torch(tmp_path):
    path = save_layer(polygons(10), tmp_path / "in.gpkg")
    program = QgisProcess(tmp_path / "home", None)
    outputs = {name: tmp_path / f"{name}.gpkg" for name in ("OUTPUT_TRAINING", "OUTPUT_VALIDATION")}
    done = program.run("mtmsd:splitsamples", INPUT=path, CLASS_FIELD="cover", METHOD="group", **outputs)
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout[done.stdout.index("{") :])["results"]
    assert QgsVectorLayer(results["OUTPUT_VALIDATION"], "v", "ogr").featureCount() == 9
