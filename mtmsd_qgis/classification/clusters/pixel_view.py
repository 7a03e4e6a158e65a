# SPDX-License-Identifier: GPL-2.0-or-later
"""What clusters are made of: components of the spectra, smoothed within fields that diffusion features show.

Enters: a raster of diffusion features and spectra, or of plain bands. Leaves: for a window (F, h, w): principal
components, components with least noise and the columns of extra rasters, each of these blocks with a total variance of
1 over the scene. Nothing is learnt from labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...features.extras.extra_reader import ExtraReader
from ...io.cube import spread_windows
from ...io.windows import Tile, Window, windows_with_margin
from ...progress import Progress
from ..auto.feature_reader import SMOOTHING_SIGMA, FeatureSetReader
from ..auto.scene_scaling import inverse_or_zero, to_tensor
from ..context.joint_bilateral import RADIUS, affinities, smooth
from ..extras.known_smoothing import smooth_known
from .extra_columns import filled_from_alike

_PASSES = 3  # of the joint bilateral filter
MARGIN = _PASSES * RADIUS  # pixels read around a window
_LEAST_NOISE = 30  # components, at most
_EQUALISED = 0.5  # power of its deviation that a principal component is divided by: 0 leaves them, 1 makes all alike
_CELL = 32  # pixels, side of the windows that the scene is looked at by
_CELLS = 128  # of them at most
_DRAWN = 20_000  # pixels that clusters are made of
_DRAW_SEED = 20240607  # any number; what matters is that no setting changes it


@dataclass(frozen=True)
class PixelDraw:
    """Pixels drawn evenly over the scene.

    Attributes:
        values: (N, F) of the view.
        spectra: (N, B) physical values of the bands.
        rows: (N,) int64.
        cols: (N,) int64.
        cells: (N,) int64 window that each lies in.
        own: Of the first columns of the view, which are known of all pixels; None: all are.
        known: (N,) where the other columns are known too; elsewhere they are those of a pixel that is alike. None: all.
    """

    values: Tensor
    spectra: NDArray[np.float32]
    rows: NDArray[np.int64]
    cols: NDArray[np.int64]
    cells: NDArray[np.int64]
    own: int | None = None
    known: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        """N."""
        return len(self.rows)


@dataclass(frozen=True)
class PixelView:
    """Reads the view.

    Attributes:
        reader: Of the raster, with its scaling.
        components: (F, B) of standardised spectra: principal ones, and those with least noise.
        centre: (F,) mean of each column before scaling.
        scale: (F,) of each column.
        extras: Reads the last columns, those of extra rasters; None where there are none.
    """

    reader: FeatureSetReader
    components: Tensor
    centre: Tensor
    scale: Tensor
    extras: ExtraReader | None = None

    @classmethod
    def fit(cls, reader: FeatureSetReader, progress: Progress, extras: ExtraReader | None = None) -> PixelView:
        """Learn components and scales from windows spread over the scene.

        Args:
            reader: Of the raster.
            progress: Told after each window.
            extras: Reads columns beside; None where there are none.
        """
        cells = _cells(reader)
        principal = _principal_axes(reader)
        components = np.concatenate([principal, _components_with_least_noise(reader, cells)])
        columns = len(components) + (extras.columns if extras else 0)
        is_own, count = np.arange(columns) < len(components), np.zeros(columns, dtype=np.int64)
        matrix = to_tensor(components, reader.device)
        neutral = cls(reader, matrix, torch.zeros(columns), torch.ones(columns), extras)
        sums, squares = np.zeros(columns), np.zeros(columns)
        for done, cell in enumerate(cells):
            values, valid, known = neutral.read(neutral.around(cell))
            pixels = values[:, torch.from_numpy(valid)].double().cpu().numpy()
            sums, squares = sums + pixels.sum(axis=1), squares + (pixels**2).sum(axis=1)
            count += np.where(is_own, pixels.shape[1], int(known.sum()))
            progress((done + 1) / len(cells), "scales of the clusters")
        mean = sums / np.maximum(1, count)
        variance = np.maximum(squares / np.maximum(1, count) - mean**2, 0)
        ends = (0, len(principal), len(components), columns)
        powers = np.where(np.arange(columns) < len(principal), _EQUALISED, 0.0)
        scale = inverse_or_zero(np.sqrt(variance)) ** powers * (variance > 0)
        for block in map(slice, ends, ends[1:]):
            scale[block] /= np.sqrt(max(float((scale[block] ** 2 * variance[block]).sum()), 1e-12))
        return cls(reader, matrix, to_tensor(mean, reader.device), to_tensor(scale, reader.device), extras)

    @property
    def bands(self) -> list[int]:
        """Bands of the raster that are read."""
        return sorted({*self.reader.plan.base, *self.reader.plan.guide})

    def around(self, core: Window) -> Tile:
        """A window with what is read around it."""
        side = 2 * MARGIN
        window = Window(core.row - MARGIN, core.col - MARGIN, core.height + side, core.width + side)
        return Tile(core, window)

    def windows(self, side: int = 128) -> list[Tile]:
        """Windows that cover the raster once."""
        return windows_with_margin(self.reader.cube.height, self.reader.cube.width, side, MARGIN, MARGIN)

    def read(self, tile: Tile) -> tuple[Tensor, NDArray[np.bool_], NDArray[np.bool_]]:
        """The view (F, h, w) of a window's core, 0 where there is no data; where there is, and where also of extras."""
        reader, window = self.reader, tile.window
        values = reader.cube.read(window, list(reader.plan.base))
        found = np.asarray(np.isfinite(values).all(axis=0))
        rows, cols = tile.inner.slices
        valid = np.asarray(found[rows, cols])
        if not valid.any():
            return torch.zeros(len(self.scale), *valid.shape, device=reader.device), valid, valid
        known = torch.from_numpy(found).to(reader.device)
        spectra = reader.scaling.standardised(torch.from_numpy(np.where(found, values, np.float32(0))).to(known.device))
        components = torch.where(known, torch.einsum("cb,bhw->chw", self.components, spectra), 0.0)
        guide = self._guide(tile, values, known)
        weights = affinities(guide, known, SMOOTHING_SIGMA)
        for _ in range(_PASSES):
            components = smooth(components, weights)
        if self.extras is None:
            return self._scaled(components[:, rows, cols], known[rows, cols], 0), valid, valid
        columns, given = (part.to(known.device) for part in self.extras.read(window))
        given &= known
        columns = smooth_known(torch.where(given, columns, 0.0), given, weights, _PASSES)
        own = self._scaled(components[:, rows, cols], known[rows, cols], 0)
        beside = self._scaled(columns[:, rows, cols], given[rows, cols], len(own))
        return torch.cat([own, beside]), valid, given[rows, cols].cpu().numpy()

    def _scaled(self, values: Tensor, known: Tensor, first: int) -> Tensor:
        """Columns (n, h, w) of the view from the first on, scaled; 0 where not known (h, w)."""
        part = slice(first, first + len(values))
        scaled = (values - self.centre[part, None, None]) * self.scale[part, None, None]
        return torch.where(known, scaled, 0.0)

    def draw(self, progress: Progress) -> PixelDraw:
        """Some thousand pixels, as many of each part of the scene as it has.

        Args:
            progress: Told after each window.
        """
        rng = np.random.default_rng(_DRAW_SEED)
        cells = _cells(self.reader)
        filled = self.reader.cube.filled([self.reader.plan.base[0]])
        share = min(1.0, _DRAWN / max(1, sum(int(filled[cell.slices].sum()) for cell in cells)))
        parts: list[tuple[Tensor, NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]] = []
        given: list[NDArray[np.bool_]] = []
        for done, cell in enumerate(cells):
            values, valid, known = self.read(self.around(cell))
            rows, cols = np.nonzero(valid)
            chosen = np.sort(rng.permutation(len(rows))[: int(np.ceil(share * len(rows)))])
            rows, cols = rows[chosen], cols[chosen]
            spectra = self.reader.cube.read(cell, list(self.reader.plan.base))[:, rows, cols].T
            given.append(known[rows, cols])
            parts.append((values[:, rows, cols].T.cpu(), spectra, rows + cell.row, cols + cell.col))
            progress((done + 1) / len(cells), "pixels of the clusters")
        values_of, spectra_of, rows_of, cols_of = zip(*parts)
        drawn, own, known_of = torch.cat(values_of), None, None
        if self.extras is not None:
            own, known_of = len(self.components), np.concatenate(given)
            drawn = filled_from_alike(drawn, known_of, own)
        return PixelDraw(
            values=drawn,
            spectra=np.concatenate(spectra_of),
            rows=np.concatenate(rows_of),
            cols=np.concatenate(cols_of),
            cells=np.repeat(np.arange(len(parts)), [len(rows) for rows in rows_of]),
            own=own,
            known=known_of,
        )

    def _guide(self, tile: Tile, values: NDArray[np.float32], known: Tensor) -> Tensor:
        """Guidance image (G, h, w) of a window: diffusion features, or the first components of each pixel.

        A mean of the components over neighbours would mix fields at their borders, and the filter then mixes more.
        """
        reader = self.reader
        if reader.feature_scaling is not None:
            guide = reader.feature_scaling.guidance(reader.features(tile.window, reader.plan.guide))
        else:
            filled = torch.from_numpy(np.nan_to_num(values, nan=0.0)).to(known.device)
            guide = reader.scaling.principal_components(filled)[: reader.guide_channels]
        return torch.where(known, guide, 0.0)


