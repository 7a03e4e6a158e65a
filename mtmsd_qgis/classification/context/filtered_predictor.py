# SPDX-License-Identifier: GPL-2.0-or-later
"""Two-pass mapping: the probabilities of all pixels are stored, then filtered.

Enters: a predictor whose probabilities are to be filtered. Leaves: a predictor over the stored probabilities, whose
windows may lie anywhere: what is costly to compute is computed once for each pixel, and no border of a window shows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray

from ...io.cube import Cube, whole_size
from ...io.run_directory import CompletedWindows
from ...io.windows import Tile, column_major_order, windows_with_margin
from ...jobs.data_model import Band
from ...jobs.disk_sizes import FILTERED_TYPE
from ...progress import Progress
from ..predictor import MapGrid, Predictor
from .joint_bilateral import SIDE
from .probability_filter import REACH, ProbabilityFilter

_NODATA = -32768
_PROBABILITY_STEP = 1 / 32767  # of the stored numbers
_GUIDE_STEP = 1 / 4000  # the guide's root mean square is near 1
_LARGEST_GUIDE = 8.0
_WINDOW_BYTES = 128 << 20  # of affinities and values of a window
_MOST_SIDE = 256  # pixels


@runtime_checkable
class FilterablePredictor(Predictor, Protocol):
    """A predictor that can give the guidance image beside its probabilities."""

    @property
    def smoother(self) -> ProbabilityFilter | None:
        """How probabilities are filtered; None: not at all."""

    @property
    def device(self) -> torch.device:
        """Where they are."""

    def probabilities_and_guide(self, tile: Tile) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Probabilities and guide (K + G, h, w) of a window's core, and where it is valid (h, w)."""


@dataclass(frozen=True)
class FilteredPredictor:
    """Predicts from stored probabilities.

    Attributes:
        stored: K + G bands.
        smoother: How probabilities are filtered.
        device: Where they are.
        most_side: Of a window, pixels.
    """

    stored: Cube
    smoother: ProbabilityFilter
    device: torch.device
    most_side: int = _MOST_SIDE

    @property
    def bands(self) -> range:
        """Bands that prediction reads: all that are stored."""
        return range(self.stored.bands)

    def windows(self) -> list[Tile]:
        """Windows whose cores cover the raster once."""
        bytes_per_pixel = 4 * (SIDE * SIDE + 3 * self.stored.bands)
        side = max(32, min(self.most_side, math.isqrt(_WINDOW_BYTES // bytes_per_pixel) - 2 * REACH))
        return windows_with_margin(*whole_size(self.stored), side, REACH, REACH)

    def probabilities(self, tile: Tile) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Probabilities (K, h, w) of a window's core, 0 where invalid, and where it is valid (h, w)."""
        stored = self.stored.read(tile.window)
        is_known = np.isfinite(stored[0])
        inner = tile.inner.slices
        n_classes = self.stored.bands - self.smoother.guide_channels
        valid = np.asarray(is_known[inner])
        if not valid.any():
            return np.zeros((n_classes, *valid.shape), dtype=np.float32), valid
        values = torch.from_numpy(np.where(is_known, stored, np.float32(0))).to(self.device)
        known = torch.from_numpy(is_known).to(self.device)
        filtered = self.smoother(values[:n_classes], values[n_classes:], known)[:, inner[0], inner[1]]
        filtered = filtered / filtered.sum(dim=0).clamp(min=1e-6)  # stored probabilities are rounded
        return np.where(valid, filtered.cpu().numpy(), np.float32(0)), valid


def store_probabilities(
    predictor: FilterablePredictor, smoother: ProbabilityFilter, grid: MapGrid, progress: Progress
) -> FilteredPredictor:
    """Compute and store the probabilities of all pixels, window by window.

    Args:
        predictor: Gives them.
        smoother: How they will be filtered.
        grid: Of the map; windows that its run directory names as completed are left as they are.
        progress: Told after each window.
    """
    classes = [Band(f"class {k + 1}", nodata=_NODATA, scale=_PROBABILITY_STEP) for k in range(len(grid.classes))]
    guide = [Band(f"guide {g + 1}", nodata=_NODATA, scale=_GUIDE_STEP) for g in range(smoother.guide_channels)]
    stored, is_new = grid.directory.raster("probabilities16", grid.size, FILTERED_TYPE, [*classes, *guide])
    completed = CompletedWindows(grid.directory, "stored", [stored], fresh=is_new)
    steps = np.array([band.scale for band in stored.description.bands], dtype=np.float32)[:, None, None]
    windows = column_major_order(predictor.windows(), grid.strip_width or grid.size[1])
    for done, tile in enumerate(windows):
        if tile.core in completed:
            continue
        values, valid = predictor.probabilities_and_guide(tile)
        numbers = np.rint(np.clip(values, -_LARGEST_GUIDE, _LARGEST_GUIDE) / steps).astype(FILTERED_TYPE)
        stored.write(tile.core, np.where(valid, numbers, np.array(_NODATA, FILTERED_TYPE)))
        completed.add(tile.core)
        with completed.saved_on_cancel():
            progress((done + 1) / len(windows), f"pixels: window {done + 1} of {len(windows)}")
    completed.save()
    return FilteredPredictor(stored, smoother, predictor.device)
