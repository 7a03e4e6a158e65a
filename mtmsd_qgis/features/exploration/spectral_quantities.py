# SPDX-License-Identifier: GPL-2.0-or-later
"""Known quantities of a pixel's spectrum, which a feature may resemble.

Enters: bands with their wavelengths, windows of their values. Leaves: quantities a pixel, NaN where undefined.

Sources: NDVI: Rouse et al. (1974), NASA SP-351, 309-317. NDWI: McFeeters (1996), doi 10.1080/01431169608948714. Red
edge: slope of the reflectance between 700 and 740 nm (Horler et al. 1983, doi 10.1080/01431168308948546). Depth at
2200 nm: below the line between its shoulders (Clark & Roush 1984, doi 10.1029/JB089iB07p06329).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ...jobs.data_model import Band
from ..box_filter import box_mean

TEXTURE_MARGIN = 2  # pixels read around a pixel
BRIGHTNESS = "brightness"
_TEXTURE_SIDE = 2 * TEXTURE_MARGIN + 1
_RED_GREEN_BLUE_NM = (650.0, 550.0, 450.0)
_FARTHEST_NM = 60.0  # a band farther from its colour than that does not show it
# Wavelength and how far a band may lie from it, in nm: broad bands of multispectral sensors serve for the first two.
_QUANTITIES: Mapping[str, tuple[tuple[float, float], ...]] = {
    "NDVI": ((665.0, 30.0), (842.0, 50.0)),
    "NDWI": ((560.0, 30.0), (842.0, 50.0)),
    "red-edge slope": ((700.0, 12.0), (740.0, 12.0)),
    "2200 nm depth": ((2120.0, 25.0), (2200.0, 15.0), (2280.0, 25.0)),
}


def nearest_band(bands: Sequence[Band], wavelength_nm: float, farthest_nm: float) -> int | None:
    """Position of the band nearest to a wavelength; None where none is near enough."""
    known = [(abs(b.wavelength_nm - wavelength_nm), i) for i, b in enumerate(bands) if b.wavelength_nm is not None]
    distance, position = min(known, default=(np.inf, 0))
    return position if distance <= farthest_nm else None


def natural_colour_bands(bands: Sequence[Band]) -> tuple[int, ...] | None:
    """Positions of the bands for red, green and blue; None where the wavelengths are not known or far off."""
    found = [nearest_band(bands, wavelength, _FARTHEST_NM) for wavelength in _RED_GREEN_BLUE_NM]
    return tuple(position for position in found if position is not None) if None not in found else None


@dataclass(frozen=True)
class SpectralQuantities:
    """What a raster's bands allow to compute.

    Attributes:
        positions: Of the bands of each quantity.
        wavelengths: Of all bands, nm; None where unknown.
    """

    positions: Mapping[str, tuple[int, ...]]
    wavelengths: tuple[float | None, ...]

    @classmethod
    def of(cls, bands: Sequence[Band]) -> SpectralQuantities:
        """Find the bands."""
        found = {name: [nearest_band(bands, *each) for each in wanted] for name, wanted in _QUANTITIES.items()}
        positions = {
            name: tuple(position for position in each if position is not None)
            for name, each in found.items()
            if None not in each and len(set(each)) == len(each)
        }
        return cls(positions, tuple(band.wavelength_nm for band in bands))

    @property
    def names(self) -> tuple[str, ...]:
        """In the order of the values."""
        return (*self.positions, BRIGHTNESS, "texture")

    def __call__(self, window: NDArray[np.float32]) -> NDArray[np.float32]:
        """Quantities of a window's inner pixels.

        Args:
            window: (B, h, w) with TEXTURE_MARGIN pixels around what is wanted; NaN where there is no data.

        Returns:
            (Q, h - 2 * margin, w - 2 * margin) float32.
        """
        inner = slice(TEXTURE_MARGIN, -TEXTURE_MARGIN)
        values = window[:, inner, inner].astype(np.float64)
        brightness = window.mean(axis=0, dtype=np.float64)
        known = np.isfinite(brightness)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            quantities = [self._quantity(name, values) for name in self.positions]
        texture = np.where(known[inner, inner], _deviation(brightness, known), np.nan)
        stacked = np.stack([*quantities, brightness[inner, inner], texture]).astype(np.float32)
        stacked[~np.isfinite(stacked)] = np.nan
        return stacked

    def _quantity(self, name: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
        first, second, *third = (values[position] for position in self.positions[name])
        if name == "NDVI":
            return np.asarray((second - first) / (second + first))
        if name == "NDWI":
            return np.asarray((first - second) / (first + second))
        left, middle, *right = (self.wavelengths[position] or 0.0 for position in self.positions[name])
        if not third:
            return np.asarray((second - first) / (middle - left))
        line = first + (third[0] - first) * (middle - left) / (right[0] - left)
        return np.asarray(1 - second / line)


def _deviation(brightness: NDArray[np.float64], known: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Standard deviation over the 5 x 5 pixels around each inner pixel."""
    if not known.any():
        return np.full(tuple(side - 2 * TEXTURE_MARGIN for side in known.shape), np.nan)
    centred = np.where(known, brightness - brightness[known].mean(), 0.0)
    valid = torch.from_numpy(known)
    inner = [slice(TEXTURE_MARGIN, side - TEXTURE_MARGIN) for side in known.shape]
    mean, square = box_mean(
        torch.from_numpy(np.stack([centred, centred**2])), valid, inner[0], inner[1], _TEXTURE_SIDE
    ).numpy()
    return np.asarray(np.sqrt(np.maximum(square - mean**2, 0.0)))
