# SPDX-License-Identifier: GPL-2.0-or-later
"""Figures, notes, report, JSON and CSV of an assessment, with classes that are missing here or there."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace

import numpy as np
import pytest

from mtmsd_qgis.accuracy.assessment import Compared, Strata, assess_map
from mtmsd_qgis.jobs.accuracy_results import MapClass
from mtmsd_qgis.jobs.json_dataclasses import to_json
from mtmsd_qgis.report.export import accuracy_csv, accuracy_json
from mtmsd_qgis.report.reports import assessment_report
from tests.report.test_reports import Balanced, classification

NAMES = ("water", "meadow <wet>", "=forest", "ice")
CLASSES = tuple(MapClass(i + 1, name, "#336699") for i, name in enumerate(NAMES))


def compared(matrix=((40, 10, 0, 0), (20, 30, 0, 0), (0, 0, 0, 0), (0, 0, 0, 0)), pixels=(600, 400, 0, 0), **more):
    """Samples of a matrix (rows reference), each a feature of its own."""
    matrix = np.array(matrix)
    reference, mapped = (np.repeat(index.ravel(), matrix.ravel()) for index in np.indices(matrix.shape))
    group = more.pop("group", np.arange(len(reference)))
    return Compared(reference, mapped, group, np.array(pixels), NAMES[: len(matrix)], **more)


def assessed(**more):
    found = compared(**more)
    return replace(assess_map(found), classes=CLASSES[: len(found.names)])


def test_estimates_by_area_worked_by_hand():
    adjusted = assessed().adjusted
    # Of 60 samples mapped as water 40 are right, of 40 mapped as meadow 30; the map is 60 % water.
    assert adjusted.oa == pytest.approx(60 * 40 / 60 + 40 * 30 / 40)
    assert adjusted.area[:2] == pytest.approx([60 * 40 / 60 + 40 * 10 / 40, 60 * 20 / 60 + 40 * 30 / 40])
    assert adjusted.area_pixels[:2] == pytest.approx([500, 500])
    assert adjusted.users[:2] == pytest.approx([100 * 40 / 60, 75])
    assert sum(map(sum, adjusted.cells)) == pytest.approx(100)


def test_other_strata_weigh_samples_by_their_own_size():
    strata = Strata("regions", ("north", "south"), np.array([900, 100]), np.arange(100) % 2)
    found = assessed(strata=strata, sampling="stratified")
    assert [each.samples for each in found.adjusted.strata] == [50, 50]
    assert found.adjusted.pixels == 1000
    assert "each stratum of regions" in found.sampling.sentence
    right = np.repeat([1, 0, 0, 1], [40, 10, 20, 30])
    assert found.adjusted.oa == pytest.approx(90 * right[::2].mean() + 10 * right[1::2].mean())


@pytest.mark.parametrize(
    ("more", "note"),
    [
        ({"pixels": (600, 400, 50, 0)}, "No reference sample is of: =forest."),
        ({"pixels": (600, 400, 50, 0)}, "lies on pixels mapped as: =forest. Their user's accuracy is not known"),
        (
            {"matrix": ((40, 10, 0, 0), (20, 30, 0, 0), (0, 0, 0, 0), (3, 1, 0, 0))},
            "there is no pixel of these classes; their reference samples count as wrong: ice (4).",
        ),
        ({"matrix": ((40, 0), (20, 1)), "pixels": (600, 400)}, "alone lies in the map class: meadow <wet>."),
        ({"matrix": ((5, 0), (0, 0)), "pixels": (600, 0)}, "Kappa is undefined"),
        ({"matrix": ((5, 2), (0, 0)), "pixels": (600, 40)}, "Kappa is 0 because the reference has a single class"),
        ({"matrix": ((5, 0), (2, 0)), "pixels": (600, 40)}, "Kappa is 0 because the map has a single class"),
        ({"matrix": ((5, 0), (0, 7)), "pixels": (600, 40)}, "A standard error of 0 means that all samples"),
        ({"group": np.arange(100) // 4}, "The 100 reference pixels come from 25 features."),
        ({"group": np.arange(100) // 50}, "too few of them"),
    ],
)
def test_what_a_sample_cannot_say_is_said(more, note):
    found = assessed(**more)
    assert any(note in said for said in found.notes), found.notes
    json.dumps(to_json(found), allow_nan=False)
    page = assessment_report(found, {})
    assert not re.search(r"\b(nan|None|inf)\b", page)


def test_nothing_is_noted_where_all_is_well():
    assert assessed(pixels=(600, 400), matrix=((40, 10), (20, 30))).notes == ()


@pytest.mark.parametrize("samples", [(6, 4), (0, 0)])
def test_pixels_that_are_not_sure_are_no_class_that_the_map_misses(samples):
    matrix = np.array([[40, 10, 0], [20, 30, 0], [0, 0, 0]])
    matrix[:2, 2] = samples
    found = compared(matrix=matrix, pixels=(600, 400, 100), sampling="stratified")
    figures = assess_map(replace(found, names=("water", "meadow", "not sure")))
    words = "10 reference samples lie on pixels that are 'not sure' (LEAST_CONFIDENCE) and count as wrong"
    assert any(words in note for note in figures.notes) == bool(sum(samples))
    assert not any("No reference sample is of" in note for note in figures.notes)
    if sum(samples):  # 60 % of the 100 pixels are water
        assert figures.accuracy.oa == pytest.approx(100 * 70 / 110)
        assert figures.adjusted.area_pixels[0] == pytest.approx(600 * 40 / 60 + 400 * 10 / 40 + 60)


def test_an_unmet_map_class_with_other_strata():
    strata = Strata("regions", ("north", "south", "west"), np.array([900, 100, 7]), np.arange(100) % 2)
    notes = assessed(pixels=(600, 400, 7, 0), strata=strata).notes
    assert any("lies on pixels mapped as: =forest. Their user's" in note for note in notes)
    assert any("lies in the strata: west. The estimates by area hold for the rest of the map" in note for note in notes)


@pytest.mark.parametrize("sampling", ["unknown", "random", "stratified"])
@pytest.mark.parametrize("area", [None, 100.0])
def test_pages_are_whole_and_stand_alone(sampling, area):
    page = assessment_report(assessed(sampling=sampling, pixels=(600, 400, 3, 0)), {"Map": "a&b.tif"}, area)
    parser = Balanced()
    parser.feed(page)
    assert parser.open == []
    for text in (
        ">Reference</th>",
        'colspan="4">Map</th>',
        "meadow &lt;wet&gt;",
        "a&amp;b.tif",
        "Rows: reference. Columns: map",
        "70.0",
    ):
        assert text in page
    assert ("Estimated (ha)" in page) == (area is not None)
    assert "http" not in page
    # Where samples were drawn by class, their counts say little: the estimates come first.
    assert (page.index("<h2>Estimates by area") < page.index("<h2>Confusion matrix")) == (sampling == "stratified")


def test_areas_and_their_errors_have_the_same_decimals():
    page = assessment_report(assessed(pixels=(60_000, 40_000, 300, 0)), {}, 10.0)
    areas = re.findall(r"([\d,.]+) <small>± ([\d.]+)</small></td><td>[\d,.]+–[\d,.]+</td></tr>", page)
    assert len(areas) >= 2
    assert {len(text.partition(".")[2]) for area in areas for text in area} == {1}


def test_json_holds_what_the_page_shows():
    text = accuracy_json(assessed(), {"Map": "m"}, 100.0)
    document = json.loads(text)
    assert (document["format"], document["version"], document["kind"]) == ("mtmsd-accuracy", 2, "assessment")
    assert document["axes"] == {"rows": "reference", "columns": "map"}
    assert document["accuracy"]["matrix"][0] == [40, 10, 0, 0]
    assert document["accuracy"]["users"][3] is None
    assert document["pixel_area_m2"] == 100
    assert "NaN" not in text


def tables(text):
    """The tables of a CSV file, as a spreadsheet reads them."""
    found: list[list[list[str]]] = [[]]
    for row in csv.reader(io.StringIO(text.lstrip("\ufeff"))):
        if row:
            found[-1].append(row)
        else:
            found.append([])
    return found


def test_csv_has_three_tables():
    text = accuracy_csv(assessed(), 100.0)
    assert text.startswith("\ufeff")
    overall, classes, matrix = tables(text)
    assert [row[0] for row in overall] == [
        "figure", "oa_percent", "aa_percent", "kappa_percent", "oa_by_area_percent", "reference_pixels"
    ]  # fmt: skip
    assert {len(row) for row in classes} == {len(classes[0])}
    water = dict(zip(classes[0], classes[1]))
    assert (water["id"], water["class"], water["mapped_ha"], water["producers_percent"]) == ("1", "water", "6", "80")
    assert float(water["area_ha"]) == pytest.approx(5)
    ice = dict(zip(classes[0], classes[4]))
    assert (ice["producers_percent"], ice["users_by_area_percent"]) == ("", "")
    assert matrix[1] == ["water", "40", "10", "0", "0", "50"]
    assert matrix[-1] == ["sum", "60", "40", "0", "0", "100"]


def test_csv_computes_nothing():
    assert "'=forest" in accuracy_csv(assessed(), None)
    assert "mapped_ha" not in accuracy_csv(assessed(), None)


def test_csv_of_a_map_without_reference_samples():
    (classes,) = tables(accuracy_csv(classification(accuracy=None), None))
    assert classes[0] == ["id", "class", "mapped_pixels"]
