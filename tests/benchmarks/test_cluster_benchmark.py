# SPDX-License-Identifier: GPL-2.0-or-later
"""The benchmark of cluster maps: what a click names, what auto is given, what two maps have in common."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks.clusters import clicks
from benchmarks.clusters.clicks import at_places, by_names, one_of_each, with_companions
from benchmarks.clusters.numbers import BANDS, SIDE, made_up
from mtmsd_qgis.classification.auto.feature_reader import FeatureSetReader
from mtmsd_qgis.classification.clusters.pixel_view import PixelView
from mtmsd_qgis.jobs.clusters.cluster_map import SuggestedPlace
from mtmsd_qgis.jobs.data_model import FeatureLayout
from mtmsd_qgis.progress import silent
from mtmsd_qgis.sampling.sample_table import SampleTable


def row_of(classes):
    """Labelled pixels in one row of a raster."""
    classes = np.array(classes)
    return SampleTable(np.zeros(len(classes), np.int64), np.arange(len(classes)), classes, np.arange(len(classes)))


def test_a_click_names_its_cluster_by_hand():
    samples, found = row_of([0, 0, 0, 1, 1, 1, 0, 2]), np.array([5, 5, 5, 5, 8, 8, 8, 8])
    # Clicked are column 1 (class 0) and column 4 (class 1): of the others 0, 2 and 5 are right; 3, 6 and 7 are wrong.
    assert by_names(samples, found, np.array([1, 4])) == pytest.approx(50)
    assert sorted(found[one_of_each(found, 0)]) == [5, 8]


def test_a_click_is_at_the_labelled_pixel_of_the_cluster_that_is_nearest_to_its_first_place():
    samples, found = row_of([0, 0, 1, 1, 1]), np.array([0, 0, 1, 1, 1])
    places = [
        SuggestedPlace(0, column, cluster, rank, 1.0) for column, cluster, rank in ((9, 2, 1), (0, 2, 2), (9, 1, 1))
    ]
    assert at_places(samples, found, [*places, SuggestedPlace(0, 0, 3, 1, 1.0)]).tolist() == [4, 1]


def test_auto_has_a_second_pixel_of_a_class_that_was_drawn_once_the_nearest():
    samples = row_of([0, 1, 0, 0, 1, 2])
    assert with_companions(samples, np.array([0, 1, 3])).tolist() == [0, 1, 3, 4]
    assert with_companions(samples, np.array([2, 5])).tolist() == [2, 3, 5]


def test_maps_in_other_numbers_have_all_in_common():
    run = pytest.importorskip("benchmarks.clusters.run")
    one = np.array([[0, 0, 1, 1, -1]])
    assert run.same_cluster(one, np.array([[3, 3, 2, 2, 2]])) == 100
    assert run.same_cluster(one, np.array([[3, 3, 2, 3, 0]])) == 75


def test_pixels_on_the_border_of_a_field_are_not_mixed_with_the_next(tmp_path):
    """Mixed, they lie between the kinds, and two halves of the scene part them differently."""
    cube, kinds = made_up(tmp_path, 3, 0)
    reader = FeatureSetReader.fit(cube, FeatureLayout(features=BANDS), torch.device("cpu"))
    draw = PixelView.fit(reader, silent).draw(silent)
    values, kind = draw.values.numpy(), kinds[draw.rows, draw.cols]
    centres = np.stack([values[kind == each].mean(axis=0) for each in range(3)])
    nearest = ((values[:, None] - centres) ** 2).sum(axis=2).argmin(axis=1)
    assert (nearest == kind).mean() > 0.999  # 0.96 where a mean over neighbours guides the filter


def test_clicks_and_auto_are_measured_at_the_same_labelled_pixels_of_a_made_up_scene(tmp_path, monkeypatch):
    cube, kinds = made_up(tmp_path, 3, 0)
    monkeypatch.setattr(clicks, "DRAWS", range(2))
    rows, cols = np.mgrid[4:SIDE:12, 4:SIDE:12].reshape(2, -1)
    samples = SampleTable(rows, cols, kinds[rows, cols], np.arange(len(rows)))
    places = [SuggestedPlace(0, 0, number, 1, 1.0) for number in (1, 2, 3)]
    layout = FeatureLayout(features=BANDS)
    found = clicks.clicks_row(cube, layout, samples, kinds, places)
    assert (found["clicks"], found["named_at_suggested_places"], found["named_at_random"]) == (3, 100, 100)
    assert 30 < found["auto"] <= 100
    wrong = clicks.clicks_row(cube, layout, samples, kinds * 0, places)
    assert wrong["clicks"] == 1
    assert wrong["named_at_suggested_places"] < 60
