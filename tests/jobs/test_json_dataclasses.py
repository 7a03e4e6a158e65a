# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass

import pytest

from mtmsd_qgis.jobs import json_dataclasses, results, settings
from mtmsd_qgis.jobs.data_model import Band, ClassEntry, CubeFile, FeatureLayout
from mtmsd_qgis.jobs.json_dataclasses import INLINE, OMITTED_IF_NONE, from_json, json_name, shown, to_json
from mtmsd_qgis.jobs.protocol import Job, Message
from mtmsd_qgis.jobs.results import ContextSummary
from mtmsd_qgis.jobs.settings import ClassificationSettings, ExtractionSettings, PretrainSettings


@dataclass(frozen=True)
class Inner:
    size: int
    label: str = field(default="", metadata=json_name("for"))


@dataclass(frozen=True)
class Outer:
    name: str
    inner: Inner
    rows: tuple[tuple[float | None, ...], ...] = ()
    weights: Mapping[str, float] = field(default_factory=dict)
    parts: tuple[Inner, ...] = ()
    maybe: Inner | None = None
    note: str | None = field(default=None, metadata=OMITTED_IF_NONE)
    flat: Flat | None = field(default=None, metadata=INLINE)


@dataclass(frozen=True)
class Flat:
    height: int
    width: int


FULL = Outer("a", Inner(1, "x"), ((1.5, None), ()), {"k": 2}, (Inner(2),), Inner(3), "n", Flat(4, 5))


def test_nested_values_go_to_json_and_back():
    document = to_json(FULL)
    assert document == {
        "name": "a",
        "inner": {"size": 1, "for": "x"},
        "rows": [[1.5, None], []],
        "weights": {"k": 2},
        "parts": [{"size": 2, "for": ""}],
        "maybe": {"size": 3, "for": ""},
        "note": "n",
        "height": 4,
        "width": 5,
    }
    assert from_json(Outer, json.loads(json.dumps(document))) == FULL


def test_what_is_none_may_be_absent():
    least = Outer("a", Inner(1))
    assert to_json(least).keys() == {"name", "inner", "rows", "weights", "parts", "maybe"}
    assert from_json(Outer, to_json(least)) == least


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"inner": 3}, "Outer.inner should be of type Inner, found 3"),
        ({"inner": {"size": "s"}}, "Inner.size should be of type int, found s"),
        ({"inner": {"size": 1, "label": "x"}}, "Inner has no field label"),
        ({"parts": [{"size": 1}, {}]}, "Inner.size is missing"),
        ({"parts": {"size": 1}}, "Outer.parts should be of type"),
        ({"maybe": []}, r"Outer.maybe should be of type Inner \| None, found a list of 0"),
        ({"rows": [1.0]}, "Outer.rows should be of type"),
        ({"weights": {"k": "v"}}, "Outer.weights should be of type"),
        ({"weights": {1: 2.0}}, "Outer.weights should be of type"),
        ({"height": 4}, "Flat.width is missing"),
        ({"flat": {}}, "Outer has no field flat"),
    ],
)
def test_faults_inside_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        from_json(Outer, {"name": "a", "inner": {"size": 1}, **change})


