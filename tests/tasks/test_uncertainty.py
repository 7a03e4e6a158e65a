# SPDX-License-Identifier: GPL-2.0-or-later
"""The raster of uncertainty beside a map, by the worker's tasks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mtmsd_qgis.errors import SettingsError
from mtmsd_qgis.io.cube import Cube
from mtmsd_qgis.io.windows import whole
from mtmsd_qgis.jobs.protocol import Job
from mtmsd_qgis.jobs.settings import ClassificationSettings, to_json
from mtmsd_qgis.jobs.suggestions import REACHABLE_FILE
from mtmsd_qgis.progress import silent
from mtmsd_qgis.tasks.run import run
from tests.scenes import CLASSES, cube_of, fields, sample_table

HEIGHT, WIDTH = 40, 70
MIXED = (slice(12, 24), slice(30, 46))  # pixels halfway between two classes, without samples
SETTINGS = ClassificationSettings(split="spatial", block_size=8, ensemble=2, epochs=8)


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    folder = tmp_path_factory.mktemp("job")
    values, index = fields(HEIGHT, WIDTH)
    values = values.astype(np.float32)
    spectra = [values[:, index == number].mean(axis=1) for number in (0, 1)]
    noise = np.random.default_rng(3).normal(0, 60, values[(slice(None), *MIXED)].shape)
    values[(slice(None), *MIXED)] = np.mean(spectra, axis=0)[:, None, None] + noise
    outside = np.ones((HEIGHT, WIDTH), dtype=bool)
    outside[MIXED] = False
    samples = sample_table(index)
    np.save(folder / "samples.npy", samples[outside[samples[:, 0], samples[:, 1]]])
    return folder, cube_of(folder, values).description


def classified(scene, classifier="auto", buffer=0.0, **options):
    folder, cube = scene
    settings = to_json(replace(SETTINGS, classifier=classifier, buffer=buffer))
    job = Job("classify", settings, cube, samples="samples.npy", classes=CLASSES, options=options)
    return run(job, folder, silent)


def values_of(scene, raster):
    return Cube(scene[0], raster).read(whole(HEIGHT, WIDTH))


@pytest.mark.parametrize(
    ("classifier", "bands"), [("auto", ["entropy", "margin", "disagreement"]), ("linear", ["entropy", "margin"])]
)
def test_it_follows_from_the_probabilities_and_changes_none_of_them(scene, classifier, bands):
    folder = scene[0]
    classified(scene, classifier, probabilities=True)
    before = [(folder / f"{name}.raw").read_bytes() for name in ("map", "confidence", "probabilities")]
    result = classified(scene, classifier, probabilities=True, uncertainty=True)
    assert [(folder / f"{name}.raw").read_bytes() for name in ("map", "confidence", "probabilities")] == before
    assert [band.name for band in result.uncertainty.bands] == bands
    probabilities, found = values_of(scene, result.probabilities), values_of(scene, result.uncertainty)
    assert found.min() >= 0
    assert found.max() <= 1
    ordered = np.sort(probabilities, axis=0)
    assert np.allclose(found[1], ordered[-1] - ordered[-2], atol=1e-6)
    p = np.clip(probabilities, 1e-12, 1)
    assert np.allclose(found[0], -(p * np.log(p)).sum(axis=0) / np.log(len(CLASSES)), atol=1e-5)


def test_it_is_high_between_two_classes_and_depends_on_no_window(scene, monkeypatch):
    found = values_of(scene, classified(scene, uncertainty=True).uncertainty)
    mixed = found[(slice(None), *MIXED)].mean(axis=(1, 2))
    assert mixed[0] > 2 * found[0].mean()
    assert mixed[1] < found[1].mean() - 0.02
    assert mixed[2] > found[2].mean()
    monkeypatch.setattr("mtmsd_qgis.classification.auto.feature_reader._WINDOW_BYTES", 1)
    again = values_of(scene, classified(scene, uncertainty=True).uncertainty)
    assert np.abs(again - found).mean() < 1e-3


def test_without_the_option_there_is_none(scene):
    assert classified(scene).uncertainty is None


def suggested(scene, reachable=None, **more):
    if reachable is not None:
        reachable.astype(np.uint8).tofile(scene[0] / REACHABLE_FILE)
    settings = {"count": 6, "within_reach": reachable is not None}
    return classified(scene, suggestions=settings, **more).suggestions


def test_samples_are_suggested_where_the_map_is_not_sure(scene):
    found = suggested(scene)
    assert len(found) == 6
    rows, cols = np.array([(each.row, each.col) for each in found]).T
    inside = (rows >= 12) & (rows < 24) & (cols >= 30) & (cols < 46)
    assert sum(each.share for each, mixed in zip(found, inside) if mixed) > 0.3  # in 7 % of the scene
    labelled = {(row, col) for row, col, *_ in np.load(scene[0] / "samples.npy").tolist()}
    assert not labelled & {(each.row, each.col) for each in found}
    result = classified(scene, suggestions={"count": 6, "within_reach": False})
    ids, confidence, measures = (
        values_of(scene, raster) for raster in (result.map, result.confidence, result.uncertainty)
    )
    for each in found:
        assert each.class_id == ids[0, each.row, each.col] != each.runner_up_id
        assert each.confidence == confidence[0, each.row, each.col]
        assert each.margin == measures[1, each.row, each.col]
    assert [each.share for each in found] == sorted((each.share for each in found), reverse=True)
    assert suggested(scene) == found


def test_pixels_whose_samples_a_buffer_leaves_out_have_a_label_too(scene):
    found = classified(scene, "linear", buffer=3.0, suggestions={"count": 1000, "within_reach": False}).suggestions
    labelled = {(row, col) for row, col, *_ in np.load(scene[0] / "samples.npy").tolist()}
    assert len(found) == 1000
    assert not labelled & {(each.row, each.col) for each in found}


def test_only_pixels_within_reach_are_suggested(scene):
    reachable = np.zeros((HEIGHT, WIDTH), dtype=bool)
    reachable[30:, :20] = True
    found = suggested(scene, reachable)
    assert len(found) == 6
    assert all(reachable[each.row, each.col] for each in found)


def test_a_single_pixel_within_reach_is_suggested(scene):
    reachable = np.zeros((HEIGHT, WIDTH), dtype=bool)
    reachable[16, 33] = True
    assert [(each.row, each.col) for each in suggested(scene, reachable)] == [(16, 33)]


@pytest.mark.parametrize(
    ("reachable", "words"),
    [
        (None, "no pixel of the map is left that has no label yet."),
        (np.zeros((HEIGHT, WIDTH)), "no pixel of the map within REACHABLE_DISTANCE of the lines of REACHABLE is left"),
    ],
)
def test_without_a_pixel_to_suggest_the_map_is_made_all_the_same(tmp_path, caplog, reachable, words):
    values, index = fields(HEIGHT, WIDTH)
    cube = cube_of(tmp_path, values.astype(np.float32)).description
    np.save(tmp_path / "samples.npy", sample_table(index, 1) if reachable is None else sample_table(index))
    result = classified((tmp_path, cube), "linear")
    expected = (tmp_path / result.map.file).read_bytes()
    if reachable is not None:
        reachable.astype(np.uint8).tofile(tmp_path / REACHABLE_FILE)
    settings = {"count": 6, "within_reach": reachable is not None}
    result = classified((tmp_path, cube), "linear", suggestions=settings)
    assert result.suggestions == ()
    assert (tmp_path / result.map.file).read_bytes() == expected
    warnings = [record.getMessage() for record in caplog.records if "SUGGESTIONS" in record.getMessage()]
    assert len(warnings) == 1
    assert words in warnings[0]
    assert ("REACHABLE" in warnings[0]) == (reachable is not None)


def test_a_number_of_suggestions_out_of_range_is_refused(scene):
    with pytest.raises(SettingsError, match=r"1 to 1000\. Found: 0"):
        classified(scene, suggestions={"count": 0, "within_reach": False})
