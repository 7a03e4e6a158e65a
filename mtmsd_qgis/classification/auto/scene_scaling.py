# SPDX-License-Identifier: GPL-2.0-or-later
"""What feature sets need to know of the scene: means, deviations, components, noise; learnt without labels.

Enters: pixels from windows spread over the scene. Leaves: a SpectraScaling of the bands, and a FeatureScaling of the
diffusion features.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...errors import NO_VALID_PIXEL, SceneError
from ...io.cube import Raster
from ...io.windows import Window
from .feature_sets import BandPlan

COMPONENTS = 25  # principal ones of the spectra, and of the features of the guidance image, at most
MOST_BANDS = 300  # more plain bands are reduced to this many principal components
_IDENTITY_SHARE = 0.1  # in a covariance that whitens
_SMALLEST_SHARE = 1e-9  # of the largest variance; a component below is rounding


@dataclass(frozen=True)
class SpectraScaling:
    """Scales and rotates the bands of a pixel; tensors are float32.

    Attributes:
        mean: (B,) of the bands.
        inverse: (B,) 1 / standard deviation, 0 for a constant band.
        reduction: (R, B) axes of standardised bands, where there are very many bands; else None.
        components: (C, B) standardised bands to principal components of variance 1.
        noise_whitening: (R, R) or (B, B), with which the noise of the standardised (reduced) bands is nearly white;
            differences of neighbours, as for the minimum noise fraction (Green et al. 1988, doi 10.1109/36.3001).
    """

    mean: Tensor
    inverse: Tensor
    reduction: Tensor | None
    components: Tensor
    noise_whitening: Tensor

    @classmethod
    def fit(cls, cube: Raster, bands: Sequence[int], windows: Sequence[Window], device: torch.device) -> SpectraScaling:
        """Learn from some windows.

        Args:
            cube: The raster.
            bands: (B,) of it, 0-based.
            windows: Spread over the scene.
            device: Where the tensors shall lie.

        Raises:
            SceneError: They hold no valid pixel.
        """
        pixels, noise = _pixels_and_noise(cube, bands, windows)
        mean, inverse = pixels.mean(axis=1), inverse_or_zero(pixels.std(axis=1))
        z, noise = (pixels - mean[:, None]) * inverse[:, None], noise * inverse[:, None]
        variance, axes = _principal_axes(z)
        components = axes[:COMPONENTS] * inverse_or_zero(np.sqrt(variance[:COMPONENTS]))[:, None]
        reduction = axes[:MOST_BANDS] if len(bands) > MOST_BANDS else None
        if reduction is not None:
            noise = reduction @ noise
        whitening = _whitening(noise) if noise.shape[1] > 1 else np.eye(len(noise))
        return cls(
            mean=to_tensor(mean, device),
            inverse=to_tensor(inverse, device),
            reduction=None if reduction is None else to_tensor(reduction, device),
            components=to_tensor(components, device),
            noise_whitening=to_tensor(whitening, device),
        )

    def standardised(self, values: Tensor) -> Tensor:
        """Bands (B, h, w) brought to mean 0 and variance 1; very many are reduced to components."""
        z = self._standardised_bands(values)
        return z if self.reduction is None else torch.einsum("rb,bhw->rhw", self.reduction, z)

    def principal_components(self, values: Tensor) -> Tensor:
        """Principal components (C, h, w) of the bands (B, h, w), of variance 1."""
        return torch.einsum("cb,bhw->chw", self.components, self._standardised_bands(values))

    def whitened(self, standardised: Tensor) -> Tensor:
        """Standardised (reduced) bands (B, h, w), rotated and scaled so that their noise is nearly white."""
        return torch.einsum("nm,mhw->nhw", self.noise_whitening, standardised)

    def _standardised_bands(self, values: Tensor) -> Tensor:
        return (values - self.mean[:, None, None]) * self.inverse[:, None, None]


@dataclass(frozen=True)
class FeatureScaling:
    """Diffusion features as models see them, and the guidance image that is made of some of them.

    Whitened symmetrically, columns stay as close to their features as can be (Kessy et al. 2018, arXiv 1512.00809).

    Attributes:
        mean: (F,) of the features.
        whitening: (F, F), with which they are nearly uncorrelated and of variance 1.
        guide_mean: (D,) of those of the guidance image.
        guide_axes: (G, D) to their principal components, of a root mean square near 1.
    """

    mean: Tensor
    whitening: Tensor
    guide_mean: Tensor
    guide_axes: Tensor

    @classmethod
    def fit(cls, cube: Raster, plan: BandPlan, windows: Sequence[Window], device: torch.device) -> FeatureScaling:
        """Learn from some windows; arguments as those of SpectraScaling.fit, with the bands of a plan."""
        values = [cube.read(window, list(plan.features)) for window in windows]
        pixels = np.concatenate([v[:, np.isfinite(v).all(axis=0)] for v in values], axis=1).astype(np.float64)
        mean, inverse = pixels.mean(axis=1), inverse_or_zero(pixels.std(axis=1))
        z = (pixels - mean[:, None]) * inverse[:, None]
        guide = [plan.features.index(band) for band in plan.guide]
        variance, axes = _principal_axes(z[guide])
        length = math.sqrt(max(float(variance[:COMPONENTS].mean()), 1e-12))
        parts = mean, _whitening(z) * inverse, mean[guide], axes[:COMPONENTS] * inverse[guide] / length
        return cls(*(to_tensor(part, device) for part in parts))

    def whitened(self, features: Tensor) -> Tensor:
        """Features (F, h, w), nearly uncorrelated over the scene."""
        return torch.einsum("gf,fhw->ghw", self.whitening, features - self.mean[:, None, None])

    def guidance(self, features: Tensor) -> Tensor:
        """The guidance image (G, h, w) of its features (D, h, w)."""
        return torch.einsum("gd,dhw->ghw", self.guide_axes, features - self.guide_mean[:, None, None])


def to_tensor(values: NDArray[np.float64], device: torch.device) -> Tensor:
    """float32 on the device."""
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32)).to(device)


def inverse_or_zero(deviation: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 / deviation, 0 where there is none."""
    small = np.abs(deviation) <= 1e-12 * max(1.0, float(np.abs(deviation).max(initial=0)))
    return np.where(small, 0.0, 1 / np.where(small, 1.0, deviation))