@pytest.mark.parametrize(
    "kind",
    [
        *(Band, ClassEntry, CubeFile, FeatureLayout, Job, Message),
        *(PretrainSettings, ExtractionSettings, ClassificationSettings),
        *(kind for kind in vars(results).values() if is_dataclass(kind)),
    ],
)
def test_every_annotation_of_what_travels_can_be_read(kind):
    """Values that fit no type are refused; an annotation that is not understood ends in another error."""
    for each in fields(kind):
        if "inline" not in each.metadata and "Any" not in str(each.type):
            for value in (object(), [object()], [[object()]], {"k": object()}):
                with pytest.raises(ValueError, match=r"should be of type|has no field|is missing"):
                    json_dataclasses._checked(value, each, kind)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (None, "Band should be an object, found None"),
        ([1, 2], "Band should be an object, found a list of 2"),
        ({"name": 1}, "Band.name should be of type str, found 1"),
        ({"scale": "1"}, "Band.scale should be of type float, found 1"),
        ({"scale": True}, "Band.scale should be of type float, found True"),
        ({"scale": 10**400}, "found a number of hundreds of digits"),
        ({"excluded": [[1, 2, 3]]}, "Band.excluded should be of type"),
        ({"excluded": [1, 2]}, "Band.excluded should be of type"),
        ({"number": 2**63}, "found a number of hundreds of digits"),
        ({"number": 1.0}, "Band.number should be of type int, found 1.0"),
        ({"colour\ud800\n": 1}, r"Band has no field colour\?\?"),
    ],
)
def test_values_of_another_type_are_named(values, message):
    with pytest.raises(ValueError, match=message):
        from_json(Band, values)


def test_a_field_without_default_must_be_there():
    with pytest.raises(ValueError, match=r"ClassEntry\.name is missing"):
        from_json(ClassEntry, {"id": 1})


def test_fields_that_only_older_files_have_are_passed_over():
    older = {"cross_class_affinity": 0.2, "reliable": True, "brier_with": 0.5, "brier_without": 0.75}
    assert from_json(ContextSummary, older) == ContextSummary(True, 0.5, 0.75)
    assert "cross_class_affinity" not in to_json(ContextSummary(True))
    with pytest.raises(ValueError, match="has no field cross_class"):
        from_json(ContextSummary, {**older, "cross_class": 0.2})


def test_whole_numbers_are_numbers_and_lists_become_tuples():
    assert from_json(Band, {"scale": 2, "nodata": float("inf")}) == Band(scale=2, nodata=float("inf"))
    assert from_json(Band, {"excluded": [[1, 2.5]]}) == Band(excluded=((1, 2.5),))
    layout = from_json(FeatureLayout, {"timesteps": [1, 2], "names": ["a"]})
    assert layout.timesteps == (1, 2)
    assert layout.names == ("a",)


def test_what_is_shown_is_short_and_printable():
    assert shown("x" * 1000) == "x" * 40
    assert shown("a\ud800\x1b[31m") == "a??[31m"
    assert shown("") == "''"
    assert shown({"a": 1}) == "a dict of 1"


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        (PretrainSettings, {"seed": -1}, "seed must be a whole number"),
        (PretrainSettings, {"seed": 2**40}, "seed must be a whole number"),
        (PretrainSettings, {"iterations": 10**12}, "iterations must be"),
        (PretrainSettings, {"learning_rate": float("nan")}, "learning rate must lie"),
        (PretrainSettings, {"weight_decay": float("inf")}, "weight decay must lie"),
        (PretrainSettings, {"checkpoint_seconds": float("nan")}, "time between checkpoints"),
        (PretrainSettings, {"iterations": "5"}, "iterations should be of type int, found 5"),
        (PretrainSettings, {"device": "cuda:²"}, "device must be"),
        (ExtractionSettings, {"timesteps": ["a"]}, "timesteps should be of type"),
        (ExtractionSettings, {"spectra": 1}, "spectra should be of type bool"),
        (ClassificationSettings, {"learning_rate": 0.0}, "learning rate must lie"),
        (ClassificationSettings, {"ensemble": 1.5}, "ensemble should be of type"),
    ],
)
def test_settings_of_a_file_are_checked_too(kind, values, message):
    with pytest.raises(settings.SettingsError, match=message):
        settings.from_json(kind, values)


def test_pairs_of_numbers_go_the_way_through_a_file():
    band = Band("red", excluded=((-1.0, 0.0), (9.5, float("inf"))))
    assert from_json(Band, json.loads(json.dumps(asdict(band)))) == band
    for wrong in ([[1.0]], [[1.0, 2.0, 3.0]], [["a", 1.0]], [1.0, 2.0], 3):
        with pytest.raises(ValueError, match=r"Band\.excluded should be"):
            from_json(Band, {"excluded": wrong})
