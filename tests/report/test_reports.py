# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from mtmsd_qgis.accuracy.calibration import evaluate_confidence
from mtmsd_qgis.accuracy.metrics import evaluate
from mtmsd_qgis.jobs.accuracy_results import AccuracyFigures, CalibrationBin
from mtmsd_qgis.jobs.choice_results import ChoiceFacts, ClassWeightFacts, RejectFacts
from mtmsd_qgis.jobs.data_model import Band, ClassEntry, CubeFile
from mtmsd_qgis.jobs.feature_gain import FeatureGain
from mtmsd_qgis.jobs.json_dataclasses import from_json, to_json
from mtmsd_qgis.jobs.results import (
    BandLeftOut,
    Computation,
    ContextSummary,
    DenoisedPatch,
    EnsembleSummary,
    MapResult,
    ModelSummary,
    PretrainResult,
    PurificationFacts,
    SplitFacts,
)
from mtmsd_qgis.jobs.settings import CLASSIFIERS, ClassificationSettings, PretrainSettings
from mtmsd_qgis.report.export import accuracy_csv, accuracy_json
from mtmsd_qgis.report.html import cards
from mtmsd_qgis.report.reports import classification_notes, classification_report, pretraining_report

CLASSES = (ClassEntry(1, "water <deep>", "#0000ff"), ClassEntry(7, "wood", "#008800"))
CUBE = CubeFile("map.raw", 20, 20, "uint16", (Band("class"),))
COMPUTATION = Computation("CPU (2 threads)", "asked for", "2.13.0")
SPLIT = SplitFacts("spatial", "Whole polygons were held out.", (), (5, 6), (50, 50), 0)
ENSEMBLE = EnsembleSummary(
    models=(ModelSummary("LDA on spectra", 0.7, 0.61), ModelSummary("Kernel ridge on spectra", 0.0, 0.5)),
    accuracy=0.63,
    folds="groups",
    split="spatial",
    context=ContextSummary(reliable=True, brier_with=0.31, brier_without=0.42),
)


def accuracy() -> AccuracyFigures:
    reference, mapped = np.repeat([0, 1], 50), np.repeat([0, 1, 0, 1], [40, 10, 20, 30])
    right, group = np.arange(100) % 10 < 7, np.arange(100) // 5
    figures = evaluate(reference, mapped, group, 2)
    return replace(figures, calibration=evaluate_confidence(np.full(100, 0.85), right, group))


def classification(**changes) -> MapResult:
    result = MapResult(
        map=CUBE,
        confidence=CUBE,
        probabilities=None,
        accuracy=accuracy(),
        split=SPLIT,
        classes=CLASSES,
        mapped_pixels=(300, 100),
        timesteps=(50, 100),
        timestep_weights={"50": 0.25, "100": 0.75},
        stage_weights={"spectra": 0.5, "3": 0.2, "5": 0.3},
        features_per_timestep=12,
        purification=PurificationFacts("clusters", ""),
        settings=ClassificationSettings(),
        computation=COMPUTATION,
        ensemble=ENSEMBLE,
        seconds=12.3,
    )
    return replace(result, **changes)


def pretraining() -> PretrainResult:
    return PretrainResult(
        model="m.mtmsd",
        final_loss=0.37,
        iterations=100,
        rollbacks=2,
        loss_curve=((1, 1.0), (50, 0.5), (100, 0.37)),
        components=25,
        explained_share=0.9901,
        bands_used=(1, 2),
        bands_left_out=(BandLeftOut(3, "", "constant (7)"),),
        denoised=(DenoisedPatch(0, 50, "data:a", "data:b", "data:c"),),
        settings=PretrainSettings(iterations=100),
        computation=COMPUTATION,
    )


class Balanced(HTMLParser):
    """Fails on tags that are not closed in order."""

    VOID = frozenset({"meta", "img", "br"})

    def __init__(self):
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.parametrize(
    "page",
    [
        classification_report(classification(), {"Raster": "a&b.tif"}),
        classification_report(classification(accuracy=None), {}),
        pretraining_report(pretraining(), {"Raster": "x"}),
    ],
)
def test_pages_are_whole_and_stand_alone(page):
    parser = Balanced()
    parser.feed(page)
    assert parser.open == []
    assert not re.search(r"https?://|src=\"(?!data:)|@import|<script", page)


