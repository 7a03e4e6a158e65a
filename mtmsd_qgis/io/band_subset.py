# SPDX-License-Identifier: GPL-2.0-or-later
"""Some bands of a raster, in another order; or the bands of two rasters, one after the other.

Enters: a Raster and positions of its bands, or two rasters of one size. Leaves: a Raster of these bands.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .cube import Raster
from .windows import Window


class BandSubset:
    """A raster that is seen through some of its bands."""

    def __init__(self, raster: Raster, positions: Sequence[int]) -> None:
        """Read nothing yet.

        Args:
            raster: Any.
            positions: (B,) 0-based, in the order wanted.
        """
        self.height, self.width, self.costly = raster.height, raster.width, raster.costly
        self._raster = raster
        self._positions = np.asarray(positions, dtype=np.intp)

    @property
    def bands(self) -> int:
        """B."""
        return len(self._positions)

    def read(self, window: Window, bands: Sequence[int] | None = None) -> NDArray[np.float32]:
        """Physical values (bands, h, w) of a window, as Cube.read gives them."""
        return self._raster.read(window, self._of(bands))

    def filled(self, bands: Sequence[int]) -> NDArray[np.bool_]:
        """(H, W): where all the given bands have data."""
        return self._raster.filled(self._of(bands))

    def expect(self, bands: Sequence[int]) -> None:
        """Hear which bands will be read from now on."""
        self._raster.expect(self._of(bands))

    def _of(self, bands: Sequence[int] | None) -> list[int]:
        """Positions in the raster."""
        chosen = self._positions if bands is None else self._positions[np.asarray(bands, dtype=np.intp)]
        return [int(position) for position in chosen]


class BandsOfBoth:
    """Two rasters of one grid seen as one: the bands of the second behind those of the first."""

    def __init__(self, first: Raster, second: Raster) -> None:
        """Read nothing yet."""
        self.height, self.width, self.costly = first.height, first.width, first.costly
        self._first, self._second = first, second

    @property
    def bands(self) -> int:
        """Of both."""
        return self._first.bands + self._second.bands

    def read(self, window: Window, bands: Sequence[int] | None = None) -> NDArray[np.float32]:
        """Physical values (bands, h, w) of a window, as Cube.read gives them."""
        chosen = np.arange(self.bands) if bands is None else np.asarray(bands, dtype=np.intp)
        out = np.empty((len(chosen), window.height, window.width), dtype=np.float32)
        behind = chosen >= self._first.bands
        if not behind.all():
            out[~behind] = self._first.read(window, chosen[~behind].tolist())
        if behind.any():
            out[behind] = self._second.read(window, (chosen[behind] - self._first.bands).tolist())
        return out

    def filled(self, bands: Sequence[int]) -> NDArray[np.bool_]:
        """(H, W): where all the given bands have data."""
        found = np.ones((self.height, self.width), dtype=bool)
        for raster, part in zip((self._first, self._second), self._split(bands)):
            if part:
                found &= raster.filled(part)
        return found

    def expect(self, bands: Sequence[int]) -> None:
        """Hear which bands will be read from now on."""
        for raster, part in zip((self._first, self._second), self._split(bands)):
            raster.expect(part)

    def _split(self, bands: Sequence[int]) -> tuple[list[int], list[int]]:
        """Positions in the first and in the second raster."""
        own = self._first.bands
        return [band for band in bands if band < own], [band - own for band in bands if band >= own]
