# SPDX-License-Identifier: GPL-2.0-or-later
"""A feature raster that is not there: its windows are computed where they are read.

Enters: a FeatureExtractor, the scene's components, how features are stored. Leaves: a Raster with the bands and values
of the feature raster that extraction would have written, rounded to 16 bits as there; only the timesteps and bands that
somebody expects to read are computed, and what was computed lately is kept in memory.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from ..io.cube import Cube
from ..io.windows import HALO, Tile, Window, clip, network_tile_at, network_tile_side
from .extractor import FeatureExtractor
from .quantization import QuantisedFeatures, QuantisedSpectra

CACHE_BYTES = 384 << 20


class LazyFeatures:
    """Features and spectra of a scene, computed tile by tile."""

    costly = True

    def __init__(
        self,
        extractor: FeatureExtractor,
        components: Cube,
        valid: NDArray[np.bool_],
        stored: QuantisedFeatures,
        plain: QuantisedSpectra | None,
        cache_bytes: int = CACHE_BYTES,
    ) -> None:
        """Compute nothing yet.

        Args:
            extractor: Of all timesteps.
            components: (C, H, W), NaN where invalid.
            valid: (H, W).
            stored: The features kept, and their scales.
            plain: The spectra behind the features; None: there are none.
            cache_bytes: Of tiles kept in memory.
        """
        self.height, self.width = components.height, components.width
        self._extractor, self._components, self._valid = extractor, components, valid
        self._side = network_tile_side(self.height, self.width)
        self._stored, self._plain = stored, plain
        every = [*stored.bands, *(plain.bands if plain is not None else ())]
        self._scale = np.array([band.scale for band in every], dtype=np.float32)[:, None, None]
        self._offset = np.array([band.offset for band in every], dtype=np.float32)[:, None, None]
        self._cache_bytes = cache_bytes
        self.expect(range(len(stored.bands)))

    @property
    def bands(self) -> int:
        """Number of bands: T * D of features, then the spectra."""
        return len(self._scale)

    def filled(self, bands: Sequence[int]) -> NDArray[np.bool_]:  # noqa: ARG002 - one answer for all
        """(H, W): where there is data, the same for all bands."""
        return self._valid

    def expect(self, bands: Sequence[int]) -> None:
        """Compute these bands together from now on, and no others, as long as no others are read."""
        kept = len(self._stored.kept)
        mine = np.unique([band for band in bands if band < len(self._stored.bands)]).astype(np.intp)
        self._place = np.full(len(self._stored.bands), -1, dtype=np.intp)
        self._place[mine] = np.arange(len(mine))
        self._timesteps = sorted({int(band) // kept for band in mine})
        position = {t: i for i, t in enumerate(self._timesteps)}
        rows = [position[int(band) // kept] * kept + int(band) % kept for band in mine]
        self._rows = torch.tensor(rows, dtype=torch.long, device=self._extractor.device)
        self._part: FeatureExtractor | None = None
        self._tiles: OrderedDict[Window, NDArray[np.int16]] = OrderedDict()
        self._held_bytes = 0

    def strip_width(self, window_side: int) -> int:
        """Width in pixels of a strip in which windows can be read row by row with each tile computed once.

        Args:
            window_side: Of the windows that are read, with their margins.
        """
        core = self._side - 2 * HALO
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
        here = self._valid[inside.slices]
        if here.any():
            numbers = np.zeros((len(chosen), inside.height, inside.width), dtype=np.int16)
            deep = chosen < len(self._stored.bands)
            if deep.any():
                numbers[deep] = self._features(inside, chosen[deep])
            if not deep.all():
                assert self._plain is not None  # there are no other bands
                numbers[~deep] = self._plain.read(inside)[chosen[~deep] - len(self._stored.bands)]
            values = numbers.astype(np.float32)
            values *= self._scale[chosen]
            values += self._offset[chosen]
            values[:, ~here] = np.nan
            top, left = inside.row - window.row, inside.col - window.col
            out[:, top : top + inside.height, left : left + inside.width] = values
        return out

    def _features(self, inside: Window, chosen: NDArray[np.intp]) -> NDArray[np.int16]:
        """Stored numbers (chosen, h, w) of a window inside the raster, anything where the scene has no data."""
        if (self._place[chosen] < 0).any():
            self.expect([*np.flatnonzero(self._place >= 0), *chosen])
        place = self._place[chosen]
        out = np.zeros((len(chosen), inside.height, inside.width), dtype=np.int16)
        core = self._side - 2 * HALO
        tiles = [
            network_tile_at((self.height, self.width), self._side, HALO, row, col)
            for row in range(inside.row // core * core, inside.stop_row, core)
            for col in range(inside.col // core * core, inside.stop_col, core)
        ]
        tiles = [tile for tile in tiles if self._valid[_common(tile.core, inside).slices].any()]
        for tile, numbers in zip(tiles, self._numbers(tiles)):
            part, first = _common(tile.core, inside), tile.core
            rows, cols = Window(part.row - first.row, part.col - first.col, part.height, part.width).slices
            to = Window(part.row - inside.row, part.col - inside.col, part.height, part.width).slices
            out[:, to[0], to[1]] = numbers[place, rows, cols]
        return out

    def _numbers(self, tiles: Sequence[Tile]) -> list[NDArray[np.int16]]:
        """Stored numbers (expected bands, h, w) of the cores of tiles, computed where they are not known."""
        known = {tile.core: self._tiles[tile.core] for tile in tiles if tile.core in self._tiles}
        for core in known:
            self._tiles.move_to_end(core)
        for tile in tiles:
            if tile.core not in known:
                values = np.nan_to_num(self._components.read(tile.window), copy=False)
                found = self._computing().tile_grids(values, tile)
                stored = self._stored.numbers(found, self._timesteps).transpose(0, 1)
                numbers = stored[self._rows].cpu().numpy()
                known[tile.core] = self._tiles[tile.core] = numbers
                self._held_bytes += numbers.nbytes
        while self._held_bytes > self._cache_bytes and self._tiles:
            self._held_bytes -= self._tiles.popitem(last=False)[1].nbytes
        return [known[tile.core] for tile in tiles]

    def _computing(self) -> FeatureExtractor:
        """What computes the expected timesteps."""
        if self._part is None:
            every = self._extractor.settings.timesteps
            self._part = self._extractor.at_timesteps([every[t] for t in self._timesteps], self._side)
        return self._part


def _common(one: Window, other: Window) -> Window:
    """Where two windows that touch overlap."""
    row, col = max(one.row, other.row), max(one.col, other.col)
    stop_row, stop_col = min(one.stop_row, other.stop_row), min(one.stop_col, other.stop_col)
    return Window(row, col, stop_row - row, stop_col - col)
