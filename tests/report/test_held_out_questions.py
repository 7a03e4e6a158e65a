# SPDX-License-Identifier: GPL-2.0-or-later
"""What the report says of the questions that held-out training samples answer: are features of use, is context?"""

from __future__ import annotations

from dataclasses import replace

import pytest

from mtmsd_qgis.jobs.feature_gain import FeatureGain
from mtmsd_qgis.jobs.results import ContextSummary
from mtmsd_qgis.report.reports import classification_report
from tests.report.test_reports import ENSEMBLE, classification


@pytest.mark.parametrize(
    ("gain", "error", "used", "expected"),
    [
        (
            2.7,
            0.6,
            True,
            "The diffusion features add 2.7 ± 0.6 percentage points of accuracy; the classifier uses them.",
        ),
        (
            -2.7,
            0.6,
            False,
            "The diffusion features cost 2.7 ± 0.6 percentage points of accuracy; the classifier does not",
        ),
        (
            0.9,
            0.5,
            True,
            "The held-out samples show no certain effect of the diffusion features (+0.9 ± 0.5 percentage points)",
        ),
        (
            -0.9,
            0.5,
            False,
            "effect of the diffusion features (−0.9 ± 0.5 percentage points); the classifier does not use them.",
        ),
        (
            5.0,
            None,
            True,
            "no certain effect of the diffusion features (+5.0 percentage points); the classifier uses them.",
        ),
        (
            -0.04,
            0.1,
            True,
            "no certain effect of the diffusion features (+0.0 ± 0.1 percentage points); the classifier uses them.",
        ),
        (
            0.0,
            0.0,
            True,
            "no certain effect of the diffusion features (+0.0 ± 0.0 percentage points); the classifier uses them.",
        ),
    ],
)
def test_what_the_diffusion_features_add_is_said_in_one_sentence(gain, error, used, expected):
    facts = FeatureGain(60 + gain, 60.0, gain, error, 1000, "groups", used)
    page = classification_report(classification(ensemble=replace(ENSEMBLE, feature_gain=facts)), {})
    assert expected in page
    assert "on the same 1000 training samples; whole polygons were held out" in page
    assert "What the diffusion features add" not in classification_report(classification(), {})


def test_whether_spatial_context_is_used():
    used, alone, random = (
        classification_report(classification(ensemble=replace(ENSEMBLE, context=context)), {})
        for context in (ENSEMBLE.context, ContextSummary(False, 0.5, 0.4), None)
    )
    assert "Spatial context is used" in used
    assert "Brier score 0.310 with it and 0.420 without (lower is better)" in used
    assert "rest on its own values alone" in alone
    assert "Brier score 0.500 with it and 0.400 without (lower is better)" in alone
    older = classification_report(classification(ensemble=replace(ENSEMBLE, context=ContextSummary(True))), {})
    assert "Spatial context is used" in older
    assert "Brier" not in older
    assert "Spatial context" not in random
