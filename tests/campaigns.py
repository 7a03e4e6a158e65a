# SPDX-License-Identifier: GPL-2.0-or-later
"""Small campaigns for tests: scenes cut from one raster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from mtmsd_qgis.campaign.folder import SCENE_TASK, Campaign, Scene, scene_folder, write_campaign, write_scene
from mtmsd_qgis.io.windows import Window
from mtmsd_qgis.jobs.protocol import Job
from mtmsd_qgis.jobs.settings import ClassificationSettings, ExtractionSettings, PretrainSettings
from tests.scenes import CLASSES, cube_of, fields, sample_table

SIZE = (40, 56)
BANDS = 6
PRETRAIN = PretrainSettings(components=4, patch_size=16, iterations=6, batch_size=4, device="cpu")
EXTRACT = ExtractionSettings(timesteps=(100, 200), stages=(1, 5), keep=12)
CLASSIFY = ClassificationSettings(split="spatial", block_size=8, device="cpu")
WHOLE = (Window(0, 0, *SIZE),)
TWO = (Window(0, 0, 40, 23), Window(0, 23, 40, 33))


def campaign_of(folder: Path, places: Sequence[Window], **changes) -> Campaign:
    """A campaign of scenes cut from one raster at these places, with samples in polygons of 4 x 4 pixels."""
    values, index = fields(*SIZE, bands=BANDS)
    table = sample_table(index)
    table[:, 3] = table[:, 0] // 4 * 100 + table[:, 1] // 4
    scenes = []
    for number, place in enumerate(places, 1):
        rows, cols = place.slices
        inside = (table[:, 0] >= place.row) & (table[:, 0] < place.stop_row)
        inside &= (table[:, 1] >= place.col) & (table[:, 1] < place.stop_col)
        samples = table[inside] - np.array([place.row, place.col, 0, 0])
        scene = Scene(
            f"{number:04d}", place.row, place.col, place.height, place.width, len(samples), f"tile {number}.tif"
        )
        scenes.append(scene)
        own = scene_folder(folder, scene)
        own.mkdir(parents=True)
        cube = cube_of(own, values[:, rows, cols])
        np.save(own / "samples.npy", samples)
        job = Job(SCENE_TASK, scene=cube.description, samples="samples.npy", classes=CLASSES)
        write_scene(job, folder, scene)
    campaign = Campaign(tuple(scenes), CLASSES, PRETRAIN, EXTRACT, CLASSIFY, strip_rows=16)
    campaign = replace(campaign, **changes)
    write_campaign(campaign, folder)
    return campaign
