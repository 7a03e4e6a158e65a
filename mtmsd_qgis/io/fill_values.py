# SPDX-License-Identifier: GPL-2.0-or-later
"""Fill values that nobody declared as nodata: found by how far they lie from the rest of a raster.

Enters: a Cube, with what a walk over it has seen of each band. Leaves: a FillValue, or None.

A fill value lies far from all other values, as -9999 among reflectances, or beyond what anybody measures, as 1e36.
Learnt from as if it were data, it is all that the components show. One that lies near the others, as -128 among the
signed bytes of embeddings, or 0 around a scene that was turned, is found where pixels hold nothing else: in all of many
bands, or in all of a few where it is the lowest value and seldom that of some bands alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Callable

import numpy as np
from numpy.typing import NDArray

from ..errors import SceneError
from ..progress import Progress, silent
from .cube import Cube, whole_size
from .windows import row_strips

_FAR = 0.5  # of the range of all other values, to the nearest of them
_BEYOND = 1e6  # times a typical value
_IMMEASURABLE = 1e30  # no sensor's unit leads here
_SPOILS = 10.0  # times the variance of values spread evenly over the range of the others
_OUT_OF_SCALE = 1e4  # times that range
_LEAST_PIXELS = 10  # with the value in one band alone, or with a value near the others
_MANY_BANDS = 16  # that no measurement gives the same value; sensors of fewer saturate in all bands at once
_QUARTILES = (25, 50, 75)

Marks = Callable[[NDArray[np.float32]], NDArray[np.bool_]]
"""Which of some values (B, n) are fill."""


@dataclass(frozen=True)
class BandRanges:
    """What a walk over a cube has seen.

    Attributes:
        low: (B,) lowest value of each band.
        high: (B,) highest.
        sample: (B, n) of some pixels drawn at random, NaN where there is no data.
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    sample: NDArray[np.float32]


@dataclass(frozen=True)
class FillValue:
    """A value that looks like no data.

    Attributes:
        value: That value; where there are several, the one farthest from 0.
        pixels: That have it, in one band or more.
        all_pixels: With data, these included.
        in_all_bands: These pixels have nothing else.
        low: Lowest of all other values.
        high: Highest.
        bands: Number of bands.
    """

    value: float
    pixels: int
    all_pixels: int
    in_all_bands: bool
    low: float
    high: float
    bands: int

    @property
    def gap(self) -> float:
        """From the value to the nearest other one; negative inside their range."""
        return max(self.low - self.value, self.value - self.high)

    @property
    def is_no_chance(self) -> bool:
        """Whether so many pixels would not have it by chance, as a glint does; or whether it spoils everything."""
        least = 2 if self.in_all_bands and self.bands > 1 else _LEAST_PIXELS
        return self.pixels >= least or self.spoils

    @property
    def spoils(self) -> bool:
        """Whether components would show little else."""
        spread = self.high - self.low
        alone = self.pixels / self.all_pixels * self.gap**2 > _SPOILS * spread**2 / 12 and self.bands > 1
        return abs(self.value) >= _IMMEASURABLE or self.gap > _OUT_OF_SCALE * spread or alone

    @property
    def sentence(self) -> str:
        """What was found and what to do, for the log or an error."""
        where = "all" if self.in_all_bands else "some"
        bands = f" in {where} bands" if self.bands > 1 else ""
        is_far = self.gap > _FAR * (self.high - self.low)
        why = "far from all other values (" if is_far else "as hardly a measurement gives (other values: "
        return (
            f"{self.pixels} of {self.all_pixels} pixels have the value {self.value:.7g}{bands}, {why}{self.low:.4g} to "
            f"{self.high:.4g}). It looks like no data that is not declared as such. If it is, declare it: as the "
            "raster's nodata value, or as 'Additional no data value' in the layer's properties (Transparency)."
        )

    def refuse_if_spoiling(self) -> None:
        """Nothing can be learnt from a raster that consists of such a value and the rest.

        Raises:
            SceneError: It would spoil the result.
        """
        if self.spoils:
            raise SceneError(f"Values of one range were expected in the raster. {self.sentence}")


def find_fill_value(
    cube: Cube, bands: Sequence[int], ranges: BandRanges, progress: Progress = silent
) -> FillValue | None:
    """The fill value of some bands; the cube is read once more only where one is likely.

    Args:
        cube: The raster.
        bands: Usable ones, 0-based.
        ranges: Of all bands of the cube.
        progress: Asked for a cancel.
    """
    sample = ranges.sample[bands]
    sample = sample[:, np.isfinite(sample).all(axis=0)]
    if not sample.size:
        return None
    limit = _BEYOND * _typical(sample)
    if limit and max(-ranges.low[bands].min(), ranges.high[bands].max()) > limit:
        return _measured(cube, bands, lambda values: np.asarray(np.abs(values) > limit), progress)
    for value in (float(ranges.low[bands].min()), float(ranges.high[bands].max())):
        others = sample[sample != np.float32(value)]
        if others.size and _is_far(value, float(others.min()), float(others.max())):
            found = _measured(cube, bands, partial(np.equal, np.float32(value)), progress)
            if found is not None and found.is_no_chance and _is_far(value, found.low, found.high):
                return found
    return _found_alone(cube, bands, float(ranges.low[bands].min()), sample, progress)


