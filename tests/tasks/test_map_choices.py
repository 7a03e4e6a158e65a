# SPDX-License-Identifier: GPL-2.0-or-later
"""Choices of the analyst through the whole tasks: what they change in map, accuracy and classifier file."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mtmsd_qgis.io.classifier_file import read_classifier_description
from mtmsd_qgis.io.cube import Cube
from mtmsd_qgis.io.windows import whole
from mtmsd_qgis.jobs.map_choices import MapFinish
from mtmsd_qgis.jobs.protocol import Job
from mtmsd_qgis.jobs.settings import ApplySettings, ClassificationSettings, to_json
from mtmsd_qgis.progress import silent
from mtmsd_qgis.tasks.run import run
from tests.scenes import CLASSES, cube_of, fields, sample_table

SETTINGS = ClassificationSettings(classifier="linear", split="random", block_size=8)


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """Fields so noisy that they are often mistaken, and samples of them."""
    folder = tmp_path_factory.mktemp("scene")
    values, index = fields(40, 44)
    noise = np.random.default_rng(1).normal(0, 900, values.shape)
    np.save(folder / "samples.npy", sample_table(index))
    return folder, cube_of(folder, (values + noise).astype(np.float32))


def classified(scene, settings=SETTINGS, **job):
    folder, cube = scene
    parts = {"scene": cube.description, "samples": "samples.npy", "classes": CLASSES, **job}
    return run(Job("classify", to_json(settings), **parts), folder, silent)


def band(scene, cube_file):
    return Cube(scene[0], cube_file).read(whole(40, 44))[0]


def test_settings_without_choices_are_what_they_were():
    assert {"finish"} & set(to_json(SETTINGS)) == set()
    assert set(to_json(ApplySettings())) == {"adapt", "device"}


def test_not_sure_pixels_leave_map_and_accuracy_and_are_told_with_both(scene):
    plain = classified(scene)
    before = band(scene, plain.map)
    result = classified(scene, replace(SETTINGS, finish=MapFinish(least_confidence=0.7)))
    ids, confidence = band(scene, result.map), band(scene, result.confidence)
    assert np.array_equal(ids == 255, confidence < np.float32(0.7))
    assert np.array_equal(ids[ids != 255], before[ids != 255])
    reject = result.choices.reject
    assert reject.pixels == (ids == 255).sum() > 100
    assert reject.mapped_pixels == plain.mapped_pixels
    assert sum(result.mapped_pixels) == 40 * 44 - reject.pixels
    assert reject.accuracy == plain.accuracy
    assert result.accuracy.samples == plain.accuracy.samples - reject.samples
    assert result.accuracy.oa > plain.accuracy.oa
    assert result.split.validation_outside_map == 0


def test_the_classifier_file_is_that_of_the_plain_run(scene, tmp_path):
    for name, finish in (("plain", None), ("chosen", MapFinish(least_confidence=0.7))):
        outputs = {"classifier": str(tmp_path / name)}
        classified(scene, replace(SETTINGS, finish=finish), outputs=outputs)
    assert (tmp_path / "plain").read_bytes() == (tmp_path / "chosen").read_bytes()
    assert read_classifier_description(tmp_path / "chosen").settings.finish is None


def test_a_classifier_from_a_file_may_be_unsure_too(scene, tmp_path):
    file = tmp_path / "classifier.mtmsdc"
    finish = MapFinish(least_confidence=0.7)
    result = classified(scene, replace(SETTINGS, finish=finish), outputs={"classifier": str(file)})
    learnt = band(scene, result.map)
    settings = to_json(ApplySettings(finish=finish))
    job = Job("applyclassifier", settings, scene[1].description, inputs={"classifier": str(file)})
    applied = run(job, scene[0], silent)
    assert np.array_equal(band(scene, applied.map), learnt)
    assert applied.choices.reject.pixels == result.choices.reject.pixels
    assert applied.choices.reject.accuracy is None
    assert sum(applied.mapped_pixels) == (learnt != 255).sum()