def _cells(reader: FeatureSetReader) -> Sequence[Window]:
    return spread_windows(reader.cube, reader.plan.base[0], _CELL, _CELLS)


def _principal_axes(reader: FeatureSetReader) -> NDArray[np.float64]:
    """(C, B) axes of a length of 1, so that principal components have their own variances."""
    axes = reader.scaling.components.double().cpu().numpy()
    if reader.scaling.reduction is not None:  # the spectra that are read are principal components already
        return np.eye(len(axes), len(reader.scaling.reduction))
    return np.asarray(axes / np.maximum(np.sqrt((axes**2).sum(axis=1, keepdims=True)), 1e-12))


def _components_with_least_noise(reader: FeatureSetReader, cells: Sequence[Window]) -> NDArray[np.float64]:
    """(C, B) standardised spectra to the components whose variance exceeds that of their noise most.

    Source: Green et al. (1988), doi 10.1109/36.3001, minimum noise fraction: principal axes of noise-whitened spectra.
    """
    whitening = reader.scaling.noise_whitening.double().cpu().numpy()
    total, count = np.zeros_like(whitening), 0
    for cell in cells:
        values = reader.cube.read(cell, list(reader.plan.base))
        pixels = torch.from_numpy(values[:, np.isfinite(values).all(axis=0)][:, :, None]).to(reader.device)
        whitened = whitening @ reader.scaling.standardised(pixels)[:, :, 0].double().cpu().numpy()
        total, count = total + whitened @ whitened.T, count + whitened.shape[1]
    variance, axes = np.linalg.eigh(total / max(1, count))
    order = np.argsort(variance)[::-1][:_LEAST_NOISE]
    return np.asarray(axes[:, order].T @ whitening)
