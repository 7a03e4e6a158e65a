# SPDX-License-Identifier: GPL-2.0-or-later
"""Choices of the analyst through the whole tasks: what they change in map, accuracy and classifier file."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mtmsd_qgis.errors import Cancelled
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
    facts = applied.transfer
    np.testing.assert_allclose(facts.target_proportions, facts.source_proportions)  # it is the same scene
    np.testing.assert_allclose(facts.target_proportions, np.array(applied.choices.reject.mapped_pixels) / (40 * 44))


def test_small_patches_go_before_the_accuracy_is_told(scene):
    plain = classified(scene)
    before = band(scene, plain.map)
    result = classified(scene, replace(SETTINGS, finish=MapFinish(sieve=30)))
    after, facts = band(scene, result.map), result.choices.sieve
    assert facts.changed == (before != after).sum() > 100
    assert (facts.accuracy, facts.mapped_pixels) == (plain.accuracy, plain.mapped_pixels)
    assert result.accuracy.oa > plain.accuracy.oa  # fields are larger than 30 pixels
    assert result.mapped_pixels == tuple((after == entry.id).sum() for entry in CLASSES)


def test_a_sieved_pixel_may_be_not_sure_and_the_file_holds_neither(scene, tmp_path):
    finish = MapFinish(sieve=30, least_confidence=0.5)
    plain = classified(scene, outputs={"classifier": str(tmp_path / "plain")})
    result = classified(scene, replace(SETTINGS, finish=finish), outputs={"classifier": str(tmp_path / "chosen")})
    ids, confidence = band(scene, result.map), band(scene, result.confidence)
    assert np.array_equal(ids == 255, confidence < 0.5)
    assert result.choices.sieve.mapped_pixels == plain.mapped_pixels
    assert (tmp_path / "plain").read_bytes() == (tmp_path / "chosen").read_bytes()


def test_a_run_that_is_stopped_while_patches_go_comes_to_the_same_bytes(scene, tmp_path):
    file = tmp_path / "classifier.mtmsdc"
    classified(scene, outputs={"classifier": str(file)})
    settings = to_json(ApplySettings(finish=MapFinish(sieve=30, least_confidence=0.5)))

    def applied(progress, name):
        outputs = {"checkpoint": str(tmp_path / name)}
        job = Job("applyclassifier", settings, scene[1].description, inputs={"classifier": str(file)}, outputs=outputs)
        return run(job, scene[0], progress)

    def stopping(fraction, text):
        if "small patches" in text:
            stopping.calls += 1
            if stopping.calls == 3:  # while rasters are written
                raise Cancelled

    stopping.calls = 0
    with pytest.raises(Cancelled):
        applied(stopping, "stopped")
    texts = []
    results = applied(lambda fraction, text: texts.append(text), "stopped"), applied(silent, "whole")
    assert not any(text.startswith("map: window") for text in texts)  # it was whole already
    one, other = (
        (tmp_path / name / result.map.file).read_bytes() for name, result in zip(("stopped", "whole"), results)
    )
    assert one == other
    assert results[0].choices == results[1].choices


def test_patches_of_a_stack_are_found_in_every_raster(scene):
    folder, cube = scene
    samples = np.load(folder / "samples.npy")
    np.save(folder / "samples2.npy", samples)
    more = {"extra_scenes": (cube.description,), "extra_samples": ("samples2.npy",)}
    alone = classified(scene, replace(SETTINGS, finish=MapFinish(sieve=30)))
    both = classified(scene, replace(SETTINGS, finish=MapFinish(sieve=30)), **more)
    assert both.accuracy.samples == 2 * alone.accuracy.samples
    assert both.accuracy.oa > both.choices.sieve.accuracy.oa
    assert sum(both.choices.sieve.mapped_pixels) == 40 * 44
    assert both.choices.sieve.changed < 40 * 44
