# SPDX-License-Identifier: GPL-2.0-or-later
"""Streamed band scaling and PCA: from rasters of any bands to a few standardised components.

Enters: Cubes of physical values with NaN for no data. Leaves: a Preprocessor, learnt from valid pixels in two walks
over the rasters, that turns a window (bands, h, w) into components (C, h, w) of mean 0 and variance 1, with 0 (the
mean) where there is no data.

Source: Zhou et al. (2024), section on preprocessing, and its code: PCA of the unscaled bands, then a z-score of each
component. Deviations: learnt from valid pixels only instead of all, bad bands left out, stored in the model so that
another scene can be transformed the same way.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import SceneError
from ..io.bands import describe, inspect_rasters
from ..io.cube import Cube, whole_size
from ..io.moments import Moments
from ..io.windows import row_strips
from ..jobs.data_model import Band
from ..jobs.results import BandLeftOut
from ..progress import Progress, silent, span

log = logging.getLogger(__name__)

MAX_BANDS = 4096  # the covariance of more would take over 128 MiB and minutes to decompose
_SMALLEST_SHARE = 1e-9  # components below this share of the largest variance are rounding errors
_CONSTANT = 1e-13  # share of its mean below which a band's deviation is rounding; two 32-bit numbers differ by more


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

    @property
    def magnitude(self) -> NDArray[np.float64]:
        """(B,) root mean square of the values it was learnt from, as far as the components have them."""
        variance = np.square(self.scale) * np.square(self.axes * self.deviation[:, None]).sum(axis=0)
        return np.asarray(np.sqrt(np.square(self.mean) + variance))

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
    cube: Cube,
    components: int,
    band_scaling: str = "none",
    progress: Progress = silent,
    others: Sequence[Cube] = (),
) -> tuple[Preprocessor, list[BandLeftOut]]:
    """Learn the components of a scene, or of several together.

    A band is used where it is usable in every scene; each valid pixel counts the same, whichever scene it is in.

    Args:
        cube: The scene.
        components: At most this many are kept.
        band_scaling: "none" or "standard" (see settings.PretrainSettings).
        progress: Told how far the two walks are.
        others: Further scenes with the same bands in the same order.

    Returns:
        The preprocessor and the bands that were left out.

    Raises:
        SceneError: Too many bands, no usable band, too few valid pixels, or values that nothing can be
            computed from.
    """
    if cube.bands > MAX_BANDS:
        raise SceneError(
            f"A raster of at most {MAX_BANDS} bands was expected, found {cube.bands}. Choose bands with BANDS."
        )
    scenes = [cube, *others]
    inspected = inspect_rasters(scenes, span(progress, 0.0, 0.4))
    usable, left_out = inspected.usable, inspected.left_out
    for warning in inspected.warnings:
        log.warning("%s", warning)
    if not usable:
        raise SceneError(
            f"At least one usable band is needed, found none of {cube.bands}"
            + (" that is usable in every raster" if others else "")
            + (f" (left out: {describe(left_out)})" if left_out else "")
            + ". Choose another raster, or check its nodata value and mask."
        )
    moments = _moments(scenes, usable, span(progress, 0.4, 1.0))
    bands = tuple(cube.description.bands[i] for i in usable)
    preprocessor = preprocessor_of(moments, bands, components, band_scaling)
    return preprocessor, left_out


def preprocessor_of(moments: Moments, bands: Sequence[Band], components: int, band_scaling: str) -> Preprocessor:
    """The components of pixels whose moments are known.

    Args:
        moments: Of the bands.
        bands: (B,) that are used, one or more.
        components: At most this many are kept.
        band_scaling: As in fit_preprocessor.

    Raises:
        SceneError: Too few valid pixels, or no band differs among them.
    """
    if moments.count < 2:
        raise SceneError(
            "No valid pixel was found: every pixel is nodata, masked, or misses a band. "
            "Check the raster's nodata value and the mask, or choose bands that have data."
        )
    covariance = moments.covariance
    deviation = np.sqrt(np.diag(covariance))
    differs = deviation > _CONSTANT * np.abs(moments.mean)
    if not differs.any():
        raise SceneError(
            f"At least one band whose values differ was expected; all are constant at the {moments.count} pixels where "
            "every band has data. Choose bands that have data at the same pixels with BANDS, or check nodata and mask."
        )
    # A band may differ only where others have no data: there is nothing to divide it by, and it has no part.
    scale = np.where(differs, deviation, 1.0) if band_scaling == "standard" else np.ones(len(bands))
    variance, axes = _principal_axes(covariance / np.outer(scale, scale))
    wanted = min(components, int(np.sum(variance > variance[0] * _SMALLEST_SHARE)))
    if wanted < min(components, len(bands)):
        log.warning(
            "Only %d components could be made of %d bands: the others have less than a billionth of the first one's "
            "variance, because bands repeat each other, or because one outweighs all. With bands of different units, "
            "choose BAND_SCALING 'standard'.",
            wanted,
            len(bands),
        )
    return Preprocessor(
        bands=tuple(bands),
        mean=moments.mean,
        scale=scale,
        axes=axes[:wanted],
        deviation=np.sqrt(variance[:wanted]),
        explained_share=float(variance[:wanted].sum() / variance.sum()),
    )


def _moments(scenes: Sequence[Cube], usable: Sequence[int], progress: Progress) -> Moments:
    """Of pixels of all scenes where all usable bands have data."""
    total = Moments.none(len(usable))
    strips = [(cube, strip) for cube in scenes for strip in row_strips(*whole_size(cube), 16 * len(usable))]
    for done, (cube, strip) in enumerate(strips, 1):
        total = total.plus(Moments.of(cube.read(strip, usable).reshape(len(usable), -1)))
        progress(done / len(strips), "")
    return total


def _principal_axes(covariance: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Variances, largest first, and axes as rows; the largest entry of each row is positive, so signs are fixed."""
    variance, vectors = np.linalg.eigh(covariance)
    axes = vectors[:, ::-1].T
    largest = np.abs(axes).argmax(axis=1)
    signs = np.sign(axes[np.arange(len(axes)), largest])
    return np.maximum(variance[::-1], 0.0), axes * signs[:, None]
