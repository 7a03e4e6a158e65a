# SPDX-License-Identifier: GPL-2.0-or-later
"""Multi-timestep multi-stage features of a tile, and the global features around each pixel.

Enters: standardised components of a tile's window (C, h, w), noised by the field of its place. Leaves: for each
timestep, the outputs of the wanted decoder stages at every pixel of the tile's core, (T, F, core h, core w).

Source: Zhou et al. (2024): features are decoder outputs at several timesteps, taken at the pixel (local) and as the
mean over the patch centred on it (global). Deviations: a tile of many pixels instead of a patch a pixel; coarse
grids are read where their cells really lie (a stride-2 convolution centres cell k on pixel 2k), which removes the
constant shift of up to 1.5 pixels that resizing the patch has; the global mean slides over valid pixels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .noise import noise_field, q_sample
from .progress import Progress
from .settings import ExtractionSettings
from .unet import UNet
from .windows import Tile

_CELLS_PER_PASS = 1 << 16  # pixels times timesteps in one forward pass; bounds memory, costs no speed on a CPU


class FeatureExtractor:
    """Turns tiles into features."""

    def __init__(self, network: UNet, settings: ExtractionSettings) -> None:
        """Keep the network in evaluation mode.

        Args:
            network: Trained.
            settings: Timesteps, stages, noise.
        """
        self.network = network.eval()
        self.settings = settings
        self.device = next(network.parameters()).device
        self.timesteps = torch.tensor(settings.timesteps, device=self.device)

    @property
    def feature_names(self) -> list[str]:
        """Names of the F features of a timestep: stage and channel."""
        return [
            f"s{stage} c{channel:03d}"
            for stage in self.settings.stages
            for channel in range(self.network.stages[stage].channels)
        ]

    def tile_features(self, components: NDArray[np.float32], tile: Tile) -> Tensor:
        """Features of a tile's core.

        Args:
            components: (C, h, w) of the tile's window, 0 where invalid.
            tile: Where it lies; decides the noise.

        Returns:
            (T, F, core h, core w) float32, timestep by timestep, stage by stage, channel by channel.
        """
        x0 = torch.from_numpy(components).to(self.device)
        per_pass = max(1, _CELLS_PER_PASS // (components.shape[-2] * components.shape[-1]))
        total: Tensor | None = None
        with torch.inference_mode():
            for draw in range(self.settings.noise_draws):
                noise = noise_field(tile.window, len(x0), self.settings.seed, draw, self.device)
                parts = [
                    self._noised_features(x0, noise, timesteps, tile)
                    for timesteps in torch.split(self.timesteps, per_pass)
                ]
                found = torch.cat(parts)
                total = found if total is None else total.add_(found)
            assert total is not None  # noise_draws is at least 1
            return total.div_(self.settings.noise_draws)

    def _noised_features(self, x0: Tensor, noise: Tensor, timesteps: Tensor, tile: Tile) -> Tensor:
        """(t, F, core h, core w) of one noise draw at some timesteps."""
        count = len(timesteps)
        noised = q_sample(x0.expand(count, -1, -1, -1), noise.expand(count, -1, -1, -1), timesteps)
        outputs = self.network.stage_outputs(noised, timesteps, self.settings.stages)
        return torch.cat([self._at_pixels(h, tile) for h in outputs], dim=1)

    def _at_pixels(self, coarse: Tensor, tile: Tile) -> Tensor:
        """A stage's grid, read at the pixels of the tile's core."""
        stride = tile.window.height // coarse.shape[-2]
        inner = tile.inner
        if stride == 1:
            return coarse[..., inner.row : inner.stop_row, inner.col : inner.stop_col]
        by_row = linear_weights(coarse.shape[-2], stride, inner.row, inner.height).to(coarse)
        by_col = linear_weights(coarse.shape[-1], stride, inner.col, inner.width).to(coarse)
        return by_row @ coarse @ by_col.T


def linear_weights(cells: int, stride: int, first: int, count: int) -> Tensor:
    """Matrix that interpolates a coarse axis at pixels; cell k lies on pixel k * stride.

    Args:
        cells: Of the coarse axis.
        stride: Pixels a cell.
        first: First wanted pixel.
        count: Number of wanted pixels.

    Returns:
        (count, cells) float32, rows sum to 1; pixels behind the last cell take the last cell.
    """
    position = np.minimum(np.arange(first, first + count) / stride, cells - 1)
    lower = np.minimum(position.astype(int), cells - 2) if cells > 1 else np.zeros(count, dtype=int)
    share = position - lower
    weights = np.zeros((count, cells), dtype=np.float32)
    rows = np.arange(count)
    weights[rows, lower] = 1 - share
    if cells > 1:
        weights[rows, lower + 1] += share
    return torch.from_numpy(weights)


def box_mean(values: Tensor, valid: Tensor, inner_rows: slice, inner_cols: slice, side: int) -> Tensor:
    """Mean over valid pixels of the side x side window around each pixel: offsets -side/2 to side - side/2 - 1.

    The window is that of the paper's patch, in which the pixel lies at [side / 2, side / 2].

    Args:
        values: (F, h, w) float32, anything where invalid.
        valid: (h, w) bool.
        inner_rows: Rows wanted; the rest is the margin the window reads.
        inner_cols: Columns wanted.
        side: Of the window, pixels.

    Returns:
        (F, rows, columns) float32; 0 where the window has no valid pixel.
    """
    by_row = _box_weights(values.shape[-2], inner_rows, side).to(values)
    by_col = _box_weights(values.shape[-1], inner_cols, side).to(values)
    count = by_row @ valid.to(values) @ by_col.T
    total = by_row @ torch.where(valid, values, 0) @ by_col.T
    return total / count.clamp(min=1)


def box_margin(side: int) -> tuple[int, int]:
    """Pixels that a window of the given side reads before and after a pixel."""
    return side // 2, max(0, side - side // 2 - 1)


def tile_needs(tiles: Sequence[Tile], rows: NDArray[np.int64], cols: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """For each tile, which of the given pixels lie in its core.

    Args:
        tiles: In row-major order, as windows.tiles makes them.
        rows: (N,) absolute rows.
        cols: (N,) absolute columns.

    Returns:
        One array of indices into rows and cols a tile.
    """
    first = tiles[0].core
    per_row = sum(tile.core.row == first.row for tile in tiles)
    owner = rows // first.height * per_row + cols // first.width
    order = np.argsort(owner, kind="stable")
    bounds = np.searchsorted(owner[order], np.arange(len(tiles) + 1))
    return [order[start:stop] for start, stop in zip(bounds[:-1], bounds[1:])]


def visits(
    tiles: Sequence[Tile],
    rows: NDArray[np.int64],
    cols: NDArray[np.int64],
    progress: Progress,
    text: str = "reading features of the samples",
) -> Iterator[tuple[Tile, NDArray[np.int64]]]:
    """The tiles that have given pixels in their core, with the indices of those pixels; progress is told after each."""
    for done, (tile, mine) in enumerate(zip(tiles, tile_needs(tiles, rows, cols))):
        if len(mine):
            yield tile, mine
        progress((done + 1) / len(tiles), text)


def _box_weights(length: int, inner: slice, side: int) -> Tensor:
    """(wanted, length) float32 of zeros and ones: which positions each wanted one sums."""
    before, after = box_margin(side)
    wanted = np.arange(inner.start, inner.stop)[:, None]
    position = np.arange(length)[None, :]
    return torch.from_numpy(((position >= wanted - before) & (position <= wanted + after)).astype(np.float32))
