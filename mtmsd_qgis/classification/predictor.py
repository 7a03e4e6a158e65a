# SPDX-License-Identifier: GPL-2.0-or-later
"""What learning leaves for mapping: something that predicts window by window, and what it rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..io.windows import Tile
from ..jobs.results import EnsembleSummary


class Mapper(Protocol):
    """What predicts a map window by window."""

    @property
    def bands(self) -> Sequence[int]:
        """Bands of the raster that prediction reads."""

    def windows(self) -> list[Tile]:
        """Windows whose cores cover the raster once."""

    def probabilities(self, tile: Tile) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Probabilities (K, h, w) of a window's core, anything where invalid, and where it is valid (h, w)."""


@dataclass(frozen=True)
class Learnt:
    """A mapper, and what it rests on.

    Attributes:
        mapper: Predicts the map.
        timesteps: Share of each timestep ("50"), "spectra" and "position" in the decision; may be empty.
        stages: Share of each stage ("5") likewise; may be empty.
        features: Features per timestep that it could use.
        ensemble: What the default classifier chose; None for others.
    """

    mapper: Mapper
    timesteps: Mapping[str, float]
    stages: Mapping[str, float]
    features: int
    ensemble: EnsembleSummary | None = None
