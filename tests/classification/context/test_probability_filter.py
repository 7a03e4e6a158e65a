# SPDX-License-Identifier: GPL-2.0-or-later
"""Class probabilities filtered within fields: what it does, where the context is reliable, no tile shows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from mtmsd_qgis.classification.context.filtered_predictor import FilterablePredictor, store_probabilities
from mtmsd_qgis.classification.context.probability_filter import (
    DILATIONS,
    MOST_CROSS_CLASS,
    REACH,
    ProbabilityFilter,
    cross_class_affinity,
)
from mtmsd_qgis.classification.predict_map import predict_map
from mtmsd_qgis.classification.predictor import MapGrid
from mtmsd_qgis.errors import Cancelled
from mtmsd_qgis.io.run_directory import RunDirectory
from mtmsd_qgis.io.windows import whole, windows_with_margin
from mtmsd_qgis.progress import silent
from mtmsd_qgis.sampling.sample_table import SampleTable
from tests.scenes import CLASSES

SIZE = (70, 90)


def scene(seed=0):
    """Two fields side by side that a guide tells apart, and probabilities (K, H, W) that are right by 55 %."""
    rng = np.random.default_rng(seed)
    truth = np.zeros(SIZE, dtype=np.int64)
    truth[:, 40:] = 1
    guide = np.stack([2.0 * truth - 1, 0 * truth]) + rng.normal(0, 0.05, size=(2, *SIZE))
    drawn = np.where(rng.random(SIZE) < 0.55, truth, 1 - truth)
    probabilities = np.where(np.arange(3)[:, None, None] == drawn, 0.6, 0.2)
    known = np.ones(SIZE, dtype=bool)
    known[:10, :25] = False
    return truth, *(np.where(known, part, 0).astype(np.float32) for part in (probabilities, guide)), known


def filtered(window=np.s_[:, :], seed=0):
    _, probabilities, guide, known = scene(seed)
    parts = (torch.from_numpy(part[(..., *window)].copy()) for part in (probabilities, guide, known))
    return ProbabilityFilter(2)(*parts).numpy()


def test_a_field_takes_the_class_of_most_of_its_pixels_and_its_border_stays():
    truth, probabilities, _, known = scene()
    smoothed = filtered()
    assert (probabilities.argmax(axis=0) == truth)[known].mean() < 0.6
    assert (smoothed.argmax(axis=0) == truth)[known].mean() > 0.97
    assert np.allclose(smoothed.sum(axis=0)[known], 1, atol=1e-4)


def test_a_window_with_its_margin_gives_what_the_whole_scene_gives():
    whole_scene = filtered()
    window = filtered(np.s_[2:70, 10:75])
    inner = np.s_[:, REACH:-REACH, REACH:-REACH]
    assert np.allclose(window[inner], whole_scene[:, 2:70, 10:75][inner], atol=1e-6)
    assert REACH == 4 * sum(DILATIONS)


def table(rows, cols, class_index):
    return SampleTable(*(np.asarray(c, dtype=np.int64) for c in (rows, cols, class_index, np.arange(len(rows)))))


def test_cross_class_affinity_by_hand():
    """Three samples: two that look the same, one of them of another class, and one out of reach."""
    guide = torch.zeros(3, 2)
    rows, cols, classes = [0, 0, 0], [0, 5, REACH + 6], [0, 1, 1]
    assert cross_class_affinity(guide, table(rows, cols, classes), 0) == pytest.approx((0.5 + 0.5 + 0) / 3)
    guide[1] = 0.15  # as far from the first as the range sigma: a weight of exp(-1/2)
    share = np.exp(-0.5) / (1 + np.exp(-0.5))
    assert cross_class_affinity(guide, table(rows, cols, classes), 0) == pytest.approx(2 * share / 3)
    assert cross_class_affinity(guide, table(rows, cols, [1, 1, 1]), 0) == 0


@pytest.mark.parametrize(("apart", "reliable"), [(2.0, True), (0.2, False), (0.0, False)])
def test_the_context_is_reliable_where_similar_neighbours_share_a_class(apart, reliable):
    """Pixels of two classes beside each other, that lie so far apart in the guidance image."""
    rng = np.random.default_rng(4)
    rows, cols = rng.integers(0, 40, size=(2, 300))
    classes = rng.integers(0, 2, size=300)
    guide = torch.from_numpy(np.stack([apart * classes, 0 * classes], axis=1) + rng.normal(0, 0.02, size=(300, 2)))
    assert (cross_class_affinity(guide, table(rows, cols, classes), 0) <= MOST_CROSS_CLASS) == reliable
    far = rows * 3 * REACH  # nobody has a neighbour of another class
    assert cross_class_affinity(guide, table(far, cols, far > 500), 0) <= MOST_CROSS_CLASS


class Predicting:
    """Probabilities of the scene, cut into windows of a side."""

    device = torch.device("cpu")
    bands = range(1)

    def __init__(self, side=32):
        self.side, self.smoother = side, ProbabilityFilter(2)
        _, self._probabilities, self._guide, self._known = scene()

    def windows(self):
        return windows_with_margin(*SIZE, self.side, 0, 0)

    def probabilities(self, tile):
        return self._probabilities[(..., *tile.core.slices)].copy(), self._known[tile.core.slices]

    def probabilities_and_guide(self, tile):
        both = np.concatenate([self._probabilities, self._guide])
        return both[(..., *tile.core.slices)].copy(), self._known[tile.core.slices]


def grid_in(directory):
    return MapGrid(SIZE, CLASSES, directory, with_probabilities=True)


def contents(files):
    rasters = (files.classes, files.confidence, files.probabilities)
    return [raster.read(whole(*SIZE)) for raster in rasters]


def test_the_map_is_filtered_and_does_not_depend_on_windows(tmp_path):
    assert isinstance(Predicting(), FilterablePredictor)
    grids = [grid_in(RunDirectory(tmp_path / name)) for name in "ab"]
    for grid in grids:
        grid.directory.folder.mkdir()
    first = contents(predict_map(Predicting(), grids[0], silent))
    stored = store_probabilities(Predicting(side=17), ProbabilityFilter(2), grids[1], silent)
    second = contents(predict_map(replace(stored, most_side=37), grids[1], silent))
    known = scene()[3]
    ids = np.array([entry.id for entry in CLASSES])
    expected = filtered()
    assert np.array_equal(first[0][0][known], ids[expected.argmax(axis=0)][known])
    assert np.abs(first[2] - expected)[:, known].max() < 1e-3  # probabilities are stored with 16 bits
    assert np.abs(first[1][0] - expected.max(axis=0))[known].max() < 1e-3
    assert not np.isfinite(first[0][0][~known]).any()
    for one, other in zip(first, second):
        assert np.allclose(one, other, atol=1e-6, equal_nan=True)


def test_without_a_filter_each_pixel_is_decided_alone(tmp_path):
    predictor = Predicting()
    predictor.smoother = None
    files = predict_map(predictor, grid_in(RunDirectory(tmp_path)), silent)
    known = scene()[3]
    assert np.array_equal(files.probabilities.read(whole(*SIZE))[:, known], scene()[1][:, known])
    assert not (tmp_path / "probabilities16.raw").exists()


@pytest.mark.parametrize("stop", [2, 9, 10])
def test_a_map_that_was_stopped_goes_on_to_the_same_bytes(tmp_path, stop):
    """In the first pass, at its end, and in the second one."""
    undisturbed, resumed = (grid_in(RunDirectory(tmp_path / name, persistent=True)) for name in ("whole", "parts"))
    for grid in (undisturbed, resumed):
        grid.directory.folder.mkdir()
    expected = contents(predict_map(Predicting(), undisturbed, silent))
    fractions = []

    def progress(fraction, text):
        fractions.append(fraction)
        if len(fractions) == stop:
            raise Cancelled("")

    with pytest.raises(Cancelled):
        predict_map(Predicting(), resumed, progress)
    assert fractions == sorted(fractions)
    computed = []
    predictor = Predicting()
    original = predictor.probabilities_and_guide
    predictor.probabilities_and_guide = lambda tile: (computed.append(tile), original(tile))[1]
    for one, other in zip(expected, contents(predict_map(predictor, resumed, silent))):
        assert np.array_equal(one, other, equal_nan=True)
    assert len(computed) == max(0, 9 - stop)  # what is stored is not computed again
