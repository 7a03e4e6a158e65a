# SPDX-License-Identifier: GPL-2.0-or-later
"""The scene's leading principal components as a raster, for textures and to compare edges with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from ...features.extras.column_recipe import COMPONENTS
from ...io.cube import Raster
from ...io.windows import Window
from ..auto.scene_scaling import SpectraScaling


class SceneComponents:
    """Computes components where they are read."""

    def __init__(self, cube: Raster, base: Sequence[int], scaling: SpectraScaling) -> None:
        """Read nothing yet.

        Args:
            cube: The scene, or its features with the spectra behind them.
            base: Its bands that the components are made of.
            scaling: Of these bands.
        """
        self.height, self.width, self.costly = cube.height, cube.width, cube.costly
        self._cube, self._base, self._scaling = cube, list(base), scaling

    @property
    def bands(self) -> int:
        """Three, or fewer where the scene has fewer."""
        return min(COMPONENTS, len(self._scaling.components))

    def read(self, window: Window, bands: Sequence[int] | None = None) -> NDArray[np.float32]:
        """Components (C, h, w) of a window, NaN where the scene has no data."""
        values = self._cube.read(window, self._base)
        known = np.isfinite(values).all(axis=0)
        held = torch.from_numpy(np.where(known, values, np.float32(0))).to(self._scaling.mean.device)
        components = self._scaling.principal_components(held)[: self.bands].cpu().numpy()
        out = np.where(known, components, np.float32(np.nan))
        return out if bands is None else out[np.asarray(bands, dtype=np.intp)]

    def filled(self, bands: Sequence[int]) -> NDArray[np.bool_]:  # noqa: ARG002 - the same for all
        """(H, W): where the scene has data."""
        return self._cube.filled(self._base)

    def expect(self, bands: Sequence[int]) -> None:
        """Do nothing: what the scene is expected to read stays as it is."""
