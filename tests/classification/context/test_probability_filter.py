# SPDX-License-Identifier: GPL-2.0-or-later
"""Neighbours that look alike decide together: how alike they must be, what it does, and that tiles do not show."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mtmsd_qgis.classification.context.filtered_predictor import OpinionMapper
from mtmsd_qgis.classification.context.probability_filter import (
    AROUND,
    LIKENESSES,
    STEPS,
    Agreement,
    KnownNeighbours,
    mixing,
)
from mtmsd_qgis.classification.predict_map import predict_map
from mtmsd_qgis.errors import Cancelled
from mtmsd_qgis.io.run_directory import RunDirectory
from mtmsd_qgis.io.windows import whole, windows_with_margin
from mtmsd_qgis.progress import silent
from tests.scenes import CLASSES

SIZE = (70, 90)


def scene(seed=0):
    """Two fields side by side that a guide tells apart, and opinions (K, H, W) that are right by 55 in a hundred."""
    rng = np.random.default_rng(seed)
    truth = np.zeros(SIZE, dtype=np.int64)
    truth[:, 40:] = 1
    guide = np.stack([2.0 * truth - 1, 0 * truth]) + rng.normal(0, 0.05, size=(2, *SIZE))
    said = np.where(rng.random(SIZE) < 0.55, truth, 1 - truth)
    probabilities = np.where(np.arange(3)[:, None, None] == said, 0.6, 0.2)
    known = np.ones(SIZE, dtype=bool)
    known[:10, :25] = False
    return truth, *(np.where(known, part, 0).astype(np.float32) for part in (probabilities, guide)), known


def agreed(likeness, window=np.s_[:, :], seed=0):
    _, probabilities, guide, known = scene(seed)
    parts = (torch.from_numpy(part[(..., *window)].copy()) for part in (probabilities, guide, known))
    return Agreement(likeness, 0.0, 2)(*parts).numpy()


def test_a_field_takes_the_class_that_most_of_it_speaks_for_and_its_border_stays():
    truth, probabilities, _, known = scene()
    found = agreed(0.15)
    alone = (probabilities.argmax(axis=0) == truth)[known].mean()
    together = (found.argmax(axis=0) == truth)[known].mean()
    assert alone < 0.6
    assert together > 0.97
    assert np.allclose(found.sum(axis=0)[known], 1, atol=1e-4)


def test_a_window_with_what_is_around_it_gives_what_the_whole_scene_gives():
    whole_scene = agreed(0.15)
    part = agreed(0.15, np.s_[2:70, 10:75])
    inner = np.s_[:, AROUND:-AROUND, AROUND:-AROUND]
    assert np.allclose(part[inner], whole_scene[:, 2:70, 10:75][inner], atol=1e-6)
    assert AROUND == 4 * sum(STEPS)


def test_the_weight_of_other_classes_is_counted_by_hand():
    """Three samples: two that look the same, one of them of another class, and one out of reach."""
    guide = torch.zeros(3, 2)
    rows, cols, classes = np.array([0, 0, 0]), np.array([0, 5, AROUND + 6]), np.array([0, 1, 1])
    assert mixing(guide, rows, cols, classes, 0.1) == pytest.approx((0.5 + 0.5 + 0) / 3)
    guide[1] = 0.1  # as far from the first as the likeness: a weight of exp(-1/2)
    share = np.exp(-0.5) / (1 + np.exp(-0.5))
    assert mixing(guide, rows, cols, classes, 0.1) == pytest.approx(2 * share / 3)
    assert mixing(guide, rows, cols, np.array([1, 1, 1]), 0.1) == 0


@pytest.mark.parametrize(("apart", "expected"), [(2.0, LIKENESSES[0]), (0.4, LIKENESSES[1]), (0.0, None)])
def test_neighbours_must_look_the_more_alike_the_more_classes_do(apart, expected):
    """Pixels of two classes beside each other, whose looks are so far apart."""
    rng = np.random.default_rng(4)
    rows, cols = rng.integers(0, 40, size=(2, 300))
    classes = rng.integers(0, 2, size=300)
    guide = torch.from_numpy(np.stack([apart * classes, 0 * classes], axis=1) + rng.normal(0, 0.02, size=(300, 2)))
    found = KnownNeighbours(guide, rows, cols, classes, 0).agreement()
    assert (found and found.likeness) == expected
    assert found is None or (found.mixed <= 0.06 and found.guides == 2)


@pytest.mark.parametrize(("apart", "expected"), [(2.0, False), (0.2, True), (0.0, True)])
def test_samples_say_whether_neighbours_that_look_alike_are_of_several_classes(apart, expected):
    rng = np.random.default_rng(4)
    rows, cols = rng.integers(0, 40, size=(2, 300))
    classes = rng.integers(0, 2, size=300)
    guide = torch.from_numpy(np.stack([apart * classes, 0 * classes], axis=1) + rng.normal(0, 0.02, size=(300, 2)))
    assert KnownNeighbours(guide, rows, cols, classes, 0).of_several_classes is expected
    far = rows * 3 * AROUND
    apart = KnownNeighbours(guide, far, cols, (far > 500).astype(int), 0)
    assert not apart.of_several_classes  # nobody has a neighbour of another class


def test_where_neighbours_are_of_several_classes_only_the_narrowest_likeness_will_do():
    rng = np.random.default_rng(4)
    rows, cols = rng.integers(0, 40, size=(2, 300))
    classes = rng.integers(0, 2, size=300)
    guide = torch.from_numpy(np.stack([2.0 * classes, 0 * classes], axis=1) + rng.normal(0, 0.02, size=(300, 2)))
    assert KnownNeighbours(guide, rows, cols, classes, 0).agreement(several=True).likeness == LIKENESSES[-1]
    assert KnownNeighbours(0 * guide, rows, cols, classes, 0).agreement(several=True) is None


class Mapper:
    """Opinions of the scene, cut into windows of a side."""

    device = torch.device("cpu")
    bands = range(1)

    def __init__(self, side=32, likeness=0.15):
        self.side, self.agreement = side, Agreement(likeness, 0.0, 2)
        _, self._probabilities, self._guide, self._known = scene()

    def windows(self):
        return windows_with_margin(*SIZE, self.side, 0, 0)

    def probabilities(self, tile):
        return self._probabilities[(..., *tile.core.slices)].copy(), self._known[tile.core.slices]

    def opinions(self, tile):
        both = np.concatenate([self._probabilities, self._guide])
        return both[(..., *tile.core.slices)].copy(), self._known[tile.core.slices]


def mapped(mapper, place, progress=silent):
    return predict_map(mapper, SIZE, CLASSES, place, with_probabilities=True, progress=progress)


def contents(files):
    rasters = (files.classes, files.confidence, files.probabilities)
    return [raster.read(whole(*SIZE)) for raster in rasters]


def test_the_map_is_what_neighbours_agree_on_however_it_is_cut(tmp_path, monkeypatch):
    assert isinstance(Mapper(), OpinionMapper)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first = contents(mapped(Mapper(), RunDirectory(tmp_path / "a")))
    monkeypatch.setattr("mtmsd_qgis.classification.context.filtered_predictor._MOST_SIDE", 37)
    second = contents(mapped(Mapper(side=17), RunDirectory(tmp_path / "b")))
    known = scene()[3]
    ids = np.array([entry.id for entry in CLASSES])
    expected = agreed(0.15)
    assert np.array_equal(first[0][0][known], ids[expected.argmax(axis=0)][known])
    assert np.abs(first[2] - expected)[:, known].max() < 1e-3  # opinions are kept with 16 bits
    assert np.abs(first[1][0] - expected.max(axis=0))[known].max() < 1e-3
    assert not np.isfinite(first[0][0][~known]).any()
    for one, other in zip(first, second):
        assert np.allclose(one, other, atol=1e-6, equal_nan=True)


def test_without_agreement_each_pixel_decides_alone(tmp_path):
    mapper = Mapper()
    mapper.agreement = None
    files = mapped(mapper, RunDirectory(tmp_path))
    known = scene()[3]
    assert np.array_equal(files.probabilities.read(whole(*SIZE))[:, known], scene()[1][:, known])
    assert not (tmp_path / "opinions.raw").exists()


@pytest.mark.parametrize("stop", [2, 9, 11])
def test_a_map_that_was_stopped_goes_on_to_the_same_bytes(tmp_path, stop, monkeypatch):
    """In the first look, at its end, and in the second one."""
    monkeypatch.setattr("mtmsd_qgis.classification.context.filtered_predictor._MOST_SIDE", 40)
    whole_run, parts = (RunDirectory(tmp_path / name, persistent=True) for name in ("whole", "parts"))
    for place in (whole_run, parts):
        place.folder.mkdir()
    expected = contents(mapped(Mapper(), whole_run))
    told = []

    def progress(fraction, text):
        told.append((fraction, text))
        if len(told) == stop:
            raise Cancelled("")

    with pytest.raises(Cancelled):
        mapped(Mapper(), parts, progress)
    assert [fraction for fraction, _ in told] == sorted(fraction for fraction, _ in told)
    asked = []
    mapper = Mapper()
    original = mapper.opinions
    mapper.opinions = lambda tile: (asked.append(tile), original(tile))[1]
    for one, other in zip(expected, contents(mapped(mapper, parts))):
        assert np.array_equal(one, other, equal_nan=True)
    assert len(asked) == max(0, 9 - stop)  # what was heard is not asked again
