# SPDX-License-Identifier: GPL-2.0-or-later
"""The map with extras: where they have data, the classifier with them decides, elsewhere the one without."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...features.extras.extra_reader import ExtraReader
from ...io.cube import Cube, whole_size
from ...io.windows import Tile, Window, row_strips
from ..auto.predictor import EnsemblePredictor

log = logging.getLogger(__name__)

_PIXEL_BYTES = 1024  # of the columns of extras while they are made

ReadOfEnsemble = Callable[[EnsemblePredictor], tuple[NDArray[np.float32], NDArray[np.bool_]]]


@dataclass(frozen=True)
class ExtrasPredictor:
    """Predicts each pixel from what is known of it.

    Attributes:
        plain: Without extras.
        extended: With them.
        extras: Of the extended one.
    """

    plain: EnsemblePredictor
    extended: EnsemblePredictor
    extras: ExtraReader

    @property
    def bands(self) -> list[int]:
        """Bands of the scene that prediction reads."""
        return sorted({*self.plain.bands, *self.extended.bands})

    def windows(self, area: Window | None = None) -> list[Tile]:
        """Windows whose cores cover the raster once; only those that touch an area, where one is given."""
        return self.extended.windows(area)

    def probabilities(self, tile: Tile) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Probabilities (K, h, w) of a window's core, 0 where invalid, and where it is valid (h, w)."""
        return self.decided(tile, lambda predictor: predictor.probabilities(tile))

    def decided(self, tile: Tile, read: ReadOfEnsemble) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """What the ensemble that decides a pixel says of it (..., h, w), in a window's core, and where it is valid.

        Args:
            tile: The window.
            read: What one of the ensembles says of the window's core, and where it is valid.
        """
        known = self.known(tile.core)
        if not known.any():
            return read(self.plain)
        values, valid = read(self.extended)
        if not known[valid].all():
            values = np.where(known, values, read(self.plain)[0])
        return values, valid

    def share_without(self, classes: Cube) -> float:
        """Share of the pixels of a map at which an extra in use has no data, so that they are mapped without extras."""
        mapped = without = 0
        for strip in row_strips(*whole_size(classes), _PIXEL_BYTES):
            is_mapped = np.isfinite(classes.read(strip)[0])
            mapped += int(is_mapped.sum())
            without += int((is_mapped & ~self.known(strip)).sum())
        share = without / max(1, mapped)
        if without:
            log.info("%.1f %% of the mapped pixels have no extra data; they are mapped without it.", 100 * share)
        return round(share, 6)

    def known(self, window: Window) -> NDArray[np.bool_]:
        """(h, w): where all extras in use have data."""
        return np.asarray(self.extras.read(window)[1].numpy())
