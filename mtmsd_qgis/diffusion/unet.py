# SPDX-License-Identifier: GPL-2.0-or-later
"""The denoising U-Net. It declares its decoder stages; whoever wants features asks for stages by index.

Enters: noised components (B, C, H, W), H and W multiples of 4, timesteps (B,), and statistics for the normalisation.
Leaves: the predicted noise (B, C, H, W), or the outputs of the wanted decoder stages, computed no further than the last
of them.

Source: the architecture of guided diffusion (Dhariwal & Nichol 2021, arXiv 2105.05233) with the settings of Zhou et
al. (2024): multipliers 1, 2, 2, two residual blocks a level, FiLM time conditioning, attention in the middle only.
Written anew from that description. Deviation: no variance head by default; features do not need it.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..jobs.settings import LEVEL_BLOCKS, LEVEL_WIDTHS
from .group_norm import PATCH_NORM, PatchNorm

GROUPS = 32  # of every group normalisation (guided diffusion)
HEADS = 4  # of the attention in the middle
_BLOCK = 4  # cells; side of the squares in which near attention is computed


@dataclass(frozen=True)
class Stage:
    """A decoder block whose output can be taken: its channels, and the pixels per cell of its grid (1, 2 or 4)."""

    channels: int
    stride: int


class UNet(nn.Module):
    """Predicts the noise in a noised patch."""

    def __init__(self, in_channels: int, base_width: int, *, learn_sigma: bool = False) -> None:
        """Build the network; convolutions that end a residual branch start at zero.

        Args:
            in_channels: Components of the input.
            base_width: Channels of the first level, a multiple of 32.
            learn_sigma: Also predict a variance: twice the output channels, as the published network has.
        """
        super().__init__()
        embedding = 4 * base_width
        self.in_channels = in_channels
        self.base_width = base_width
        self.time = nn.Sequential(nn.Linear(base_width, embedding), nn.SiLU(), nn.Linear(embedding, embedding))

        widths = [base_width * m for m in LEVEL_WIDTHS]
        self.encoder = nn.ModuleList([nn.Conv2d(in_channels, base_width, 3, padding=1)])
        skips = [base_width]
        width = base_width
        for level, level_width in enumerate(widths):
            if level:
                self.encoder.append(nn.Conv2d(width, width, 3, stride=2, padding=1))
                skips.append(width)
            for _ in range(LEVEL_BLOCKS):
                self.encoder.append(ResidualBlock(width, level_width, embedding))
                width = level_width
                skips.append(width)

        self.middle_in = ResidualBlock(width, width, embedding)
        self.middle_attention = Attention(width)
        self.middle_out = ResidualBlock(width, width, embedding)

        self.decoder = nn.ModuleList()
        stages: list[Stage] = []
        for level in reversed(range(len(widths))):
            for block in range(LEVEL_BLOCKS + 1):
                grows = level > 0 and block == LEVEL_BLOCKS
                self.decoder.append(DecoderBlock(width + skips.pop(), widths[level], embedding, grows=grows))
                width = widths[level]
                stages.append(Stage(width, 2 ** (level - 1 if grows else level)))
        self.stages = tuple(stages)

        self.head_norm = nn.GroupNorm(GROUPS, width)
        self.head = zeroed(nn.Conv2d(width, in_channels * (2 if learn_sigma else 1), 3, padding=1))

    def forward(self, x: Tensor, timesteps: Tensor) -> Tensor:
        """Predict the noise.

        Args:
            x: (B, C, H, W) noised components.
            timesteps: (B,) int64, 0 to 999.

        Returns:
            (B, C, H, W), or (B, 2 C, H, W) with learn_sigma.
        """
        last = len(self.stages) - 1
        h = self.stage_outputs(x, timesteps, [last])[0]
        return torch.as_tensor(self.head(functional.silu(self.head_norm(h))))

    def stage_outputs(
        self, x: Tensor, timesteps: Tensor, wanted: Sequence[int], norm_stats: PatchNorm = PATCH_NORM
    ) -> list[Tensor]:
        """Outputs of decoder stages; nothing after the last wanted one is computed.

        Args:
            x: (B, C, H, W) noised components.
            timesteps: (B,) int64.
            wanted: Indices into self.stages, ascending.
            norm_stats: Normalises, and says how far attention reaches.

        Returns:
            One (B, channels, H / stride, W / stride) for each wanted stage.

        Raises:
            ValueError: H or W is no multiple of 4.
        """
        if x.shape[-2] % 4 or x.shape[-1] % 4:
            raise ValueError(f"height and width must be multiples of 4, found {tuple(x.shape[-2:])}")
        embedding = functional.silu(self.time(sinusoid(timesteps, self.base_width).to(x.dtype)))
        h, skips = x, []
        for block in self.encoder:
            h = block(h, embedding, norm_stats) if isinstance(block, ResidualBlock) else block(h)
            skips.append(h)
        h = self.middle_attention(self.middle_in(h, embedding, norm_stats), norm_stats)
        h = self.middle_out(h, embedding, norm_stats)
        outputs: dict[int, Tensor] = {}
        for index, block in enumerate(self.decoder[: max(wanted) + 1]):
            h = block(torch.cat([h, skips.pop()], dim=1), embedding, norm_stats)
            if index in wanted:
                outputs[index] = h
        return [outputs[index] for index in wanted]


class ResidualBlock(nn.Module):
    """Two normalised 3 x 3 convolutions around a FiLM of the time embedding, beside a skip."""

    def __init__(self, in_channels: int, out_channels: int, embedding: int) -> None:
        """Build the block.

        Args:
            in_channels: Of the input.
            out_channels: Of the output.
            embedding: Length of the time embedding.
        """
        super().__init__()
        self.norm_in = nn.GroupNorm(GROUPS, in_channels)
        self.conv_in = nn.Conv2d(in_channels, out_channels, 3, padding=1)
        self.film = nn.Linear(embedding, 2 * out_channels)
        self.norm_out = nn.GroupNorm(GROUPS, out_channels)
        self.conv_out = zeroed(nn.Conv2d(out_channels, out_channels, 3, padding=1))
        self.skip = nn.Identity() if in_channels == out_channels else nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, x: Tensor, embedding: Tensor, norm_stats: PatchNorm) -> Tensor:
        """Map (B, in, H, W) and the activated embedding (B, E) to (B, out, H, W)."""
        h = self.conv_in(functional.silu(norm_stats.normalised(self.norm_in, x)))
        scale, shift = self.film(embedding)[:, :, None, None].chunk(2, dim=1)
        h = torch.addcmul(shift, norm_stats.normalised(self.norm_out, h), 1 + scale)
        return torch.as_tensor(self.skip(x) + self.conv_out(functional.silu(h)))


class DecoderBlock(nn.Module):
    """A residual block over the features and a skip; the last of a level doubles the grid."""

    def __init__(self, in_channels: int, out_channels: int, embedding: int, *, grows: bool) -> None:
        """Build the block.

        Args:
            in_channels: Of the features and the skip together.
            out_channels: Of the output.
            embedding: Length of the time embedding.
            grows: Whether the output has twice the height and width.
        """
        super().__init__()
        self.block = ResidualBlock(in_channels, out_channels, embedding)
        self.grow = nn.Conv2d(out_channels, out_channels, 3, padding=1) if grows else None

    def forward(self, x: Tensor, embedding: Tensor, norm_stats: PatchNorm) -> Tensor:
        """Map (B, in, H, W) to (B, out, H, W), or (B, out, 2 H, 2 W) where it grows."""
        h = self.block(x, embedding, norm_stats)
        if self.grow is not None:
            h = self.grow(functional.interpolate(h, scale_factor=2, mode="nearest"))
        return torch.as_tensor(h)


class Attention(nn.Module):
    """Self-attention over the cells of the coarsest grid."""

    def __init__(self, channels: int) -> None:
        """Build the block.

        Args:
            channels: Of input and output, a multiple of HEADS.
        """
        super().__init__()
        self.norm = nn.GroupNorm(GROUPS, channels)
        self.qkv = nn.Conv1d(channels, 3 * channels, 1)
        self.out = zeroed(nn.Conv1d(channels, channels, 1))

    def forward(self, x: Tensor, norm_stats: PatchNorm) -> Tensor:
        """Map (B, C, H, W) to the same shape."""
        batch, channels, height, width = x.shape
        flat = x.reshape(batch, channels, height * width)
        heads = self.qkv(norm_stats.normalised(self.norm, flat)).view(
            batch, HEADS, 3, channels // HEADS, height * width
        )
        q, k, v = heads.unbind(2)  # each (B, heads, channels / heads, cells)
        if height * width == 1:  # attends to itself alone; a card's attention refuses the strides of a single cell
            h = v.reshape(batch, channels, 1)
        elif norm_stats.attention_radius is None:
            h = functional.scaled_dot_product_attention(*(part.transpose(-1, -2) for part in (q, k, v)))
            h = h.transpose(-1, -2).reshape(batch, channels, height * width)
        else:
            shape = batch, HEADS, channels // HEADS, height, width
            h = near_attention(
                q.reshape(shape), k.reshape(shape), v.reshape(shape), norm_stats.attention_radius
            ).flatten(2)
        h = self.out(h)
        return torch.as_tensor(x + h.view_as(x))


def near_attention(q: Tensor, k: Tensor, v: Tensor, radius: int) -> Tensor:
    """Attention of each cell to the cells at most so many rows and columns away.

    The grid is worked off in squares of cells, each with the cells around it, so that the cost is in proportion to the
    grid and not to its square.

    Args:
        q: (B, heads, D, H, W) queries.
        k: The same of keys.
        v: The same of values.
        radius: Cells to either side.

    Returns:
        (B, heads * D, H, W).
    """
    batch, heads, depth, height, width = q.shape
    radius = min(radius, max(height, width))
    block, size = _BLOCK, _BLOCK + 2 * radius
    rows, cols = -(-height // block), -(-width // block)
    more = cols * block - width, rows * block - height

    def around(part: Tensor) -> Tensor:  # (B * squares, heads, cells around, D)
        padded = functional.pad(part.flatten(1, 2), (radius, radius + more[0], radius, radius + more[1]))
        squares = padded.unfold(2, size, block).unfold(3, size, block)  # (B, heads * D, rows, cols, size, size)
        cells = squares.permute(0, 2, 3, 1, 4, 5).reshape(batch * rows * cols, heads, depth, size * size)
        return cells.transpose(-1, -2)

    near, inside = _near(height, width, radius, q.device)
    asked = functional.pad(q.flatten(1, 2), (0, more[0], 0, more[1])).view(batch, -1, rows, block, cols, block)
    asked = asked.permute(0, 2, 4, 1, 3, 5)  # (B, rows, cols, heads * D, block, block)
    asked = asked.reshape(batch * rows * cols, heads, depth, block * block).transpose(-1, -2)
    scores = asked @ around(k).transpose(-1, -2) / math.sqrt(depth)
    allowed = near & inside[:, None, :]  # (squares, asked, around)
    scores = scores.view(batch, rows * cols, heads, block * block, size * size)
    scores = scores.masked_fill(~allowed[:, None], float("-inf")).flatten(0, 1)
    attended = torch.softmax(scores.float(), dim=-1).to(v.dtype) @ around(v)  # (B * squares, heads, asked, D)
    attended = attended.view(batch, rows, cols, heads, block, block, depth).permute(0, 3, 6, 1, 4, 2, 5)
    return attended.reshape(batch, heads * depth, rows * block, cols * block)[..., :height, :width]


@functools.lru_cache(maxsize=4)
def _near(height: int, width: int, radius: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Which cells around a square (asked, around) are near, and (squares, around) are in the grid; bool."""
    block, size = _BLOCK, _BLOCK + 2 * radius
    own, around = torch.arange(block) + radius, torch.arange(size)
    close = (own[:, None] - around).abs() <= radius  # (block, size)
    near = (close[:, None, :, None] & close[None, :, None, :]).reshape(block * block, size * size)
    corners = [torch.arange(0, length, block) - radius for length in (height, width)]
    positions = [corner[:, None] + around for corner in corners]
    in_grid = [(position >= 0) & (position < n) for position, n in zip(positions, (height, width))]
    inside = (in_grid[0][:, None, :, None] & in_grid[1][None, :, None, :]).reshape(-1, size * size)
    return near.to(device), inside.to(device)


def sinusoid(timesteps: Tensor, length: int) -> Tensor:
    """Embed timesteps as cosines, then sines, of geometrically falling frequencies 1 to 1/10000.

    Args:
        timesteps: (B,) int64.
        length: Of the embedding, even.

    Returns:
        (B, length) float32.
    """
    half = length // 2
    steps = torch.arange(half, device=timesteps.device, dtype=torch.float32)
    phase = timesteps[:, None].float() * torch.exp(-math.log(10_000) / half * steps)
    return torch.cat([phase.cos(), phase.sin()], dim=1)


def zeroed(layer: nn.Conv2d | nn.Conv1d) -> nn.Conv2d | nn.Conv1d:
    """The layer with weights and bias set to zero, so that a branch starts silent."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer
