# SPDX-License-Identifier: GPL-2.0-or-later
"""The slope of the logarithm of a spectrum, which no change of illumination alters.

Enters: spectra of a scene, and their wavelengths. Leaves: for a window, the first components of
d(log reflectance) / d(wavelength).

Where the ground is lit g times as much, its spectrum is multiplied by g, and the logarithm of it gains log g at all
wavelengths: the derivative stays as it is. Source of the derivative as a cue for segments: Liu et al. (2024), arXiv
2407.07307; deviation: of the logarithm, where the paper takes it of the reflectance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...io.cube import Raster
from ...io.windows import Window

_MOST_COMPONENTS = 5
_MOST_BELOW_ZERO = 0.01  # of the values; more, and they are no reflectances
_SMALLEST_SHARE = 0.01  # of a band's mean; a smaller value counts as this


@dataclass(frozen=True)
class LogDerivative:
    """Components of the derivative.

    Attributes:
        floor: (B,) smallest values of which a logarithm is taken.
        axes: (C, B - 1) from derivatives to components.
        centre: (C,) their means.
    """

    floor: NDArray[np.float64]
    axes: NDArray[np.float64]
    centre: NDArray[np.float64]

    @classmethod
    def fit(cls, cube: Raster, wavelengths: Sequence[float | None], windows: Sequence[Window]) -> LogDerivative | None:
        """Learn from some windows; None where the bands are no reflectances, or too few.

        Args:
            cube: Of the spectra, B bands.
            wavelengths: (B,) nm; where one is unknown, the bands count as equally spaced.
            windows: Spread over the scene.
        """
        parts = [cube.read(window) for window in windows]
        pixels = np.concatenate([part[:, np.isfinite(part).all(axis=0)] for part in parts], axis=1).astype(np.float64)
        if cube.bands < 2 or (pixels <= 0).mean() > _MOST_BELOW_ZERO:
            return None
        floor = _SMALLEST_SHARE * np.maximum(pixels.mean(axis=1), np.finfo(np.float32).tiny)
        slopes = np.diff(np.log(np.maximum(pixels, floor[:, None])), axis=0) / _steps(wavelengths)[:, None]
        mean = slopes.mean(axis=1)
        variance, axes = np.linalg.eigh((slopes - mean[:, None]) @ (slopes - mean[:, None]).T / slopes.shape[1])
        order = np.argsort(variance)[::-1][:_MOST_COMPONENTS]
        length = np.sqrt(max(float(variance[order].mean()), 1e-24))
        scaled = axes[:, order].T / length
        return cls(floor, scaled / _steps(wavelengths), scaled @ mean)

    @property
    def components(self) -> int:
        """C."""
        return len(self.axes)

    def __call__(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Components (C, ...) of physical values (B, ...)."""
        floor = self.floor.reshape(-1, *[1] * (values.ndim - 1))
        logarithm = np.log(np.maximum(values.astype(np.float64), floor))
        components = np.tensordot(self.axes, np.diff(logarithm, axis=0), axes=1)
        return np.asarray(components - self.centre.reshape(floor[: len(components)].shape), dtype=np.float32)


def _steps(wavelengths: Sequence[float | None]) -> NDArray[np.float64]:
    """(B - 1,) distance of neighbouring bands, of a mean of 1 where wavelengths tell it."""
    known = [value for value in wavelengths if value is not None]
    steps = np.diff(np.array(known, dtype=np.float64))
    if len(known) < len(wavelengths) or not (steps > 0).all():
        return np.ones(len(wavelengths) - 1)
    return np.asarray(steps / steps.mean())
