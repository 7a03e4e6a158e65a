# SPDX-License-Identifier: GPL-2.0-or-later
"""The type of numbers that features are computed in: bfloat16 where it is fast and gives the same features.

Enters: a device, and how features of a trial tile are computed in a type. Leaves: bfloat16 or float32; the choice
depends on device, network and settings alone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..diffusion.device import dtype_name, short_type
from ..diffusion.noise import noise_field
from ..io.windows import Tile, Window

log = logging.getLogger(__name__)

_LEAST_CORRELATION = 0.999  # of each timestep's and stage's features in the short type with those in float32
_SIDE, _FIELD = 32, 8  # pixels; the trial's scene is made of squares of the second side

TRIAL_TILE = Tile(Window(0, 0, _SIDE, _SIDE), Window(0, 0, _SIDE, _SIDE))


def choose_precision(
    device: torch.device, features_in: Callable[[torch.dtype], Tensor], channels: Sequence[int]
) -> torch.dtype:
    """The short type of a device where features in it correlate with those in float32, else float32.

    Args:
        device: That computes.
        features_in: Gives the features (T, F, pixels) of a trial tile, computed in a type.
        channels: Of each stage; they sum to F.
    """
    short = short_type(device)
    if short == torch.float32:
        return short
    by_stage = (torch.split(features_in(dtype), list(channels), dim=1) for dtype in (short, torch.float32))
    lowest = min(float(_correlations(one, other).min()) for one, other in zip(*by_stage))
    log.info("Features in %s correlate %.5f with float32.", dtype_name(short), lowest)
    return short if lowest >= _LEAST_CORRELATION else torch.float32


def trial_scene(channels: int, seed: int, device: torch.device) -> NDArray[np.float32]:
    """(channels, 32, 32) components of even squares for the trial tile."""
    cells = -(-_SIDE // _FIELD)
    coarse = noise_field(Window(0, 0, cells, cells), channels, seed, 0, device)
    scene = coarse.repeat_interleave(_FIELD, 1).repeat_interleave(_FIELD, 2)[:, :_SIDE, :_SIDE]
    return np.ascontiguousarray(scene.cpu().numpy())


def _correlations(one: Tensor, other: Tensor) -> Tensor:
    """(T,) correlation over channels and pixels of (T, F, pixels), each channel less its mean."""
    a, b = (values - values.mean(dim=2, keepdim=True) for values in (one, other))
    scale = (a.square().sum((1, 2)) * b.square().sum((1, 2))).sqrt()
    return (a * b).sum((1, 2)) / scale.clamp(min=1e-30)
