# SPDX-License-Identifier: GPL-2.0-or-later
"""Small patches go into their neighbours: by hand, against a naive twin, whatever the strips."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from mtmsd_qgis.classification.choices import sieve
from mtmsd_qgis.classification.choices.patches import PatchFinder
from mtmsd_qgis.classification.choices.sieve import sieve_map
from mtmsd_qgis.classification.predict_map import MapFiles
from mtmsd_qgis.classification.predictor import MapGrid
from mtmsd_qgis.errors import Cancelled
from mtmsd_qgis.io.run_directory import RunDirectory
from mtmsd_qgis.io.windows import whole
from mtmsd_qgis.progress import silent
from tests.scenes import CLASSES, cube_of

IDS = np.array([0, *(entry.id for entry in CLASSES)], np.uint16)


def sieved(folder, probabilities, unit, valid=None, size=None):
    """Class indices and confidence after the sieve, and what it counted."""
    valid = np.ones(probabilities.shape[1:], bool) if valid is None else valid
    index = np.where(valid, probabilities.argmax(axis=0), -1)
    confidence = np.where(valid, probabilities.max(axis=0), -1).astype(np.float32)
    files = MapFiles(
        cube_of(folder, IDS[index + 1][None], nodata=0, name="map"),
        cube_of(folder, confidence[None], nodata=-1, name="confidence"),
        cube_of(folder, np.where(valid, probabilities, -1).astype(np.float32), nodata=-1, name="probabilities"),
    )
    grid = MapGrid(valid.shape, CLASSES, RunDirectory(folder))
    result = sieve_map(files, grid, unit, size or valid.shape, silent)
    ids = np.nan_to_num(result.classes.read(whole(*valid.shape))[0]).astype(int)
    return index, np.searchsorted(IDS, ids) - 1, result


def probabilities_of(index):
    """(3, H, W): 0.8 for the class, 0.1 for each other one."""
    values = np.full((3, *index.shape), 0.1)
    np.put_along_axis(values, index[None], 0.8, axis=0)
    return values


def sizes_of(index):
    """(H, W): pixels of the patch that each pixel is in."""
    size = np.zeros(index.shape, int)
    for k in np.unique(index):
        parts, _ = ndimage.label(index == k)
        size[index == k] = np.bincount(parts.ravel())[parts[index == k]]
    return size


def test_a_small_patch_gets_the_most_probable_class_of_its_neighbours_and_not_the_most_frequent(tmp_path):
    index = np.zeros((5, 6), int)
    index[:, 5] = 1  # a column of five
    index[2, 4] = 2  # touches three pixels of 0, and one of 1
    values = probabilities_of(index)
    values[:, 2, 4] = 0.05, 0.4, 0.55
    before, after, result = sieved(tmp_path, values, unit=3)
    assert (before != after).sum() == result.changed == 1
    assert after[2, 4] == 1
    confidence = result.confidence.read(whole(5, 6))[0]
    assert confidence[2, 4] == pytest.approx(0.4)
    assert confidence[0, 0] == pytest.approx(0.8)


def test_a_class_that_does_not_touch_the_patch_has_no_part(tmp_path):
    index = np.zeros((4, 8), int)
    index[1, 1], index[:, 6:] = 2, 1
    values = probabilities_of(index)
    values[:, 1, 1] = 0.1, 0.4, 0.5
    assert sieved(tmp_path, values, unit=2)[1][1, 1] == 0


def test_patches_of_the_unit_stay_and_corners_do_not_join(tmp_path):
    index = np.zeros((6, 6), int)
    index[1, 1] = index[2, 2] = 1  # meet in a corner: two patches of one pixel
    index[4, 1:3] = 2
    _, after, _ = sieved(tmp_path, probabilities_of(index), unit=2)
    assert (after[:3] == 0).all()
    assert (after[4, 1:3] == 2).all()


def test_an_island_stays_and_is_counted(tmp_path):
    index = np.zeros((6, 6), int)
    valid = np.ones((6, 6), bool)
    valid[:, 4] = False
    index[2, 5] = 1
    _, after, result = sieved(tmp_path, probabilities_of(index), unit=7, valid=valid)
    assert (after[:, 4] == -1).all()
    assert (after[:, 5] == index[:, 5]).all()
    assert (result.changed, result.left) == (0, 6)


def noisy(seed=0, size=(40, 33)):
    values = np.random.default_rng(seed).random((3, *size))
    values = ndimage.gaussian_filter(values, (0, 1.2, 1.2)) + 0.05 * values
    return values / values.sum(axis=0)


@pytest.mark.parametrize("unit", [2, 7, 30])
def test_afterwards_no_patch_is_smaller_and_large_ones_have_grown_at_most(tmp_path, unit):
    valid = np.random.default_rng(1).random((40, 33)) > 0.02
    before, after, result = sieved(tmp_path, noisy(), unit, valid)
    large = (sizes_of(before) >= unit) & valid
    assert (after[large] == before[large]).all()
    small = (sizes_of(after) < unit) & valid
    assert small.sum() == result.left
    assert (before[small] == after[small]).all()
    assert 0 < result.changed == (before != after).sum()


@pytest.mark.parametrize("bytes_per_pixel", [1 << 20, 5 << 20, 1 << 30])
def test_strips_change_nothing(tmp_path, monkeypatch, bytes_per_pixel):
    expected = sieved(tmp_path, noisy(), unit=9)[1]
    monkeypatch.setattr(sieve, "_BYTES_PER_PIXEL", bytes_per_pixel)
    assert np.array_equal(sieved(tmp_path, noisy(), unit=9)[1], expected)


def test_patches_over_strips_are_those_of_the_whole():
    index = noisy(3).argmax(axis=0)
    whole_map, strips = PatchFinder(), PatchFinder()
    whole_map.add(index)
    for row in range(0, 40, 7):
        strips.add(index[row : row + 7])
    one, many = whole_map.patches(), strips.patches()
    assert sorted(one.size) == sorted(many.size)
    found = np.concatenate([many.of_strip(n, index[row : row + 7]) for n, row in enumerate(range(0, 40, 7))])
    assert np.array_equal(many.size[found], sizes_of(index))
    assert np.array_equal(many.kind[found], index)


def test_only_the_part_that_is_the_users_is_counted(tmp_path):
    index = np.zeros((6, 6), int)
    index[1, 1] = index[5, 1] = index[1, 5] = 1
    assert sieved(tmp_path, probabilities_of(index), unit=2, size=(4, 4))[2].changed == 1


def test_it_can_be_cancelled_and_needs_probabilities(tmp_path):
    cube = cube_of(tmp_path, np.ones((1, 3, 3), np.uint16), nodata=0, name="map")
    grid = MapGrid((3, 3), CLASSES, RunDirectory(tmp_path))

    def cancel(fraction, text):
        raise Cancelled

    files = MapFiles(cube, cube, cube)
    with pytest.raises(Cancelled):
        sieve_map(files, grid, 2, (3, 3), cancel)
    with pytest.raises(ValueError, match="needs the probabilities"):
        sieve_map(MapFiles(cube, cube, None), grid, 2, (3, 3), silent)
