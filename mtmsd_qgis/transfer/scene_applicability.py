# SPDX-License-Identifier: GPL-2.0-or-later
"""The area of applicability of a classifier by the bands of a scene, whatever the classifier makes of them.

Enters: a Raster, and where its training samples lie. Leaves: the dissimilarity index of any window of any raster of
these bands.

A pixel is described by its bands and by how they differ from the mean of the 3 x 3 pixels around it. The differences
make noise, and scenes of another sharpness, dissimilar where four bands alone could not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..io.cube import Raster
from ..io.windows import Window, clip, expand, row_strips
from ..progress import Progress, silent
from .applicability import AreaOfApplicability
from .scene_summary import SceneSummary
from .spectral_space import SpectralSpace

_CELL = 32  # pixels, side of the windows that samples are read by
_NOISE_SIDE = 64  # pixels, of the noise that the index is tried on
_STRIP_BYTES = 16 << 20  # of the values that are read at once
_MARGIN = 1  # pixels around a window that the means need


class RasterWithDifferences:
    """The bands of a raster, followed by how each differs from its mean over the 3 x 3 pixels around."""

    def __init__(self, raster: Raster, bands: Sequence[int] | None = None) -> None:
        """Read nothing yet.

        Args:
            raster: Any.
            bands: (B,) 0-based, in the order wanted; all where None.
        """
        self.height, self.width, self.costly = raster.height, raster.width, raster.costly
        self._raster = raster
        self._bands = list(range(raster.bands)) if bands is None else list(bands)

    @property
    def bands(self) -> int:
        """2 B."""
        return 2 * len(self._bands)

    def read(self, window: Window, bands: Sequence[int] | None = None) -> NDArray[np.float32]:
        """Values (bands, h, w) of a window; NaN where one of the raster's bands has no data."""
        values = with_differences(self._raster.read(expand(window, _MARGIN, _MARGIN), self._bands))
        return values if bands is None else values[list(bands)]

    def filled(self, bands: Sequence[int]) -> NDArray[np.bool_]:  # noqa: ARG002 - one answer for all
        """(H, W): where all bands of the raster have data."""
        return self._raster.filled(self._bands)

    def expect(self, bands: Sequence[int]) -> None:  # noqa: ARG002 - all are needed
        """Hear that the bands will be read from now on."""
        self._raster.expect(self._bands)


