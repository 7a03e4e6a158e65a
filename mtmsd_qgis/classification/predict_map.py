# SPDX-License-Identifier: GPL-2.0-or-later
"""The class map: every window predicted and written.

Enters: a Predictor. Leaves: raw rasters of class ids, confidence and probabilities. The class of a pixel is decided
here: that of the highest probability.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..io.cube import Cube
from ..io.run_directory import CompletedWindows
from ..io.windows import column_major_order
from ..jobs.data_model import Band, CubeFile
from ..jobs.disk_sizes import CLASS_ID_TYPE, PROBABILITY_TYPE
from ..progress import Progress
from .predictor import NO_CONFIDENCE, MapGrid, Predictor
from .uncertainty.kinds import has_several_kinds, probabilities_by_kind
from .uncertainty.measures import DISAGREEMENT, ENTROPY, MARGIN, runner_up, uncertainty


@dataclass(frozen=True)
class MapFiles:
    """Rasters of a map in the job folder; NO_CONFIDENCE stands for no data in all that are float32.

    Attributes:
        classes: Class ids, uint16, 0 for none.
        confidence: Probability of the class, float32.
        probabilities: One band a class, float32; None where not wanted, as are the following.
        uncertainty: Entropy, margin and, where there are several kinds of models, their disagreement, float32.
        runner_up: Id of the second most probable class, uint16, 0 for none.
    """

    classes: Cube
    confidence: Cube
    probabilities: Cube | None = None
    uncertainty: Cube | None = None
    runner_up: Cube | None = None

    @property
    def rasters(self) -> list[Cube]:
        """Those that there are."""
        every = (self.classes, self.confidence, self.probabilities, self.uncertainty, self.runner_up)
        return [raster for raster in every if raster is not None]


def predict_map(predictor: Predictor, grid: MapGrid, progress: Progress) -> MapFiles:
    """Classify every valid pixel.

    Args:
        predictor: Gives the probabilities.
        grid: Of the map.
        progress: Told after each window.
    """
    files, is_new = _rasters(grid, several_kinds=has_several_kinds(predictor))
    completed = CompletedWindows(grid.directory, "mapped", files.rasters, fresh=is_new)
    ids = np.array([entry.id for entry in grid.classes], dtype=np.uint16)
    needed = [tile for tile in predictor.windows() if grid.is_needed is None or grid.is_needed(tile)]
    windows = column_major_order(needed, grid.strip_width or grid.size[1])
    for done, tile in enumerate(windows):
        if tile.core in completed:
            continue
        by_kind = None
        if files.uncertainty is None:
            probabilities, valid = predictor.probabilities(tile)
        else:
            probabilities, valid, by_kind = probabilities_by_kind(predictor, tile)
            files.uncertainty.write(tile.core, uncertainty(probabilities, by_kind, valid))
        if files.runner_up is not None:
            files.runner_up.write(tile.core, np.where(valid, ids[runner_up(probabilities)], 0).astype(np.uint16)[None])
        probabilities[:, ~valid] = NO_CONFIDENCE
        winner = np.where(valid, ids[probabilities.argmax(axis=0)], 0).astype(np.uint16)
        files.classes.write(tile.core, winner[None])
        files.confidence.write(tile.core, probabilities.max(axis=0)[None])
        if files.probabilities is not None:
            files.probabilities.write(tile.core, probabilities)
        completed.add(tile.core)
        with completed.saved_on_cancel():
            progress((done + 1) / len(windows), f"map: window {done + 1} of {len(windows)}")
    completed.save()
    return files


def map_rasters(grid: MapGrid, *, several_kinds: bool = False) -> dict[str, CubeFile]:
    """The rasters of a map, by their names in MapFiles.

    Args:
        grid: Of the map.
        several_kinds: Whether the classifier has models of several kinds, which may disagree.
    """
    measures = [ENTROPY, MARGIN, *([DISAGREEMENT] if several_kinds else [])]
    wanted = {"classes": ("map", CLASS_ID_TYPE, [Band("class", nodata=0)])}
    wanted["confidence"] = ("confidence", PROBABILITY_TYPE, [Band("confidence", nodata=NO_CONFIDENCE)])
    if grid.with_probabilities:
        bands = [Band(entry.name, nodata=NO_CONFIDENCE) for entry in grid.classes]
        wanted["probabilities"] = ("probabilities", PROBABILITY_TYPE, bands)
    if grid.with_uncertainty:
        bands = [Band(name, nodata=NO_CONFIDENCE) for name in measures]
        wanted["uncertainty"] = ("uncertainty", PROBABILITY_TYPE, bands)
    if grid.with_runner_up:
        wanted["runner_up"] = ("runner_up", CLASS_ID_TYPE, [Band("class", nodata=0)])
    return {
        part: CubeFile(f"{name}.raw", *grid.size, dtype, tuple(bands)) for part, (name, dtype, bands) in wanted.items()
    }


def _rasters(grid: MapGrid, *, several_kinds: bool) -> tuple[MapFiles, bool]:
    """The map's rasters, and whether one of them was not there before."""
    opened = {
        part: grid.directory.raster(Path(wanted.file).stem, grid.size, wanted.dtype, wanted.bands)
        for part, wanted in map_rasters(grid, several_kinds=several_kinds).items()
    }
    rasters = {part: raster for part, (raster, _) in opened.items()}
    return MapFiles(**rasters), any(is_new for _, is_new in opened.values())
