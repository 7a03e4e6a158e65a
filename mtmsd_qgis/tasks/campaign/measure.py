# SPDX-License-Identifier: GPL-2.0-or-later
"""The step "moments": what has to be known of all pixels, scene by scene, then added up.

Enters: a scene. Leaves: its SceneMoments in shared/; and at the end those of all scenes.
"""

from __future__ import annotations

from ...campaign import folder as names
from ...campaign.scene_moments import SceneMoments, add_up
from ...campaign.steps import MOMENTS, STEPS, Unit, units_of
from ...progress import Progress
from .campaign_run import CampaignRun, UnitWork


def measure(run: CampaignRun) -> UnitWork:
    """How a scene is measured."""

    def measure_scene(unit: Unit, progress: Progress) -> None:
        SceneMoments.of(run.mosaic.raster(unit.scene or 0), progress).save(run.folder / unit.file)

    return measure_scene


def add_up_moments(run: CampaignRun) -> None:
    """Write the moments of all scenes together."""
    paths = [run.folder / unit.file for unit in units_of(run.campaign, STEPS[MOMENTS])]
    add_up(paths, run.bands).save(run.shared(names.MOMENTS))
