# SPDX-License-Identifier: GPL-2.0-or-later
"""How far the edges of an extra raster lie from those of the scene.

Enters: a band of the extra raster, the scene's first component. Leaves: a shift in pixels, where there is a clear one.

Source: phase correlation, Kuglin & Hines (1975), "The phase correlation image alignment method", here of the lengths of
gradients, as an edge may go up in one raster and down in the other.
"""

from __future__ import annotations

import logging

import numpy as np
from numpy.typing import NDArray

from ...io.cube import Raster, spread_windows

log = logging.getLogger(__name__)

LEAST_SHIFT = 0.5  # pixels, from which a shift is told of
_SIDE, _WINDOWS = 64, 36
_LEAST_KNOWN = 0.9  # of a window's pixels
_FARTHEST = 8  # pixels
_CLEAR = 8.0  # standard deviations of the correlation, by which its peak stands out


def edge_shift(extra: Raster, position: int, component: Raster) -> tuple[float, float] | None:
    """Rows down and columns right by which the extra's edges lie off; None where the two show no common edges.

    Args:
        extra: Extra rasters on the scene's grid.
        position: Of the band, 0-based.
        component: The scene; its first band is compared.
    """
    side = min(_SIDE, extra.height, extra.width)
    middle, reach = side // 2, min(_FARTHEST, side // 2 - 2)
    if reach < 1:  # too few pixels for edges to lie off
        return None
    taper = np.outer(np.hanning(side), np.hanning(side))
    total = np.zeros((side, side), dtype=np.complex128)
    for window in spread_windows(extra, position, side, _WINDOWS):
        if (window.height, window.width) != (side, side):
            continue
        one, other = (_edges(raster.read(window, [band])[0]) for raster, band in ((component, 0), (extra, position)))
        if one is None or other is None:
            continue
        product = np.fft.fft2(other * taper) * np.conj(np.fft.fft2(one * taper))
        total += product / np.maximum(np.abs(product), 1e-12)
    if not total.any():
        return None
    correlation = np.fft.fftshift(np.fft.ifft2(total).real)
    near = correlation[middle - reach : middle + reach + 1, middle - reach : middle + reach + 1]
    row, col = np.unravel_index(int(near.argmax()), near.shape)
    if near[row, col] < _CLEAR * correlation.std():
        return None
    return _centre(near, int(row)) - reach, _centre(near.T, int(col)) - reach


def warn_of_shift(name: str, extra: Raster, position: int, component: Raster) -> None:
    """Say where the edges of an extra raster lie beside those of the scene; its pixels stay where they are.

    Args:
        name: Of the extra raster.
        extra: Extra rasters on the scene's grid.
        position: Of its first band, 0-based.
        component: The scene; its first band is compared.
    """
    shift = edge_shift(extra, position, component)
    if shift is not None and np.hypot(*shift) > LEAST_SHIFT:
        log.warning(
            "The edges of the extra raster %s lie %.1f pixels below and %.1f right of the scene's. It is used as "
            "it lies; check its georeference.",
            name,
            *shift,
        )


def _edges(values: NDArray[np.float32]) -> NDArray[np.float64] | None:
    """Lengths of gradients less their mean; None where too little is known, or nothing changes."""
    known = np.isfinite(values)
    if known.mean() < _LEAST_KNOWN:
        return None
    filled = np.where(known, values, np.median(values[known])).astype(np.float64)
    down, right = np.gradient(filled)
    length = np.hypot(down, right)
    return length - length.mean() if length.std() > 0 else None


def _centre(near: NDArray[np.float64], row: int) -> float:
    """The row of the peak, between rows: the centre of gravity of it and its neighbours."""
    weights = near.max(axis=1)[max(0, row - 1) : row + 2].clip(min=0)
    return float((weights * np.arange(max(0, row - 1), max(0, row - 1) + len(weights))).sum() / weights.sum())
