# SPDX-License-Identifier: GPL-2.0-or-later
"""Bands of a raster: which ones are usable.

Enters: a Cube. Leaves: indices of bands, why a band is left out, and a fill value that nobody declared.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import SceneError
from ..jobs.results import BandLeftOut
from ..progress import Progress, silent
from .cube import Cube, whole_size
from .fill_values import BandRanges, FillValue, find_fill_value, largest_value
from .windows import row_strips

# 32-bit numbers hold sums of squares of such values, and of such differences.
LARGEST_VALUE = 1e15
LEAST_CONTRAST = 1e-15
_SAMPLE_PIXELS = 4096  # of a raster, that a fill value is compared with
_LEAST_VALID_SHARE = 0.5  # a band with data at fewer pixels than this share of the best band counts as empty


@dataclass(frozen=True)
class BandInspection:
    """What the bands of a raster are good for.

    Attributes:
        usable: 0-based.
        left_out: Bands without data, almost without data, or constant.
        fill: A value among the usable bands that looks like no data and is not declared as such.
        largest: Magnitude of the usable bands' values, where all of them have data.
        widest: Range of the values of the usable band with most contrast.
    """

    usable: list[int]
    left_out: list[BandLeftOut]
    fill: FillValue | None
    largest: float = 0.0
    widest: float = 0.0

    def warning(self) -> str:
        """What the log should say of the values; empty where nothing.

        Raises:
            SceneError: Nothing can be computed from them.
        """
        if self.fill is not None:
            self.fill.refuse_if_spoiling()
            return self.fill.sentence
        if not self.usable:
            return ""
        if self.largest > LARGEST_VALUE:
            raise SceneError(
                f"Values of at most {LARGEST_VALUE:g} were expected in the raster, found {self.largest:.4g}. Divide "
                "the bands by a number (Raster > Raster Calculator), or leave out the one that holds such values."
            )
        if self.widest < LEAST_CONTRAST:
            raise SceneError(
                f"Values that differ by {LEAST_CONTRAST:g} or more were expected in the raster; those of the band with "
                f"most contrast differ by {self.widest:.4g}. Multiply the bands by a number (Raster > Raster "
                "Calculator)."
            )
        return ""


def inspect_bands(cube: Cube, progress: Progress = silent) -> BandInspection:
    """Walk over a raster, and sort its bands into usable ones and others."""
    count = np.zeros(cube.bands, dtype=np.int64)
    low = np.full(cube.bands, np.inf)
    high = np.full(cube.bands, -np.inf)
    rng = np.random.default_rng(0)
    drawn = []
    for strip in row_strips(*whole_size(cube), 8 * cube.bands):
        values = cube.read(strip).reshape(cube.bands, -1)
        finite = np.isfinite(values)
        count += finite.sum(axis=1)
        low = np.minimum(low, np.where(finite, values, np.inf).min(axis=1))
        high = np.maximum(high, np.where(finite, values, -np.inf).max(axis=1))
        with_data = np.flatnonzero(finite.any(axis=0))
        if len(with_data):
            wanted = math.ceil(_SAMPLE_PIXELS * len(with_data) / (cube.height * cube.width))
            drawn.append(values[:, with_data[rng.integers(len(with_data), size=wanted)]])
        progress(strip.stop_row / cube.height, "")
    usable: list[int] = []
    left_out: list[BandLeftOut] = []
    for i, band in enumerate(cube.description.bands):
        reason = ""
        if count[i] == 0:
            reason = "no data"
        elif count[i] < _LEAST_VALID_SHARE * count.max():
            reason = f"data at only {count[i]} of {count.max()} pixels"
        elif low[i] == high[i]:
            reason = f"constant ({low[i]:g})"
        if reason:
            left_out.append(BandLeftOut(band.number or i + 1, band.name, reason))
        else:
            usable.append(i)
    if not usable:
        return BandInspection(usable, left_out, None)
    ranges = BandRanges(low, high, np.concatenate(drawn, axis=1))
    largest = max(float(np.abs(ends[usable]).max()) for ends in (low, high))
    if largest > LARGEST_VALUE:  # maybe in pixels that do not count, as other bands have no data there
        largest = largest_value(cube, usable, progress)
    widest = float((high - low)[usable].max())
    return BandInspection(usable, left_out, find_fill_value(cube, usable, ranges, progress), largest, widest)


def describe(left_out: Sequence[BandLeftOut]) -> str:
    """One phrase that names the bands left out, with the reason; long lists are cut at 20."""
    shown = [f"{band.number} {band.reason}" for band in left_out[:20]]
    return ", ".join(shown) + (f" and {len(left_out) - 20} more" if len(left_out) > 20 else "")
