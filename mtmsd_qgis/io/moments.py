# SPDX-License-Identifier: GPL-2.0-or-later
"""Count, mean and scatter of pixels, that add up from parts.

Enters: pixels of some bands, window by window or scene by scene. Leaves: a Moments of all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Moments:
    """Of pixels in which all bands have data.

    Attributes:
        count: Pixels.
        mean: (B,) float64.
        scatter: (B, B) float64: sum of the products of differences from the mean.
    """

    count: int
    mean: NDArray[np.float64]
    scatter: NDArray[np.float64]

    @classmethod
    def none(cls, bands: int) -> Moments:
        """Of no pixel."""
        return cls(0, np.zeros(bands), np.zeros((bands, bands)))

    @classmethod
    def of(cls, values: NDArray[np.float32]) -> Moments:
        """Of pixels (B, n), those left out that have no data in some band."""
        pixels = values[:, np.isfinite(values).all(axis=0)].astype(np.float64)
        if not pixels.shape[1]:
            return cls.none(len(values))
        mean = pixels.mean(axis=1)
        pixels -= mean[:, None]
        return cls(pixels.shape[1], mean, pixels @ pixels.T)

    def plus(self, other: Moments) -> Moments:
        """Of both.

        Source: Chan, Golub, LeVeque (1983), doi 10.1080/00031305.1983.10483115: pairwise update of mean and scatter.
        """
        count = self.count + other.count
        if not other.count:
            return self
        shift = other.mean - self.mean
        scatter = self.scatter + (other.scatter + np.outer(shift, shift) * (self.count * other.count / count))
        return Moments(count, self.mean + shift * (other.count / count), scatter)

    def of_bands(self, positions: Sequence[int]) -> Moments:
        """Of some of the bands, in this order."""
        return Moments(self.count, self.mean[list(positions)], self.scatter[np.ix_(positions, positions)])

    @property
    def covariance(self) -> NDArray[np.float64]:
        """(B, B)."""
        return self.scatter / max(1, self.count)
