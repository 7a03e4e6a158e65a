# SPDX-License-Identifier: GPL-2.0-or-later
"""What the benchmark measures on: draws of training and test pixels, folds of the baselines, scenes, and the key of
a model."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.accuracy import summary
from benchmarks.features import code_of
from benchmarks.scenes import (
    LEAST_OF_A_CLASS,
    MOST_LABELLED,
    connected_fields,
    drawn,
    known_scenes,
    select_bands,
)
from benchmarks.splits import GROUP_CEILING, SPLITS, random_count, random_share, whole_blocks, whole_groups
from mtmsd_qgis.io.cube import Cube
from mtmsd_qgis.sampling.sample_table import SampleTable
from mtmsd_qgis.tasks.extract import extract
from mtmsd_qgis.tasks.pretrain import pretrain
from tests.scenes import cube_of, whole_window


def table_of(class_sizes: list[int], group_size: int = 20) -> SampleTable:
    """Samples of classes of the given sizes in a square, groups of one class and at most so many pixels."""
    classes = np.repeat(np.arange(len(class_sizes)), class_sizes)
    within = np.concatenate([np.arange(size) // group_size for size in class_sizes])
    side = int(np.ceil(np.sqrt(len(classes))))
    rows, cols = np.divmod(np.arange(len(classes)), side)
    return SampleTable(rows, cols, classes, 1000 * classes + within)


def pixels(samples: SampleTable) -> set[tuple[int, int]]:
    return {(row, col) for row, col in samples.positions.tolist()}


TABLE = table_of([900, 400, 120, 40])


@pytest.mark.parametrize("name", list(SPLITS))
@pytest.mark.parametrize("seed", [0, 1])
def test_no_pixel_trains_and_tests(name, seed):
    draw = SPLITS[name].draw(TABLE, seed)
    assert len(draw.training)
    assert len(draw.test)
    assert not pixels(draw.training) & pixels(draw.test)
    assert pixels(draw.training) | pixels(draw.test) <= pixels(TABLE)
    assert (np.bincount(draw.training.class_index, minlength=4) >= 2).all()


@pytest.mark.parametrize("name", list(SPLITS))
def test_a_seed_gives_one_split_and_another_seed_another(name):
    first, again, other = (SPLITS[name].draw(TABLE, seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.training.to_array(), again.training.to_array())
    np.testing.assert_array_equal(first.test.to_array(), again.test.to_array())
    assert pixels(first.training) != pixels(other.training)


@pytest.mark.parametrize(("size", "trained"), [(900, 90), (40, 4), (12, 2), (3, 2), (2, 2)])
def test_random_share_is_that_of_each_class_and_at_least_two(size, trained):
    draw = random_share(table_of([500, size]), 0.10, 0)
    assert np.bincount(draw.training.class_index).tolist() == [50, trained]
    assert len(draw.training) + len(draw.test) == 500 + size


@pytest.mark.parametrize(("size", "trained"), [(100, 15), (16, 15), (15, 14), (4, 3), (3, 2), (2, 2)])
def test_random_count_leaves_one_to_test_where_it_can(size, trained):
    draw = random_count(table_of([100, size]), 15, 0)
    assert np.bincount(draw.training.class_index).tolist() == [15, trained]


@pytest.mark.parametrize("seed", range(5))
def test_groups_are_never_parted_and_no_class_has_more_than_the_ceiling(seed):
    draw = whole_groups(TABLE, seed)
    assert not set(draw.training.group) & set(draw.test.group)
    counts = np.bincount(draw.training.class_index)
    assert counts.max() <= GROUP_CEILING
    # Groups of 20: the share is passed by less than a group, and where nothing is cut, it is held in full.
    wanted = 0.3 * np.array([900, 400, 120, 40])
    tested = np.bincount(draw.test.class_index)
    held = np.array([900, 400, 120, 40]) - tested
    assert (held >= wanted).all()
    assert (held < wanted + 20).all()
    np.testing.assert_array_equal(counts, np.minimum(held, GROUP_CEILING))
    assert draw.generalise == "spatial"


def test_a_class_in_one_group_trains_whole():
    draw = whole_groups(table_of([200, 15]), 0)
    assert np.bincount(draw.training.class_index)[1] == 15
    assert (draw.test.class_index == 0).all()


def test_blocks_are_squares_of_32_pixels_and_stay_whole():
    rows, cols = np.mgrid[0:128, 0:96].reshape(2, -1)
    draw = whole_blocks(SampleTable(rows, cols, (rows + cols) % 3, np.zeros_like(rows)), 0)
    assert not set(draw.training.group) & set(draw.test.group)
    assert len(set(draw.test.group) | set(draw.training.group)) == 4 * 3
    first = draw.test.subset(draw.test.group == draw.test.group[0]).positions
    assert first.max(axis=0).tolist() == (first[0] // 32 * 32 + 31).tolist()


def test_fields_of_one_class_that_touch_at_a_corner_only_are_two():
    ids = np.array([[1, 0, 2], [0, 1, 2], [2, 2, 2]])
    fields = connected_fields(ids)
    assert (fields == 0).tolist() == (ids == 0).tolist()
    assert fields[0, 0] != fields[1, 1]
    assert fields[0, 2] == fields[2, 0]
    assert len(np.unique(fields)) == 4


def test_a_wall_to_wall_reference_is_sampled_with_each_class_in_its_share_and_rare_ones_kept():
    table = table_of([89_000, 30_000, 900, 60, 40])
    sample = drawn(table)
    np.testing.assert_array_equal(sample.to_array(), drawn(table).to_array())
    assert sample.count_by_class(5).tolist() == [8900, 3000, 90, LEAST_OF_A_CLASS, 40]
    assert pixels(sample) <= pixels(table)
    assert len(pixels(sample)) == len(sample)


def test_a_table_that_is_small_enough_counts_whole():
    table = table_of([MOST_LABELLED - 10, 10])
    assert drawn(table) is table


def test_every_known_scene_has_a_title():
    assert known_scenes().keys() == summary.SCENES.keys()


def test_chosen_bands_keep_values_and_numbers(tmp_path):
    array = np.arange(4 * 3 * 5, dtype=np.int16).reshape(4, 3, 5)
    cube = cube_of(tmp_path, array, nodata=7)
    chosen = select_bands(tmp_path, cube.description, [2, 0], "chosen")
    assert [band.number for band in chosen.bands] == [3, 1]
    found = Cube(tmp_path, chosen).read(whole_window(array))
    np.testing.assert_array_equal(found, cube.read(whole_window(array))[[2, 0]])


def test_the_classifier_has_no_part_in_the_key_of_a_model_and_the_network_has():
    from benchmarks import features

    sources: dict[str, str] = {}
    features._collect_module(pretrain, sources)
    assert "mtmsd_qgis.diffusion.unet" in sources
    assert "mtmsd_qgis.classification.fusion.fusion_ensemble" not in sources
    assert code_of(pretrain) != code_of(extract)


class TestBaselines:
    @pytest.fixture(autouse=True)
    def _needs_scikit_learn(self):
        pytest.importorskip("sklearn")

    def test_folds_keep_groups_whole_and_a_class_in_one_group_always_trains(self):
        from benchmarks.accuracy.baselines import folds

        draw = whole_groups(table_of([300, 300, 15]), 0)
        found = folds(draw)
        assert len(found) > 1
        for shown, asked in found:
            assert sorted([*shown, *asked]) == list(range(len(draw.training)))
            assert not set(draw.training.group[shown]) & set(draw.training.group[asked])
            assert 2 not in draw.training.class_index[asked]

    @pytest.mark.parametrize("groups", [1, 2])
    def test_too_few_groups_fall_back_to_pixels(self, groups):
        from benchmarks.accuracy.baselines import folds
        from benchmarks.splits import Draw

        table = table_of([30, 30]).with_groups(np.arange(60) % groups)
        assert len(folds(Draw(table, table.subset(slice(0)), by_group=True, seed=0))) == 3

    def test_box_means_count_valid_pixels_only(self):
        from benchmarks.accuracy.baselines import box_means

        values = np.arange(20, dtype=np.float32).reshape(1, 4, 5)
        valid = np.ones((4, 5), dtype=bool)
        valid[1, 2] = False
        found = box_means(np.where(valid, values, 0), valid, 3)
        assert found[0, 2, 2] == pytest.approx(np.mean([6, 8, 11, 12, 13, 16, 17, 18]))
        assert found[0, 0, 0] == pytest.approx(np.mean([0, 1, 5, 6]))
        assert found[0, 1, 2] == 0
