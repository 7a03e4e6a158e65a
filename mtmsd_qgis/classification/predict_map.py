# SPDX-License-Identifier: GPL-2.0-or-later
"""The class map: every window predicted and written.

Enters: a Predictor. Leaves: raw rasters of class ids, confidence and probabilities. The class of a pixel is decided
here: that of the highest probability.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..io.cube import Cube
from ..io.run_directory import CompletedWindows
from ..io.windows import column_major_order
from ..jobs.data_model import Band
from ..jobs.disk_sizes import CLASS_ID_TYPE, PROBABILITY_TYPE
from ..progress import Progress
from .predictor import MapGrid, Predictor

NO_CONFIDENCE = -1.0


@dataclass(frozen=True)
class MapFiles:
    """Rasters of a map in the job folder: class ids (uint16, 0 = none), confidence and probabilities (float32)."""

    classes: Cube
    confidence: Cube
    probabilities: Cube | None


def predict_map(predictor: Predictor, grid: MapGrid, progress: Progress) -> MapFiles:
    """Classify every valid pixel.

    Args:
        predictor: Gives the probabilities.
        grid: Of the map.
        progress: Told after each window.
    """
    files, is_new = _rasters(grid)
    rasters = [raster for raster in (files.classes, files.confidence, files.probabilities) if raster is not None]
    completed = CompletedWindows(grid.directory, "mapped", rasters, fresh=is_new)
    ids = np.array([entry.id for entry in grid.classes], dtype=np.uint16)
    windows = column_major_order(predictor.windows(), grid.strip_width or grid.size[1])
    for done, tile in enumerate(windows):
        if tile.core in completed:
            continue
        probabilities, valid = predictor.probabilities(tile)
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


def _rasters(grid: MapGrid) -> tuple[MapFiles, bool]:
    """The map's rasters, and whether one of them was not there before."""
    class_bands = [Band(entry.name, nodata=NO_CONFIDENCE) for entry in grid.classes]
    classes, new_classes = grid.directory.raster("map", grid.size, CLASS_ID_TYPE, [Band("class", nodata=0)])
    confidence, new_confidence = grid.directory.raster(
        "confidence", grid.size, PROBABILITY_TYPE, [Band("confidence", nodata=NO_CONFIDENCE)]
    )
    if not grid.with_probabilities:
        return MapFiles(classes, confidence, None), new_classes or new_confidence
    probabilities, new_probabilities = grid.directory.raster("probabilities", grid.size, PROBABILITY_TYPE, class_bands)
    return MapFiles(classes, confidence, probabilities), new_classes or new_confidence or new_probabilities
