# SPDX-License-Identifier: GPL-2.0-or-later
"""The forward diffusion: cosine schedule, noising to a timestep, and noise that is a function of place.

Symbols: x0 is the clean input, e the noise, t the timestep (0 = least noise), a_bar the share of x0's variance that
is left: x_t = sqrt(a_bar_t) x0 + sqrt(1 - a_bar_t) e.
"""

from __future__ import annotations

import functools

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import ndtri
from torch import Tensor

from ..io.windows import Window
from ..jobs.settings import TRAINING_TIMESTEPS

_LARGEST_BETA = 0.999
_OFFSET = 0.008
_WORD = 0xFFFFFFFF
_STEP = 0x9E3779B9 - (1 << 32)  # as int32


@functools.lru_cache(maxsize=1)
def alpha_bar() -> NDArray[np.float64]:
    """The cosine schedule.

    Source: Nichol & Dhariwal (2021), arXiv 2102.09672, eq. 17: a_bar(u) = cos²((u + s) / (1 + s) · pi / 2) with
    s = 0.008, each step's beta limited to 0.999.

    Returns:
        (1000,) float64, falling from 0.99996 to 2.4e-9.
    """
    u = np.arange(TRAINING_TIMESTEPS + 1) / TRAINING_TIMESTEPS
    curve = np.cos((u + _OFFSET) / (1 + _OFFSET) * np.pi / 2) ** 2
    beta = np.minimum(1 - curve[1:] / curve[:-1], _LARGEST_BETA)
    return np.asarray(np.cumprod(1 - beta))


@functools.lru_cache(maxsize=8)
def _alpha_bar_on(device: torch.device) -> Tensor:
    """(1000,) float64; copied once, as each copy would wait until a card has done all its work."""
    return torch.from_numpy(alpha_bar()).to(device)


def q_sample(x0: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
    """Noise a clean input to given timesteps.

    Args:
        x0: (B, C, H, W) float, or (1, C, H, W) for all timesteps.
        noise: The same, unit variance.
        timesteps: (B,) int64.

    Returns:
        x_t: (B, C, H, W).
    """
    a_bar = _alpha_bar_on(x0.device)[timesteps].view(-1, 1, 1, 1)
    return a_bar.sqrt().to(x0.dtype) * x0 + (1 - a_bar).sqrt().to(x0.dtype) * noise


def noise_field(window: Window, channels: int, seed: int, draw: int, device: torch.device) -> Tensor:
    """Gaussian noise that depends on nothing but place, channel, seed and draw.

    Each value is the normal quantile of the upper 16 bits of a 32-bit integer hash, looked up in a table: integer
    arithmetic and a look-up give the same bits on every device, in every tiling, at every batch size. 16 bits cut
    the tails at 4.2 standard deviations.

    Source of the hash: the "lowbias32" finaliser of C. Wellons' hash prospector (public domain).
    Deviation from Zhou et al. (2024): their noise is fixed relative to a patch, ours to the ground, because tiles
    must agree where they overlap.

    Args:
        window: In absolute rows and columns of the raster; may reach outside it.
        channels: Number of components.
        seed: Of the field.
        draw: Number of the independent field, from 0.
        device: Where to make it.

    Returns:
        (channels, h, w) float32, mean 0, variance 1.
    """
    start = np.array([(seed & _WORD) ^ ((seed >> 32) & _WORD)], dtype=np.uint32).view(np.int32)
    mixed = _mix(torch.from_numpy(start).to(device).view(1, 1, 1))
    rows = torch.arange(window.row, window.stop_row, dtype=torch.int32, device=device).view(1, -1, 1)
    cols = torch.arange(window.col, window.stop_col, dtype=torch.int32, device=device).view(1, 1, -1)
    layers = torch.arange(channels, dtype=torch.int32, device=device).view(-1, 1, 1)
    for coordinate in (torch.full_like(mixed, draw), layers, rows, cols):
        mixed = _mix(mixed + (coordinate + _STEP))
    upper = _shifted(mixed, 16).flatten()
    return _quantiles(device).index_select(0, upper).view(channels, window.height, window.width)


def _mix(word: Tensor) -> Tensor:
    """Scramble 32-bit words, in place; they are int32, whose sums and products wrap around as those of the words do."""
    word ^= _shifted(word, 16)
    word *= 0x7FEB352D
    word ^= _shifted(word, 15)
    word *= 0x846CA68B - (1 << 32)
    word ^= _shifted(word, 16)
    return word


def _shifted(word: Tensor, bits: int) -> Tensor:
    """Words shifted right with zeros coming in, where int32 would repeat its sign."""
    return (word >> bits).bitwise_and_((1 << (32 - bits)) - 1)


@functools.lru_cache(maxsize=8)
def _quantiles(device: torch.device) -> Tensor:
    """(65536,) float32: normal quantiles of the middles of 65536 equal probabilities, scaled to variance 1."""
    values = ndtri((np.arange(65536) + 0.5) / 65536)
    return torch.from_numpy((values / values.std()).astype(np.float32)).to(device)
