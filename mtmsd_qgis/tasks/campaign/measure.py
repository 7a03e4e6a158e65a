# SPDX-License-Identifier: GPL-2.0-or-later
"""The step "moments": what has to be known of all pixels, scene by scene, then added up.

Enters: a scene. Leaves: its SceneMoments in shared/; and at the end those of all scenes.
"""

from __future__ import annotations

from ...campaign import folder as names
from ...campaign.folder import written_aside
from ...campaign.scene_moments import SceneMoments, add_up
from ...campaign.steps import MOMENTS, STEPS, Unit, units_of
from ...progress import Progress
from .campaign_run import CampaignRun, UnitWork


def measure(run: CampaignRun) -> UnitWork:
    """How a scene is measured."""

    def measure_scene(unit: Unit, progress: Progress) -> None:
        number = unit.scene or 0
        scene = run.campaign.scenes[number]
        found = SceneMoments.of(run.mosaic.raster(number), progress, f"Scene {scene.folder} ({scene.name})")
        with written_aside(run.folder / unit.file) as aside:
            found.save(aside)

    return measure_scene


def add_up_moments(run: CampaignRun) -> None:
    """Write the moments of all scenes together."""
    units = zip(run.campaign.scenes, units_of(run.campaign, STEPS[MOMENTS]))
    paths = {f"Scene {scene.folder} ({scene.name})": run.folder / unit.file for scene, unit in units}
    total = add_up(paths, run.bands)
    with written_aside(run.shared(names.MOMENTS)) as aside:  # the first two workers to finish may be at it at once
        total.save(aside)
