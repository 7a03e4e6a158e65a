# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import numpy as np
import pytest

from mtmsd_qgis.accuracy.map_accuracy import evaluate_map, mapped_classes, mapped_pixels, values_at
from mtmsd_qgis.io.windows import Window
from mtmsd_qgis.sampling.sample_table import SampleTable
from tests.scenes import CLASSES, cube_of

# Ids 1, 2 and 5 are the classes; 0 is no class, 9 one that the samples do not know.
IDS = np.array([[[1, 1, 2, 0], [5, 5, 2, 9]]], dtype=np.uint16)
CONFIDENCE = np.array([[[0.95, 0.65, 0.75, -1.0], [0.85, 0.5, 1.0, 0.4]]], dtype=np.float32)


@pytest.fixture
def rasters(tmp_path):
    return cube_of(tmp_path, IDS, nodata=0, name="map"), cube_of(tmp_path, CONFIDENCE, nodata=-1, name="confidence")


def samples(*rows) -> SampleTable:
    return SampleTable.from_array(np.array(rows, dtype=np.int64).reshape(-1, 4))


def test_pixels_are_looked_up_in_any_order(rasters):
    rows, cols = np.array([1, 0, 0, 1, 0]), np.array([0, 3, 0, 3, 2])
    assert mapped_classes(rasters[0], CLASSES, rows, cols).tolist() == [2, -1, 0, -1, 1]
    np.testing.assert_allclose(values_at(rasters[1], rows, cols), [0.85, np.nan, 0.95, 0.4, 0.75], rtol=1e-6)


def test_pixels_of_each_class_are_counted(rasters):
    assert mapped_pixels(rasters[0], CLASSES) == (2, 2, 2)


def test_pixels_that_another_map_has_already_do_not_count(rasters, tmp_path):
    """It lies a row and a column farther down and right, reaches beyond this one, and lacks the class of one pixel."""
    other = cube_of(tmp_path, np.array([[[7, 0, 7, 7], [7, 7, 7, 7]]], dtype=np.uint16), nodata=0, name="other")
    assert mapped_pixels(rasters[0], CLASSES, without=[(Window(1, 1, 2, 4), other)]) == (2, 2, 1)
    assert mapped_pixels(rasters[0], CLASSES, without=[(Window(1, 0, 2, 4), other)]) == (2, 1, 1)
    far = [(Window(0, 9, 2, 4), other), (Window(-2, 0, 2, 4), other)]
    assert mapped_pixels(rasters[0], CLASSES, without=far) == (2, 2, 2)


def test_samples_beside_the_map_are_counted_and_the_others_give_the_accuracy(rasters):
    reference = samples([0, 0, 0, 1], [0, 1, 1, 1], [0, 2, 1, 2], [0, 3, 1, 2], [1, 0, 2, 3], [1, 3, 2, 3])
    figures, outside = evaluate_map(*rasters, CLASSES, reference)
    assert outside == 2
    assert figures.matrix == ((1, 0, 0), (1, 1, 0), (0, 0, 1))
    assert figures.oa == pytest.approx(75)
    assert figures.features == 3
    assert figures.calibration.groups == 2  # a polygon, and the block of the two that are single pixels
    assert [(b.samples, round(b.confidence, 3), b.accuracy) for b in figures.calibration.bins] == [
        (1, 0.65, 0.0),
        (1, 0.75, 1.0),
        (1, 0.85, 1.0),
        (1, 0.95, 1.0),
    ]


@pytest.mark.parametrize(("reference", "outside"), [(samples(), 0), (samples([0, 3, 0, 0], [1, 3, 1, 1]), 2)])
def test_without_a_sample_on_the_map_there_is_no_accuracy(rasters, reference, outside):
    assert evaluate_map(*rasters, CLASSES, reference) == (None, outside)
