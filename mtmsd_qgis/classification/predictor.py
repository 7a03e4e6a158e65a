# SPDX-License-Identifier: GPL-2.0-or-later
"""What predicts class probabilities window by window, and the grid of a map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..io.run_directory import RunDirectory
from ..io.windows import Tile
from ..jobs.data_model import ClassEntry


class Predictor(Protocol):
    """What predicts a map window by window."""

    @property
    def bands(self) -> Sequence[int]:
        """Bands of the raster that prediction reads."""

    def windows(self) -> list[Tile]:
        """Windows whose cores cover the raster once."""

    def probabilities(self, tile: Tile) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Probabilities (K, h, w) of a window's core, anything where invalid, and where it is valid (h, w)."""


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
