# SPDX-License-Identifier: GPL-2.0-or-later
"""A target scene brought to the source scene's median and spread, band by band, where it is read.

Enters: a Raster, and the scaling of both scenes. Leaves: a Raster whose values lie where the source's lie.

The spread is the interquartile range / 1.349, which is the standard deviation where values are normal; clouds and
shadows move neither it nor the median much.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..io.cube import Raster
from ..io.windows import Window

_IQR_OF_NORMAL = 1.349  # interquartile range of a normal distribution of deviation 1
_ROUNDING = 1e-6  # of the largest absolute quartile; a spread below is that of a constant band in float32


@dataclass(frozen=True)
class BandScaling:
    """Where the values of each band lie.

    Attributes:
        median: (B,) float64, physical units.
        spread: (B,) float64, interquartile range / 1.349; 0 for a band that is constant.
    """

    median: NDArray[np.float64]
    spread: NDArray[np.float64]

    @classmethod
    def of_quartiles(cls, quartiles: NDArray[np.float64]) -> BandScaling:
        """From the quantiles 25, 50 and 75 % (B, 3) of each band."""
        low, median, high = np.asarray(quartiles, dtype=np.float64).T
        spread = (high - low) / _IQR_OF_NORMAL
        constant = spread <= _ROUNDING * np.maximum(np.abs(low), np.abs(high))
        return cls(median, np.where(constant, 0.0, spread))

    @classmethod
    def of_pixels(cls, pixels: NDArray[np.float32]) -> BandScaling:
        """From pixels (n, B) without NaN."""
        return cls.of_quartiles(np.quantile(pixels.astype(np.float64), (0.25, 0.5, 0.75), axis=0).T)


@dataclass(frozen=True)
class Adaptation:
    """What is done to each band: adapted = (value - target_median) * gain + source_median.

    Attributes:
        gain: (B,) spread of the source / spread of the target.
        target_median: (B,).
        source_median: (B,).

    A band that is constant in either scene stays as it is: gain 1, equal medians.
    """

    gain: NDArray[np.float64]
    target_median: NDArray[np.float64]
    source_median: NDArray[np.float64]

    @classmethod
    def between(cls, source: BandScaling, target: BandScaling) -> Adaptation:
        """From the target's scaling to the source's, of the same bands.

        Raises:
            ValueError: They have not the same number of bands.
        """
        if len(source.median) != len(target.median):
            raise ValueError(f"{len(source.median)} bands of the source, {len(target.median)} of the target")
        stays = (source.spread <= 0) | (target.spread <= 0)
        gain = np.where(stays, 1.0, source.spread / np.where(stays, 1.0, target.spread))
        return cls(gain, np.where(stays, 0.0, target.median), np.where(stays, 0.0, source.median))

    @property
    def offset(self) -> NDArray[np.float64]:
        """(B,) in adapted = value * gain + offset."""
        return self.source_median - self.target_median * self.gain

    def __call__(self, values: NDArray[np.float32], bands: Sequence[int] | None = None) -> NDArray[np.float32]:
        """Adapted values.

        Args:
            values: (b, ...) float32, NaN where there is no data.
            bands: (b,) 0-based; all in their order where None.

        Returns:
            The same shape, float32.
        """
        chosen = np.arange(len(self.gain)) if bands is None else np.asarray(bands, dtype=np.intp)
        shape = (len(chosen), *[1] * (values.ndim - 1))
        target, source, gain = (
            each[chosen].reshape(shape).astype(np.float32)
            for each in (self.target_median, self.source_median, self.gain)
        )
        adapted = values - target  # differences first: values of a large offset keep their digits
        adapted *= gain
        adapted += source
        return np.asarray(adapted, dtype=np.float32)


class AdaptedRaster:
    """A raster whose values are adapted where they are read."""

    def __init__(self, raster: Raster, adaptation: Adaptation) -> None:
        """Read nothing yet.

        Args:
            raster: The target scene, with the bands that the adaptation was made for, in their order.
            adaptation: Of its bands.

        Raises:
            ValueError: The raster has another number of bands.
        """
        if raster.bands != len(adaptation.gain):
            raise ValueError(f"an adaptation of {len(adaptation.gain)} bands for a raster of {raster.bands}")
        self.height, self.width, self.costly = raster.height, raster.width, raster.costly
        self._raster, self._adaptation = raster, adaptation

    @property
    def bands(self) -> int:
        """Number of bands."""
        return self._raster.bands

    def read(self, window: Window, bands: Sequence[int] | None = None) -> NDArray[np.float32]:
        """Adapted values (bands, h, w) of a window, as Cube.read gives them."""
        return self._adaptation(self._raster.read(window, bands), bands)

    def filled(self, bands: Sequence[int]) -> NDArray[np.bool_]:
        """(H, W): where all the given bands have data."""
        return self._raster.filled(bands)

    def expect(self, bands: Sequence[int]) -> None:
        """Hear which bands will be read from now on."""
        self._raster.expect(bands)