def fill_value_of(values: NDArray[np.float64]) -> FillValue | None:
    """The fill value of one band whose values are at hand; 0 is none, as it is where there is nothing of something.

    Args:
        values: (n,) finite.
    """
    for value in (float(values.min()), float(values.max())) if len(values) else ():
        others = values[values != value]
        if value and len(others) and _is_far(value, float(others.min()), float(others.max())):
            found = FillValue(value, len(values) - len(others), len(values), True, *_ends(others), 1)
            if found.is_no_chance:
                return found
    return None


def fill_value_in_all(values: NDArray[np.float32]) -> FillValue | None:
    """The value, such as 0 around a radar image, that pixels at hand have in all bands and that looks like no data.

    Args:
        values: (B, n) finite.
    """
    value = _value_alone(values, float(values.min())) if values.size else None
    fill = (values == value).all(axis=0)
    if value is None or not _LEAST_PIXELS <= fill.sum() < values.shape[1]:
        return None
    return FillValue(float(value), int(fill.sum()), values.shape[1], True, *_ends(values[:, ~fill]), len(values))


def largest_value(cube: Cube, bands: Sequence[int], progress: Progress = silent) -> float:
    """Magnitude of the values of pixels that have data in all the given bands; 0 where there is no such pixel."""
    largest = 0.0
    for strip in row_strips(*whole_size(cube), 8 * cube.bands):
        values = cube.read(strip, bands).reshape(len(bands), -1)
        values = values[:, np.isfinite(values).all(axis=0)]
        largest = max(largest, float(np.abs(values).max(initial=0)))
        progress(1.0, "")
    return largest


def _typical(sample: NDArray[np.float32]) -> float:
    """Magnitude of the values of the largest band: its median, or its interquartile range."""
    low, middle, high = np.percentile(sample.astype(np.float64), _QUARTILES, axis=1)
    return float(np.maximum(np.abs(middle), high - low).max())


def _is_far(value: float, low: float, high: float) -> bool:
    return high > low and max(low - value, value - high) > _FAR * (high - low)


def _found_alone(
    cube: Cube, bands: Sequence[int], lowest: float, sample: NDArray[np.float32], progress: Progress
) -> FillValue | None:
    """The value that most of the pixels with one value alone have."""
    value = _value_alone(sample, lowest)
    if value is None:
        return None
    found = _measured(cube, bands, lambda seen: np.broadcast_to((seen == value).all(axis=0), seen.shape), progress)
    return found if found is not None and found.pixels >= _LEAST_PIXELS else None


def _value_alone(sample: NDArray[np.float32], lowest: float) -> np.float32 | None:
    """The value that pixels (B, n) have in all bands and that looks like no data; None where there is none."""
    alone = (sample == sample[0]).all(axis=0)
    if len(sample) == 1 or not alone.any():
        return None
    values, counts = np.unique(sample[0, alone], return_counts=True)
    value: np.float32 = values[counts.argmax()]
    often_with_others = 2 * counts.max() <= (sample == value).any(axis=0).sum()  # as 0 in some bands over dark water
    return None if len(sample) < _MANY_BANDS and (value != np.float32(lowest) or often_with_others) else value


def _measured(cube: Cube, bands: Sequence[int], marks: Marks, progress: Progress) -> FillValue | None:
    """Count the pixels with marked values, and find the range of all others; None where there are none of either."""
    pixels = all_pixels = 0
    value, low, high = 0.0, np.inf, -np.inf
    in_all_bands = True
    for strip in row_strips(*whole_size(cube), 8 * cube.bands):
        values = cube.read(strip, bands).reshape(len(bands), -1)
        values = values[:, np.isfinite(values).all(axis=0)]
        fill = marks(values)
        all_pixels += values.shape[1]
        marked = fill.any(axis=0)
        if marked.any():
            pixels += int(marked.sum())
            in_all_bands &= bool(fill[:, marked].all())
            value = max((value, *_ends(values[fill])), key=abs)
        if not fill.all():
            first, last = _ends(values[~fill])
            low, high = min(low, first), max(high, last)
        progress(1.0, "")
    if not pixels or low > high:
        return None
    return FillValue(value, pixels, all_pixels, in_all_bands, low, high, len(bands))


def _ends(values: NDArray[np.floating]) -> tuple[float, float]:
    return float(values.min()), float(values.max())