def _pixels_and_noise(
    cube: Raster, bands: Sequence[int], windows: Sequence[Window]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Valid pixels (B, n) of the windows, and differences of neighbours (B, m), which stand for noise."""
    pixels, differences = [], []
    for window in windows:
        values = cube.read(window, list(bands))
        pixels.append(values[:, np.isfinite(values).all(axis=0)])
        for step in (values[:, :, 1:] - values[:, :, :-1], values[:, 1:] - values[:, :-1]):
            flat = step.reshape(len(bands), -1)
            differences.append(flat[:, np.isfinite(flat).all(axis=0)])
    if not any(values.size for values in pixels):
        raise SceneError(NO_VALID_PIXEL)
    together = [np.concatenate(parts, axis=1).astype(np.float64) for parts in (pixels, differences)]
    return together[0], together[1]


def _principal_axes(z: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Variances and axes as rows of (B, n), largest first, without those that are rounding; at least one."""
    variance, axes = np.linalg.eigh(z @ z.T / z.shape[1])
    order = np.argsort(variance)[::-1]
    kept = [i for i in order if variance[i] > _SMALLEST_SHARE * variance.max()] or [order[0]]
    return np.maximum(variance[kept], 0), axes[:, kept].T


def _whitening(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(B, B) symmetric root that makes values (B, m) of mean 0 nearly white."""
    variance, axes = np.linalg.eigh(values @ values.T / values.shape[1])
    root = 1 / np.sqrt(np.maximum(variance, 0) + _IDENTITY_SHARE * max(float(variance.mean()), 1e-12))
    return np.asarray((axes * root) @ axes.T)