def test_a_training_that_went_on_says_which_part_its_time_is_of():
    result = replace(pretraining(), seconds=12.34, settings=PretrainSettings(iterations=100, band_scaling="standard"))
    whole = pretraining_report(result, {})
    assert ">12.3 s</td>" in whole
    assert ">standard</td>" in whole
    page = pretraining_report(replace(result, gone_on_after=60), {})
    assert ">12.3 s after iteration 60, where an earlier run had stopped</td>" in page


def test_names_and_figures_are_there_and_escaped():
    page = classification_report(classification(), {"Raster": "a&b.tif"})
    for text in ("70.0", "water &lt;deep&gt;", "a&amp;b.tif", "Rows: reference", "Whole polygons were held out."):
        assert text in page
    assert "<deep>" not in page


def test_no_time_is_told_where_none_was_taken():
    """A campaign is the work of many runs, on many machines."""
    assert "12.3 s" in classification_report(classification(), {})
    page = classification_report(classification(seconds=0.0), {})
    assert "0.0 s" not in page
    assert ">Time<" not in page


def test_areas_are_in_hectares_where_a_pixel_has_metres():
    assert "Area (ha)" not in classification_report(classification(), {})
    page = classification_report(classification(), {}, pixel_area_m2=400.0)
    assert "<td>300</td><td>75.0</td><td>12.0</td>" in page
    assert "<td>3.000</td>" in classification_report(classification(), {}, pixel_area_m2=100.0)


def test_a_random_split_is_a_warning_and_class_purification_before_a_split_too():
    split = replace(SPLIT, method="random", sentence="This overstates.")
    before, after = PurificationFacts("classes", ""), PurificationFacts("classes", "", after_split=True)
    assert '<p class="warn">This overstates.' in classification_report(classification(split=split), {})
    assert "slightly too good" in classification_report(classification(split=split, purification=before), {})
    assert "slightly too good" not in classification_report(classification(split=split, purification=after), {})
    assert "slightly too good" not in classification_report(classification(), {})


def test_classes_without_a_reference_sample_are_named_once():
    def notes(method, not_held_out, samples, figures):
        split = replace(SPLIT, method=method, not_held_out=not_held_out, validation_samples=samples)
        return " ".join(classification_notes(classification(split=split, accuracy=figures)))

    assert "The validation layer has no sample of: wood. Its accuracy" in notes("layer", (), (50, 0), accuracy())
    assert "Nothing could be held out of: wood. Its accuracy" in notes("spatial", ("wood",), (50, 0), accuracy())
    assert "says only that pixels of other classes were mapped so" in notes("layer", (), (50, 0), accuracy())
    assert "accuracy is not known" not in notes("layer", (), (0, 0), None)
    assert "accuracy is not known" not in notes(
        "spatial", ("water <deep>", "wood"), (0, 0), None
    )  # the sentence says so


def test_a_note_on_class_weights_speaks_of_an_accuracy_where_there_is_one():
    choices = ChoiceFacts(class_weights=ClassWeightFacts("even", (0.5, 0.5), (0.4, 0.6)))
    assert "accuracy is that at the reference samples" in classification_notes(classification(choices=choices))[-1]
    assert "accuracy" not in classification_notes(classification(choices=choices, accuracy=None))[-1]


def test_one_timestep_has_no_weights_to_show():
    page = classification_report(classification(timesteps=(0,), timestep_weights={"0": 1.0}, stage_weights={}), {})
    assert "What the classifier uses" not in page


def test_spectra_and_extra_rasters_are_one_chart_and_no_timesteps():
    shares = {"spectra": 0.8, "extra rasters": 0.2}
    page = classification_report(classification(timesteps=(0,), timestep_weights=shares, stage_weights=shares), {})
    assert page.count("What the classifier uses: ") == 1
    assert "What the classifier uses: inputs" in page


