# SPDX-License-Identifier: GPL-2.0-or-later
"""Weights of samples from the job to the map: every classifier follows them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from mtmsd_qgis.io.classifier_file import read_classifier_description
from mtmsd_qgis.jobs.json_dataclasses import to_json as as_json
from mtmsd_qgis.jobs.protocol import Job
from mtmsd_qgis.jobs.results import MapResult
from mtmsd_qgis.jobs.settings import CLASSIFIERS, ClassificationSettings, to_json
from mtmsd_qgis.progress import silent
from mtmsd_qgis.report.reports import classification_report
from mtmsd_qgis.tasks.run import run as run_task
from tests.scenes import CLASSES, cube_of

SIDE = 32
PAIR = CLASSES[:2]


@pytest.fixture
def scene(tmp_path):
    """Two classes, left and right; on the left two of three features have the label of the right."""
    rng = np.random.default_rng(0)
    index = np.zeros((SIDE, SIDE), dtype=np.int64)
    index[:, SIDE // 2 :] = 1
    spectra = np.array([[5.0, 1.0, 2.0], [1.0, 5.0, 4.0]])
    cube = cube_of(tmp_path, (spectra[index].transpose(2, 0, 1) + rng.normal(0, 0.3, (3, SIDE, SIDE))).astype("f4"))
    rows, cols = np.mgrid[0:SIDE:3, 0:SIDE:3].reshape(2, -1)
    group = np.arange(len(rows))
    wrong = (index[rows, cols] == 0) & (group % 3 > 0)
    table = np.stack([rows, cols, np.where(wrong, 1, index[rows, cols]), group], axis=1)
    np.save(tmp_path / "samples.npy", table)
    np.save(tmp_path / "weights.npy", np.where(wrong, 0.02, 5.0))
    np.save(tmp_path / "alike.npy", np.full(len(rows), 5.0))
    return tmp_path, cube, index


def classified(scene, classifier="linear", weights=None, **changes):
    folder, cube, _ = scene
    changes = {"split": "none", "ensemble": 1, "epochs": 30, "learning_rate": 1e-2, "block_size": 4, **changes}
    settings = ClassificationSettings(classifier=classifier, sample_weight_field=weights and "trust", **changes)
    outputs = {"classifier": str(folder / "c.mtmsdc")}
    job = Job("classify", to_json(settings), cube.description, "samples.npy", classes=PAIR, outputs=outputs)
    job = Job(**{**vars(job), "sample_weights": weights})
    result = run_task(job, folder, silent)
    return result, (folder / "map.raw").read_bytes() + (folder / "confidence.raw").read_bytes()


def left_is_right(scene):
    ids = np.fromfile(scene[0] / "map.raw", dtype=np.uint16).reshape(SIDE, SIDE)
    return (ids[:, : SIDE // 2] == PAIR[0].id).mean()


@pytest.mark.parametrize("split", ["none", "random"])
@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_samples_that_hardly_count_do_not_mislead(scene, classifier, split):
    plain, _ = classified(scene, classifier, split=split)
    assert left_is_right(scene) < 0.5
    weighted, _ = classified(scene, classifier, "weights.npy", split=split)
    assert left_is_right(scene) > 0.9
    assert plain.choices is None
    facts = weighted.choices.sample_weights
    assert (facts.field, facts.least) == ("trust", pytest.approx(facts.most / 250, rel=1e-3))
    assert facts.effective < 0.75 * facts.samples


@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_weights_that_are_all_alike_leave_the_same_bytes(scene, classifier):
    plain, content = classified(scene, classifier)
    weighted, same = classified(scene, classifier, "alike.npy")
    assert same == content
    assert weighted.choices is plain.choices is None


def test_report_json_and_classifier_file_name_the_field(scene):
    result, _ = classified(scene, weights="weights.npy", split="random")
    assert json.loads(json.dumps(as_json(result)))["choices"]["sample_weights"]["field"] == "trust"
    report = classification_report(result, {}, None)
    assert "Training samples count by the field trust" in report
    assert read_classifier_description(scene[0] / "c.mtmsdc").settings.sample_weight_field == "trust"
    assert isinstance(result, MapResult)


def test_class_weights_by_samples_count_them_by_their_weights(scene):
    result, _ = classified(scene, weights="weights.npy", class_weights="samples")
    table, weights = np.load(scene[0] / "samples.npy"), np.load(scene[0] / "weights.npy")
    expected = np.bincount(table[:, 2], weights[table[:, 3]]) / weights[table[:, 3]].sum()
    assert result.choices.class_weights.shares == pytest.approx(tuple(expected))
