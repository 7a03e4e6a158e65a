# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import numpy as np
import pytest

from mtmsd_qgis.errors import SamplesError
from mtmsd_qgis.jobs.data_model import ClassEntry
from mtmsd_qgis.sampling.sample_table import SampleTable, check_classes, read_samples, write_samples

CLASSES = (ClassEntry(1, "water"), ClassEntry(2, "wood"))


ARRAY = np.array([[0, 5, 1, 7], [2, 3, 0, 7], [2, 4, 1, 9]], dtype=np.int64)


def test_columns_have_names_and_the_array_comes_back():
    samples = SampleTable.from_array(ARRAY)
    assert samples.rows.tolist() == [0, 2, 2]
    assert samples.cols.tolist() == [5, 3, 4]
    assert samples.class_index.tolist() == [1, 0, 1]
    assert samples.group.tolist() == [7, 7, 9]
    assert samples.count_by_class(3).tolist() == [1, 2, 0]
    assert samples.positions.tolist() == [[0, 5], [2, 3], [2, 4]]
    assert np.array_equal(samples.to_array(), ARRAY)


@pytest.mark.parametrize("chosen", [np.array([2, 0]), np.array([True, False, True]), slice(1, None), np.array([], int)])
def test_a_subset_is_that_of_the_array(chosen):
    subset = SampleTable.from_array(ARRAY).subset(chosen)
    assert np.array_equal(subset.to_array(), ARRAY[chosen])
    assert len(subset) == len(ARRAY[chosen])


def test_a_column_is_replaced_and_the_others_stay():
    samples = SampleTable.from_array(ARRAY)
    assert samples.with_groups(np.arange(3)).to_array()[:, 3].tolist() == [0, 1, 2]
    assert samples.with_classes(np.zeros(3, int)).to_array()[:, :3].tolist() == [[0, 5, 0], [2, 3, 0], [2, 4, 0]]
    assert np.array_equal(samples.to_array(), ARRAY)


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (np.zeros(3), "class_index should be an int64 vector of numbers from 0, found float64"),
        (np.zeros(3, np.int32), "found int32"),
        (np.full(3, -1), "numbers from 0"),
        (np.zeros((3, 1), int), r"found int64 \(3, 1\)"),
        (np.zeros(2, int), "same length, found 3 rows and 2 of class_index"),
    ],
)
def test_a_column_of_another_kind_is_refused(column, message):
    with pytest.raises(ValueError, match=message):
        SampleTable.from_array(ARRAY).with_classes(column)


def test_a_file_holds_the_array(tmp_path):
    write_samples(SampleTable.from_array(ARRAY), tmp_path, "s.npy")
    assert np.array_equal(np.load(tmp_path / "s.npy", allow_pickle=False), ARRAY)
    assert np.array_equal(read_samples(tmp_path, "s.npy").to_array(), ARRAY)


@pytest.mark.parametrize(
    ("classes", "index", "message"),
    [
        (CLASSES[:1], [0, 0], "at least 2 classes were expected, found 1"),
        (CLASSES, [0, 0, 1], r"too few in: wood \(1\)"),
        (CLASSES, [], r"water \(0\), wood \(0\)"),
    ],
)
def test_too_little_to_learn_is_refused(classes, index, message):
    with pytest.raises(SamplesError, match=message):
        check_classes(np.array(index, dtype=np.int64), classes)


@pytest.mark.parametrize("array", [np.zeros((3, 3), np.int64), np.zeros((3, 4)), np.full((1, 4), -1, np.int64)])
def test_other_tables_are_refused(tmp_path, array):
    np.save(tmp_path / "s.npy", array)
    with pytest.raises(SamplesError, match="an int64 table of 4 columns"):
        read_samples(tmp_path, "s.npy")


def test_a_pickle_is_not_opened(tmp_path):
    np.save(tmp_path / "s.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(SamplesError, match="cannot be read"):
        read_samples(tmp_path, "s.npy")
    with pytest.raises(SamplesError, match="Choose a training layer"):
        read_samples(tmp_path, None)
