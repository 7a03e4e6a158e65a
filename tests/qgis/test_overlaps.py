# SPDX-License-Identifier: GPL-2.0-or-later
"""Several labels in a pixel: one class counts once, overlapping polygons of two classes are refused or settled."""

from __future__ import annotations

import numpy as np
import pytest
from label_layers import placed, table
from qgis.core import QgsApplication, QgsProcessingException
from scenes import CLASSIFY, Log, box_of_pixels, point_in_pixel, run, vector_layer, write_raster
from split_layers import split

TWO = [(box_of_pixels(0, 0, 3, 3), "maize"), (box_of_pixels(2, 2, 5, 5), "wheat")]  # row 2, column 2 in both


def overlapping():
    return vector_layer(TWO, "Polygon")


def refusal(layer):
    with pytest.raises(QgsProcessingException) as caught:
        placed(layer)
    return str(caught.value)


def class_at(samples, row, column):
    """Class indices of the samples at a pixel."""
    return [c for r, col, c, _ in table(samples) if (r, col) == (row, column)]


@pytest.mark.parametrize("kind", ["Polygon", "MultiPolygon"])
def test_overlapping_polygons_of_different_classes_are_refused_with_their_ids(kind):
    words = refusal(vector_layer(TWO, kind))
    assert "Polygons of different classes that do not overlap were expected in the layer training" in words
    assert "feature 1 ('maize') and feature 2 ('wheat') in 1 pixel." in words
    assert "set OVERLAPS to 'later'" in words
    assert "'drop'" in words


def test_of_many_overlaps_those_with_most_pixels_are_named():
    shapes = [(box_of_pixels(2 * i, 0, 2 * i + 1, i + 1), "a") for i in range(7)]
    words = refusal(vector_layer([*shapes, (box_of_pixels(0, 0, 14, 8), "b")], "Polygon"))
    assert "found feature 7 ('a') and feature 8 ('b') in 7 pixels, feature 6" in words
    assert ", and 2 pairs more." in words


def test_the_later_feature_wins_where_asked():
    log = Log()
    samples, _ = placed(overlapping(), overlaps="later", log=log)
    assert len(samples.table) == 9 + 9 - 1
    assert class_at(samples, 2, 2) == [1]
    assert samples.left_out == {}
    assert any("1 pixels have labels of different classes in the layer training; the later" in x for x in log.lines)


def test_pixels_of_several_classes_are_left_out_where_asked():
    samples, _ = placed(overlapping(), overlaps="drop")
    assert len(samples.table) == 8 + 8
    assert samples.left_out.text == "1 pixels with labels of different classes (features 1 and 2)"


def test_polygons_of_one_class_may_overlap():
    samples, _ = placed(vector_layer([(shape, "maize") for shape, _ in TWO], "Polygon"))
    assert len(samples.table) == 9 + 9 - 1


def test_neighbours_whose_outline_runs_through_pixel_centres_do_not_overlap():
    upper, lower = box_of_pixels(0, 0, 2.5, 3), box_of_pixels(2.5, 0, 5, 3)
    samples, _ = placed(vector_layer([(upper, "a"), (lower, "b")], "Polygon"))
    assert len(samples.table) + sum(samples.left_out.values()) == 15


def test_a_small_polygon_inside_another_of_another_class_overlaps_it():
    small = point_in_pixel(1, 1).buffer(2, 4)
    small.translate(2, 2)  # covers no pixel's centre
    assert "feature 1 ('maize') and feature 2 ('hut')" in refusal(vector_layer([TWO[0], (small, "hut")], "Polygon"))


@pytest.mark.parametrize("overlaps", ["refuse", "drop"])
def test_points_of_different_classes_in_one_pixel_leave_it_out_and_are_named(overlaps):
    shapes = [(point_in_pixel(1, 1), "a"), (point_in_pixel(1, 1), "a"), (point_in_pixel(2, 2), "a")]
    samples, _ = placed(vector_layer([*shapes, (point_in_pixel(2, 2), "b")], "Point"), overlaps=overlaps)
    assert table(samples) == [[1, 1, 0, 0]]
    assert samples.left_out.text == (
        "1 in pixels that other features of their class label already (feature 2), "
        "1 pixels with labels of different classes (features 3 and 4)"
    )


def test_features_whose_pixels_all_count_for_others_of_their_class_are_named():
    first, more = [(box_of_pixels(0, 0, 3, 3), "maize")], [(box_of_pixels(1, 1, 3, 3), "maize")]
    samples, _ = placed(vector_layer(first + more + [(box_of_pixels(2, 2, 5, 5), "maize")], "Polygon"))
    assert samples.left_out.text == "1 in pixels that other features of their class label already (feature 2)"
    shapes = [(point_in_pixel(1, column // 4), "a") for column in range(16)]  # four points in each of four pixels
    samples, _ = placed(vector_layer(shapes, "Point"))
    assert len(samples.table) == 4
    assert samples.left_out.text.startswith("12 in pixels that other features of their class label already (features 2")


def test_the_later_point_wins_where_asked():
    samples, _ = placed(
        vector_layer([(point_in_pixel(2, 2), "b"), (point_in_pixel(2, 2), "a")], "Point"), overlaps="later"
    )
    assert table(samples) == [[2, 2, 0, 1]]


@pytest.mark.parametrize("name", ["classify", "extractfeatures", "mapscene", "assessaccuracy", "splitsamples"])
def test_every_algorithm_with_a_class_layer_has_the_choice(name):
    algorithm = QgsApplication.processingRegistry().createAlgorithmById(f"mtmsd:{name}")
    parameter = algorithm.parameterDefinition("OVERLAPS")
    assert parameter.options() == ["refuse", "later", "drop"]
    assert parameter.defaultValue() == "refuse"
    assert parameter.flags() & parameter.Flag.FlagAdvanced


def test_a_run_is_refused_and_leaves_nothing(scene, tmp_path, fake_worker):
    fake_worker("sys.exit(9)")
    output = tmp_path / "map.tif"
    parameters = {"INPUT": str(scene.raster), "TRAINING": overlapping(), "CLASS_FIELD": "cover", "OUTPUT": str(output)}
    with pytest.raises(QgsProcessingException, match="feature 1 \\('maize'\\) and feature 2 \\('wheat'\\)"):
        run("classify", {**parameters, **CLASSIFY})
    assert not output.exists()


def test_splitting_the_pixels_of_a_raster(tmp_path):
    raster = str(write_raster(tmp_path / "raster.tif", np.ones((1, 64, 64), dtype=np.uint8)))
    with pytest.raises(QgsProcessingException, match="set OVERLAPS to"):
        split(overlapping(), RASTER=raster, METHOD="random")
    for overlaps, count in (("later", 17), ("drop", 16)):
        parts = split(overlapping(), RASTER=raster, METHOD="random", OVERLAPS=overlaps)
        assert sum(part.featureCount() for part in parts) == count
