# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

from dataclasses import replace

from mtmsd_qgis.jobs.data_model import ClassEntry
from mtmsd_qgis.jobs.explanation.pixel_explanation import GroupPart, ModelPart, PixelExplanation, PointToExplain
from mtmsd_qgis.report.explanation.explanation_tables import explanation_parts

CLASSES = (ClassEntry(1, "wheat <winter>"), ClassEntry(2, "maize"))
EXPLANATION = PixelExplanation(
    point=PointToExplain(4, 9, "12"),
    class_id=1,
    runner_up_id=2,
    confidence=0.83,
    log_odds=1.6,
    start=0.1,
    prior=0.0,
    cut=0.0,
    supporting=(GroupPart(7, 1, 30, 5, 8, 1.75, x=512345.5, y=5800123.5),),
    opposing=(GroupPart(3, 2, 12, 40, 2, -0.5),),
    others=0.25,
    groups=9,
    models=(ModelPart("LDA on spectra", 1.6),),
)


def test_polygons_rest_and_models_have_rows():
    text = "".join(explanation_parts((EXPLANATION,), CLASSES))
    for words in (
        "Point 12: wheat &lt;winter&gt;, confidence 0.83",
        "Row 5, column 10",
        "Feature 7, at 512346, 5800124",
        "Feature 3, row 41, column 3",
        "+1.750",
        "\u22120.500",
        "The other 7 polygons",
        "Log odds of wheat &lt;winter&gt; against maize",
        "LDA on spectra",
    ):
        assert words in text, words
    assert "beforehand" not in text  # nothing to say


def test_what_the_models_say_and_the_prior_sum_to_the_log_odds():
    prior = replace(EXPLANATION, prior=0.4, models=(ModelPart("LDA on spectra", 1.2),), groups=3)
    text = "".join(explanation_parts((prior,), CLASSES))
    assert "The other 1 polygon<" in text
    places = [text.split("The same by models")[1].index(part) for part in ("+1.200", "beforehand", "+0.400", "+1.600")]
    assert places == sorted(places)


def test_nothing_where_nothing_was_asked():
    assert explanation_parts(None, CLASSES) == []
    assert explanation_parts((), CLASSES) == []
