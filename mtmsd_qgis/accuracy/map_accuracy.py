# SPDX-License-Identifier: GPL-2.0-or-later
"""A class map looked up at reference samples: its accuracy, and how far its confidence can be trusted.

Enters: the class map and its confidence as rasters, reference samples. Leaves: figures, and pixel counts of the
classes.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..io.cube import Raster, whole_size
from ..io.windows import Window, clip, row_strips
from ..jobs.accuracy_results import AccuracyFigures
from ..jobs.data_model import ClassEntry
from ..sampling.groups import spatial_groups
from ..sampling.sample_table import SampleTable
from .calibration import evaluate_confidence
from .metrics import evaluate

log = logging.getLogger(__name__)

_BLOCK_SIDE = 32  # pixels, of the blocks whose reference points are taken to be right or wrong together


def mapped_classes(
    map_cube: Raster, classes: tuple[ClassEntry, ...], rows: NDArray[np.int64], cols: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Class index (N,) that the map has at pixels; -1 where it has none."""
    index_of = {entry.id: index for index, entry in enumerate(classes)}
    class_index = np.full(len(rows), -1, dtype=np.int64)
    values = values_at(map_cube, rows, cols)
    finite = np.isfinite(values)
    class_index[finite] = [index_of.get(int(value), -1) for value in values[finite]]
    return class_index


def values_at(cube: Raster, rows: NDArray[np.int64], cols: NDArray[np.int64]) -> NDArray[np.float64]:
    """Values (N,) of the first band at pixels, NaN where there is none."""
    values = np.full(len(rows), np.nan)
    for row in np.unique(rows):
        in_row = rows == row
        values[in_row] = cube.read(Window(int(row), 0, 1, cube.width), [0])[0, 0][cols[in_row]]
    return values


def mapped_pixels(
    map_cube: Raster,
    classes: tuple[ClassEntry, ...],
    size: tuple[int, int] | None = None,
    without: Sequence[tuple[Window, Raster]] = (),
) -> tuple[int, ...]:
    """Number of pixels that the map gives to each class, in the order of the class indices.

    Args:
        map_cube: Class ids.
        classes: In the order of the class indices.
        size: Rows and columns that count, from the upper left; None: all.
        without: Other maps and where they lie on this one, which may be in part; pixels that one gives a class do not
            count.
    """
    counts = np.zeros(1 << 16, dtype=np.int64)
    for strip in row_strips(*(size or whole_size(map_cube)), 4):
        values = map_cube.read(strip)
        for place, other in without:
            local = Window(place.row - strip.row, place.col - strip.col, place.height, place.width)
            shared = clip(local, strip.height, strip.width)
            if shared.height and shared.width:
                own = Window(shared.row - local.row, shared.col - local.col, shared.height, shared.width)
                values[0][shared.slices][np.isfinite(other.read(own)[0])] = np.nan
        counts += np.bincount(values[np.isfinite(values)].astype(np.int64), minlength=len(counts))
    return tuple(int(counts[entry.id]) for entry in classes)


def evaluate_map(
    class_map: Raster, confidence: Raster, classes: tuple[ClassEntry, ...], reference: SampleTable
) -> tuple[AccuracyFigures | None, int]:
    """Accuracy and calibration at the reference samples, and how many of them lie where the map has no class.

    Args:
        class_map: Class ids.
        confidence: Probability of the mapped class, 0 to 1.
        classes: In the order of the class indices.
        reference: Samples; may be empty.

    Returns:
        The figures, None where no sample lies on a mapped pixel; and the number of samples beside the map.
    """
    if len(reference) == 0:
        return None, 0
    mapped = mapped_classes(class_map, classes, reference.rows, reference.cols)
    inside = mapped >= 0
    outside = int((~inside).sum())
    if not inside.any():
        log.warning("No reference sample lies on a mapped pixel, so no accuracy is given.")
        return None, outside
    mapped, samples = mapped[inside], reference.subset(inside)
    accuracy = evaluate(samples.class_index, mapped, samples.group, len(classes))
    probability = values_at(confidence, samples.rows, samples.cols)
    groups = spatial_groups(samples, _BLOCK_SIDE)
    calibration = evaluate_confidence(probability, mapped == samples.class_index, groups)
    return replace(accuracy, calibration=calibration), outside
