# SPDX-License-Identifier: GPL-2.0-or-later
"""What predicts class probabilities window by window, and the grid of a map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Callable, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..io.cube import Raster
from ..io.run_directory import RunDirectory
from ..io.windows import Tile, Window
from ..jobs.data_model import ClassEntry, FeatureLayout

NO_CONFIDENCE = -1.0  # of a pixel without data, in every raster of probabilities or of measures made of them


class Predictor(Protocol):
    """What predicts a map window by window."""

    @property
    def bands(self) -> Sequence[int]:
        """Bands of the raster that prediction reads."""

    def windows(self, area: Window | None = None) -> list[Tile]:
        """Windows whose cores cover the raster once; only those that touch an area, where one is given."""

    def probabilities(self, tile: Tile) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Probabilities (K, h, w) of a window's core, anything where invalid, and where it is valid (h, w)."""


class DecisionRule(Protocol):
    """What was learnt, apart from the raster that it was learnt from; a classifier file keeps it."""

    @property
    def n_classes(self) -> int:
        """K."""

    def predictor(self, cube: Raster, layout: FeatureLayout, device: torch.device) -> Predictor:
        """Apply it to a raster whose bands are what the layout says."""


@dataclass(frozen=True)
class MapGrid:
    """The map that is made.

    Attributes:
        size: Height and width, pixels.
        classes: In the order of the class indices.
        directory: Where its rasters are written; windows that it names as completed are left as they are.
        with_probabilities: Whether one band a class is written.
        with_uncertainty: Whether entropy, margin and disagreement are written.
        with_runner_up: Whether the second most probable class is written.
        is_needed: Which windows are mapped; None: all.
        strip_width: Width in pixels of the strips in which windows are visited; None: the raster's width.
    """

    size: tuple[int, int]
    classes: tuple[ClassEntry, ...]
    directory: RunDirectory
    with_probabilities: bool = False
    with_uncertainty: bool = False
    with_runner_up: bool = False
    is_needed: Callable[[Tile], bool] | None = None
    strip_width: int | None = None

    def class_index(self, ids: NDArray[np.integer]) -> NDArray[np.int64]:
        """Class indices of class ids (uint16 or as small), of the same shape; -1 where an id is none of a class."""
        index = np.full(1 << 16, -1, dtype=np.int64)
        index[[entry.id for entry in self.classes]] = np.arange(len(self.classes))
        return np.asarray(index[ids])


def at_valid(values: Tensor, valid: NDArray[np.bool_]) -> Tensor:
    """(n, F) of the valid pixels (h, w) of values (F, h, w), in row order."""
    return values[:, torch.from_numpy(valid).to(values.device)].T


def in_window(values: Tensor, valid: NDArray[np.bool_]) -> NDArray[np.float32]:
    """(K, h, w) of values (n, K) at the valid pixels (h, w), 0 elsewhere."""
    out = np.zeros((values.shape[1], *valid.shape), dtype=np.float32)
    out[:, valid] = values.cpu().numpy().T
    return out
