# SPDX-License-Identifier: GPL-2.0-or-later
"""A field that numbers features, taken for the class field: told of before the training, or refused."""

from __future__ import annotations

import numpy as np
import pytest
from qgis.core import QgsProcessingException
from scenes import CLASSIFY, Log, box_of_pixels, point_in_pixel, run, vector_layer, write_raster

SIDE = 64


@pytest.fixture
def raster(tmp_path):
    values = np.random.default_rng(0).integers(1, 1000, (3, SIDE, SIDE), dtype=np.uint16)
    return write_raster(tmp_path / "raster.tif", values)


def squares(count, classes=None):
    """So many squares of 2 x 2 pixels, each of a class of its own, or as many as given in turn."""
    places = [(2 * (number // (SIDE // 2)), 2 * (number % (SIDE // 2))) for number in range(count)]
    shapes = [
        (box_of_pixels(row, column, row + 2, column + 2), 1 + number % (classes or count))
        for number, (row, column) in enumerate(places)
    ]
    return vector_layer(shapes, "Polygon", field_type="integer")


def classified(raster, layer, tmp_path):
    log = Log()
    parameters = {"INPUT": str(raster), "TRAINING": layer, "CLASS_FIELD": "cover", "OUTPUT": str(tmp_path / "map.tif")}
    with pytest.raises(QgsProcessingException) as caught:
        run("classify", {**parameters, **CLASSIFY}, log)
    return str(caught.value), log.warnings


def test_a_field_in_which_most_classes_have_one_feature_is_a_warning_before_the_worker_starts(
    raster, tmp_path, fake_worker
):
    fake_worker("sys.exit(9)")
    _, warnings = classified(raster, squares(31), tmp_path)
    assert [text for text in warnings if "The field cover of the layer training has 31 classes in 31 features" in text]


@pytest.mark.parametrize(("features", "classes"), [(30, 30), (80, 40)])
def test_legends_are_no_numbers_of_features(raster, tmp_path, fake_worker, features, classes):
    fake_worker("sys.exit(9)")
    _, warnings = classified(raster, squares(features, classes), tmp_path)
    assert not [text for text in warnings if "The field cover" in text]


def test_more_classes_than_a_map_can_be_judged_by_are_refused(raster, tmp_path, fake_worker):
    fake_worker("sys.exit(9)")
    words, _ = classified(raster, squares(501), tmp_path)
    assert "Some dozens of classes were expected in the class field of the layer training, 500 at most" in words
    assert "its samples have 501. Choose the field with the classes as CLASS_FIELD." in words


def test_points_numbered_one_by_one_are_refused_with_the_advice_to_choose_another_field(raster, tmp_path, fake_worker):
    fake_worker("sys.exit(9)")
    layer = vector_layer([(point_in_pixel(i, i), i + 1) for i in range(20)], "Point", field_type="integer")
    words, _ = classified(raster, layer, tmp_path)
    assert "needs at least 2 sample pixels" in words
    assert words.endswith("or choose another class field.")
