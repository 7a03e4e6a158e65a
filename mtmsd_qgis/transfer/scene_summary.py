# SPDX-License-Identifier: GPL-2.0-or-later
"""What is kept of a scene, so that another one can be compared with it: quantiles, some pixels, class proportions.

Enters: a Raster, of which windows spread over the scene are read. Leaves: a SceneSummary of at most a megabyte, and
named arrays for a file. Two scenes of the same size and no data give pixels of the same places.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import SceneError
from ..io.cube import Raster
from ..io.windows import Window, block_counts, clip
from ..jobs.transfer_results import MOST_PIXELS, PROBABILITIES
from ..progress import Progress, silent
from .adaptation import Adaptation, BandScaling

_QUARTILES = slice(1, 4)
_KEPT_BYTES = 900_000  # of them; fewer are kept where there are many bands
_WINDOWS = 100
_COSTLY_WINDOWS = 9  # of a raster that is computed where it is read: one for each region that is held out
_SIDE, _LEAST_SIDE = 16, 4  # pixels, of a window; a small scene is cut into as many windows as are read
_MOST_TRIED = 2000  # windows, as most of a mosaic may have no data
_LEAST_FOUND = 10  # of them with data; else the whole raster is looked through
_READ_BYTES = 64 << 20  # of the pixels that quantiles are computed from
# Steps of a sequence that fills a square evenly: 1 / p and 1 / p^2 with the plastic number p, the root of p^3 = p + 1.
# Source: Roberts (2018), "The unreasonable effectiveness of quasirandom sequences".
_STEPS = (0.7548776662466927, 0.5698402909980532)
_TYPES = {
    "quantiles": np.float64,
    "pixels": np.float32,
    "blocks": np.int32,
    "places": np.float32,
    "class_proportions": np.float64,
}
_ROUNDING = 1e-6  # of a sum of proportions


@dataclass(frozen=True)
class SceneSummary:
    """What is kept of a scene.

    Attributes:
        quantiles: (B, 5) float64 of each band, at PROBABILITIES.
        pixels: (n, B) float32, spread over the scene, with data in every band.
        blocks: (n,) int32, the window that each pixel is from.
        places: (n, 2) float32, row and column of the middle of that window, as shares of the raster's sides.
        class_proportions: (K,) float64 of the classes on the map of the scene; (0,) where there is none yet.
    """

    quantiles: NDArray[np.float64]
    pixels: NDArray[np.float32]
    blocks: NDArray[np.int32]
    places: NDArray[np.float32]
    class_proportions: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))

    @classmethod
    def of_raster(cls, raster: Raster, bands: Sequence[int] | None = None, progress: Progress = silent) -> SceneSummary:
        """Read windows spread over the scene.

        Args:
            raster: The scene, or its features.
            bands: (B,) 0-based, in the order wanted; all where None.
            progress: Told after each window.

        Raises:
            SceneError: No pixel has data in all bands.
        """
        chosen = list(range(raster.bands)) if bands is None else list(bands)
        raster.expect(chosen)
        wanted = _COSTLY_WINDOWS if raster.costly else _WINDOWS
        most = max(1, _READ_BYTES // (4 * len(chosen) * wanted))  # pixels of a window
        found: list[NDArray[np.float32]] = []
        places: list[tuple[float, float]] = []
        for window, pixels in itertools.islice(_windows_with_data(raster, chosen), wanted):
            order = np.random.default_rng([window.row, window.col]).permutation(len(pixels))
            found.append(pixels[order[:most]])
            middle = (window.row + window.height / 2, window.col + window.width / 2)
            places.append((middle[0] / raster.height, middle[1] / raster.width))
            progress(len(found) / wanted, "")
        if not found:
            raise SceneError(
                f"Pixels with data in all of {len(chosen)} bands were expected, none was found. Check the raster's "
                "nodata value and the mask."
            )
        return cls._of_windows(found, np.array(places, dtype=np.float32))

    @classmethod
    def _of_windows(cls, found: Sequence[NDArray[np.float32]], places: NDArray[np.float32]) -> SceneSummary:
        """From the pixels (n, B) of each window, in random order, and the places (W, 2) of the windows."""
        pixels = np.concatenate(found)
        blocks = np.repeat(np.arange(len(found), dtype=np.int32), [len(part) for part in found])
        rank = np.concatenate([np.arange(len(part)) for part in found])
        kept = np.lexsort((blocks, rank))[: min(MOST_PIXELS, max(1, _KEPT_BYTES // (4 * pixels.shape[1])))]
        kept = kept[np.argsort(blocks[kept], kind="stable")]  # as many of each window as can be
        quantiles = np.array([np.quantile(band.astype(np.float64), PROBABILITIES) for band in pixels.T])
        return cls(quantiles, np.ascontiguousarray(pixels[kept]), blocks[kept], places[blocks[kept]])

    @property
    def scaling(self) -> BandScaling:
        """Median and spread of each band."""
        return BandScaling.of_quartiles(self.quantiles[:, _QUARTILES])

    def with_classes(self, mapped_pixels: Sequence[int]) -> SceneSummary:
        """With the proportions of the classes, from the pixels (K,) of each on the map."""
        counts = np.asarray(mapped_pixels, dtype=np.float64)
        return replace(self, class_proportions=counts / max(1.0, float(counts.sum())))

    def adapted(self, adaptation: Adaptation) -> SceneSummary:
        """As if the scene had been read through the adaptation."""
        as_bands = adaptation(self.quantiles.astype(np.float32)).astype(np.float64)
        return replace(self, quantiles=as_bands, pixels=np.ascontiguousarray(adaptation(self.pixels.T).T))

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """What a file keeps: named arrays of float64, float32 and int32."""
        return {name: getattr(self, name) for name in _TYPES}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> SceneSummary:
        """From to_arrays(), or from a file that may be damaged.

        Raises:
            ValueError: An array is missing, or is not of the shape, type or range that it should be.
        """
        for name, dtype in _TYPES.items():
            if name not in arrays or arrays[name].dtype != dtype or not np.isfinite(arrays[name]).all():
                raise ValueError(f"{name} of the scene should be there, finite and of type {np.dtype(dtype)}")
        quantiles, pixels, blocks, places, proportions = (arrays[name] for name in _TYPES)
        if pixels.ndim != 2 or min(pixels.shape) < 1:
            raise ValueError("pixels of the scene")
        if blocks.shape != (len(pixels),) or places.shape != (len(pixels), 2):
            raise ValueError("a block and a place of each pixel of the scene")
        if quantiles.shape != (pixels.shape[1], len(PROBABILITIES)) or (np.diff(quantiles, axis=1) < 0).any():
            raise ValueError(f"{len(PROBABILITIES)} ascending quantiles of each band of the scene")
        if proportions.ndim != 1 or (proportions < 0).any() or proportions.sum() > 1 + _ROUNDING:
            raise ValueError("class proportions of the scene from 0 to 1")
        return cls(quantiles, pixels, blocks, places, proportions)


def _windows_with_data(raster: Raster, bands: Sequence[int]) -> Iterator[tuple[Window, NDArray[np.float32]]]:
    """Windows spread over the raster and their pixels (n, B) with data; the same windows for all rasters of a size.

    Where hardly any has data, the raster is looked through for others.
    """
    height, width = raster.height, raster.width
    side = max(_LEAST_SIDE, min(_SIDE, math.ceil(math.sqrt(height * width / _WINDOWS))))
    rows, cols = -(-height // side), -(-width // side)
    spread = dict.fromkeys(
        (int((0.5 + n * _STEPS[0]) % 1 * rows), int((0.5 + n * _STEPS[1]) % 1 * cols)) for n in range(_MOST_TRIED)
    )
    found = 0
    for cell in spread:
        window = _window(cell, side, raster)
        pixels = _pixels_with_data(raster, window, bands)
        if len(pixels):
            found += 1
            yield window, pixels
    if found < _LEAST_FOUND and len(spread) < rows * cols:
        counts = block_counts(raster.filled(bands), side)
        others = [cell for row, col in np.argwhere(counts) if (cell := (int(row), int(col))) not in spread]
        for cell in others[:: max(1, len(others) // _WINDOWS)]:
            window = _window(cell, side, raster)
            yield window, _pixels_with_data(raster, window, bands)


def _window(cell: tuple[int, int], side: int, raster: Raster) -> Window:
    return clip(Window(cell[0] * side, cell[1] * side, side, side), raster.height, raster.width)


def _pixels_with_data(raster: Raster, window: Window, bands: Sequence[int]) -> NDArray[np.float32]:
    """(n, B) of the pixels that have data in all bands."""
    values = raster.read(window, bands).reshape(len(bands), -1)
    return np.ascontiguousarray(values[:, np.isfinite(values).all(axis=0)].T)
