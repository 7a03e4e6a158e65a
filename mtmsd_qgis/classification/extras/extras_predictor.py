# SPDX-License-Identifier: GPL-2.0-or-later
"""The map with extras: each pixel is decided by the classifier with the extras that have data there."""

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
        extended: With extras; each decides where all of its own have data and none before it does.
        extras: All in use, which the first of these knows.
    """

    plain: EnsemblePredictor
    extended: tuple[EnsemblePredictor, ...]
    extras: ExtraReader

    @property
    def bands(self) -> list[int]:
        """Bands of the scene that prediction reads."""
        return sorted({band for predictor in (self.plain, *self.extended) for band in predictor.bands})

    def windows(self, area: Window | None = None) -> list[Tile]:
        """Windows whose cores cover the raster once; only those that touch an area, where one is given."""
        return self.extended[0].windows(area)

    def probabilities(self, tile: Tile) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Probabilities (K, h, w) of a window's core, 0 where invalid, and where it is valid (h, w)."""
        return self.decided(tile, lambda predictor: predictor.probabilities(tile))

    def decided(self, tile: Tile, read: ReadOfEnsemble) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """What the ensemble that decides a pixel says of it (..., h, w), in a window's core, and where it is valid.

        Args:
            tile: The window.
            read: What one of the ensembles says of the window's core, and where it is valid.
        """
        found = None
        open_ = np.ones((tile.core.height, tile.core.width), dtype=bool)
        for predictor in self.extended:
            decides = open_ & _known(predictor.reader.extras, tile.core)
            if decides.any():
                values, valid = read(predictor)
                found = (values if found is None else np.where(decides, values, found[0])), valid
                open_ &= ~decides
        if found is None:
            return read(self.plain)
        values, valid = found
        return (np.where(open_, read(self.plain)[0], values) if open_[valid].any() else values), valid

    def share_without(self, classes: Cube) -> float:
        """Share of the pixels of a map at which an extra in use has no data."""
        mapped = without = 0
        for strip in row_strips(*whole_size(classes), _PIXEL_BYTES):
            is_mapped = np.isfinite(classes.read(strip)[0])
            mapped += int(is_mapped.sum())
            without += int((is_mapped & ~self.known(strip)).sum())
        share = without / max(1, mapped)
        if without:
            log.info("%.1f %% of the mapped pixels lack an extra; they are mapped without it.", 100 * share)
        return round(share, 6)

    def known(self, window: Window) -> NDArray[np.bool_]:
        """(h, w): where all extras in use have data."""
        return _known(self.extras, window)


def _known(extras: ExtraReader | None, window: Window) -> NDArray[np.bool_]:
    """(h, w): where all of some extras have data."""
    if extras is None:
        raise ValueError("an ensemble with extras was expected")
    return np.asarray(extras.read(window)[1].numpy())
