# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import json
from dataclasses import asdict, fields, is_dataclass

import pytest

from mtmsd_qgis.jobs import json_dataclasses as typed
from mtmsd_qgis.jobs import settings
from mtmsd_qgis.jobs.data_model import Band, ClassEntry, CubeFile, FeatureLayout
from mtmsd_qgis.jobs.json_dataclasses import build, shown
from mtmsd_qgis.jobs.protocol import Job, Message
from mtmsd_qgis.jobs.settings import ClassificationSettings, ExtractionSettings, PretrainSettings


@pytest.mark.parametrize(
    "kind", [Band, ClassEntry, FeatureLayout, Message, PretrainSettings, ExtractionSettings, ClassificationSettings]
)
def test_every_annotation_of_what_travels_can_be_checked(kind):
    assert is_dataclass(kind)
    assert [f.name for f in fields(kind) if str(f.type) not in typed._CHECKS] == []


def test_of_a_job_and_a_raster_only_the_parts_made_by_hand_cannot():
    assert {f.name for f in fields(Job) if str(f.type) not in typed._CHECKS} == {"scene", "classes", "layout"}
    assert {f.name for f in fields(CubeFile) if str(f.type) not in typed._CHECKS} == {"bands"}


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
        build(Band, values)


def test_a_field_without_default_must_be_there():
    with pytest.raises(ValueError, match=r"ClassEntry\.name is missing"):
        build(ClassEntry, {"id": 1})


def test_whole_numbers_are_numbers_and_lists_become_tuples():
    assert build(Band, {"scale": 2, "nodata": float("inf")}) == Band(scale=2, nodata=float("inf"))
    assert build(Band, {"excluded": [[1, 2.5]]}) == Band(excluded=((1, 2.5),))
    layout = build(FeatureLayout, {"timesteps": [1, 2], "names": ["a"]})
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
    assert build(Band, json.loads(json.dumps(asdict(band)))) == band
    for wrong in ([[1.0]], [[1.0, 2.0, 3.0]], [["a", 1.0]], [1.0, 2.0], 3):
        with pytest.raises(ValueError, match=r"Band\.excluded should be"):
            build(Band, {"excluded": wrong})
