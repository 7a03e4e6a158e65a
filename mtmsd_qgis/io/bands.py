# SPDX-License-Identifier: GPL-2.0-or-later
"""Bands of a raster: which ones are usable.

Enters: a Cube. Leaves: indices of bands, why a band is left out, and a fill value that nobody declared.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..errors import SceneError
from ..jobs.data_model import Band
from ..jobs.results import BandLeftOut
from ..progress import Progress, silent, span
from .cube import Cube, whole_size
from .fill_values import BandRanges, FillValue, find_fill_value, largest_value
from .windows import row_strips

# 32-bit numbers hold sums of squares of such values, and of such differences.
LARGEST_VALUE = 1e15
LEAST_CONTRAST = 1e-15
OTHER_UNIT = 50.0  # times larger or smaller in the middle band; units differ by 100 or more, dark scenes by less
_SAMPLE_PIXELS = 4096  # of a raster, that a fill value is compared with
LEAST_VALID_SHARE = 0.5  # a band with data at fewer pixels than this share of the best band counts as empty


@dataclass(frozen=True, eq=False)
class BandExtent:
    """How many values each band has, and the lowest and highest of them.

    Attributes:
        count: (B,) int64.
        low: (B,) float64, infinite where there is none.
        high: (B,) likewise.
    """

    count: NDArray[np.int64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    def plus(self, other: BandExtent) -> BandExtent:
        """Of the values of both."""
        return BandExtent(self.count + other.count, np.minimum(self.low, other.low), np.maximum(self.high, other.high))

    def usable(self, bands: Sequence[Band]) -> tuple[list[int], list[BandLeftOut]]:
        """Positions of the bands that are good for something; the others with the reason.

        Args:
            bands: (B,) what they are.
        """
        usable: list[int] = []
        left_out: list[BandLeftOut] = []
        for i, band in enumerate(bands):
            reason = ""
            if self.count[i] == 0:
                reason = "no data"
            elif self.count[i] < LEAST_VALID_SHARE * self.count.max():
                reason = f"data at only {self.count[i]} of {self.count.max()} pixels"
            elif self.low[i] == self.high[i]:
                reason = f"constant ({self.low[i]:g})"
            if reason:
                left_out.append(BandLeftOut(band.number or i + 1, band.name, reason))
            else:
                usable.append(i)
        return usable, left_out


@dataclass(frozen=True)
class BandInspection:
    """What the bands of a raster are good for.

    Attributes:
        extent: Of all bands.
        usable: 0-based.
        left_out: Bands without data, almost without data, or constant.
        fill: A value among the usable bands that looks like no data and is not declared as such.
        largest: Magnitude of the usable bands' values, where all of them have data.
        widest: Range of the values of the usable band with most contrast.
        magnitudes: (B,) median of the absolute values of some pixels; NaN where there are none.
    """

    extent: BandExtent
    usable: list[int]
    left_out: list[BandLeftOut]
    fill: FillValue | None
    largest: float = 0.0
    widest: float = 0.0
    magnitudes: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))

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
    extent = BandExtent(count, low, high)
    usable, left_out = extent.usable(cube.description.bands)
    if not usable:
        return BandInspection(extent, usable, left_out, None)
    ranges = BandRanges(low, high, np.concatenate(drawn, axis=1))
    largest = max(float(np.abs(ends[usable]).max()) for ends in (low, high))
    if largest > LARGEST_VALUE:  # maybe in pixels that do not count, as other bands have no data there
        largest = largest_value(cube, usable, progress)
    widest = float((high - low)[usable].max())
    fill = find_fill_value(cube, usable, ranges, progress)
    magnitudes = [np.median(np.abs(known)) if len(known) else np.nan for known in map(_finite, ranges.sample)]
    return BandInspection(extent, usable, left_out, fill, largest, widest, np.array(magnitudes))


def _finite(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return values[np.isfinite(values)]


@dataclass(frozen=True)
class SharedBands:
    """What the bands of several rasters are good for.

    Attributes:
        usable: 0-based, those that are usable in every raster.
        left_out: The others, by their numbers in the first raster.
        warnings: What the log should say of the values.
    """

    usable: list[int]
    left_out: list[BandLeftOut]
    warnings: list[str]


def inspect_rasters(cubes: Sequence[Cube], progress: Progress = silent) -> SharedBands:
    """Find the bands that are usable in each of several rasters.

    Args:
        cubes: INPUT and those of EXTRA_INPUTS, with the same bands in the same order.
        progress: Told how far the walk is.

    Raises:
        SceneError: Values that nothing can be computed from.
    """
    usable = set(range(cubes[0].bands))
    reasons: dict[int, str] = {}
    warnings: list[str] = []
    first: BandInspection | None = None
    for number, cube in enumerate(cubes):
        inspected = inspect_bands(cube, span(progress, number / len(cubes), (number + 1) / len(cubes)))
        which = f"raster number {number} of EXTRA_INPUTS" if number else ""
        try:
            warning = inspected.warning()
        except SceneError as error:
            raise SceneError(f"In {which}: {error}" if which else str(error)) from None
        if warning:
            warnings.append(f"In {which}: {warning}" if which else warning)
        first = first or inspected
        ratio = _ratio(first, inspected)
        if not 1 / OTHER_UNIT < ratio < OTHER_UNIT:
            warnings.append(
                f"The values of {which} are {ratio:.2g} times those of the first raster, in the middle band. It may be "
                "in another unit, as reflectances from 0 to 1 are beside those from 0 to 10000. Use rasters in one "
                "unit, or declare their scale."
            )
        unusable = sorted(set(range(cube.bands)) - set(inspected.usable))
        for position, band in zip(unusable, inspected.left_out):
            reasons.setdefault(position, f"{band.reason} in {which}" if which else band.reason)
        usable &= set(inspected.usable)
    bands = cubes[0].description.bands
    left_out = [BandLeftOut(bands[i].number or i + 1, bands[i].name, reasons[i]) for i in sorted(reasons)]
    return SharedBands(sorted(usable), left_out, warnings)


def _ratio(first: BandInspection, other: BandInspection) -> float:
    both = sorted(set(first.usable) & set(other.usable))
    return middle_ratio(first.magnitudes[both], other.magnitudes[both])


def middle_ratio(first: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Magnitudes (B,) of another raster over those of the first, in the middle band; 1 where no band tells."""
    known = (first > 0) & (other > 0)
    return float(np.median(other[known] / first[known])) if known.any() else 1.0


def describe(left_out: Sequence[BandLeftOut]) -> str:
    """One phrase that names the bands left out, with the reason; long lists are cut at 20."""
    shown = [f"{band.number} {band.reason}" for band in left_out[:20]]
    return ", ".join(shown) + (f" and {len(left_out) - 20} more" if len(left_out) > 20 else "")
