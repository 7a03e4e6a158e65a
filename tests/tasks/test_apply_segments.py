# SPDX-License-Identifier: GPL-2.0-or-later
"""A classifier from a file by segments: on its own scene the bytes of the run that it comes from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from mtmsd_qgis.classification.segments.segment_features import SegmentFeatures
from mtmsd_qgis.classification.segments.segment_rules import LearntRule
from mtmsd_qgis.errors import Cancelled, MtmsdError
from mtmsd_qgis.io.classifier_file import read_classifier_description
from mtmsd_qgis.io.cube import Cube
from mtmsd_qgis.io.run_directory import RunDirectory
from mtmsd_qgis.jobs.choice_results import SegmentFacts
from mtmsd_qgis.jobs.data_model import FeatureLayout
from mtmsd_qgis.jobs.protocol import Job
from mtmsd_qgis.jobs.settings import (
    ApplySettings,
    ClassificationSettings,
    ExtractionSettings,
    PretrainSettings,
    to_json,
)
from mtmsd_qgis.progress import silent
from mtmsd_qgis.tasks.run import run
from tests.scenes import CLASSES, cube_of, fields, sample_table

SETTINGS = ClassificationSettings(classifier="linear", split="random", block_size=8)
WANTED = {"tokens": True, "probabilities": True}
NAMES = ("map-segments", "confidence-segments", "probabilities-segments", "segments", "segment-table")


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """Fields so noisy that their pixels are often mistaken, samples of them, and a model."""
    folder = tmp_path_factory.mktemp("scene")
    values, index = fields(64, 80, bands=6)
    noise = np.random.default_rng(1).normal(0, 1800, values.shape)
    np.save(folder / "samples.npy", sample_table(index, 5))
    cube = cube_of(folder, (values + 6000 + noise).astype(np.float32))
    settings = PretrainSettings(components=4, patch_size=16, iterations=4, batch_size=4)
    run(Job("pretrain", to_json(settings), cube.description, outputs={"model": str(folder / "m")}), folder, silent)
    return folder, cube


def classified(made, out, settings, **parts):
    """The classifier's file and the result of a run that maps plain bands."""
    folder, cube = made
    job = Job(
        "classify",
        to_json(settings),
        parts.pop("scene", cube.description),
        samples="samples.npy",
        classes=CLASSES,
        outputs={"classifier": str(out / "c.mtmsdc")},
        options=WANTED,
        **parts,
    )
    return out / "c.mtmsdc", run(job, folder, silent)


def applied(scene, classifier, segments, progress=silent, folder=None, **parts):
    home, cube = scene
    inputs = {"classifier": str(classifier), "model": str(home / "m")}
    job = Job("applyclassifier", to_json(ApplySettings(segments=segments)), cube.description, options=WANTED)
    return run(replace(job, inputs=inputs, **parts), folder or home, progress)


def rasters(folder, names=NAMES):
    """Bytes of what a run has left, which is then taken away."""
    found = {}
    for name in names:
        found[name] = (folder / f"{name}.raw").read_bytes()
        (folder / f"{name}.raw").unlink()
    return found


@pytest.mark.parametrize(("classifier", "split", "asked"), [("linear", "random", 50), ("auto", "block", 0)])
def test_plain_bands_have_the_same_bytes(scene, tmp_path, classifier, split, asked):
    settings = replace(SETTINGS, classifier=classifier, split=split, segments=asked)
    path, learnt = classified(scene, tmp_path, settings)
    expected = rasters(scene[0])
    result = applied(scene, path, asked)
    assert rasters(scene[0]) == expected
    before, after = learnt.choices.segments, result.choices.segments
    assert after.used
    assert (after.count, after.pixels, after.changed) == (before.count, before.pixels, before.changed)
    assert after.mapped_pixels == before.mapped_pixels
    assert result.mapped_pixels == learnt.mapped_pixels
    stored = read_classifier_description(path).segments
    assert stored == replace(before, changed=0, mapped_pixels=(), accuracy=None)
    assert ("as given" if asked else "the size of the map that the classifier was learnt with") in after.sentence