def test_a_map_of_spectra_alone_is_named():
    alone = classification(timestep_weights={"spectra": 1.0}, stage_weights={"spectra": 1.0})
    page = classification_report(alone, {})
    assert "This map uses spectra only: no model with diffusion features has a weight." in page
    assert "uses: timesteps" not in page
    assert "uses spectra only" not in classification_report(classification(), {})
    gain = FeatureGain(90.0, 80.0, 10.0, 1.0, 50, "samples", used=True)
    outlined = replace(alone, ensemble=replace(ENSEMBLE, feature_gain=gain))
    page = classification_report(outlined, {})
    assert "the classifier uses them" in page
    assert "they outline the fields within which spectra are averaged" in page
    assert "uses spectra only" not in page


def test_timestep_and_stage_are_shown_together():
    page = classification_report(classification(), {})
    assert "timestep and stage together" not in page
    cells = {"50": {"3": 0.0, "5": 0.05, "8": 0.0001}, "100": {"3": 0.004, "5": 0.31, "8": 0.0}}
    page = classification_report(classification(cell_weights=cells), {})
    assert "Of all cells, t = 100 at stage 5 counts most, with 31 %; the shares of all cells add up to 36 %." in page
    table = page.split("timestep and stage together")[1].split("</table>")[0]
    assert re.findall(r"<td[^>]*>([^<]*)</td>", table) == ["0", "0.4", "5.0", "31", "&lt;0.1", "0"]
    none = {"50": {"3": 0.0, "5": 0.0}, "100": {"3": 0.0, "5": 0.0}}
    page = classification_report(classification(cell_weights=none), {})
    assert "of any one timestep and stage among samples changes nothing." in page
    assert "timestep and stage together" not in page


def test_every_classifier_has_words_for_its_shares():
    for classifier in CLASSIFIERS:
        settings = ClassificationSettings(classifier=classifier)
        assert "<p>A share " in classification_report(classification(settings=settings), {})


@pytest.mark.parametrize(
    ("classifier", "title", "meaning", "of_cells"),
    [
        (
            "auto",
            "What the classifier uses: timesteps",
            "that input alone is shuffled",
            "of that cell alone are shuffled",
        ),
        (
            "mtmsd",
            "How the classifier weighs timesteps",
            "mean weight that the networks",
            "of that cell alone are shuffled",
        ),
        ("linear", "How the classifier weighs timesteps", "squared coefficients", "of that cell alone are shuffled"),
        ("transformer3d", "What the classifier uses: timesteps", "squared gradient", "by the cell that it leads to"),
    ],
)
def test_what_a_share_is_stands_below_it(classifier, title, meaning, of_cells):
    cells = {"50": {"3": 0.1, "5": 0.2}, "100": {"3": 0.3, "5": 0.4}}
    settings = ClassificationSettings(classifier=classifier)
    page = classification_report(classification(settings=settings, stage_weights={}, cell_weights=cells), {})
    charts, table = page.split(f"<h2>{title}</h2>")[1].split("timestep and stage together</h2>")
    assert meaning in charts
    assert of_cells in table.split("</table>")[1].split("</p>")[0]
    weighed = classification(settings=settings, cell_weights=cells, alignment_weights=cells)
    assert f"{title}</h2>" not in classification_report(weighed, {})


@pytest.mark.parametrize(
    ("weights", "bars", "text"),
    [
        ({"spectra": 0.996, "50": 0.004, "100": 0.0}, 0, "Spectra: more than 99 %. Less than 0.5 % each: 50, 100."),
        ({"spectra": 0.7, "50": 0.298, "100": 0.002}, 2, "<p>Less than 0.5 % each: 100.</p>"),
        ({"spectra": 0.5, "50": 0.3, "100": 0.2}, 3, ""),
        ({"spectra": 0.0, "50": 0.0}, 0, "Less than 0.5 % each: spectra, 50."),
    ],
)
def test_shares_that_round_to_nothing_are_a_line_of_text_and_no_bar(weights, bars, text):
    page = classification_report(classification(timestep_weights=weights, stage_weights={}), {})
    part = page.split("uses: timesteps</h2>")[1].split("<h2>")[0]
    assert part.count('class="bar"') == bars
    assert text in part
    assert ("Less than" in part) == bool(text)


