# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mtmsd_qgis.errors import SamplesError
from mtmsd_qgis.jobs.data_model import ClassEntry
from mtmsd_qgis.jobs.protocol import Job
from mtmsd_qgis.jobs.settings import ClassificationSettings
from mtmsd_qgis.sampling.sample_split import split_samples
from mtmsd_qgis.sampling.sample_table import SampleTable

CLASSES = (ClassEntry(1, "water"), ClassEntry(2, "wood"))


def table(*rows) -> np.ndarray:
    return np.array(rows, dtype=np.int64).reshape(-1, 4)


def pixels(samples: SampleTable) -> set[tuple[int, int]]:
    return set(zip(samples.rows.tolist(), samples.cols.tolist()))


def test_reference_samples_on_training_pixels_are_left_out(tmp_path):
    training = table([0, 0, 0, 1], [0, 1, 1, 2])
    np.save(tmp_path / "v.npy", table([0, 0, 0, 9], [5, 5, 1, 9]))
    split = split_samples(
        Job("classify", validation="v.npy"), tmp_path, SampleTable.from_array(training), ClassificationSettings()
    )
    assert split.validation.to_array().tolist() == [[5, 5, 1, 9]]
    assert len(split.training) == 2
    assert "1 of its samples lay on training pixels" in split.sentence
    assert split.facts(2, outside_map=0).validation_samples == (0, 1)


@pytest.mark.parametrize("method", ["random", "spatial", "block", "none"])
def test_no_sample_is_in_both(tmp_path, method):
    rows, cols = np.mgrid[0:64:2, 0:64:2].reshape(2, -1)
    samples = SampleTable(rows, cols, cols // 32, np.arange(len(rows)))
    settings = ClassificationSettings(split=method, validation_share=0.4, block_size=8)
    split = split_samples(Job("classify", classes=CLASSES), tmp_path, samples, settings)
    assert len(split.training) + len(split.validation) == len(samples)
    assert (len(split.validation) > 0) == (method != "none")
    assert not pixels(split.training) & pixels(split.validation)


def test_blocks_are_kept_together_even_where_there_are_polygons(tmp_path):
    rows, cols = np.mgrid[0:64:2, 0:64:2].reshape(2, -1)
    samples = SampleTable(rows, cols, cols // 2 % 2, rows // 2 % 4)
    settings = ClassificationSettings(split="block", validation_share=0.4, block_size=16)
    split = split_samples(Job("classify", classes=CLASSES), tmp_path, samples, settings)
    held = {(row // 16, col // 16) for row, col in pixels(split.validation)}
    assert held
    assert not held & {(row // 16, col // 16) for row, col in pixels(split.training)}


def test_a_buffer_leaves_out_training_samples_near_validation_samples(tmp_path):
    rows, cols = np.mgrid[0:64:2, 0:64:2].reshape(2, -1)
    samples = SampleTable(rows, cols, cols // 2 % 2, np.arange(len(rows)))
    settings = ClassificationSettings(split="block", validation_share=0.3, block_size=16, buffer=5)
    split = split_samples(Job("classify", classes=CLASSES), tmp_path, samples, settings)
    gap = split.training.positions[:, None] - split.validation.positions[None]
    assert np.sqrt((gap**2).sum(axis=2)).min() > 5
    assert len(split.training) + len(split.validation) < len(samples)
    wide = ClassificationSettings(split="random", validation_share=0.3, buffer=50)
    with pytest.raises(SamplesError, match=r"buffer of 50 pixels .* too few training samples are left of: water"):
        split_samples(Job("classify", classes=CLASSES), tmp_path, samples, wide)


def test_what_a_buffer_did_is_told_and_no_neighbours_that_it_took_away(tmp_path):
    rows, cols = np.mgrid[0:64, 0:64].reshape(2, -1)
    samples = SampleTable(rows, cols, cols % 2, np.arange(len(rows)))
    settings = ClassificationSettings(split="random", validation_share=0.01, buffer=2)
    split = split_samples(Job("classify", classes=CLASSES), tmp_path, samples, settings)
    gone = len(samples) - len(split.training) - len(split.validation)
    assert "Neighbours" not in split.sentence
    assert "Training pixels lie in the same fields, so this figure may overstate" in split.sentence
    assert split.sentence.endswith(f" {gone} training samples within 2 pixels of them were left out (BUFFER).")


def test_a_buffer_holds_around_reference_samples_too(tmp_path):
    training = table([0, 0, 0, 1], [0, 9, 0, 1], [1, 9, 0, 1], [3, 3, 1, 2], [9, 9, 1, 2], [9, 8, 1, 2])
    np.save(tmp_path / "v.npy", table([0, 0, 0, 9], [0, 3, 1, 9]))
    job = Job("classify", validation="v.npy", classes=CLASSES)
    split = split_samples(job, tmp_path, SampleTable.from_array(training), ClassificationSettings(buffer=3))
    assert pixels(split.validation) == {(0, 3)}  # the other one lies on a training pixel
    assert pixels(split.training) == {(0, 9), (1, 9), (9, 9), (9, 8)}
    assert split.sentence.endswith(" 2 training samples within 3 pixels of them were left out (BUFFER).")
    with pytest.raises(SamplesError, match=r"too few training samples are left of: water .* validation layer"):
        split_samples(job, tmp_path, SampleTable.from_array(training), ClassificationSettings(buffer=6))


def test_held_out_pixels_that_touch_training_pixels_are_told_of(tmp_path):
    """As of segments side by side, or of a layer drawn at random from the same fields."""
    rows, cols = np.mgrid[0:8, 0:8].reshape(2, -1)
    whole = SampleTable(rows, cols, cols // 4, rows // 4 * 2 + cols // 4)
    settings = ClassificationSettings(split="spatial", validation_share=0.5)
    split = split_samples(Job("classify", classes=CLASSES), tmp_path, whole, settings)
    assert " 44 % of the held-out pixels lie right beside a training pixel" in split.sentence
    far = split_samples(Job("classify", classes=CLASSES), tmp_path, whole, replace(settings, buffer=2))
    assert "right beside" not in far.sentence
    training = whole.subset((rows + cols) % 2 == 0)
    np.save(tmp_path / "v.npy", whole.subset((rows + cols) % 2 == 1).to_array())
    layer = split_samples(Job("classify", validation="v.npy", classes=CLASSES), tmp_path, training, settings)
    assert " 100 % of the held-out pixels lie right beside" in layer.sentence


def test_a_spatial_split_holds_out_a_polygon_of_every_class_that_has_two(tmp_path):
    """Two polygons of 40 and 60 pixels do not fit a share of 5 %: the smaller one is held out all the same."""
    group = np.repeat([0, 1, 2, 3], [40, 60, 40, 60])
    samples = SampleTable(np.arange(200), np.zeros(200, int), group // 2, group)
    settings = ClassificationSettings(split="spatial", validation_share=0.05)
    split = split_samples(Job("classify", classes=CLASSES), tmp_path, samples, settings)
    assert set(split.validation.group.tolist()) == {0, 2}
    assert split.not_held_out == ()
