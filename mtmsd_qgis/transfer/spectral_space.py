# SPDX-License-Identifier: GPL-2.0-or-later
"""The space in which pixels are compared with training samples when only their bands count.

Enters: pixels of the source scene. Leaves: few features of any pixel: principal components of variance 1, and how far
the pixel lies from all of them. In standardised bands a pixel whose bands do not go together, as noise, is hardly
farther from a sample than another sample is; here it is many deviations away.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_COMPONENTS = 25  # at most
_SMALLEST_SHARE = 1e-6  # of the largest variance; a component below is the rounding of float32
_SMALLEST_RESIDUAL = 1e-3  # standard deviations of a band; a spread of residuals below is rounding
_AT_ONCE = 2048  # pixels, so that what is computed of them stays in the processor's cache
_NAMES = ("mean", "inverse", "axes", "residual")


@dataclass(frozen=True)
class SpectralSpace:
    """Principal components of standardised bands, and the residual.

    Attributes:
        mean: (B,) float64 of the bands.
        inverse: (B,) float64, 1 / standard deviation; 0 for a constant band.
        axes: (C, B) float64: standardised bands -> components of variance 1.
        residual: (2,) float64, mean and standard deviation of the root mean square of what no component holds; the
            deviation is 0 where the components hold everything.
    """

    mean: NDArray[np.float64]
    inverse: NDArray[np.float64]
    axes: NDArray[np.float64]
    residual: NDArray[np.float64]

    @classmethod
    def fit(cls, pixels: NDArray[np.float32]) -> SpectralSpace:
        """Learn from pixels (n, B) spread over the source scene, such as those of its SceneSummary."""
        values = pixels.astype(np.float64)
        mean, deviation = values.mean(axis=0), values.std(axis=0)
        varies = deviation > _SMALLEST_SHARE * np.abs(values).max(axis=0)
        inverse = np.where(varies, 1 / np.where(varies, deviation, 1.0), 0.0)
        _, singular, rows = np.linalg.svd((values - mean) * inverse, full_matrices=False)
        kept = np.flatnonzero(singular[:_COMPONENTS] ** 2 > _SMALLEST_SHARE * singular[0] ** 2)
        axes = rows[kept] * (np.sqrt(len(values)) / singular[kept])[:, None]
        bare = cls(mean, inverse, axes, np.zeros(2))
        z = ((values - mean) * inverse).T
        left = bare._residual(z, axes @ z)
        spread = max(float(left.std()), _SMALLEST_RESIDUAL) if len(kept) < varies.sum() else 0.0
        return cls(mean, inverse, axes, np.array([left.mean(), spread]))

    @property
    def columns(self) -> int:
        """Number of features."""
        return len(self.axes) + int(self.residual[1] > 0)

    def __call__(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """Features (n, columns) of pixels (n, B); NaN where a band that varies has no data."""
        features = np.empty((len(pixels), self.columns), dtype=np.float32)
        for start in range(0, len(pixels), _AT_ONCE):
            some = slice(start, start + _AT_ONCE)
            z = (pixels[some].T - self.mean[:, None]) * self.inverse[:, None]  # band by band, as windows lie in memory
            z[self.inverse == 0] = 0.0
            components = self.axes @ z
            features[some, : len(components)] = components.T
            if self.residual[1] > 0:
                features[some, -1] = (self._residual(z, components) - self.residual[0]) / self.residual[1]
        return features

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """What a file keeps: named arrays of float64."""
        return {name: getattr(self, name) for name in _NAMES}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> SpectralSpace:
        """From to_arrays(), or from a file that may be damaged.

        Raises:
            ValueError: An array is missing, or is not of the shape or type that it should be.
        """
        for name in _NAMES:
            if name not in arrays or arrays[name].dtype != np.float64 or not np.isfinite(arrays[name]).all():
                raise ValueError(f"{name} of the spectral space should be there, finite and of type float64")
        mean, inverse, axes, residual = (arrays[name] for name in _NAMES)
        bands = mean.shape
        if len(bands) != 1 or inverse.shape != bands or axes.ndim != 2 or axes.shape[1:] != bands or not len(axes):
            raise ValueError("mean, inverse and axes of the spectral space that fit together")
        if residual.shape != (2,) or (inverse < 0).any() or residual[1] < 0:
            raise ValueError("deviations of the spectral space, 0 or more")
        return cls(mean, inverse, axes, residual)

    def _residual(self, z: NDArray[np.float64], components: NDArray[np.float64]) -> NDArray[np.float64]:
        """Root mean square (n,) over the bands of what components (C, n) of standardised bands (B, n) do not hold."""
        length = np.square(self.axes).sum(axis=1)
        held = (np.square(components) / length[:, None]).sum(axis=0)  # the axes are perpendicular
        return np.asarray(np.sqrt(np.maximum(np.einsum("bn,bn->n", z, z) - held, 0.0) / len(z)))
