# SPDX-License-Identifier: GPL-2.0-or-later
"""How the bands of an extra become columns, learnt once from the scene, without labels.

Enters: an extra's bands in windows spread over the scene. Leaves: a ColumnRecipe that a classifier file can keep: which
bands are in decibels, and the median and the spread that each column is scaled by. Median and interquartile range, and
a cut at five of them, keep single outliers from deciding: other software's rasters have them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...io.cube import Raster, spread_windows
from ...io.windows import Window, expand
from ...jobs.extras.extra_rasters import CATEGORIES, TEXTURE, VALUES, ExtraRaster
from .derived_columns import MARGIN, derived, textures

CUT = 5.0  # spreads from the median
COMPONENTS = 3  # of the scene, that textures are made of
_SKEWED = 2.0  # skewness from which positive values are measured in decibels
_NORMAL_QUARTILES = 1.349  # interquartile range of a normal distribution, in standard deviations
_WINDOWS, _SIDE = 36, 64  # that the scaling is learnt from
_FAR = 2.0  # spreads; where the median lies farther off, half of the pixels are like few that were learnt from
_MOST_UNKNOWN = 0.5  # share of pixels of categories that were not learnt from


@dataclass(frozen=True)
class ColumnRecipe:
    """From bands to scaled columns.

    Attributes:
        kind: Of the extra.
        positions: Of its bands in the cube of extra rasters, 0-based; of textures, among the scene's components.
        decibel: (B,) 1 for bands that are turned into decibels.
        absolute: Whether heights themselves are columns.
        median: (C,) of the columns.
        inverse: (C,) 1 / spread, 0 for a column that is constant.
    """

    kind: str
    positions: tuple[int, ...]
    decibel: Tensor
    absolute: bool
    median: Tensor
    inverse: Tensor

    @classmethod
    def fit(cls, source: Raster, extra: ExtraRaster | None, first: int, absolute: bool) -> ColumnRecipe | None:
        """Learn from the scene; None where no pixel has data.

        Args:
            source: Of the extra rasters' bands, or of the scene's components.
            extra: The extra raster; None for the texture of the components.
            first: Position of its first band.
            absolute: Whether heights themselves are columns.
        """
        kind = TEXTURE if extra is None else extra.kind
        positions = tuple(range(first, first + (COMPONENTS if extra is None else len(extra.bands))))
        positions = tuple(position for position in positions if position < source.bands)
        windows = spread_windows(source, positions[0], _SIDE, _WINDOWS)
        if not windows:
            return None
        none = torch.zeros(len(positions), dtype=torch.int64)
        flat = cls(kind, positions, none, absolute, torch.zeros(0), torch.zeros(0))
        if kind == VALUES:
            flat = cls(kind, positions, _skewed(source, positions, windows), absolute, flat.median, flat.inverse)
        pixels = [columns[:, known].numpy() for columns, known in (flat.unscaled(source, w) for w in windows)]
        together = np.concatenate(pixels, axis=1)
        if not together.size:
            return None
        middle, spread = _middle_and_spread(together, kind)
        inverse = np.where(spread > 0, 1 / np.where(spread > 0, spread, 1.0), 0.0)
        return cls(kind, positions, flat.decibel, absolute, torch.from_numpy(middle), torch.from_numpy(inverse))

    def read(self, source: Raster, window: Window) -> tuple[Tensor, Tensor]:
        """Scaled columns (C, h, w) float32, 0 where not known, and where they are known (h, w).

        Args:
            source: As fit had it.
            window: May reach outside the raster.
        """
        columns, known = self.unscaled(source, window)
        scaled = (columns - self.median.cpu()[:, None, None]) * self.inverse.cpu()[:, None, None]
        return torch.where(known, scaled.clamp(-CUT, CUT), 0.0).float(), known

    def unscaled(self, source: Raster, window: Window) -> tuple[Tensor, Tensor]:
        """The same before they are scaled, float64."""
        values = source.read(expand(window, MARGIN, MARGIN), list(self.positions))
        known = torch.from_numpy(np.isfinite(values).all(axis=0))
        bands = torch.where(known, torch.from_numpy(values).double(), 0.0)
        if self.kind == TEXTURE:
            columns = textures(bands, known)
        else:
            columns = derived(bands, known, self.kind, self.decibel.cpu(), self.absolute)
        inner = slice(MARGIN, MARGIN + window.height), slice(MARGIN, MARGIN + window.width)
        return columns[:, inner[0], inner[1]], known[inner]

    def difference(self, source: Raster) -> str:
        """How another scene's extra differs from the one that this was learnt from, as a sentence; empty where not.

        Args:
            source: As fit had it, of the other scene.
        """
        windows = spread_windows(source, self.positions[0], _SIDE, _WINDOWS)
        pixels = [columns[:, known] for columns, known in (self.unscaled(source, window) for window in windows)]
        together = torch.cat(pixels, dim=1) if pixels else torch.zeros(len(self.median), 0)
        if not together.numel():
            return "It has no data in this scene."
        if self.kind == CATEGORIES:
            unknown = float((together.sum(dim=0) < 0.5).double().mean())
            return f"{100 * unknown:.0f} % of its pixels have other categories." if unknown > _MOST_UNKNOWN else ""
        middle = together.quantile(0.5, dim=1, interpolation="nearest")
        farthest = float(((middle - self.median.cpu()) * self.inverse.cpu()).abs().max())
        if farthest <= _FAR:
            return ""
        return (
            f"Its median lies {farthest:.1f} spreads from the one there, where at most {_FAR:g} were expected: it is "
            "in another unit, or of other ground."
        )


def _skewed(source: Raster, positions: Sequence[int], windows: Sequence[Window]) -> Tensor:
    """(B,) 1 for bands of positive values whose distribution has a long tail, as backscatter has."""
    values = np.concatenate([source.read(w, list(positions)).reshape(len(positions), -1) for w in windows], axis=1)
    found = []
    for band in values.astype(np.float64):
        known = band[np.isfinite(band)]
        if not len(known) or known.min() <= 0 or known.std() == 0:
            found.append(0)
            continue
        z = (known - known.mean()) / known.std()
        found.append(int((z**3).mean() > _SKEWED))
    return torch.tensor(found, dtype=torch.int64)


def _middle_and_spread(pixels: NDArray[np.float64], kind: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(C,) of columns (C, n): shares of categories, of which most are 0, have no quartiles."""
    deviation = pixels.std(axis=1)
    deviation = np.where(deviation > 1e-9 * np.abs(pixels).max(axis=1), deviation, 0.0)
    if kind == CATEGORIES:
        return pixels.mean(axis=1), deviation
    low, middle, high = np.percentile(pixels, (25, 50, 75), axis=1)
    quartiles = (high - low) / _NORMAL_QUARTILES
    return middle, np.where(quartiles > 1e-9 * np.abs(pixels).max(axis=1), quartiles, deviation)
