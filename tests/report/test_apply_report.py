# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from mtmsd_qgis.jobs.feature_gain import FeatureGain
from mtmsd_qgis.jobs.json_dataclasses import to_json
from mtmsd_qgis.jobs.results import ApplyResult
from mtmsd_qgis.jobs.settings import ApplySettings
from mtmsd_qgis.report.apply_report import apply_json, apply_report, expected_accuracy
from tests.classifier_descriptions import a_description
from tests.report.test_reports import COMPUTATION, CUBE, ENSEMBLE, Balanced
from tests.report.test_transfer_tables import CLASSES, FACTS

GAIN = FeatureGain(62.7, 60.0, 2.7, 0.6, 1000, "groups", used=True)
CELLS = {"50": {"3": 0.0, "5": 0.05}, "100": {"3": 0.004, "5": 0.31}}
RESULT = ApplyResult(
    folder="f",
    map=CUBE,
    confidence=CUBE,
    probabilities=None,
    applicability=None,
    classes=CLASSES,
    mapped_pixels=(300, 100),
    transfer=FACTS,
    settings=ApplySettings(),
    computation=COMPUTATION,
    seconds=1.0,
)


def test_a_map_that_nothing_speaks_against_is_no_more_right_than_there():
    assert expected_accuracy(a_description()) == (
        "In the scene that it was learnt from, the classifier has an overall accuracy of 70.0 %. Expect no more here."
    )
    assert expected_accuracy(a_description(accuracy=None)).endswith("is not known.")


def test_what_features_add_is_told_of_the_scene_that_was_learnt_from():
    classifier = a_description(ensemble=replace(ENSEMBLE, feature_gain=GAIN), cell_weights=CELLS)
    page = apply_report(RESULT, classifier, {}, None)
    parser = Balanced()
    parser.feed(page)
    assert parser.open == []
    assert "<h2>What the diffusion features add in the scene that was learnt from</h2>" in page
    assert (
        "In the scene that was learnt from, the diffusion features add 2.7 ± 0.6 percentage points of accuracy; the "
        "classifier uses them."
    ) in page
    assert "on the same 1000 training samples" in page
    assert "It does not tell what they add in another scene." in page
    table = page.split("uses in the scene that was learnt from: timestep and stage together</h2>")[1]
    assert "In the scene that was learnt from, of all cells, t = 100 at stage 5 counts most, with 31 %" in table
    assert re.findall(r"<td[^>]*>([^<]*)</td>", table.split("</table>")[0]) == ["0", "0.4", "5.0", "31"]
    document = json.loads(apply_json(RESULT, classifier, {}, None))
    assert document["source_feature_gain"] == to_json(GAIN)
    assert document["source_cell_weights"] == CELLS


@pytest.mark.parametrize("ensemble", [None, ENSEMBLE])
def test_nothing_is_told_of_features_where_nothing_is_known_of_their_value(ensemble):
    classifier = a_description(ensemble=ensemble)
    page = apply_report(RESULT, classifier, {}, None)
    assert "diffusion features add" not in page
    assert "timestep and stage" not in page
    document = json.loads(apply_json(RESULT, classifier, {}, None))
    assert (document["source_feature_gain"], document["source_cell_weights"]) == (None, None)
