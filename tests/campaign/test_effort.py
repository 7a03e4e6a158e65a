# SPDX-License-Identifier: GPL-2.0-or-later
"""The estimate of a campaign's time is what was measured, and grows with what costs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mtmsd_qgis.campaign.effort import effort_of
from mtmsd_qgis.campaign.folder import Campaign, Scene
from mtmsd_qgis.jobs.settings import ClassificationSettings, extraction_settings, pretrain_settings
from tests.scenes import CLASSES


def campaign_of(tiles: int, side: int, **pretrain) -> Campaign:
    scenes = tuple(Scene(f"{n:04d}", 0, n * side, side, side) for n in range(tiles))
    steps = pretrain_settings("quick", **pretrain), extraction_settings("quick"), ClassificationSettings()
    return Campaign(scenes, CLASSES, *steps)


@pytest.mark.parametrize(("bands", "measured"), [(12, 9585), (200, 5345)])
def test_pixels_a_second_are_those_that_were_measured(bands, measured):
    """docs/cluster.md; the rest of a campaign, about a minute, is not in them."""
    pixels = 64 * 256**2
    seconds = effort_of(campaign_of(64, 256), bands, 2).map_seconds - effort_of(campaign_of(1, 1), bands, 2).map_seconds
    assert pixels / seconds == pytest.approx(measured, rel=0.05)


def test_what_grows_with_what():
    small, large = campaign_of(4, 64), campaign_of(8, 64)
    effort = effort_of(small, 10, 2)
    assert effort_of(large, 10, 2).train_seconds == effort.train_seconds
    assert effort_of(large, 10, 2).map_seconds > effort.map_seconds
    assert effort_of(small, 20, 2).map_seconds > effort.map_seconds
    assert effort_of(large, 10, 2).disk_bytes == 2 * effort.disk_bytes
    assert effort_of(small, 10, 2, model_width=32).train_seconds == 0
    wide = effort_of(replace(small, pretrain=pretrain_settings("quick", base_width=64)), 10, 2)
    assert wide.train_seconds == pytest.approx(4 * effort.train_seconds)
    given = effort_of(small, 10, 2, model_width=64)  # whatever a training would have had
    assert (given.train_seconds, given.map_seconds) == (0, wide.map_seconds)
    assert effort.map_seconds < wide.map_seconds < 4 * effort.map_seconds
    assert effort.hours(2) == pytest.approx(effort.hours(1) / 2)
