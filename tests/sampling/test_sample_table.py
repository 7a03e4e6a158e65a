# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import numpy as np
import pytest

from mtmsd_qgis.errors import SamplesError
from mtmsd_qgis.jobs.data_model import ClassEntry
from mtmsd_qgis.jobs.protocol import Job
from mtmsd_qgis.jobs.settings import ClassificationSettings
from mtmsd_qgis.sampling.sample_table import check_classes, part_samples, read_samples

CLASSES = (ClassEntry(1, "water"), ClassEntry(2, "wood"))


def table(*rows) -> np.ndarray:
    return np.array(rows, dtype=np.int64).reshape(-1, 4)


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
    with pytest.raises(SamplesError, match="should be an int64 table"):
        read_samples(tmp_path, "s.npy")


def test_a_pickle_is_not_opened(tmp_path):
    np.save(tmp_path / "s.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(SamplesError, match="cannot be read"):
        read_samples(tmp_path, "s.npy")
    with pytest.raises(SamplesError, match="Choose a training layer"):
        read_samples(tmp_path, None)


def test_reference_samples_on_training_pixels_are_left_out(tmp_path):
    training = table([0, 0, 0, 1], [0, 1, 1, 2])
    np.save(tmp_path / "v.npy", table([0, 0, 0, 9], [5, 5, 1, 9]))
    parted = part_samples(Job("classify", validation="v.npy"), tmp_path, training, ClassificationSettings())
    assert parted.validation.tolist() == [[5, 5, 1, 9]]
    assert len(parted.training) == 2
    assert "1 of its samples lay on training pixels" in parted.sentence
    assert parted.facts(2)["validation_samples"] == [0, 1]


@pytest.mark.parametrize("method", ["random", "spatial", "block", "none"])
def test_nothing_is_in_both_parts(tmp_path, method):
    rows, cols = np.mgrid[0:64:2, 0:64:2].reshape(2, -1)
    samples = np.stack([rows, cols, cols // 32, np.arange(len(rows))], axis=1)
    settings = ClassificationSettings(split=method, validation_share=0.4, block_size=8)
    parted = part_samples(Job("classify", classes=CLASSES), tmp_path, samples, settings)
    assert len(parted.training) + len(parted.validation) == len(samples)
    assert (len(parted.validation) > 0) == (method != "none")
    assert not set(map(tuple, parted.training)) & set(map(tuple, parted.validation))


def test_blocks_are_kept_together_even_where_there_are_polygons(tmp_path):
    rows, cols = np.mgrid[0:64:2, 0:64:2].reshape(2, -1)
    samples = np.stack([rows, cols, cols // 2 % 2, rows // 2 % 4], axis=1)
    settings = ClassificationSettings(split="block", validation_share=0.4, block_size=16)
    parted = part_samples(Job("classify", classes=CLASSES), tmp_path, samples, settings)
    held = {(r // 16, c // 16) for r, c in parted.validation[:, :2].tolist()}
    assert held
    assert not held & {(r // 16, c // 16) for r, c in parted.training[:, :2].tolist()}


def test_a_buffer_leaves_out_training_samples_near_validation_samples(tmp_path):
    rows, cols = np.mgrid[0:64:2, 0:64:2].reshape(2, -1)
    samples = np.stack([rows, cols, cols // 2 % 2, np.arange(len(rows))], axis=1)
    settings = ClassificationSettings(split="block", validation_share=0.3, block_size=16, buffer=5)
    parted = part_samples(Job("classify", classes=CLASSES), tmp_path, samples, settings)
    gap = parted.training[:, None, :2] - parted.validation[None, :, :2]
    assert np.sqrt((gap**2).sum(axis=2)).min() > 5
    assert len(parted.training) + len(parted.validation) < len(samples)
    wide = ClassificationSettings(split="random", validation_share=0.3, buffer=50)
    with pytest.raises(SamplesError, match=r"buffer of 50 pixels .* too few training samples are left of: water"):
        part_samples(Job("classify", classes=CLASSES), tmp_path, samples, wide)
