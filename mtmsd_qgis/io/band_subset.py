# SPDX-License-Identifier: GPL-2.0-or-later
"""Some bands of a raster, in another order.

Enters: a Raster and positions of its bands. Leaves: a Raster of these bands alone.
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
