# SPDX-License-Identifier: GPL-2.0-or-later
"""EXPLAIN, from the job to the result: what is explained is what the map says."""

from __future__ import annotations

import json

import numpy as np
import pytest

from mtmsd_qgis.errors import SettingsError
from mtmsd_qgis.jobs.explanation.pixel_explanation import MOST_POINTS
from mtmsd_qgis.jobs.extras.extra_rasters import ExtraInputs
from mtmsd_qgis.jobs.json_dataclasses import from_json
from mtmsd_qgis.jobs.json_dataclasses import to_json as result_json
from mtmsd_qgis.jobs.protocol import Job
from mtmsd_qgis.jobs.results import MapResult
from mtmsd_qgis.jobs.settings import ClassificationSettings, ExtractionSettings, PretrainSettings, to_json
from mtmsd_qgis.progress import silent
from mtmsd_qgis.report.reports import classification_report
from mtmsd_qgis.tasks.run import run as run_task
from tests.scenes import CLASSES, cube_of, fields, sample_table

LEFT = 10  # columns without data
POINTS = [{"row": 20, "col": 15, "name": "7"}, {"row": 3, "col": 2, "name": "8"}, {"row": 44, "col": 45, "name": "9"}]
CLASSIFY = ClassificationSettings(split="none", block_size=8)


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    folder = tmp_path_factory.mktemp("job")
    values, index = fields(46, 50, bands=6)
    values[:, :, :LEFT] = -9999
    table = sample_table(index, 4)
    table[:, 3] = table[:, 0] // 8 * 100 + table[:, 1] // 8
    np.save(folder / "samples.npy", table[table[:, 1] >= LEFT])
    return folder, cube_of(folder, values, nodata=-9999)


def job_for(scene, task, *, points=POINTS, settings=CLASSIFY, **parts):
    cube = scene[1]
    values = to_json(settings)
    if task == "mapscene":
        pretrain = PretrainSettings(components=4, patch_size=16, iterations=4, batch_size=2)
        extract = ExtractionSettings(timesteps=(100, 200), stages=(1, 5), keep=12)
        values = {"pretrain": to_json(pretrain), "extract": to_json(extract), "classify": values}
    options = {} if points is None else {"explain": points}
    return Job(task, values, cube.description, samples="samples.npy", classes=CLASSES, options=options, **parts)


@pytest.mark.parametrize(("task", "weights"), [("classify", None), ("classify", "even"), ("mapscene", None)])
def test_what_is_explained_is_what_the_map_says(scene, caplog, task, weights):
    folder = scene[0]
    settings = ClassificationSettings(split="none", block_size=8, class_weights=weights)
    plain = run_task(job_for(scene, task, points=None, settings=settings), folder, silent)
    before = (folder / "map.raw").read_bytes() + (folder / "confidence.raw").read_bytes()
    result = run_task(job_for(scene, task, settings=settings), folder, silent)
    assert plain.explanations is None
    assert (folder / "map.raw").read_bytes() + (folder / "confidence.raw").read_bytes() == before
    mapped = np.fromfile(folder / "map.raw", "<u2").reshape(46, 50)
    confidence = np.fromfile(folder / "confidence.raw", "<f4").reshape(46, 50)
    assert [each.point.name for each in result.explanations] == ["7", "9"]
    assert "no data, left out: 8" in caplog.text
    for each in result.explanations:
        place = each.point.row, each.point.col
        assert each.class_id == mapped[place]
        assert each.confidence == pytest.approx(float(confidence[place]), abs=1e-4)
        groups = [*each.supporting, *each.opposing]
        total = each.start + each.prior + each.cut + each.others + sum(group.part for group in groups)
        assert total == pytest.approx(each.log_odds, abs=2e-5)
        assert sum(model.part for model in each.models) + each.prior == pytest.approx(each.log_odds, abs=2e-5)
        own = np.load(folder / "samples.npy")
        for group in groups:
            at = (own[:, 0] == group.row) & (own[:, 1] == group.col)
            assert own[at, 3].tolist() == [group.feature]
    kind = type(result)
    assert from_json(kind, json.loads(json.dumps(result_json(result)))).explanations == result.explanations
    text = classification_report(result, {})
    assert "Why these pixels" in text
    assert "Point 9" in text
    assert "Why these pixels" not in classification_report(plain, {})
    assert issubclass(kind, MapResult)


def test_what_cannot_be_explained_is_refused_before_it_is_learnt(scene):
    folder, _ = scene
    heard = []
    linear = ClassificationSettings(classifier="linear", split="none")
    with pytest.raises(SettingsError, match="EXPLAIN needs the classifier 'auto'"):
        run_task(job_for(scene, "classify", settings=linear), folder, lambda fraction, text: heard.append(text))
    with pytest.raises(SettingsError, match="without extra rasters or texture"):
        run_task(job_for(scene, "classify", extras=ExtraInputs(texture=True)), folder, silent)
    assert not heard


def test_too_many_points_are_refused(scene):
    points = [{"row": 20, "col": 15, "name": str(i)} for i in range(MOST_POINTS + 1)]
    with pytest.raises(SettingsError, match="up to 100 points, found 101"):
        run_task(job_for(scene, "classify", points=points), scene[0], silent)
