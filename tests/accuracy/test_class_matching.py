# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import pytest

from mtmsd_qgis.accuracy.class_matching import match_classes
from mtmsd_qgis.errors import SamplesError

NAMES = {1: "water", 2: "Wet meadow", 3: "forest", 4: "7"}


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("water", 1),
        ("WATER", 1),
        ("wet  meadow ", 2),
        (3, 3),  # an id
        (7, 4),  # a name that looks like an id goes first: maps of numbers from 0 are called by these
        ("7", 4),
        ("2", 2),
        (12, 12),  # not on the map, but an id all the same
        ("ice", None),
        ("w", 1),  # by the label of the layer
    ],
)
def test_values_and_ids(key, expected):
    assert match_classes([key], {"w": "Water"}, NAMES) == {key: expected}


def test_numbers_alone_are_ids():
    assert match_classes([1, 5], {}, {}) == {1: 1, 5: 5}


@pytest.mark.parametrize(
    ("names", "values", "expected"),
    [
        (("0", "1", "2"), [0, 1, 3], [1, 2, None]),  # id 3 is the class 2: the map lacks the class 3
        (("01", "03", "05"), [1, 3, 4], [1, 2, 4]),  # of a field of text; no id 4 is called otherwise
        (("01", "03", "05"), ["1", "5", "2"], [1, 3, None]),
        (("10", "20", "30"), [1, 3], [1, 3]),  # no value is a name: all are ids
        (("false", "true", "none"), [0, 1, 3], [1, 2, 3]),
    ],
)
def test_numbers_are_ids_only_where_they_are_not_the_names(names, values, expected):
    found = match_classes(values, {}, dict(enumerate(names, 1)))
    assert [found[value] for value in values] == expected


def test_a_second_source_of_names_is_asked_where_the_first_is_silent():
    assert match_classes(["water", "Wald"], {}, {3: "Wald"}, NAMES) == {"water": 1, "Wald": 3}


def test_a_name_of_two_ids_is_refused_where_it_is_needed():
    twice = {1: "forest", 2: "Forest", 3: "water"}
    assert match_classes(["water", "Forest"], {}, twice) == {"water": 3, "Forest": 2}
    with pytest.raises(SamplesError, match="ids 1, 2"):
        match_classes(["FOREST"], {}, twice)
