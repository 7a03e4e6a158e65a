# SPDX-License-Identifier: GPL-2.0-or-later
"""Features and spectra as 16-bit numbers, each band with a scale and an offset of its own.

Enters: statistics of the features, or a cube of bands. Leaves: quantised values, and bands that say how to read them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..io.cube import Cube, Raster
from ..io.windows import Tile, Window
from ..jobs.data_model import Band
from .extractor import FeatureExtractor
from .feature_pyramid import TileGrids
from .statistics_pass import FeatureStatistics

NODATA = -32768
_LARGEST = 32767
_HEADROOM = 1.5  # values may lie this much further from the mean than any of the statistics pass
_READ_BYTES = 16 << 20  # of spectra at once
_DEVIATIONS = (8.0, 40.0)  # range of a band in standard deviations: at least, at most


@dataclass(frozen=True)
class QuantisedFeatures:
    """How the selected features are quantised.

    Attributes:
        selected: (D,) indices into the F features of a timestep.
        bands: T * D bands, band = timestep index * D + feature index.
        offset: (T, D) float32.
        scale: (T, D) float32.
    """

    selected: Tensor
    bands: tuple[Band, ...]
    offset: Tensor
    scale: Tensor

    @classmethod
    def of(
        cls, statistics: FeatureStatistics, selected: NDArray[np.int64], extractor: FeatureExtractor
    ) -> QuantisedFeatures:
        """Choose scales that hold all values of the statistics pass, and some more.

        Args:
            statistics: Ranges of all features.
            selected: (D,) indices of those that are stored.
            extractor: Names them.
        """
        mean = statistics.mean[:, selected]
        extent = np.clip(
            _HEADROOM * statistics.extent[:, selected],
            _DEVIATIONS[0] * statistics.deviation[:, selected],
            _DEVIATIONS[1] * statistics.deviation[:, selected],
        )
        scale = np.where(extent > 0, extent, np.maximum(1.0, np.abs(mean))) / _LARGEST
        return cls.with_scales(mean, scale, selected, extractor)

    @classmethod
    def with_scales(
        cls,
        mean: NDArray[np.float64],
        scale: NDArray[np.float64],
        selected: NDArray[np.int64],
        extractor: FeatureExtractor,
    ) -> QuantisedFeatures:
        """With means and scales that are known.

        Args:
            mean: (T, D) of the selected features.
            scale: (T, D) from one number to the next.
            selected: (D,) indices of those that are stored.
            extractor: Names them.
        """
        names = [extractor.feature_names[i] for i in selected]
        bands = tuple(
            Band(f"t{timestep:03d} {name}", None, NODATA, float(scale[t, d]), float(mean[t, d]))
            for t, timestep in enumerate(extractor.settings.timesteps)
            for d, name in enumerate(names)
        )
        offset, step = (torch.from_numpy(part.astype(np.float32)).to(extractor.device) for part in (mean, scale))
        return cls(torch.from_numpy(selected).to(extractor.device), bands, offset, step)

    def quantised(self, grids: TileGrids, timesteps: Sequence[int] | None = None) -> Tensor:
        """The quantised values of the selected features.

        Args:
            grids: All features of a tile's core.
            timesteps: Indices of the timesteps that they are of; all where None.

        Returns:
            (h, T * D, w) int16, lines first, as they are stored.
        """
        rows, count = range(len(grids.grids[0])) if timesteps is None else timesteps, len(self.selected)
        shape = grids.inner.height, len(rows) * count, grids.inner.width
        values = torch.empty(shape, dtype=torch.int16, device=self.selected.device)
        channels = [grid.shape[1] for grid in grids.grids]
        for grid, stride, (subset, position) in zip(grids.grids, grids.strides, self._by_stage(channels)):
            gain = self.scale[:, position, None, None].reciprocal()
            start = self.offset[:, position, None, None] * -gain
            for i, row in enumerate(rows) if len(position) else ():  # each fits into the cache
                cells = torch.addcmul(start[row], grid[i, subset], gain[row]).clamp_(-_LARGEST, _LARGEST)
                pixels = grids.pixels_of(cells, stride).round_().to(torch.int16)
                values[:, i * count + position] = pixels.transpose(0, 1)
        return values

    def _by_stage(self, channels: Sequence[int]) -> list[tuple[Tensor, Tensor]]:
        """Of each stage, given the channels of all: which are selected, and at which of the D positions they are."""
        parts, first = [], 0
        for count in channels:
            position = ((self.selected >= first) & (self.selected < first + count)).nonzero()[:, 0]
            parts.append((self.selected[position] - first, position))
            first += count
        return parts


@dataclass(frozen=True)
class QuantisedSpectra:
    """The scene's bands as 16-bit numbers; over the range of each band where all have data, so nothing is cut off.

    Where others have no data, a band may hold a fill value of its own, beside which its values would be as one.

    Attributes:
        cube: That holds the bands.
        positions: Of the bands in the cube.
        bands: Names, wavelengths, scales and offsets.
    """

    cube: Raster
    positions: tuple[int, ...]
    bands: list[Band]

    @classmethod
    def of(cls, cube: Cube, tiles: Sequence[Tile], positions: Sequence[int] | None = None) -> QuantisedSpectra:
        """Find the range of each band over the cores of tiles.

        Args:
            cube: The scene.
            tiles: Those with valid pixels.
            positions: Of the bands; all where None.
        """
        chosen = tuple(range(cube.bands)) if positions is None else tuple(positions)
        return cls.of_bands(cube, tiles, chosen, [cube.description.bands[position] for position in chosen])

    @classmethod
    def of_bands(
        cls, cube: Raster, tiles: Sequence[Tile], positions: Sequence[int], described: Sequence[Band]
    ) -> QuantisedSpectra:
        """As of, of a raster that does not describe its bands.

        Args:
            cube: The scene.
            tiles: Those with valid pixels.
            positions: (B,) of the bands.
            described: (B,) names and wavelengths.
        """
        chosen = tuple(positions)
        low, high = np.full(len(chosen), np.inf), np.full(len(chosen), -np.inf)
        for window in _merged_cores(tiles, _READ_BYTES // (4 * len(chosen))):
            values = cube.read(window, chosen).reshape(len(chosen), -1)
            values = values[:, np.isfinite(values).all(axis=0)]
            low = np.minimum(low, values.min(axis=1, initial=np.inf))
            high = np.maximum(high, values.max(axis=1, initial=-np.inf))
        return cls.between(cube, chosen, described, low, high)

    @classmethod
    def between(
        cls,
        cube: Raster,
        chosen: tuple[int, ...],
        described: Sequence[Band],
        low: NDArray[np.float64],
        high: NDArray[np.float64],
    ) -> QuantisedSpectra:
        """With ranges that are known.

        Args:
            cube: The scene.
            chosen: (B,) positions of the bands.
            described: (B,) names and wavelengths.
            low: (B,) lowest values; infinite where there is none.
            high: (B,) highest.
        """
        finite = np.isfinite(low) & np.isfinite(high)
        low, high = np.where(finite, low, 0.0), np.where(finite, high, 0.0)
        scale = np.where(high > low, (high - low) / (2 * _LARGEST), 1.0)
        offset = (low + high) / 2
        bands = [
            Band(
                f"spectrum {band.name or i + 1}",
                band.wavelength_nm,
                NODATA,
                float(scale[i]),
                float(offset[i]),
                fwhm_nm=band.fwhm_nm,
            )
            for i, band in enumerate(described)
        ]
        return cls(cube, chosen, bands)

    def read(self, window: Window) -> NDArray[np.int16]:
        """(B, h, w) quantised values of a window, anything where the scene has no data."""
        values = np.nan_to_num(self.cube.read(window, self.positions), copy=False, nan=0.0)
        values -= np.array([band.offset for band in self.bands], dtype=np.float32)[:, None, None]
        values /= np.array([band.scale for band in self.bands], dtype=np.float32)[:, None, None]
        np.clip(np.rint(values, out=values), -_LARGEST, _LARGEST, out=values)
        return values.astype(np.int16)


def _merged_cores(tiles: Sequence[Tile], most_pixels: int) -> Iterator[Window]:
    """The cores of tiles, those side by side as one window of at most so many pixels (and at least a core)."""
    run: Window | None = None
    for core in (tile.core for tile in tiles):
        if run and (run.row, run.height, run.stop_col) == (core.row, core.height, core.col):
            wider = Window(run.row, run.col, run.height, run.width + core.width)
            if wider.height * wider.width <= most_pixels:
                run = wider
                continue
        if run:
            yield run
        run = core
    if run:
        yield run
