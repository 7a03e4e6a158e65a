# SPDX-License-Identifier: GPL-2.0-or-later
"""Streamed band scaling and PCA: from a raster of any bands to a few standardised components.

Enters: a Cube of physical values with NaN for no data. Leaves: a Preprocessor, learnt from valid pixels in two walks
over the raster, that turns a window (bands, h, w) into components (C, h, w) of mean 0 and variance 1, with 0 (the
mean) where there is no data.

Source: Zhou et al. (2024), section on preprocessing, and its code: PCA of the unscaled bands, then a z-score of each
component. Deviations: learnt from valid pixels only instead of all, bad bands left out, stored in the model so that
another scene can be transformed the same way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .cube import Cube, whole_size
from .errors import SceneError
from .progress import Progress, silent, span
from .protocol import Band
from .windows import strips

MAX_BANDS = 4096  # the covariance of more would take over 128 MiB and minutes to decompose
_SMALLEST_SHARE = 1e-9  # components below this share of the largest variance are rounding errors
_LEAST_VALID_SHARE = 0.5  # a band with data at fewer pixels than this share of the best band counts as empty


@dataclass(frozen=True)
class LeftOut:
    """A band that is not used: its number in the user's raster (from 1), its name, and why."""

    number: int
    name: str
    reason: str


