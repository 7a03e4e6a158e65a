# SPDX-License-Identifier: GPL-2.0-or-later
"""Pixels join the seed nearest to them in features and position.

Enters: a raster of whole numbers, the features. Leaves: a raster with the number of the seed that each pixel joined.

Seeds lie on a grid. In each round a pixel joins one of the nine seeds of its cell and of the cells around it, and then
each seed moves to the mean of its pixels. Source: Achanta et al. (2012), SLIC, doi 10.1109/TPAMI.2012.120; deviation:
nine seeds instead of a square around each, as in Liu et al. (2024), arXiv 2407.07307, so that a pass needs no memory of
distances. Sums are of whole numbers, so they are exact and do not depend on the windows that the raster is read in.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...io.cube import Cube
from ...io.windows import Window
from ...progress import Progress, span
from .seed_grid import SeedGrid
from .segment_features import NO_FEATURE, STEP

ROUNDS = 5
COMPACTNESS = 0.5  # weight of the position beside the features, each of a mean square near 1
NO_SEED = 0
_BYTES_PER_FEATURE = 12
_STRIP_BYTES = 64 << 20


@dataclass(frozen=True)
class Seeds:
    """Where the seeds are.

    Attributes:
        grid: Their cells.
        values: (F + 2, M) float32 mean features of their pixels, then mean row and column.
        pixels: (M,) how many joined each.
    """

    grid: SeedGrid
    values: NDArray[np.float32]
    pixels: NDArray[np.int64]

    @property
    def features(self) -> NDArray[np.float32]:
        """(F, M) their mean features."""
        return self.values[:-2]


def compete(features: Cube, labels: Cube, grid: SeedGrid, progress: Progress) -> Seeds:
    """Let pixels join seeds.

    Args:
        features: (F, H, W) as segment_features writes them.
        labels: Is written: 1 + the number of the seed of each pixel, NO_SEED where it has no features.
        grid: Cells of the seeds.
        progress: Told after each strip.
    """
    seeds = _pass(features, grid, None, None, span(progress, 0.0, 1 / (ROUNDS + 1)))
    for done in range(1, ROUNDS + 1):
        told = span(progress, done / (ROUNDS + 1), (done + 1) / (ROUNDS + 1))
        seeds = _pass(features, grid, seeds, labels if done == ROUNDS else None, told)
    labels.flush()
    return seeds


def _pass(features: Cube, grid: SeedGrid, seeds: Seeds | None, labels: Cube | None, progress: Progress) -> Seeds:
    """Each pixel joins a seed, or where there are none yet that of its cell; the means of the pixels that joined."""
    cell_col, count = grid.col_of(), len(grid)
    sums, pixels = np.zeros((features.bands + 2, count)), np.zeros(count, dtype=np.int64)
    for cell_row, strip in grid.strips(_BYTES_PER_FEATURE * (features.bands + 4), _STRIP_BYTES):
        values = features.stored(strip)
        valid = values[0] != NO_FEATURE
        if valid.any():
            own = np.broadcast_to(cell_row * grid.cols + cell_col, valid.shape)
            joined = own if seeds is None else _nearest(values, strip, seeds, (cell_row, cell_col))
            first = max(0, cell_row - 1) * grid.cols  # no pixel joins a seed before this one
            place, stop = joined[valid] - first, min(grid.rows, cell_row + 2) * grid.cols - first
            part = slice(first, first + stop)
            pixels[part] += np.bincount(place, minlength=stop)
            rows, cols = np.nonzero(valid)
            for f, column in enumerate((*(value[valid] for value in values), rows + strip.row, cols)):
                sums[f, part] += np.bincount(place, weights=column, minlength=stop)
            if labels is not None:
                labels.write(strip, np.where(valid, joined + 1, NO_SEED).astype(np.uint32)[None])
        progress(strip.stop_row / grid.size[0], "segments")
    means = (sums / np.maximum(pixels, 1)).astype(np.float32)
    if seeds is not None:
        means = np.where(pixels > 0, means, seeds.values)
    return Seeds(grid, means, pixels)


def _nearest(
    values: NDArray[np.int16], strip: Window, seeds: Seeds, cells: tuple[int, NDArray[np.int64]]
) -> NDArray[np.int64]:
    """(h, w) number of the nearest of the nine seeds around each pixel's cell.

    Args:
        values: (F, h, w) features of a strip.
        strip: Where it lies.
        seeds: As the last round left them.
        cells: The row of cells that the strip lies in, and the column (w,) of cells of each pixel.
    """
    grid, (cell_row, cell_col) = seeds.grid, cells
    numbers = values.astype(np.float32)
    rows = np.arange(strip.row, strip.stop_row, dtype=np.float32)[:, None]
    cols = np.arange(strip.width, dtype=np.float32)
    weight = np.float32(COMPACTNESS * STEP**2 / grid.spacing**2)
    least = np.full(numbers.shape[1:], np.inf, dtype=np.float32)
    nearest = np.zeros(numbers.shape[1:], dtype=np.int64)
    for row in range(max(0, cell_row - 1), min(grid.rows, cell_row + 2)):
        for step in (-1, 0, 1):
            col = cell_col + step
            seed = row * grid.cols + np.clip(col, 0, grid.cols - 1)
            is_there = (col >= 0) & (col < grid.cols) & (seeds.pixels[seed] > 0)
            distance = ((rows - seeds.values[-2, seed]) ** 2 + (cols - seeds.values[-1, seed]) ** 2) * weight
            for value, mean in zip(numbers, seeds.features):
                difference = value - mean[seed]
                difference *= difference
                distance += difference
            nearer = (distance < least) & is_there
            least[nearer] = distance[nearer]
            nearest[nearer] = np.broadcast_to(seed, nearer.shape)[nearer]
    return nearest
