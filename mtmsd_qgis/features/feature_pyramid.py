# SPDX-License-Identifier: GPL-2.0-or-later
"""Features of a tile as the network gives them: each stage on its own grid, brought to pixels where they are wanted.

Only the last of the usual stages has a value for every pixel; the others have one for 4 or 16. As they come, the
features are a third of what they are at pixels, and sums over pixels are sums over cells with other weights. So what
looks at all features looks at the grids, and only those that are written become pixels.

Enters: outputs of decoder stages over a tile's window. Leaves: their cells over the tile's core, the same at pixels,
and the weight of each cell in sums over pixels.

Source: coarse grids are read where their cells really lie: a stride-2 convolution centres cell k on pixel 2k.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..io.windows import Window


@dataclass(frozen=True)
class TileGrids:
    """Features of a tile's core at T timesteps.

    Attributes:
        grids: (T, channels, rows, columns) float32 of each stage; cell (i, j) lies on the core's pixel
            (i * stride, j * stride).
        strides: Pixels a cell of each stage.
        inner: The core, in coordinates of the tile's window.
    """

    grids: tuple[Tensor, ...]
    strides: tuple[int, ...]
    inner: Window

    @classmethod
    def zeros(cls, timesteps: int, outputs: Sequence[Tensor], side: int, inner: Window) -> TileGrids:
        """Zeros, for outputs to be added to.

        Args:
            timesteps: T.
            outputs: (t, channels, cells, cells) of each stage, over a window of side x side pixels.
            side: Of the window, pixels.
            inner: The core.

        Raises:
            ValueError: The core does not begin on a cell of each stage.
        """
        strides = tuple(side // output.shape[-1] for output in outputs)
        if any(inner.row % stride or inner.col % stride for stride in strides):
            raise ValueError(f"the core begins at {inner.row}, {inner.col}, between cells of the strides {strides}")
        shapes = [
            (
                min(output.shape[-2] - inner.row // stride, cells_needed(inner.height, stride)),
                min(output.shape[-1] - inner.col // stride, cells_needed(inner.width, stride)),
            )
            for output, stride in zip(outputs, strides)
        ]
        grids = (output.new_zeros(timesteps, output.shape[1], *shape) for output, shape in zip(outputs, shapes))
        return cls(tuple(grid.float() for grid in grids), strides, inner)

    def add(self, first: int, outputs: Sequence[Tensor]) -> None:
        """Add outputs over the window (t, channels, cells, cells) to the timesteps from the first on."""
        for grid, stride, output in zip(self.grids, self.strides, outputs):
            row, col = self.inner.row // stride, self.inner.col // stride
            grid[first : first + len(output)] += output[..., row : row + grid.shape[-2], col : col + grid.shape[-1]]

    def at_pixels(self) -> Tensor:
        """(T, F, height, width) float32; F: stage by stage, channel by channel."""
        return torch.cat([self.pixels_of(grid, stride) for grid, stride in zip(self.grids, self.strides)], dim=1)

    def thinned(self, stride: int) -> TileGrids:
        """The same with no more cells than one for each stride x stride pixels."""
        steps = [max(1, stride // own) for own in self.strides]
        grids = tuple(grid[..., ::step, ::step] for grid, step in zip(self.grids, steps))
        return TileGrids(grids, tuple(own * step for own, step in zip(self.strides, steps)), self.inner)

    def pixels_of(self, cells: Tensor, stride: int) -> Tensor:
        """(..., height, width) from cells (..., rows, columns) of one of the strides; linear between them."""
        if stride == 1:
            return cells
        by_row = _weights_on(cells.device, cells.shape[-2], stride, self.inner.height)
        by_col = _weights_on(cells.device, cells.shape[-1], stride, self.inner.width)
        return by_row @ (cells @ by_col.T)

    def cells_of(self, valid: NDArray[np.bool_], stage: int) -> NDArray[np.intp]:
        """Cells of a stage, as indices into its flat grid, that have a valid pixel before the next cell.

        Args:
            valid: (height, width).
            stage: Position in grids.
        """
        stride, (rows, cols) = self.strides[stage], self.grids[stage].shape[-2:]
        padded = np.zeros((rows * stride, cols * stride), dtype=bool)
        padded[: self.inner.height, : self.inner.width] = valid
        return np.flatnonzero(padded.reshape(rows, stride, cols, stride).any(axis=(1, 3)))

    def weights_of(
        self, rows: NDArray[np.int64], cols: NDArray[np.int64], sets: NDArray[np.int64], count: int, stage: int
    ) -> NDArray[np.float32]:
        """What a stage's cells have to be multiplied with to sum up the features of sets of pixels.

        Args:
            rows: (N,) of the pixels, in the core.
            cols: The same.
            sets: (N,) which set each pixel belongs to, 0 to count - 1.
            count: Number of sets.
            stage: Position in grids.

        Returns:
            (count, cells) float32; a row sums to the number of the set's pixels.
        """
        shape = self.grids[stage].shape[-2:]
        weights = np.zeros((count, *shape))
        by_row, by_col = (_neighbours(at, self.strides[stage], cells) for at, cells in zip((rows, cols), shape))
        for row, row_share in by_row:
            for col, col_share in by_col:
                np.add.at(weights, (sets, row, col), row_share * col_share)
        return weights.reshape(count, -1).astype(np.float32)


def cells_needed(pixels: int, stride: int) -> int:
    """Cells between which so many pixels lie, the first of them on the first cell."""
    return -(-(pixels - 1) // stride) + 1


def linear_weights(cells: int, stride: int, pixels: int) -> Tensor:
    """Matrix that interpolates cells at pixels; cell k lies on pixel k * stride.

    Args:
        cells: At least one.
        stride: Pixels a cell.
        pixels: How many, from the first cell on.

    Returns:
        (pixels, cells) float32, rows sum to 1; pixels behind the last cell take the last cell.
    """
    weights = np.zeros((pixels, cells), dtype=np.float32)
    rows = np.arange(pixels)
    for cell, share in _neighbours(rows, stride, cells):
        weights[rows, cell] += share
    return torch.from_numpy(weights)


@functools.lru_cache(maxsize=64)  # of tiles at the borders of a scene too
def _weights_on(device: torch.device, cells: int, stride: int, pixels: int) -> Tensor:
    """linear_weights on a device; made once, as a tile asks for them for every timestep and stage."""
    return linear_weights(cells, stride, pixels).to(device)


def _neighbours(
    pixels: NDArray[np.int64], stride: int, cells: int
) -> list[tuple[NDArray[np.int64], NDArray[np.float64]]]:
    """The cells before and behind each pixel, with their shares."""
    before = np.minimum(pixels // stride, cells - 1)
    share = np.where(before < cells - 1, pixels / stride - before, 0.0)
    return [(before, 1 - share), (np.minimum(before + 1, cells - 1), share)]
