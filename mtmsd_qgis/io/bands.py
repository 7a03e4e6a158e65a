# SPDX-License-Identifier: GPL-2.0-or-later
"""Bands of a raster: which ones are usable, and which of them a model was trained on.

Enters: a Cube, or the descriptions of the bands of a model and of a scene. Leaves: indices of bands, why a band is left
out, and a fill value that nobody declared.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import SceneError
from ..jobs.data_model import Band
from ..jobs.results import BandLeftOut
from ..progress import Progress, silent
from .cube import Cube, whole_size
from .fill_values import BandRanges, FillValue, find_fill_value, largest_value
from .windows import row_strips

# 32-bit numbers hold sums of squares of such values, and of such differences.
LARGEST_VALUE = 1e15
LEAST_CONTRAST = 1e-15
_SAMPLE_PIXELS = 4096  # of a raster, that a fill value is compared with
_LEAST_VALID_SHARE = 0.5  # a band with data at fewer pixels than this share of the best band counts as empty


@dataclass(frozen=True)
class BandInspection:
    """What the bands of a raster are good for.

    Attributes:
        usable: 0-based.
        left_out: Bands without data, almost without data, or constant.
        fill: A value among the usable bands that looks like no data and is not declared as such.
        largest: Magnitude of the usable bands' values, where all of them have data.
        widest: Range of the values of the usable band with most contrast.
    """

    usable: list[int]
    left_out: list[BandLeftOut]
    fill: FillValue | None
    largest: float = 0.0
    widest: float = 0.0

    def warning(self) -> str:
        """What the log should say of the values; empty where nothing.

        Raises:
            SceneError: Nothing can be computed from them.
        """
        if self.fill is not None:
            self.fill.refuse_if_spoiling()
            return self.fill.sentence
        if not self.usable:
            return ""
        if self.largest > LARGEST_VALUE:
            raise SceneError(
                f"Values of at most {LARGEST_VALUE:g} were expected in the raster, found {self.largest:.4g}. Divide "
                "the bands by a number (Raster > Raster Calculator), or leave out the one that holds such values."
            )
        if self.widest < LEAST_CONTRAST:
            raise SceneError(
                f"Values that differ by {LEAST_CONTRAST:g} or more were expected in the raster; those of the band with "
                f"most contrast differ by {self.widest:.4g}. Multiply the bands by a number (Raster > Raster "
                "Calculator)."
            )
        return ""


def inspect_bands(cube: Cube, progress: Progress = silent) -> BandInspection:
    """Walk over a raster, and sort its bands into usable ones and others."""
    count = np.zeros(cube.bands, dtype=np.int64)
    low = np.full(cube.bands, np.inf)
    high = np.full(cube.bands, -np.inf)
    rng = np.random.default_rng(0)
    drawn = []
    for strip in row_strips(*whole_size(cube), 8 * cube.bands):
        values = cube.read(strip).reshape(cube.bands, -1)
        finite = np.isfinite(values)
        count += finite.sum(axis=1)
        low = np.minimum(low, np.where(finite, values, np.inf).min(axis=1))
        high = np.maximum(high, np.where(finite, values, -np.inf).max(axis=1))
        with_data = np.flatnonzero(finite.any(axis=0))
        if len(with_data):
            wanted = math.ceil(_SAMPLE_PIXELS * len(with_data) / (cube.height * cube.width))
            drawn.append(values[:, with_data[rng.integers(len(with_data), size=wanted)]])
        progress(strip.stop_row / cube.height, "")
    usable: list[int] = []
    left_out: list[BandLeftOut] = []
    for i, band in enumerate(cube.description.bands):
        reason = ""
        if count[i] == 0:
            reason = "no data"
        elif count[i] < _LEAST_VALID_SHARE * count.max():
            reason = f"data at only {count[i]} of {count.max()} pixels"
        elif low[i] == high[i]:
            reason = f"constant ({low[i]:g})"
        if reason:
            left_out.append(BandLeftOut(band.number or i + 1, band.name, reason))
        else:
            usable.append(i)
    if not usable:
        return BandInspection(usable, left_out, None)
    ranges = BandRanges(low, high, np.concatenate(drawn, axis=1))
    largest = max(float(np.abs(ends[usable]).max()) for ends in (low, high))
    if largest > LARGEST_VALUE:  # maybe in pixels that do not count, as other bands have no data there
        largest = largest_value(cube, usable, progress)
    widest = float((high - low)[usable].max())
    return BandInspection(usable, left_out, find_fill_value(cube, usable, ranges, progress), largest, widest)


def describe(left_out: Sequence[BandLeftOut]) -> str:
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