@pytest.mark.parametrize("count", range(2, 9))
def test_no_figure_stands_alone_in_its_row(count):
    styles = cards([("1", "what it is")] * count)
    columns = [int(number) for number in re.search(r"--cards:(\d+);--half:(\d+)", styles).groups()]
    assert columns[0] == count
    assert all(count % number != 1 for number in columns)


def test_what_the_classifier_uses_and_how_its_models_were_chosen():
    page = classification_report(classification(), {})
    for text in ("uses: timesteps", "uses: stages", "LDA on spectra", "fields without samples"):
        assert text in page
    assert page.index("LDA on spectra") < page.index("Kernel ridge on spectra")
    assert "held out by groups" in page
    random = replace(ENSEMBLE, split="random")
    assert "more pixels of the same fields" in classification_report(classification(ensemble=random), {})
    assert "How the models were chosen" not in classification_report(classification(ensemble=None), {})


def test_the_calibration_is_shown():
    page = classification_report(classification(), {})
    assert "<td>0.85</td><td>0.70</td><td>100</td>" in page


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "lies in 20 spatial groups (polygons, or blocks of 32 x 32 pixels)"),
        ({}, "an error of 0.054 on average, and more than 0.120 in one of twenty cases"),
        ({"groups": 1}, "lies in 1 spatial group (polygons"),
        ({"expected_error_at_most": 0.2}, "no evidence that the confidence is wrong"),
        ({"expected_error_at_most": 0.1}, "the map is overconfident"),
        ({"error": 0.3, "bins": (CalibrationBin(100, 0.5, 0.8),)}, "the map is underconfident"),
        ({"error": 0.12 + 1e-16}, "no evidence that the confidence is wrong"),
    ],
)
def test_the_calibration_error_is_compared_with_that_of_perfect_calibration(changes, expected):
    figures = accuracy()
    calibration = replace(figures.calibration, expected_error=0.054, expected_error_at_most=0.12)
    calibration = replace(calibration, **changes)
    page = classification_report(classification(accuracy=replace(figures, calibration=calibration)), {})
    assert expected in page
    assert "; 0.05 expected under perfect calibration" in page


def test_the_loss_by_timestep_is_shown_where_it_is_known():
    known = replace(pretraining(), loss_by_timestep=((0, 99, 0.9312), (100, 150, 0.5)))
    assert from_json(PretrainResult, json.loads(json.dumps(to_json(known)))) == known
    page = pretraining_report(known, {})
    assert "<th>0 to 99</th><th>100 to 150</th>" in page
    assert "<td>0.931</td><td>0.500</td>" in page
    assert "interval of timestep" not in pretraining_report(pretraining(), {})


def test_pretraining_names_bands_left_out():
    page = pretraining_report(pretraining(), {})
    assert "3 (constant (7))" in page
    assert "halved 2 times as the training diverged" in page


def test_a_report_tells_accuracy_and_area_with_and_without_pixels_that_are_not_sure():
    reject = RejectFacts(ClassEntry(255, "not sure", "#c8c8c8"), 0.6, 40, (330, 110), 10, 4, accuracy())
    result = classification(choices=ChoiceFacts(reject=reject))
    html = classification_report(result, {}, 100.0)
    sentence = (
        "40 pixels, 9.1 % of the map, are &#x27;not sure&#x27;: the probability of their class is below 0.6 "
        "(LEAST_CONFIDENCE)."
    )
    assert sentence in html
    assert "10 of 100 reference pixels lie on such pixels and count apart; the most probable class is right" in html
    assert "Overall accuracy without them: 70.0 %; with them, each by its most probable class: 70.0 %." in html
    assert "<td>300</td><td>75.0</td><td>330</td><td>75.0</td>" in html
    assert accuracy_csv(result, 100.0).splitlines()[10].startswith("255,not sure,,")
    assert classification_notes(result)[-1].startswith("40 pixels")
    assert '"choices"' not in accuracy_json(classification(), {}, None)
