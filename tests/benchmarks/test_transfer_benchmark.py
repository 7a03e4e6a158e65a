# SPDX-License-Identifier: GPL-2.0-or-later
"""The benchmark on maps of other scenes: which pixels teach and which test, and a whole draw on a small scene."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.scenes import Scene
from benchmarks.transfer.dates import unchanged_groups
from benchmarks.transfer.halves import Half, left_half, of_draw, random_tiles
from benchmarks.transfer.joint import with_classes_of
from mtmsd_qgis.jobs.data_model import ClassEntry
from mtmsd_qgis.sampling.sample_table import SampleTable
from tests.scenes import cube_of

CLASSES = (ClassEntry(3, "water"), ClassEntry(5, "meadow"), ClassEntry(9, "forest"))


def scene_of(folder: Path, index: np.ndarray, values: np.ndarray) -> Scene:
    """Every second pixel is labelled; groups are rows of a class."""
    rows, cols = np.mgrid[0 : index.shape[0] : 2, 0 : index.shape[1] : 2].reshape(2, -1)
    classes = index[rows, cols]
    samples = SampleTable(rows, cols, classes, rows * len(CLASSES) + classes)
    cube = cube_of(folder, values).description
    return Scene("made_up", folder, cube, CLASSES, cube.bands, samples, len(samples))


@pytest.fixture
def scene(tmp_path):
    """Water and meadow all over, forest in a corner on the right alone."""
    index = np.indices((64, 64))[0] // 8 % 2
    index[40:, 40:] = 2
    spectra = np.array([[100, 200, 300, 400], [400, 300, 200, 100], [900, 900, 100, 100]])
    values = spectra[index].transpose(2, 0, 1) + np.random.default_rng(0).normal(0, 10, (4, 64, 64))
    return scene_of(tmp_path, index, values.astype(np.float32))


def test_a_half_teaches_its_own_classes_alone(scene):
    half = Half.of(scene, left_half(scene, 0), 0)
    assert [entry.name for entry in half.source.classes] == ["water", "meadow"]
    assert half.training.cols.max() < 32 <= half.tested.cols.min()
    assert set(np.unique(half.tested.class_index)) == {0, 1}
    assert len(half.training) + len(half.tested) + len(half.others) == len(scene.samples)
    assert (half.others.rows >= 40).all()


def test_half_of_the_tiles_are_drawn(scene):
    draws = [random_tiles(scene, draw) for draw in range(8)]
    assert all(drawn.reshape(2, 32, 2, 32).all(axis=(1, 3)).sum() == 2 for drawn in draws)
    assert all(drawn.sum() == 2 * 32 * 32 for drawn in draws)
    assert len({drawn.tobytes() for drawn in draws}) > 1


def test_polygons_whose_spectra_move_do_not_look_unchanged(tmp_path):
    index = np.indices((64, 64))[0] // 8 % 2
    before = np.random.default_rng(0).normal(0, 10, (4, 64, 64)) + 100.0 * index
    after = 2 * before + 7
    after[:, ::4] += 900
    scenes = []
    for name, values in (("before", before), ("after", after)):
        (tmp_path / name).mkdir()
        scenes.append(scene_of(tmp_path / name, index, values.astype(np.float32)))
    moved = scenes[0].samples.rows % 4 == 0
    assert set(unchanged_groups(*scenes)) == set(np.unique(scenes[0].samples.group[~moved]))


@pytest.mark.slow
def test_a_draw_gives_its_figures(scene):
    figures = of_draw(scene, left_half, "block", 0)
    assert figures["right"] > 90
    assert figures["right inside, all classes"] <= figures["right inside"]
    assert figures["labelled outside, all classes"] > figures["labelled outside"]  # forest was never seen


def test_a_date_has_the_classes_whose_polygons_look_unchanged(tmp_path):
    cube = cube_of(tmp_path, np.ones((4, 8, 8), dtype=np.float32)).description
    column = np.arange(4)
    whole = SampleTable(column, column, np.array([0, 1, 2, 2]), column)
    scene = with_classes_of(
        Scene("later", tmp_path, cube, CLASSES, cube.bands, whole, 4), whole.subset(whole.class_index != 1)
    )
    assert scene.classes == (CLASSES[0], CLASSES[2])
    assert scene.samples.class_index.tolist() == [0, 1, 1]
