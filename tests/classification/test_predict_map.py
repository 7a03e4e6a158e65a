# SPDX-License-Identifier: GPL-2.0-or-later
"""The map: the class of the highest probability, whatever the windows are, taken up where it was stopped."""

from __future__ import annotations

import numpy as np
import pytest

from mtmsd_qgis.classification.predict_map import predict_map
from mtmsd_qgis.classification.predictor import MapGrid
from mtmsd_qgis.errors import Cancelled
from mtmsd_qgis.io.run_directory import RunDirectory
from mtmsd_qgis.io.windows import whole, windows_with_margin
from mtmsd_qgis.progress import silent
from tests.scenes import CLASSES

SIZE = (70, 90)


class Predicting:
    """Random probabilities, cut into windows of a side; the upper left corner has no data."""

    bands = range(1)

    def __init__(self, side=32):
        self.side, self.computed = side, 0
        values = np.random.default_rng(0).random((len(CLASSES), *SIZE)).astype(np.float32)
        self.values = values / values.sum(axis=0)
        self.known = np.ones(SIZE, dtype=bool)
        self.known[:10, :25] = False

    def windows(self):
        return windows_with_margin(*SIZE, self.side, 0, 0)

    def probabilities(self, tile):
        self.computed += 1
        return self.values[(..., *tile.core.slices)].copy(), self.known[tile.core.slices]


def grid_in(folder):
    folder.mkdir()
    wanted = {"with_probabilities": True, "with_uncertainty": True, "with_runner_up": True}
    return MapGrid(SIZE, CLASSES, RunDirectory(folder, persistent=True), **wanted)


def contents(files):
    return [raster.read(whole(*SIZE)) for raster in files.rasters]


@pytest.mark.parametrize("side", [17, 32, 128])
def test_each_pixel_has_the_class_of_its_highest_probability(tmp_path, side):
    predictor = Predicting(side)
    classes, confidence, probabilities, uncertainty, second = contents(
        predict_map(predictor, grid_in(tmp_path / "map"), silent)
    )
    ids, known = np.array([entry.id for entry in CLASSES]), predictor.known
    assert np.array_equal(classes[0][known], ids[predictor.values.argmax(axis=0)][known])
    assert np.array_equal(confidence[0][known], predictor.values.max(axis=0)[known])
    assert np.array_equal(probabilities[:, known], predictor.values[:, known])
    ordered = np.sort(predictor.values, axis=0)
    assert np.allclose(uncertainty[1][known], (ordered[-1] - ordered[-2])[known], atol=1e-6)
    assert np.array_equal(second[0][known], ids[predictor.values.argsort(axis=0)[-2]][known])
    for raster in (classes, uncertainty, second):
        assert not np.isfinite(raster[:, ~known]).any()


@pytest.mark.parametrize("stop", [2, 8, 9])
def test_a_map_that_was_stopped_goes_on_to_the_same_bytes(tmp_path, stop):
    expected = contents(predict_map(Predicting(), grid_in(tmp_path / "whole"), silent))
    resumed, fractions = grid_in(tmp_path / "parts"), []

    def progress(fraction, text):
        fractions.append(fraction)
        if len(fractions) == stop:
            raise Cancelled("")

    with pytest.raises(Cancelled):
        predict_map(Predicting(), resumed, progress)
    assert fractions == sorted(fractions)
    predictor = Predicting()
    for one, other in zip(expected, contents(predict_map(predictor, resumed, silent))):
        assert np.array_equal(one, other, equal_nan=True)
    assert predictor.computed == 9 - stop