@dataclass(frozen=True)
class SceneApplicability:
    """The dissimilarity index of a pixel and its surroundings.

    Attributes:
        space: Of bands and differences.
        area: In this space.
    """

    space: SpectralSpace
    area: AreaOfApplicability

    @classmethod
    def fit(
        cls,
        raster: RasterWithDifferences,
        positions: NDArray[np.int64],
        folds: NDArray[np.int64],
        progress: Progress = silent,
    ) -> SceneApplicability:
        """Learn from the source scene.

        Args:
            raster: The source scene.
            positions: (N, 2) row and column of each training sample, which should have data.
            folds: (N,) fold that holds each sample out, as the classifier was cross-validated; negative for none.
            progress: Told after each window of samples.

        Raises:
            SceneError: No pixel of the raster has data in all bands.
            ValueError: Fewer than two samples have data.
        """
        return cls.of_pixels(SceneSummary.of_raster(raster).pixels, read_pixels(raster, positions, progress), folds)

    @classmethod
    def of_pixels(
        cls, scene: NDArray[np.float32], samples: NDArray[np.float32], folds: NDArray[np.int64]
    ) -> SceneApplicability:
        """As fit, from pixels (n, 2 B) spread over the scene, or several, and those of the samples (N, 2 B).

        Samples without data do not count.
        """
        space = SpectralSpace.fit(scene)
        features = space(samples)
        known = np.isfinite(features).all(axis=1)
        return cls(space, AreaOfApplicability.fit(features[known], None, folds[known]))

    def index(self, raster: RasterWithDifferences, window: Window) -> NDArray[np.float32]:
        """The dissimilarity index (h, w) of a window, NaN where there is no data."""
        index = np.empty((window.height, window.width), dtype=np.float32)
        for strip in row_strips(window.height, window.width, 4 * raster.bands, _STRIP_BYTES):
            here = Window(window.row + strip.row, window.col, strip.height, window.width)
            index[strip.slices] = self.index_of(raster.read(here).reshape(raster.bands, -1).T).reshape(strip.height, -1)
        return index

    def index_of(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """The dissimilarity index (n,) of pixels (n, 2 B)."""
        return self.area(self.space(pixels))

    def inside_share(self, pixels: NDArray[np.float32]) -> float:
        """Share of pixels (n, 2 B) inside the area of applicability, 0 to 1; those without data do not count."""
        index = self.index_of(pixels)
        return float(self.area.inside(index[np.isfinite(index)]).mean()) if np.isfinite(index).any() else 0.0

    def noise_inside_share(self, seed: int = 0) -> float:
        """Share of white noise of the source's mean and deviation in each band that lies inside.

        Where it is large, the training samples are too few or too far apart for the index to find anything out.
        """
        bands = len(self.space.mean) // 2
        mean, inverse = self.space.mean[:bands, None, None], self.space.inverse[:bands, None, None]
        deviation = np.where(inverse > 0, 1 / np.where(inverse > 0, inverse, 1.0), 0.0)
        noise = np.random.default_rng(seed).normal(size=(bands, _NOISE_SIDE, _NOISE_SIDE)) * deviation + mean
        return self.inside_share(with_differences(noise.astype(np.float32)).reshape(2 * bands, -1).T)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """What a file keeps: named arrays of float32 and float64."""
        space = {f"space.{name}": array for name, array in self.space.to_arrays().items()}
        return {**space, **{f"area.{name}": array for name, array in self.area.to_arrays().items()}}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> SceneApplicability:
        """From to_arrays(), or from a file that may be damaged.

        Raises:
            ValueError: An array is missing, or is not of the shape, type or range that it should be.
        """
        space, area = (
            {name[len(prefix) :]: array for name, array in arrays.items() if name.startswith(prefix)}
            for prefix in ("space.", "area.")
        )
        found = cls(SpectralSpace.from_arrays(space), AreaOfApplicability.from_arrays(area))
        if found.area.samples.shape[1] != found.space.columns or len(found.space.mean) % 2:
            raise ValueError(f"samples of the applicability with {found.space.columns} features each")
        return found


def with_differences(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Bands, and their differences from the mean over the 3 x 3 pixels around each.

    Args:
        values: (B, h + 2, w + 2), NaN where there is no data.

    Returns:
        (2 B, h, w), NaN in all bands where one has no data; such a pixel does not count in the means.
    """
    known = np.asarray(np.isfinite(values).all(axis=0))
    sums = _sums(np.where(known, values, np.float32(0)))
    counts = _sums(known[None].astype(np.float32))
    inner = np.where(known, values, np.float32(np.nan))[:, 1:-1, 1:-1]
    return np.concatenate([inner, inner - sums / np.maximum(counts, 1)])


def read_pixels(raster: Raster, positions: NDArray[np.int64], progress: Progress = silent) -> NDArray[np.float32]:
    """Pixels (N, bands) at positions (N, 2) of rows and columns, read window by window."""
    pixels = np.full((len(positions), raster.bands), np.nan, dtype=np.float32)
    raster.expect(range(raster.bands))
    cells, of_cell = np.unique(positions // _CELL, axis=0, return_inverse=True)
    order = np.argsort(of_cell.reshape(-1), kind="stable")
    ends = np.cumsum(np.bincount(of_cell.reshape(-1), minlength=len(cells)))
    for number, (cell, members) in enumerate(zip(cells, np.split(order, ends[:-1]))):
        corner = cell * _CELL
        window = clip(Window(int(corner[0]), int(corner[1]), _CELL, _CELL), raster.height, raster.width)
        rows, cols = (positions[members] - corner).T
        pixels[members] = raster.read(window)[:, rows, cols].T
        progress((number + 1) / len(cells), "")
    return pixels


def _sums(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """(B, h, w) over 3 x 3 pixels of (B, h + 2, w + 2)."""
    across = values[:, :, :-2] + values[:, :, 1:-1] + values[:, :, 2:]
    return np.asarray(across[:, :-2] + across[:, 1:-1] + across[:, 2:])
