# SPDX-License-Identifier: GPL-2.0-or-later
"""The second look at a map: what single pixels say is kept for the whole scene, then neighbours agree.

Enters: a mapper whose pixels have opinions, and how neighbours agree. Leaves: a mapper over the kept opinions, whose
windows may lie anywhere: what is costly to compute is computed once for each pixel.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray

from ...io.cube import Cube, whole_size
from ...io.run_directory import CompletedWindows, RunDirectory
from ...io.windows import Tile, column_major_order, windows_with_margin
from ...jobs.data_model import Band
from ...jobs.disk_sizes import FILTERED_TYPE
from ...progress import Progress
from ..predictor import Mapper
from .joint_bilateral import SIDE
from .probability_filter import AROUND, Agreement

_NONE = -32768
_PROBABILITY = 1 / 32767  # what a stored number is worth
_GUIDE = 1 / 4000  # the same; the guide's root mean square is near 1
_LARGEST_GUIDE = 8.0
_WINDOW_BYTES = 128 << 20  # of weights and values of a window
_MOST_SIDE = 256  # pixels


@runtime_checkable
class OpinionMapper(Mapper, Protocol):
    """A mapper whose neighbours may agree."""

    @property
    def agreement(self) -> Agreement | None:
        """How they do; None: each pixel decides alone."""

    @property
    def device(self) -> torch.device:
        """Where they do."""

    def opinions(self, tile: Tile) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Probabilities and guide (K + G, h, w) of a window's core, and where it is valid (h, w)."""


@dataclass(frozen=True)
class AgreedMapper:
    """Predicts from kept opinions.

    Attributes:
        kept: K + G bands.
        agreement: How neighbours agree.
        device: Where they do.
    """

    kept: Cube
    agreement: Agreement
    device: torch.device

    @property
    def bands(self) -> range:
        """Bands that prediction reads: all that are kept."""
        return range(self.kept.bands)

    def windows(self) -> list[Tile]:
        """Windows whose cores cover the raster once."""
        per_pixel = 4 * (SIDE * SIDE + 3 * self.kept.bands)
        side = max(32, min(_MOST_SIDE, math.isqrt(_WINDOW_BYTES // per_pixel) - 2 * AROUND))
        return windows_with_margin(*whole_size(self.kept), side, AROUND, AROUND)

    def probabilities(self, tile: Tile) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Probabilities (K, h, w) of a window's core, 0 where invalid, and where it is valid (h, w)."""
        stored = self.kept.read(tile.window)
        known = np.isfinite(stored[0])
        inner = tile.inner.slices
        classes = self.kept.bands - self.agreement.guides
        valid = np.asarray(known[inner])
        if not valid.any():
            return np.zeros((classes, *valid.shape), dtype=np.float32), valid
        values = torch.from_numpy(np.where(known, stored, np.float32(0))).to(self.device)
        here = torch.from_numpy(known).to(self.device)
        found = self.agreement(values[:classes], values[classes:], here)[:, inner[0], inner[1]]
        found = found / found.sum(dim=0).clamp(min=1e-6)  # stored probabilities are rounded
        return np.where(valid, found.cpu().numpy(), np.float32(0)), valid


def look_again(
    mapper: OpinionMapper,
    agreement: Agreement,
    classes: int,
    size: tuple[int, int],
    place: RunDirectory,
    progress: Progress,
    strip_width: int | None,
) -> AgreedMapper:
    """Keep the opinions of all pixels, window by window.

    Args:
        mapper: Gives them.
        agreement: How neighbours will agree.
        classes: K.
        size: Height and width.
        place: Where they are kept; windows that it says are finished are left as they are.
        progress: Told after each window.
        strip_width: Of the strips in which windows are walked, pixels; None: the raster's width.
    """
    said = [Band(f"class {k + 1}", nodata=_NONE, scale=_PROBABILITY) for k in range(classes)]
    seen = [Band(f"guide {g + 1}", nodata=_NONE, scale=_GUIDE) for g in range(agreement.guides)]
    kept, new = place.raster("opinions", size, FILTERED_TYPE, [*said, *seen])
    finished = CompletedWindows(place, "heard", [kept], fresh=new)
    worth = np.array([band.scale for band in kept.description.bands], dtype=np.float32)[:, None, None]
    windows = column_major_order(mapper.windows(), strip_width or size[1])
    for done, tile in enumerate(windows):
        if tile.core in finished:
            continue
        opinions, valid = mapper.opinions(tile)
        numbers = np.rint(np.clip(opinions, -_LARGEST_GUIDE, _LARGEST_GUIDE) / worth).astype(np.int16)
        kept.write(tile.core, np.where(valid, numbers, np.int16(_NONE)))
        finished.add(tile.core)
        with finished.saved_on_cancel():
            progress((done + 1) / len(windows), f"pixels: window {done + 1} of {len(windows)}")
    finished.save()
    return AgreedMapper(kept, agreement, mapper.device)
