# SPDX-License-Identifier: GPL-2.0-or-later
"""What predicts class probabilities window by window, and the grid of a map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from ..io.cube import Raster
from ..io.run_directory import RunDirectory
from ..io.windows import Tile
from ..jobs.data_model import ClassEntry, FeatureLayout


class Predictor(Protocol):
    """What predicts a map window by window."""

    @property
    def bands(self) -> Sequence[int]:
        """Bands of the raster that prediction reads."""

    def windows(self) -> list[Tile]:
        """Windows whose cores cover the raster once."""

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
        strip_width: Width in pixels of the strips in which windows are visited; None: the raster's width.
    """

    size: tuple[int, int]
    classes: tuple[ClassEntry, ...]
    directory: RunDirectory
    with_probabilities: bool = False
    strip_width: int | None = None
