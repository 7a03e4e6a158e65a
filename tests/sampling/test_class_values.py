# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import pytest

from mtmsd_qgis.sampling.class_values import as_whole_number, in_order, matching_values


@pytest.mark.parametrize("written", ["1", " 1 ", "1.0", "01", "+1", "1."])
def test_a_number_and_its_ways_of_writing_are_one_class(written):
    assert matching_values([written, 2], [1, 2]) == {written: 1, 2: 2}
    assert matching_values([1], [written, "2"]) == {1: written}


@pytest.mark.parametrize(
    ("value", "known", "expected"),
    [
        ("water", ["water", "Water"], "water"),
        ("Water ", ["water", "meadow"], "water"),
        ("-9.50", ["-9.5"], "-9.5"),
        ("Bu\u0308sche", ["B\u00fcsche", "Busche"], "B\u00fcsche"),
        ("water\u200b", ["water", "meadow"], "water"),  # zero-width, as of copied text
        ("\ufeffwater", ["Water"], "Water"),
        ("\u05d9\u05e2\u05e8\u200f", ["\u05d9\u05e2\u05e8"], "\u05d9\u05e2\u05e8"),  # a mark of direction
        ("re\x01ed", ["reed"], "reed"),
        ("true", [0, 1], 1),
        (0, ["false", "true"], "false"),
        (2**60, [str(2**60)], str(2**60)),
    ],
)
def test_what_differs_in_writing_alone_is_the_same(value, known, expected):
    assert matching_values([value], known) == {value: expected}


@pytest.mark.parametrize(
    ("value", "known"),
    [
        ("water", ["meadow"]),
        ("WATER", ["water", "Water"]),  # either could be meant
        ("1.0", ["1", "01"]),
        ("1.5", [1]),
        ("", [0]),
        ("1e0", [1]),
        ("10", [1]),
    ],
)
def test_what_is_not_the_same_or_not_certain_is_missing(value, known):
    assert matching_values([value], known) == {}


def test_numbers_come_by_their_size_and_before_texts():
    assert in_order(["10.5", 2, "9.5", "wood", 2, "-1", "10", "Wood", "9"]) == [
        *("-1", 2, "9", "9.5", "10", "10.5"),
        *("Wood", "wood"),
    ]


def test_codes_of_classes_below_others_are_no_spellings_of_each_other():
    assert matching_values(["1.1", "1.10"], ["1.1", "1.2"]) == {"1.1": "1.1"}
    assert matching_values(["1.1", "1.10"], ["1.10", "1.1"]) == {"1.1": "1.1", "1.10": "1.10"}
    assert matching_values(["1.10"], ["1.1"]) == {"1.10": "1.1"}  # alone it is a way of writing


def test_the_same_text_comes_before_the_same_number():
    assert matching_values(["1", "01"], ["01", "1"]) == {"1": "1", "01": "01"}


@pytest.mark.parametrize(
    ("key", "number"),
    [(7, 7), (" 07 ", 7), ("7.0", 7), ("-3", -3), ("7.5", None), ("oak", None), ("", None), ("False", 0)],
)
def test_whole_numbers(key, number):
    assert as_whole_number(key) == number