def test_scenes_and_feature_rasters_have_the_same_bytes(scene, tmp_path):
    folder, cube = scene
    extraction = ExtractionSettings(timesteps=(50, 100), stages=(1, 5), keep=20)
    settings = replace(SETTINGS, segments=50)
    parts = {"samples": "samples.npy", "classes": CLASSES, "inputs": {"model": str(folder / "m")}, "options": WANTED}
    both = {"extract": to_json(extraction), "classify": to_json(settings)}
    outputs = {"classifier": str(tmp_path / "c.mtmsdc")}
    run(Job("mapscene", both, cube.description, outputs=outputs, **parts), folder, silent)
    expected = rasters(folder)
    applied(scene, tmp_path / "c.mtmsdc", 0)
    assert rasters(folder) == expected

    job = Job("extract", to_json(extraction), cube.description, inputs={"model": str(folder / "m")})
    features = run(job, folder, silent)
    path, _ = classified(scene, tmp_path, settings, scene=features.raster, layout=features.layout)
    expected = rasters(folder)
    applied((folder, Cube(folder, features.raster)), path, 0, layout=features.layout)
    assert rasters(folder) == expected


def test_a_classifier_learnt_without_segments_needs_a_size(scene, tmp_path):
    path, _ = classified(scene, tmp_path, SETTINGS)
    assert read_classifier_description(path).segments is None
    with pytest.raises(MtmsdError, match="SUPERTOKENS 0 takes the size of segments that the classifier was learnt"):
        applied(scene, path, 0)
    facts = applied(scene, path, 50).choices.segments
    assert facts.used
    assert facts.sentence.endswith("as given.")


def test_no_segments_and_segments_of_a_pixel_are_the_map_by_pixels(scene, tmp_path):
    path, _ = classified(scene, tmp_path, replace(SETTINGS, segments=50))
    expected = None
    for segments in (None, 1):
        result = applied(scene, path, segments)
        assert result.choices is None
        assert result.tokens is None
        found = rasters(scene[0], ("map", "confidence", "probabilities"))
        assert expected in (None, found)
        expected = found


def test_where_classes_mix_segments_decide_nothing_there_either(tmp_path):
    rng = np.random.default_rng(0)
    index = rng.integers(0, 3, (60, 60))
    np.save(tmp_path / "samples.npy", sample_table(index, 4))
    mixed = tmp_path, cube_of(tmp_path, (rng.normal(2000, 30, (6, 60, 60)) + 40 * index).astype(np.float32))
    path, learnt = classified(mixed, tmp_path, replace(SETTINGS, segments=0))
    assert not learnt.choices.segments.used
    by_pixels = rasters(tmp_path, ("map", "segments"))
    result = applied(mixed, path, 0)
    assert not result.choices.segments.used
    assert "There: Segments (SUPERTOKENS) do not decide the map: even of" in result.choices.segments.sentence
    assert result.tokens is not None  # asked for, and shown
    assert rasters(tmp_path, ("map", "segments")) == by_pixels
    assert applied(mixed, path, 50).choices.segments.used  # as given


def test_a_size_that_was_not_pure_enough_is_off_there_too(scene):
    folder, cube = scene
    features = SegmentFeatures.fit(
        cube, FeatureLayout(features=cube.bands), cube.description.bands, torch.device("cpu")
    )
    learnt = SegmentFacts(0, 50, 90, used=False, sentence="Even of 50.")
    cut = LearntRule(learnt).cut(features.write(RunDirectory(folder), silent), 0, silent)
    assert not cut.fits
    assert cut.segments.pixels == 50
    assert cut.sentence.endswith("There: Even of 50.")


def test_a_stopped_run_goes_on_to_the_same_bytes(scene, tmp_path):
    path, _ = classified(scene, tmp_path, replace(SETTINGS, segments=50))
    expected = rasters(scene[0])
    kept = tmp_path / "kept"

    def stopping(fraction, text):
        if "loose parts" in text:
            raise Cancelled

    outputs = {"checkpoint": str(kept)}
    with pytest.raises(Cancelled):
        applied(scene, path, 0, stopping, outputs=outputs)
    applied(scene, path, 0, outputs=outputs)
    assert rasters(kept) == expected
