# SPDX-License-Identifier: GPL-2.0-or-later
"""How steps are cut: each unit is somebody's, and a step waits for those that it needs."""

from __future__ import annotations

import pytest

from mtmsd_qgis.campaign import steps
from mtmsd_qgis.campaign.folder import Campaign, Scene, write_campaign
from mtmsd_qgis.campaign.steps import STEPS, Shard, check_needs, next_step, state_of, step_named, units_of
from mtmsd_qgis.errors import MtmsdError, SettingsError
from tests.scenes import CLASSES

CAMPAIGN = Campaign(
    (Scene("a", 0, 0, 20, 30, samples=4), Scene("b", 20, 0, 9, 30), Scene("c", 29, 0, 8, 30, samples=2)),
    CLASSES,
    strip_rows=8,
)


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def write_maps(folder, *scenes):
    """Map and confidence of the size that they should have."""
    for scene in (each for each in CAMPAIGN.scenes if each.folder in scenes):
        for name, size in (("map", 2), ("confidence", 4)):
            path = folder / "scenes" / scene.folder / f"{name}.raw"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(bytes(size * scene.height * scene.width))


@pytest.mark.parametrize("step", STEPS.values(), ids=lambda step: step.name)
@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_shards_share_all_units_of_a_step(step, count):
    units = units_of(CAMPAIGN, step)
    shared = [unit for index in range(count) for unit in Shard(index, count).of(units)]
    assert sorted(unit.file for unit in shared) == sorted({unit.file for unit in units})
    assert len(shared) == len(units)


def test_the_units_of_a_map_are_strips_that_cover_each_scene_once():
    units = units_of(CAMPAIGN, STEPS[steps.MAP])
    assert [(u.scene, u.first_row, u.rows) for u in units] == [
        (0, 0, 8), (0, 8, 8), (0, 16, 4), (1, 0, 8), (1, 8, 1), (2, 0, 8)
    ]  # fmt: skip


def test_features_are_gathered_where_there_are_samples():
    assert [unit.scene for unit in units_of(CAMPAIGN, STEPS[steps.GATHER])] == [0, 2]


def test_each_step_waits_for_its_forerunners(tmp_path):
    write_campaign(CAMPAIGN, tmp_path)
    results = {
        "moments": ["shared/moments.part", *(f"shared/moments-{name}.part" for name in "abc")],
        "pretrain": ["shared/model.mtmsd"],
        "statistics": ["shared/features.part"],
        "gather": ["shared/gather-a.part", "shared/gather-c.part"],
        "learn": ["shared/classifier.mtmsdc"],
        "map": [],
        "judge": ["shared/result.json"],
    }
    for name, step in STEPS.items():
        assert next_step(tmp_path, CAMPAIGN) == step
        for later in STEPS.values():
            if name in later.needs:
                with pytest.raises(MtmsdError, match=f"'{later.name}' needs the result of the step '{name}'"):
                    check_needs(tmp_path, CAMPAIGN, later)
        check_needs(tmp_path, CAMPAIGN, step)
        touch(tmp_path, *results[name])
        if name == "map":
            write_maps(tmp_path, *"abc")
    assert next_step(tmp_path, CAMPAIGN) is None


def test_a_step_says_how_much_is_done(tmp_path):
    touch(tmp_path, "shared/moments-b.part", "scenes/a/parts/0001.done")
    write_maps(tmp_path, "c")
    assert state_of(tmp_path, CAMPAIGN, STEPS["moments"]) == steps.StepState(1, 3, False)
    assert state_of(tmp_path, CAMPAIGN, STEPS["map"]) == steps.StepState(2, 6, False)


def test_a_scene_whose_moments_were_lost_is_measured_again_until_the_classifier_is_there(tmp_path):
    touch(tmp_path, *(f"shared/moments{name}.part" for name in ("", "-a", "-c")))
    assert state_of(tmp_path, CAMPAIGN, STEPS["moments"]) == steps.StepState(2, 3, False)
    touch(tmp_path, "shared/classifier.mtmsdc")
    assert state_of(tmp_path, CAMPAIGN, STEPS["moments"]).complete


@pytest.mark.parametrize("name", ["map", "confidence"])
def test_a_map_that_was_lost_or_cut_is_mapped_again(tmp_path, name):
    """As by a copy to another machine that was interrupted."""
    write_maps(tmp_path, *"abc")
    assert state_of(tmp_path, CAMPAIGN, STEPS["map"]).complete
    path = tmp_path / "scenes" / "b" / f"{name}.raw"
    path.write_bytes(path.read_bytes()[:-1])
    assert state_of(tmp_path, CAMPAIGN, STEPS["map"]) == steps.StepState(4, 6, False)
    path.unlink()
    assert state_of(tmp_path, CAMPAIGN, STEPS["map"]) == steps.StepState(4, 6, False)


def test_a_classifier_that_is_there_needs_nothing_learnt(tmp_path):
    touch(tmp_path, "shared/moments.part", "shared/classifier.mtmsdc")
    check_needs(tmp_path, CAMPAIGN, STEPS["map"])
    assert next_step(tmp_path, CAMPAIGN) == STEPS["map"]


@pytest.mark.parametrize("text", ["3/3", "1", "a/b", "-1/3", "1/0", ""])
def test_a_shard_is_a_number_below_the_count(text):
    with pytest.raises(SettingsError, match="should be I/N"):
        Shard.parse(text)
    assert Shard.parse("2/3") == Shard(2, 3)


def test_an_unknown_step_is_refused():
    with pytest.raises(SettingsError, match=r"one of moments, pretrain, .*; found dance"):
        step_named("dance")
