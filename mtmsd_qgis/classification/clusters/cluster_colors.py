# SPDX-License-Identifier: GPL-2.0-or-later
"""Colours of clusters: those of the land, pushed apart where two would look the same.

Enters: mean spectra of clusters, and quantiles of the scene. Leaves: a colour #rrggbb for each cluster.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ...jobs.data_model import Band

_RED_GREEN_BLUE_NM = (650.0, 550.0, 450.0)
_FARTHEST_NM = 60.0  # a band farther from its colour than that does not show it
_LEAST_DIFFERENCE = 14.0  # in Lab, that two colours in a legend are told apart by
_ROUNDS = 200
_DARKEST, _LIGHTEST = 20.0, 92.0  # lightness in Lab; neither black nor the white of the page
_GREY_SPREAD = (0.02, 0.98)  # quantiles of the scene that become black and white
_TO_XYZ = np.array(  # linear sRGB to CIE XYZ, divided by the white point D65; source: IEC 61966-2-1
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
) / np.array([[0.95047], [1.0], [1.08883]])
_LINEAR_BELOW, _CUBE = 0.04045, 0.2068966  # of the sRGB curve; where the curve of Lab turns into a line


def natural_bands(bands: Sequence[Band]) -> tuple[int, int, int] | None:
    """Positions of the bands for red, green and blue; None where the wavelengths are not known or far off."""
    known = [(band.wavelength_nm, i) for i, band in enumerate(bands) if band.wavelength_nm is not None]
    if not known:
        return None
    wavelengths = np.array([wavelength for wavelength, _ in known])
    distances = np.abs(wavelengths[:, None] - np.array(_RED_GREEN_BLUE_NM))
    if (distances.min(axis=0) > _FARTHEST_NM).any():
        return None
    red, green, blue = (known[int(place)][1] for place in distances.argmin(axis=0))
    return red, green, blue


def cluster_colors(means: NDArray[np.float64], pixels: NDArray[np.float32], bands: Sequence[Band]) -> tuple[str, ...]:
    """Colours of clusters.

    Args:
        means: (K, B) mean spectra.
        pixels: (N, B) spectra of the scene, by which dark and bright are told.
        bands: (B,) with their wavelengths where these are known; else three principal components stand for colours.
    """
    chosen = natural_bands(bands)
    if chosen is not None:
        clusters, scene = means[:, chosen], pixels[:, chosen].astype(np.float64)
    else:
        clusters, scene = _principal_colors(means, pixels.astype(np.float64))
    low, high = np.quantile(scene, _GREY_SPREAD, axis=0)
    shown = np.clip((clusters - low) / np.where(high > low, high - low, 1.0), 0, 1) ** (1 / 1.4)
    return tuple(_hex(color) for color in _from_lab(_pushed_apart(_to_lab(shown))))


def _principal_colors(
    means: NDArray[np.float64], pixels: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Means and pixels as three components of standardised bands, each with the sign that goes with brightness."""
    centre, deviation = pixels.mean(axis=0), pixels.std(axis=0)
    inverse = np.where(deviation > 0, 1 / np.where(deviation > 0, deviation, 1.0), 0.0)
    z = (pixels - centre) * inverse
    _, axes = np.linalg.eigh(z.T @ z / len(z))
    axes = axes[:, ::-1][:, :3]
    axes = axes * np.where(axes.sum(axis=0) < 0, -1.0, 1.0)
    while axes.shape[1] < 3:
        axes = np.concatenate([axes, axes[:, :1]], axis=1)
    return (means - centre) * inverse @ axes, z @ axes


def _pushed_apart(lab: NDArray[np.float64]) -> NDArray[np.float64]:
    """Colours (K, 3) in Lab, moved from each other where they are nearer than can be told apart."""
    colors = lab.copy()
    colors[:, 0] = colors[:, 0].clip(_DARKEST, _LIGHTEST)
    for _ in range(_ROUNDS):
        step = colors[:, None] - colors[None]
        distance = np.sqrt((step**2).sum(axis=2))
        same = distance < 1e-6
        order = np.sign(np.arange(len(colors))[:, None] - np.arange(len(colors))[None])
        step[same] = order[same][:, None] * np.array([1.0, 0.5, -0.5])
        lacking = np.maximum(_LEAST_DIFFERENCE - distance, 0)
        np.fill_diagonal(lacking, 0)
        if not lacking.any():
            break
        push = (step / np.maximum(np.sqrt((step**2).sum(axis=2)), 1e-9)[:, :, None] * lacking[:, :, None]).sum(axis=1)
        colors = _to_lab(_from_lab(colors + push / 3))  # by way of the screen: what it cannot show does not count
        colors[:, 0] = colors[:, 0].clip(_DARKEST, _LIGHTEST)
    return colors


def _to_lab(rgb: NDArray[np.float64]) -> NDArray[np.float64]:
    """(K, 3) sRGB 0 to 1 to CIE Lab. Source: CIE 15:2004."""
    linear = np.where(rgb <= _LINEAR_BELOW, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = linear @ _TO_XYZ.T
    f = np.where(xyz > _CUBE**3, np.cbrt(xyz), xyz / (3 * _CUBE**2) + 4 / 29)
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=1)


def _from_lab(lab: NDArray[np.float64]) -> NDArray[np.float64]:
    """(K, 3) CIE Lab to sRGB, cut to 0 to 1."""
    y = (lab[:, 0] + 16) / 116
    f = np.stack([y + lab[:, 1] / 500, y, y - lab[:, 2] / 200], axis=1)
    xyz = np.where(f > _CUBE, f**3, 3 * _CUBE**2 * (f - 4 / 29))
    linear = np.clip(xyz @ np.linalg.inv(_TO_XYZ).T, 0, 1)
    return np.asarray(np.where(linear <= _LINEAR_BELOW / 12.92, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055))


def _hex(color: NDArray[np.float64]) -> str:
    return "#" + "".join(f"{round(255 * float(part)):02x}" for part in color)