@dataclass(frozen=True)
class Preprocessor:
    """Turns bands into standardised components.

    Attributes:
        bands: (B,) the bands it uses, in order.
        mean: (B,) float64, physical units.
        scale: (B,) float64, 1 or the standard deviation of the band.
        axes: (C, B) float64, orthonormal rows, largest variance first.
        deviation: (C,) float64, standard deviation of each component.
        explained_share: Share of the scaled bands' variance in the kept components, 0 to 1.
    """

    bands: tuple[Band, ...]
    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    axes: NDArray[np.float64]
    deviation: NDArray[np.float64]
    explained_share: float

    @property
    def components(self) -> int:
        """Number of components."""
        return len(self.axes)

    def transform(self, values: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Components of a window.

        Args:
            values: (B, h, w) float32, physical units, NaN where there is no data.

        Returns:
            components: (C, h, w) float32, mean 0 and variance 1 over the scene; 0 where invalid.
            valid: (h, w) bool, where every band has data.
        """
        valid = np.asarray(np.isfinite(values).all(axis=0))
        flat = values.reshape(len(values), -1) - self.mean[:, None].astype(np.float32)
        weights = (self.axes / self.scale / self.deviation[:, None]).astype(np.float32)
        scores = weights @ np.where(valid.reshape(-1), flat, np.float32(0))
        return scores.reshape(-1, *valid.shape), valid


def fit_preprocessor(
    cube: Cube, components: int, band_scaling: str = "none", progress: Progress = silent
) -> tuple[Preprocessor, list[LeftOut]]:
    """Learn the components of a scene.

    Args:
        cube: The scene.
        components: At most this many are kept.
        band_scaling: "none" or "standard" (see settings.PretrainSettings).
        progress: Told how far the two walks are.

    Returns:
        The preprocessor and the bands that were left out.

    Raises:
        SceneError: Too many bands, no usable band, or too few valid pixels.
    """
    if cube.bands > MAX_BANDS:
        raise SceneError(
            f"A raster of at most {MAX_BANDS} bands was expected, found {cube.bands}. Choose bands with BANDS."
        )
    kept, left_out = usable_bands(cube, span(progress, 0.0, 0.4))
    if not kept:
        raise SceneError(
            f"At least one usable band is needed, found none of {cube.bands}"
            + (f" (left out: {describe(left_out)})" if left_out else "")
            + ". Choose another raster, or check its nodata value and mask."
        )
    count, mean, covariance = _moments(cube, kept, span(progress, 0.4, 1.0))
    if count < 2:
        raise SceneError(
            "No valid pixel was found: every pixel is nodata, masked, or misses a band. "
            "Check the raster's nodata value and the mask, or choose bands that have data."
        )
    scale = np.sqrt(np.diag(covariance)) if band_scaling == "standard" else np.ones(len(kept))
    variance, axes = _principal_axes(covariance / np.outer(scale, scale))
    wanted = min(components, int(np.sum(variance > variance[0] * _SMALLEST_SHARE)))
    preprocessor = Preprocessor(
        bands=tuple(cube.description.bands[i] for i in kept),
        mean=mean,
        scale=scale,
        axes=axes[:wanted],
        deviation=np.sqrt(variance[:wanted]),
        explained_share=float(variance[:wanted].sum() / variance.sum()),
    )
    return preprocessor, left_out


def usable_bands(cube: Cube, progress: Progress = silent) -> tuple[list[int], list[LeftOut]]:
    """Sort the bands into usable ones (0-based) and those without data, almost without data, or constant."""
    count = np.zeros(cube.bands, dtype=np.int64)
    low = np.full(cube.bands, np.inf)
    high = np.full(cube.bands, -np.inf)
    for strip in strips(*whole_size(cube), 8 * cube.bands):
        values = cube.read(strip).reshape(cube.bands, -1)
        finite = np.isfinite(values)
        count += finite.sum(axis=1)
        low = np.minimum(low, np.where(finite, values, np.inf).min(axis=1))
        high = np.maximum(high, np.where(finite, values, -np.inf).max(axis=1))
        progress(strip.stop_row / cube.height, "")
    kept: list[int] = []
    left_out: list[LeftOut] = []
    for i, band in enumerate(cube.description.bands):
        reason = ""
        if count[i] == 0:
            reason = "no data"
        elif count[i] < _LEAST_VALID_SHARE * count.max():
            reason = f"data at only {count[i]} of {count.max()} pixels"
        elif low[i] == high[i]:
            reason = f"constant ({low[i]:g})"
        if reason:
            left_out.append(LeftOut(band.number or i + 1, band.name, reason))
        else:
            kept.append(i)
    return kept, left_out


def describe(left_out: Sequence[LeftOut]) -> str:
    """One phrase that names the bands left out, with the reason; long lists are cut at 20."""
    shown = [f"{band.number} {band.reason}" for band in left_out[:20]]
    return ", ".join(shown) + (f" and {len(left_out) - 20} more" if len(left_out) > 20 else "")


def match_bands(
    model_bands: Sequence[Band], scene_bands: Sequence[Band], source_band_count: int | None = None
) -> list[int]:
    """Find the model's bands in a scene: by wavelength, else by name, else by order.

    Args:
        model_bands: The bands the model was trained on.
        scene_bands: All bands of the raster.
        source_band_count: Bands of the raster that the model was trained on, left-out ones included.

    Returns:
        0-based indices into scene_bands, in the model's order.

    Raises:
        SceneError: The scene has other bands.
    """
    model_nm = [band.wavelength_nm for band in model_bands]
    scene_nm = [band.wavelength_nm for band in scene_bands]
    if None not in model_nm and any(nm is not None for nm in scene_nm):
        return _match_wavelengths([nm for nm in model_nm if nm is not None], scene_nm)
    names = [band.name for band in scene_bands]
    wanted = [band.name for band in model_bands]
    if all(wanted) and len(set(wanted)) == len(wanted) and all(names.count(name) == 1 for name in wanted):
        return [names.index(name) for name in wanted]
    if len(scene_bands) == source_band_count:
        return [band.number - 1 for band in model_bands]
    if len(scene_bands) == len(model_bands):
        return list(range(len(model_bands)))
    expected = f"{len(model_bands)}" if source_band_count is None else f"{source_band_count}"
    raise SceneError(
        f"The model was trained on a raster of {expected} bands, this raster has {len(scene_bands)} and neither "
        "wavelengths nor band names tell which belong together. Use the scene the model was trained on or one of "
        "the same sensor, or train a model on this raster."
    )


def _match_wavelengths(model_nm: Sequence[float], scene_nm: Sequence[float | None]) -> list[int]:
    """The nearest scene band for each model band; at most half the model's band spacing (at least 2 nm) away."""
    scene = np.array([np.inf if nm is None else nm for nm in scene_nm])
    model = np.array(model_nm)
    nearest = np.abs(scene[None, :] - model[:, None]).argmin(axis=1)
    distance = np.abs(scene[nearest] - model)
    spacing = np.min(np.abs(np.diff(np.unique(model)))) if len(np.unique(model)) > 1 else 10.0
    tolerance = max(2.0, spacing / 2)
    missing = [f"{nm:g}" for nm, off in zip(model_nm, distance) if off > tolerance]
    if missing:
        raise SceneError(
            f"The model needs bands at {', '.join(missing[:5])}{' …' if len(missing) > 5 else ''} nm; this raster has "
            f"none within {tolerance:.1f} nm of them. Use a scene of the same sensor, or train a model on this raster."
        )
    return [int(i) for i in nearest]


def _moments(
    cube: Cube, kept: Sequence[int], progress: Progress
) -> tuple[int, NDArray[np.float64], NDArray[np.float64]]:
    """Count, mean (B,) and covariance (B, B) over pixels where all kept bands have data.

    Source: Chan, Golub, LeVeque (1983), doi 10.1080/00031305.1983.10483115: pairwise update of mean and scatter.
    """
    count = 0
    mean = np.zeros(len(kept))
    scatter = np.zeros((len(kept), len(kept)))
    for strip in strips(*whole_size(cube), 16 * len(kept)):
        values = cube.read(strip, kept).reshape(len(kept), -1)
        values = values[:, np.isfinite(values).all(axis=0)].astype(np.float64)
        if values.shape[1]:
            new = values.shape[1]
            centre = values.mean(axis=1)
            values -= centre[:, None]
            shift = centre - mean
            scatter += values @ values.T + np.outer(shift, shift) * (count * new / (count + new))
            mean += shift * (new / (count + new))
            count += new
        progress(strip.stop_row / cube.height, "")
    return count, mean, scatter / max(1, count)


def _principal_axes(covariance: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Variances, largest first, and axes as rows; the largest entry of each row is positive, so signs are fixed."""
    variance, vectors = np.linalg.eigh(covariance)
    axes = vectors[:, ::-1].T
    largest = np.abs(axes).argmax(axis=1)
    signs = np.sign(axes[np.arange(len(axes)), largest])
    return np.maximum(variance[::-1], 0.0), axes * signs[:, None]
