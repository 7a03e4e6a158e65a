# SPDX-License-Identifier: GPL-2.0-or-later
"""What a report says of figures that few samples, or samples of one class, cannot give."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mtmsd_qgis.accuracy.calibration import evaluate_confidence
from mtmsd_qgis.accuracy.metrics import evaluate
from mtmsd_qgis.jobs.results import CampaignResult, MappedScene
from mtmsd_qgis.report.campaign_report import campaign_report
from mtmsd_qgis.report.reports import classification_report
from tests.report.test_reports import accuracy, classification


def test_few_groups_do_not_tell_a_wrong_confidence_from_chance():
    figures = accuracy()
    few = evaluate_confidence(np.full(100, 0.85), np.arange(100) % 10 < 7, np.arange(100) // 20)
    page = classification_report(classification(accuracy=replace(figures, calibration=few)), {})
    assert "lies in 5 spatial groups" in page
    assert "too few to say whether the confidence is wrong" in page
    assert "; 5 spatial groups cannot tell it from chance" in page
    assert "under perfect calibration" not in page
    assert "with perfect calibration" not in page


def test_a_single_class_of_reference_samples_makes_kappa_say_nothing():
    mapped = np.repeat([0, 1], [70, 30])
    for reference, words in ((mapped * 0, "Kappa is 0 because the reference has"), (mapped, "")):
        figures = evaluate(reference, mapped, np.arange(100), 2)
        page = classification_report(classification(accuracy=figures), {})
        assert ("Kappa is 0" in page) == bool(words)
        assert words in page


def test_the_table_of_scenes_says_what_counts_twice_and_calls_no_rare_class_0():
    scenes = (MappedScene("0001", "may.tif", (99_997, 3)), MappedScene("0002", "june.tif", (50, 50)))
    page = campaign_report(CampaignResult(**vars(classification()), scenes=scenes), {})
    assert "scenes of another grid, as of another UTM zone, count there once more" in page
    assert '<td class="name">may.tif</td><td>100000</td><td>99.997</td><td>0.003</td>' in page
