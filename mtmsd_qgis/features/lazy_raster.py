# SPDX-License-Identifier: GPL-2.0-or-later
"""A feature raster that is computed lazily: window by window, where it is read.

Enters: an ExtractionRun, how features are quantised. Leaves: a Raster with the bands and values
of the feature raster that extraction would have written, rounded to 16 bits as there; only the timesteps and bands that
somebody expects to read are computed, and what was computed lately is kept in memory.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from ..io.windows import HALO, Tile, Window, clip, network_tile_at, network_tile_side, whole
from .extraction_run import ExtractionRun
from .extractor import FeatureExtractor
from .quantization import QuantisedFeatures, QuantisedSpectra

CACHE_BYTES = 384 << 20


class LazyFeatures:
    """Features and spectra of a scene, computed tile by tile where they are read."""

    costly = True

    def __init__(
        self,
        run: ExtractionRun,
        features: QuantisedFeatures,
        spectra: QuantisedSpectra | None,
        cache_bytes: int = CACHE_BYTES,
    ) -> None:
        """Compute nothing yet.

        Args:
            run: The extractor of all timesteps, and its scene.
            features: The selected features, and their scales.
            spectra: The bands that follow the features; None: there are none.
            cache_bytes: Of tiles kept in memory.
        """
        self.height, self.width = run.components.height, run.components.width
        self._extractor, self._components, self._valid = run.extractor, run.components, run.valid
        self.tile_side = network_tile_side(self.height, self.width)
        self._quantised, self._spectra = features, spectra
        bands = [*features.bands, *(spectra.bands if spectra is not None else ())]
        self._scale = np.array([band.scale for band in bands], dtype=np.float32)[:, None, None]
        self._offset = np.array([band.offset for band in bands], dtype=np.float32)[:, None, None]
        self._cache_bytes = cache_bytes
        self.expect(range(len(features.bands)))

    @property
    def bands(self) -> int:
        """Number of bands: T * D of features, then the spectra."""
        return len(self._scale)

    def filled(self, bands: Sequence[int]) -> NDArray[np.bool_]:  # noqa: ARG002 - one answer for all
        """(H, W): where there is data, the same for all bands."""
        return self._valid[whole(self.height, self.width).slices]

    def expect(self, bands: Sequence[int]) -> None:
        """Compute these bands together from now on, and no others, as long as no others are read."""
        count = len(self._quantised.selected)
        expected = np.unique([band for band in bands if band < len(self._quantised.bands)]).astype(np.intp)
        self._position = np.full(len(self._quantised.bands), -1, dtype=np.intp)
        self._position[expected] = np.arange(len(expected))
        self._timesteps = sorted({int(band) // count for band in expected})
        position = {t: i for i, t in enumerate(self._timesteps)}
        rows = [position[int(band) // count] * count + int(band) % count for band in expected]
        self._rows = torch.tensor(rows, dtype=torch.long, device=self._extractor.device)
        self._partial: FeatureExtractor | None = None
        self._tiles: OrderedDict[Window, NDArray[np.int16]] = OrderedDict()
        self._held_bytes = 0

    def strip_width(self, window_side: int) -> int:
        """Width in pixels of a strip in which windows can be read row by row with each tile computed once.

        Args:
            window_side: Of the windows that are read, with their margins.
        """
        core = self.tile_side - 2 * HALO
        rows = window_side // core + 2
        return max(window_side, self._cache_bytes // max(1, rows * core * 2 * len(self._rows)))

    def read(self, window: Window, bands: Sequence[int] | None = None) -> NDArray[np.float32]:
        """Physical values of a window.

        Args:
            window: May reach outside the raster.
            bands: 0-based bands in the wanted order; all where None.

        Returns:
            (bands, h, w) float32; NaN where the scene has no data, and outside the raster.
        """
        chosen = np.arange(self.bands) if bands is None else np.asarray(bands, dtype=np.intp)
        inside = clip(window, self.height, self.width)
        out = np.full((len(chosen), window.height, window.width), np.nan, dtype=np.float32)
        if inside.height == 0 or inside.width == 0:
            return out
        valid = self._valid[inside.slices]
        if valid.any():
            quantised = np.zeros((len(chosen), inside.height, inside.width), dtype=np.int16)
            is_feature = chosen < len(self._quantised.bands)
            if is_feature.any():
                quantised[is_feature] = self._features(inside, chosen[is_feature])
            if self._spectra is not None and not is_feature.all():
                quantised[~is_feature] = self._spectra.read(inside)[chosen[~is_feature] - len(self._quantised.bands)]
            values = quantised.astype(np.float32)
            values *= self._scale[chosen]
            values += self._offset[chosen]
            values[:, ~valid] = np.nan
            top, left = inside.row - window.row, inside.col - window.col
            out[:, top : top + inside.height, left : left + inside.width] = values
        return out

    def _features(self, inside: Window, chosen: NDArray[np.intp]) -> NDArray[np.int16]:
        """Quantised values (chosen, h, w) of a window inside the raster, anything where the scene has no data."""
        if (self._position[chosen] < 0).any():
            self.expect([*np.flatnonzero(self._position >= 0), *chosen])
        position = self._position[chosen]
        out = np.zeros((len(chosen), inside.height, inside.width), dtype=np.int16)
        core = self.tile_side - 2 * HALO
        tiles = [
            network_tile_at((self.height, self.width), self.tile_side, HALO, row, col)
            for row in range(inside.row // core * core, inside.stop_row, core)
            for col in range(inside.col // core * core, inside.stop_col, core)
        ]
        tiles = [tile for tile in tiles if self._valid[_overlap(tile.core, inside).slices].any()]
        for tile, values in zip(tiles, self._tile_values(tiles)):
            overlap, first = _overlap(tile.core, inside), tile.core
            rows, cols = Window(overlap.row - first.row, overlap.col - first.col, overlap.height, overlap.width).slices
            to = Window(overlap.row - inside.row, overlap.col - inside.col, overlap.height, overlap.width).slices
            out[:, to[0], to[1]] = values[position, rows, cols]
        return out

    def _tile_values(self, tiles: Sequence[Tile]) -> list[NDArray[np.int16]]:
        """Quantised values (expected bands, h, w) of the cores of tiles, computed where they are not cached."""
        cached = {tile.core: self._tiles[tile.core] for tile in tiles if tile.core in self._tiles}
        for core in cached:
            self._tiles.move_to_end(core)
        for tile in tiles:
            if tile.core not in cached:
                components = np.nan_to_num(self._components.read(tile.window), copy=False)
                grids = self._partial_extractor().tile_grids(components, tile)
                lines_first = self._quantised.quantised(grids, self._timesteps)
                values = lines_first.transpose(0, 1)[self._rows].cpu().numpy()
                cached[tile.core] = self._tiles[tile.core] = values
                self._held_bytes += values.nbytes
        while self._held_bytes > self._cache_bytes and self._tiles:
            self._held_bytes -= self._tiles.popitem(last=False)[1].nbytes
        return [cached[tile.core] for tile in tiles]

    def _partial_extractor(self) -> FeatureExtractor:
        """An extractor of the expected timesteps alone."""
        if self._partial is None:
            timesteps = self._extractor.settings.timesteps
            self._partial = self._extractor.at_timesteps([timesteps[t] for t in self._timesteps], self.tile_side)
        return self._partial


def _overlap(one: Window, other: Window) -> Window:
    """Where two windows that touch overlap."""
    row, col = max(one.row, other.row), max(one.col, other.col)
    stop_row, stop_col = min(one.stop_row, other.stop_row), min(one.stop_col, other.stop_col)
    return Window(row, col, stop_row - row, stop_col - col)
