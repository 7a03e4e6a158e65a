# SPDX-License-Identifier: GPL-2.0-or-later
"""The class map: every window predicted and written.

Enters: a Mapper. Leaves: raw rasters of class ids, confidence and probabilities.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..io.cube import Cube
from ..io.run_directory import CompletedWindows, RunDirectory
from ..io.windows import column_major_order
from ..jobs.data_model import Band, ClassEntry
from ..jobs.disk_sizes import CLASS_ID_TYPE, PROBABILITY_TYPE
from ..progress import Progress, span
from .context.filtered_predictor import OpinionMapper, look_again
from .predictor import Mapper

NO_CONFIDENCE = -1.0
_FIRST_LOOK = 0.85  # of the time, where there is a second one


@dataclass(frozen=True)
class MapFiles:
    """Rasters of a map in the job folder: class ids (uint16, 0 = none), confidence and probabilities (float32)."""

    classes: Cube
    confidence: Cube
    probabilities: Cube | None


def predict_map(
    mapper: Mapper,
    size: tuple[int, int],
    classes: tuple[ClassEntry, ...],
    place: RunDirectory,
    *,
    with_probabilities: bool,
    progress: Progress,
    strip_width: int | None = None,
) -> MapFiles:
    """Classify every valid pixel; where neighbours have a say, all pixels are asked before any is decided.

    Args:
        mapper: Gives the probabilities.
        size: Height and width.
        classes: In the order of the class indices.
        place: Where the rasters are written; windows that it says are finished are left as they are.
        with_probabilities: Whether to write one band a class.
        progress: Told after each window.
        strip_width: Width in pixels of the strips in which the windows are walked; None: the raster's width.
    """
    if isinstance(mapper, OpinionMapper) and mapper.agreement is not None:
        first, progress = span(progress, 0.0, _FIRST_LOOK), span(progress, _FIRST_LOOK, 1.0)
        mapper = look_again(mapper, mapper.agreement, len(classes), size, place, first, strip_width)
        strip_width = None
    wanted = [("map", CLASS_ID_TYPE, [Band("class", nodata=0)])]
    wanted.append(("confidence", PROBABILITY_TYPE, [Band("confidence", nodata=NO_CONFIDENCE)]))
    if with_probabilities:
        wanted.append(("probabilities", PROBABILITY_TYPE, [Band(c.name, nodata=NO_CONFIDENCE) for c in classes]))
    rasters, new = zip(*(place.raster(name, size, dtype, bands) for name, dtype, bands in wanted))
    files = MapFiles(rasters[0], rasters[1], rasters[2] if with_probabilities else None)
    finished = CompletedWindows(place, "mapped", rasters, fresh=any(new))
    ids = np.array([entry.id for entry in classes], dtype=np.uint16)
    windows = column_major_order(mapper.windows(), strip_width or size[1])
    for done, tile in enumerate(windows):
        if tile.core in finished:
            continue
        probabilities, valid = mapper.probabilities(tile)
        probabilities[:, ~valid] = NO_CONFIDENCE
        winner = np.where(valid, ids[probabilities.argmax(axis=0)], 0).astype(np.uint16)
        files.classes.write(tile.core, winner[None])
        files.confidence.write(tile.core, probabilities.max(axis=0)[None])
        if files.probabilities is not None:
            files.probabilities.write(tile.core, probabilities)
        finished.add(tile.core)
        with finished.saved_on_cancel():
            progress((done + 1) / len(windows), f"map: window {done + 1} of {len(windows)}")
    finished.save()
    return files
