# SPDX-License-Identifier: GPL-2.0-or-later
"""What a table of classes makes of the values of a class field."""

from __future__ import annotations

import pytest

from mtmsd_qgis.errors import SamplesError
from mtmsd_qgis.sampling.class_table import ClassRow, ClassTable, merged, refuse_strange


def table(*rows):
    return ClassTable("legend", tuple(rows))


@pytest.mark.parametrize(
    ("rows", "keys", "expected"),
    [
        ([ClassRow(1, "wood")], [1, 2], {1: 1, 2: 2}),
        ([ClassRow("1", merged_into="2")], [1, 2], {1: 2, 2: 2}),  # text of a CSV file, numbers of the field
        ([ClassRow(1, merged_into=2), ClassRow(2, merged_into=3)], [1, 2, 3], {1: 3, 2: 3, 3: 3}),
        ([ClassRow(1, left_out=True)], [1, 2, 3], {1: None, 2: 2, 3: 3}),
        ([ClassRow(1, merged_into=1)], [1, 2], {1: 1, 2: 2}),  # as tables of old and new values write it
        ([ClassRow(1, merged_into="9"), ClassRow("9", "new")], [1, 2], {1: 9, 2: 2}),
        ([ClassRow("a", merged_into="9"), ClassRow("9", "new")], ["a", "b"], {"a": "9", "b": "b"}),
        ([ClassRow("Oats ", merged_into="cereals"), ClassRow("cereals")], ["oats"], {"oats": "cereals"}),
        ([ClassRow("Oats", merged_into="oats")], ["Oats", "oats"], {"Oats": "oats", "oats": "oats"}),  # one spelling
        ([ClassRow("Oats", merged_into="OATS")], ["Oats", "oats"], {"Oats": "OATS", "oats": "OATS"}),
        ([ClassRow("1.0", merged_into="1")], ["1", "1.0", "2"], {"1": "1", "1.0": "1", "2": "2"}),
        ([ClassRow("01", merged_into="1")], [1, 2], {1: 1, 2: 2}),
        ([ClassRow("1.1", left_out=True)], ["1.1", "1.10"], {"1.1": None, "1.10": "1.10"}),
        (
            [ClassRow("1.1"), ClassRow("1.10", merged_into="2")],
            ["1.1", "1.10", "2"],
            {"1.1": "1.1", "1.10": "2", "2": "2"},
        ),
        ([ClassRow("1.50", left_out=True)], ["1.5", 2], {"1.5": None, 2: 2}),
        (
            [ClassRow("rye", merged_into="Oats"), ClassRow("Oats", merged_into="oats")],
            ["Oats", "oats", "rye"],
            {"Oats": "oats", "oats": "oats", "rye": "oats"},
        ),
    ],
)
def test_values_become_classes(rows, keys, expected):
    assert table(*rows).targets(keys) == expected


def test_classes_may_be_merged_into_one_that_another_layer_has():
    rows = table(ClassRow(1, merged_into=5))
    assert rows.targets([1, 2], elsewhere=[5]) == {1: 5, 2: 2}


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([ClassRow(1), ClassRow("01")], r"'01' has two, the other one as '1'"),
        ([ClassRow("1.1"), ClassRow("1.1")], "'1.1' has two. Take"),
        ([ClassRow(1, merged_into=2), ClassRow(2, merged_into=1)], "in a circle: 1 into 2 into 1"),
        (
            [ClassRow(0, merged_into=1), ClassRow(1, merged_into=2), ClassRow(2, merged_into=1)],
            "in a circle: 0 into 1 into 2 into 1",
        ),
        ([ClassRow(1, merged_into=2, left_out=True), ClassRow(2)], "leaves the class '1' out and merges it into '2'"),
        ([ClassRow(1, merged_into=2), ClassRow(2, left_out=True)], "'1' into '2' and leaves that one out"),
    ],
)
def test_contradictions_are_one_sentence(rows, words):
    with pytest.raises(SamplesError, match=words):
        table(*rows)


def test_the_area_of_a_class_of_several_spellings_is_that_of_its_row():
    rows = table(ClassRow("Oats", merged_into="oats", area=5.0))
    assert rows.areas(rows.targets(["Oats", "oats"])) == {"oats": 5.0}
    assert rows.unused(["Oats", "oats"]) == []


def test_a_target_that_is_nowhere_is_named_with_the_classes_there_are():
    with pytest.raises(SamplesError, match=r"merges the class '1' into '9', and neither .* of the field: '1', '2'"):
        table(ClassRow(1, merged_into=9)).targets([1, 2])


def test_rows_without_a_sample_are_told_unless_a_class_is_merged_into_them():
    rows = table(ClassRow(1, merged_into=9), ClassRow(9, "new"), ClassRow(7, "ice"))
    assert rows.unused([1, 2]) == [7]


def test_a_table_of_other_classes_is_refused():
    with pytest.raises(SamplesError, match=r"'ice', 'snow'.*layer samples has '1', '2'"):
        refuse_strange(table(ClassRow("ice"), ClassRow("snow")), [1, 2], "samples")
    refuse_strange(table(ClassRow("ice"), ClassRow("1")), [1, 2], "samples")


def test_names_and_colours_stand_with_the_values_of_the_layer():
    rows = table(ClassRow("1", "wood", "#00ff00"), ClassRow("2", "", "#0000ff"))
    assert rows.styles([1, 2, 3]) == {1: ("wood", "#00ff00"), 2: ("", "#0000ff")}


def test_what_is_merged_is_told_by_class():
    assert merged({1: 1, 2: 1, 3: None, 4: 4, 5: 9}) == {1: [1, 2], 9: [5]}


def test_areas_of_merged_classes_add_up_and_those_left_out_do_not_count():
    rows = table(
        ClassRow("1", area=3.0),
        ClassRow("2", merged_into="1", area=4.0),
        ClassRow(5, left_out=True, area=9.0),
        ClassRow(6),
    )
    assert rows.areas({1: 1, 2: 1, 5: None, 6: 6}) == {1: 7.0}


@pytest.mark.parametrize(
    ("rows", "areas"),
    [
        ((ClassRow(1, area=30.0), ClassRow(2, merged_into=1)), {}),  # 2 has samples and no area
        ((ClassRow(1), ClassRow(2, merged_into=1, area=30.0)), {}),
        ((ClassRow(2, merged_into=1, area=30.0),), {}),  # 1 has no row
        ((ClassRow(1, area=30.0), ClassRow(2, merged_into=1, area=5.0)), {1: 35.0}),
        ((ClassRow(1, area=30.0), ClassRow(7, merged_into=1)), {1: 30.0}),  # 7 has no samples
        ((ClassRow(1, merged_into=9), ClassRow(2, merged_into=9), ClassRow(9, area=40.0)), {9: 40.0}),  # of all
        ((ClassRow(1, merged_into=9, area=3.0), ClassRow(2, merged_into=9), ClassRow(9, area=40.0)), {}),
        ((ClassRow(1, merged_into=9, area=3.0), ClassRow(2, merged_into=9)), {}),
    ],
)
def test_a_merged_class_has_an_area_where_all_its_values_with_samples_have_one(rows, areas):
    classes = table(*rows)
    assert classes.areas(classes.targets([1, 2], [9])) == areas
