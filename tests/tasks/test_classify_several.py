# SPDX-License-Identifier: GPL-2.0-or-later
"""A classification that learns from several rasters: the stack they are read as, the split by scenes, the map."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from mtmsd_qgis.classification.classifier_file import load_classifier
from mtmsd_qgis.errors import SamplesError, SceneError
from mtmsd_qgis.io.cube import Cube
from mtmsd_qgis.io.raster_stack import RasterStack
from mtmsd_qgis.io.windows import Window, whole
from mtmsd_qgis.jobs.data_model import Band, FeatureLayout
from mtmsd_qgis.jobs.protocol import Job, read_job, write_job
from mtmsd_qgis.jobs.settings import CLASSIFIERS, ApplySettings, ClassificationSettings, to_json
from mtmsd_qgis.progress import silent
from mtmsd_qgis.sampling.splits import scene_split
from mtmsd_qgis.tasks.run import run
from mtmsd_qgis.transfer.feature_matching import same_feature_bands
from tests.scenes import CLASSES, cube_of, fields, sample_table

SETTINGS = ClassificationSettings(ensemble=1, epochs=3, validation_share=0.4, block_size=8)


def test_a_stack_reads_each_raster_at_its_place_and_nothing_between(tmp_path):
    one, two = (np.full((2, *size), value, np.float32) for value, size in ((1, (5, 4)), (2, (3, 6))))
    stack = RasterStack([cube_of(tmp_path, one, name="one"), cube_of(tmp_path, two, name="two")], 7)
    assert (stack.height, stack.width, stack.bands, stack.tops.tolist()) == (5 + 7 + 3, 6, 2, [0, 12])
    expected = np.full((15, 6), np.nan)
    expected[:5, :4], expected[12:] = 1, 2
    assert np.array_equal(stack.read(whole(15, 6), [1])[0], expected, equal_nan=True)
    framed = np.pad(expected, 3, constant_values=np.nan)
    assert np.array_equal(stack.read(Window(-3, -3, 21, 12))[0], framed, equal_nan=True)
    assert np.array_equal(stack.filled([0]), np.isfinite(expected))
    assert stack.scene_of(np.array([0, 4, 12, 14])).tolist() == [0, 0, 1, 1]


def scene(folder, size, name, seed):
    """Fields with the spectra of the first scene in another place, a cube and the samples of every fourth row."""
    height, width = size
    _, index = fields(height, width)
    spectra = np.random.default_rng(0).uniform(500, 3000, size=(3, 8))
    noise = np.random.default_rng(seed).normal(0, 60, size=(8, height, width))
    table = sample_table(index)
    np.save(folder / f"{name}.npy", table[table[:, 0] % 4 == 0])
    return cube_of(folder, (spectra[index].transpose(2, 0, 1) + noise).astype(np.float32), name=name), index


def classified(folder, settings=SETTINGS, **job):
    cube, index = scene(folder, (40, 44), "scene", 1)
    other, _ = scene(folder, (56, 32), "other", 2)
    parts = {
        "samples": "scene.npy",
        "extra_scenes": (other.description,),
        "extra_samples": ("other.npy",),
        "classes": CLASSES,
        "options": {"probabilities": True},
        **job,
    }
    write_job(Job("classify", to_json(settings), cube.description, **parts), folder)
    return run(read_job(folder), folder, silent), index


@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_the_map_is_that_of_the_first_raster(tmp_path, classifier):
    result, index = classified(tmp_path, replace(SETTINGS, classifier=classifier, epochs=60, split="scene"))
    mapped = Cube(tmp_path, result.map).read(whole(40, 44))[0]
    assert (mapped == np.array([entry.id for entry in CLASSES])[index]).mean() > 0.95
    assert sum(result.mapped_pixels) == 40 * 44
    confidence = Cube(tmp_path, result.confidence).read(whole(40, 44))[0]
    probabilities = Cube(tmp_path, result.probabilities).read(whole(40, 44))
    assert np.array_equal(probabilities.max(axis=0), confidence)
    assert result.split.method == "scene"
    assert result.split.sentence.startswith("1 of 2 scenes, ")
    held_out = sum(result.split.validation_samples)
    assert held_out in (len(np.load(tmp_path / "scene.npy")), len(np.load(tmp_path / "other.npy")))
    assert result.split.validation_outside_map == 0
    assert result.accuracy.oa > 90


def test_samples_of_another_raster_are_enough(tmp_path):
    scene(tmp_path, (40, 44), "scene", 1)
    np.save(tmp_path / "none.npy", np.empty((0, 4), np.int64))
    result, index = classified(tmp_path, replace(SETTINGS, split="spatial"), samples="none.npy")
    mapped = Cube(tmp_path, result.map).read(whole(40, 44))[0]
    assert (mapped == np.array([entry.id for entry in CLASSES])[index]).mean() > 0.95
    assert result.accuracy.oa > 90


def test_a_classifier_of_several_rasters_is_kept(tmp_path):
    path = tmp_path / "c.mtmsdc"
    result, _ = classified(tmp_path, outputs={"classifier": str(path)})
    description = load_classifier(path, torch.device("cpu")).description
    assert (description.source.height, description.source.width) == (40, 44)
    assert description.split == result.split


@pytest.mark.parametrize("asked", [40, 0])
def test_segments_are_those_of_the_scene_alone(tmp_path, asked):
    settings = replace(SETTINGS, classifier="linear", split="random", segments=asked)
    path, options = tmp_path / "c.mtmsdc", {"tokens": True}
    result, _ = classified(tmp_path, settings, outputs={"classifier": str(path)}, options=options)
    assert result.choices.segments.used
    kept = [(tmp_path / part.file).read_bytes() for part in (result.map, result.tokens, result.token_table)]
    job = Job(
        "applyclassifier",
        to_json(ApplySettings(segments=asked)),
        scene(tmp_path, (40, 44), "scene", 1)[0].description,
        inputs={"classifier": str(path)},
        options=options,
    )
    again = run(job, tmp_path, silent)
    assert [(tmp_path / part.file).read_bytes() for part in (again.map, again.tokens, again.token_table)] == kept
    found, alone = result.choices.segments, again.choices.segments
    assert (found.count, found.pixels, found.changed) == (alone.count, alone.pixels, alone.changed)
    assert Cube(tmp_path, result.tokens).read(whole(40, 44)).max() == found.count
    assert result.token_table.height == found.count


def test_a_further_raster_without_data_has_no_segments(tmp_path):
    empty = cube_of(tmp_path, np.full((8, 30, 32), np.nan, np.float32), name="empty").description
    np.save(tmp_path / "none.npy", np.empty((0, 4), np.int64))
    settings = replace(SETTINGS, classifier="linear", split="random", segments=40)
    result, _ = classified(tmp_path, settings, extra_scenes=(empty,), extra_samples=("none.npy",))
    assert result.choices.segments.count == pytest.approx(40 * 44 / 40, rel=0.2)


@pytest.mark.parametrize(
    ("job", "message"),
    [
        ({"extra_scenes": (), "extra_samples": ()}, "samples in at least two rasters were expected"),
        ({"extra_samples": ()}, "A table of samples was expected for each of the 1 further rasters"),
    ],
)
def test_what_cannot_be_held_out_by_scenes_is_refused(tmp_path, job, message):
    with pytest.raises(SamplesError, match=message):
        classified(tmp_path, replace(SETTINGS, split="scene"), **job)
    assert not (tmp_path / "map.raw").exists()


def test_whole_scenes_are_held_out():
    classes = np.array([0, 1] * 30)
    scenes = np.repeat([0, 1, 2], 20)
    split = scene_split(classes, scenes, 0.3, 0)
    assert [split.held_out[scenes == number].mean() for number in range(3)].count(1.0) == 1
    assert split.held_out.sum() == 20
    alone = scene_split(classes, np.repeat([0, 1], 30), 0.3, 0)
    assert alone.held_out.sum() == 30
    lacking = scene_split(np.array([0, 0, 1, 1]), np.array([0, 0, 1, 1]), 0.5, 0)
    assert (lacking.held_out.sum(), lacking.method) == (0, "scene")
    assert "without any one of the scenes" in lacking.sentence


LAYOUT = FeatureLayout(timesteps=(50, 200), features=2, names=("s1 c1", "s5 c2"), spectra=1, model="a" * 64)
BANDS = [Band(f"f{i}") for i in range(4)] + [Band("spectrum B1")]


def test_features_are_found_by_timestep_and_name():
    other = replace(LAYOUT, timesteps=(200, 50), features=3, names=("s5 c2", "s9", "s1 c1"))
    bands = [Band(f"g{i}") for i in range(6)] + [Band("spectrum B1")]
    assert same_feature_bands((LAYOUT, BANDS), (other, bands), ("a", "b")) == [5, 3, 2, 0, 6]


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (None, "a is a feature raster and b is none"),
        (replace(LAYOUT, model="b" * 64), "Features of one diffusion model were expected"),
        (replace(LAYOUT, timesteps=(50, 300)), "b lacks timestep 200. Extract both"),
        (replace(LAYOUT, names=("s1 c1", "s5 c3")), "b lacks feature s5 c2. Extract both"),
        (replace(LAYOUT, names=(), features=3), "4 features as in a were expected, b has 6"),
        (replace(LAYOUT, spectra=0), "b has no spectra"),
    ],
)
def test_other_features_are_refused(found, message):
    with pytest.raises(SceneError) as refusal:
        same_feature_bands((LAYOUT, BANDS), (found, BANDS), ("a", "b"))
    assert message in str(refusal.value)
