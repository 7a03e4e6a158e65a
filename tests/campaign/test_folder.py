# SPDX-License-Identifier: GPL-2.0-or-later
"""The campaign folder: what is written is read, and what is wrong is said."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from mtmsd_qgis.campaign.folder import (
    CAMPAIGN_FILE,
    SCENE_TASK,
    Campaign,
    Scene,
    is_campaign,
    read_campaign,
    read_scene,
    scene_folder,
    write_campaign,
    write_scene,
    written_aside,
)
from mtmsd_qgis.errors import FileFormatError
from mtmsd_qgis.jobs.protocol import Job
from mtmsd_qgis.jobs.settings import ClassificationSettings, PretrainSettings
from tests.scenes import CLASSES, cube_of, fields

TWO = Campaign(
    (Scene("0001", 0, 0, 20, 30, samples=4, name="a.tif"), Scene("0002", 20, 8, 12, 30)),
    CLASSES,
    pretrain=PretrainSettings(iterations=7),
    strip_rows=8,
)


def test_a_campaign_is_read_as_it_was_written(tmp_path):
    assert not is_campaign(tmp_path)
    write_campaign(TWO, tmp_path)
    assert is_campaign(tmp_path)
    assert read_campaign(tmp_path) == TWO
    assert TWO.size == (32, 38)
    assert [path.name for path in tmp_path.glob("*.partial")] == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.pop("version"), "cannot be read"),
        (lambda d: d.update(version=2), "is of version 2, this plugin reads 1. Update the plugin"),
        (lambda d: d.pop("classes"), "Campaign.classes is missing"),
        (lambda d: d["classes"].pop(0) and d["classes"].pop(), "two classes or more were expected, found 1"),
        (lambda d: d.update(scenes=[]), "one scene or more was expected"),
        (lambda d: d["scenes"][0].update(folder="../a"), "../a should be the plain name of a file"),
        (lambda d: d["scenes"][1].update(folder="0001"), "0001 is named 2 times"),
        (lambda d: d["scenes"][1].update(row=-1), "scene 0002 should have pixels and a place from row 0"),
        (lambda d: d["scenes"][1].update(col=2**31), "beyond row or column"),
        (lambda d: d["pretrain"].update(iterations=0), "iterations must be at least 1"),
        (lambda d: d["classify"].update(classifier="mtmsd"), "a campaign learns the classifier 'auto', found 'mtmsd'"),
        (lambda d: d.update(strip_rows=0), "strip_rows should be 1 or more"),
    ],
)
def test_a_campaign_that_is_not_right_is_refused_with_one_sentence(tmp_path, change, words):
    write_campaign(TWO, tmp_path)
    path = tmp_path / CAMPAIGN_FILE
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))
    with pytest.raises(FileFormatError, match=r"Prepare it anew|cannot be read|Update") as refusal:
        read_campaign(tmp_path)
    assert words in str(refusal.value)


def test_what_could_not_be_read_is_not_written(tmp_path):
    with pytest.raises(ValueError, match="learns the classifier 'auto'"):
        write_campaign(replace(TWO, classify=ClassificationSettings(classifier="linear")), tmp_path)
    assert not is_campaign(tmp_path)


def test_a_scene_has_the_size_that_the_campaign_says(tmp_path):
    write_campaign(TWO, tmp_path)
    place = scene_folder(tmp_path, TWO.scenes[0])
    place.mkdir()
    cube = cube_of(place, fields(20, 30, bands=2)[0])
    write_scene(Job(SCENE_TASK, scene=cube.description), tmp_path, TWO.scenes[0])
    assert read_scene(tmp_path, TWO.scenes[0]).scene == cube.description
    with pytest.raises(FileFormatError, match=r"a raster of 31 x 20 pixels, as campaign.json says; found 30 x 20"):
        read_scene(tmp_path, replace(TWO.scenes[0], width=31))


def test_two_workers_may_write_the_same_file_at_once(tmp_path):
    path = tmp_path / "moments.part"
    with written_aside(path) as one, written_aside(path) as other:
        one.write_text("the same", encoding="utf-8")
        other.write_text("the same", encoding="utf-8")
    assert path.read_text(encoding="utf-8") == "the same"
    with pytest.raises(KeyError), written_aside(path) as third:  # noqa: PT012 - what it does when interrupted
        third.write_text("half", encoding="utf-8")
        raise KeyError
    assert [each.name for each in tmp_path.iterdir()] == ["moments.part"]
