# SPDX-License-Identifier: GPL-2.0-or-later
"""The step "map": strips of the scenes, and each scene's map put together from its strips.

Windows and tiles are the mosaic's: a strip computes all that touch it and keeps what lies in it. So a map depends
neither on how the scenes are cut from the mosaic nor on how a scene is cut into strips.

Enters: classifier, moments, scenes. Leaves: map and confidence in each scene's folder.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...campaign import folder as names
from ...campaign.folder import scene_folder, written_aside
from ...campaign.steps import Unit, is_mapped, strips_of
from ...classification.classifier_file import load_classifier, load_its_model
from ...classification.predict_map import map_rasters
from ...classification.predictor import Predictor
from ...diffusion.batch_plan import memory_guard
from ...errors import FileFormatError
from ...io.cube import write_envi_header
from ...io.windows import Tile, Window, clip, touch
from ...jobs.data_model import CubeFile
from ...progress import Progress
from ...transfer.band_matching import match_all_bands
from ..job_device import announce_device
from ..lazy_map import SceneFeatures, map_lazily
from .campaign_run import CampaignRun, UnitWork
from .mosaic_features import MosaicFeatures

_CHUNK_BYTES = 1 << 24


def map_strips(run: CampaignRun) -> UnitWork:
    """How a strip is mapped; the classifier is read once for all."""
    device = announce_device(run.campaign.classify.device, seed=0)
    path = run.shared(names.CLASSIFIER)
    stored = load_classifier(path, device.torch_device)
    description = stored.description
    if stored.recipe is None or description.extraction is None:
        raise FileFormatError(f"{path} is not a classifier of scenes. Remove it and run the step 'learn' again.")
    _, positions = match_all_bands(description.bands, run.bands, description.source_band_count, run.source_band_count)
    if [entry.id for entry in description.classes] != [entry.id for entry in run.campaign.classes]:
        raise FileFormatError(
            f"{path} tells other classes apart than {names.CAMPAIGN_FILE} names. Prepare the campaign with the classes "
            "of the classifier, or remove the file and learn one."
        )
    run = replace(run, campaign=replace(run.campaign, extract=description.extraction))
    found = MosaicFeatures(run, load_its_model(stored, None), list(positions), description.bands)
    lazy = found.by_recipe(stored.recipe, description.layout, device.torch_device)
    predictor = stored.rule.predictor(lazy, description.layout, device.torch_device)
    source = SceneFeatures(lazy, description.layout, stored.recipe)

    def map_strip(unit: Unit, progress: Progress) -> None:
        scene = run.campaign.scenes[unit.scene or 0]
        area = Window(scene.row + unit.first_row, scene.col, unit.rows, scene.width)
        parts = (run.folder / unit.file).with_suffix("")
        parts.mkdir(parents=True, exist_ok=True)
        grid = run.grid((area.height, area.width), parts)
        with memory_guard(device, "Choose DEVICE 'cpu'."):
            map_lazily(AreaPredictor(predictor, area), source, grid, progress)
        (run.folder / unit.file).touch()
        _put_together(run, unit.scene or 0)

    return map_strip


def put_maps_together(run: CampaignRun) -> None:
    """Put together the map of each scene whose strips are all mapped."""
    for number in range(len(run.campaign.scenes)):
        _put_together(run, number)


class AreaPredictor:
    """A predictor of an area of the mosaic, asked for with rows and columns of the area."""

    def __init__(self, whole: Predictor, area: Window) -> None:
        """Find the windows of the mosaic that touch the area.

        Args:
            whole: Of the mosaic.
            area: Window of the mosaic.
        """
        self._whole, self._area = whole, area
        self._windows: dict[Window, Tile] = {}
        for tile in whole.windows(area):
            self._windows[_inside(tile.core, area)] = tile

    @property
    def bands(self) -> Sequence[int]:
        """Bands that prediction reads."""
        return self._whole.bands

    def windows(self, area: Window | None = None) -> list[Tile]:
        """What of the mosaic's windows lies in the area; the argument as of Predictor.windows."""
        tiles = [Tile(inside, tile.window) for inside, tile in self._windows.items()]
        return tiles if area is None else [tile for tile in tiles if touch(tile.core, area)]

    def probabilities(self, tile: Tile) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Probabilities of a window, computed with all of the mosaic's window that it is a part of."""
        whole, core = self._windows[tile.core], tile.core
        probabilities, valid = self._whole.probabilities(whole)
        row, col = core.row + self._area.row - whole.core.row, core.col + self._area.col - whole.core.col
        rows, cols = Window(row, col, core.height, core.width).slices
        return probabilities[:, rows, cols], valid[rows, cols]


def _inside(core: Window, area: Window) -> Window:
    """The part of a window that lies in an area, in rows and columns of the area."""
    return clip(Window(core.row - area.row, core.col - area.col, core.height, core.width), area.height, area.width)


def _put_together(run: CampaignRun, number: int) -> None:
    """Put a scene's map together, unless strips are missing or it is there already; the class map comes last."""
    scene = run.campaign.scenes[number]
    strips = strips_of(run.campaign, number, scene)
    if is_mapped(run.folder, scene) or not all((run.folder / unit.file).is_file() for unit in strips):
        return
    parts = [(run.folder / unit.file).with_suffix("") for unit in strips]
    folder = scene_folder(run.folder, scene)
    for description in reversed(map_rasters(run.grid((scene.height, scene.width), folder)).values()):
        _one_below_the_other([part / description.file for part in parts], folder, description)


def _one_below_the_other(parts: Sequence[Path], folder: Path, description: CubeFile) -> None:
    """A raster from its strips of rows: they are stored line by line, so their files follow each other."""
    path = folder / description.file
    with written_aside(path) as aside:
        with aside.open("wb") as out:
            for part in parts:
                with part.open("rb") as file:
                    shutil.copyfileobj(file, out, _CHUNK_BYTES)
            out.flush()
            os.fsync(out.fileno())
        write_envi_header(path.with_suffix(".hdr"), description)
