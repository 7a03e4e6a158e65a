# SPDX-License-Identifier: GPL-2.0-or-later
"""From the bands of an extra raster to the columns that a classifier sees, before they are scaled.

Enters: values (B, h, w) float64 with a margin, and where they are known. Leaves: columns (C, h, w) of the same window.

An absolute height is nearly a position, as heights change slowly: it is a column only where the map interpolates
between its samples. Relative heights, slope and roughness mean the same elsewhere.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from ...jobs.extras.extra_rasters import ELEVATION
from ..box_filter import box_mean

_SPECKLE_BOX = 5  # pixels, side of the means that stand beside values in decibels
_RELIEF_BOXES = (11, 35)  # pixels, sides of the boxes that a height is compared with
_ROUGHNESS_BOX = 5
_TEXTURE_BOXES = (3, 7, 15)
MARGIN = 18  # pixels that the widest of these boxes reads around a pixel


def derived(values: Tensor, known: Tensor, kind: str, decibel: Tensor, absolute: bool) -> Tensor:
    """Columns of one extra raster.

    Args:
        values: (B, h, w) float64, 0 where not known.
        known: (h, w) bool.
        kind: Of the raster.
        decibel: (B,) 1 for bands that are turned into decibels, with their means over a box beside them.
        absolute: Whether heights themselves are columns too.
    """
    if kind == ELEVATION:
        return torch.cat([_relief(height, known, absolute) for height in values])
    in_decibel = decibel.bool()
    if not in_decibel.any():
        return values
    loud = 10 * values[in_decibel].clamp(min=1e-30).log10()
    values = values.clone()
    values[in_decibel] = torch.where(known, loud, 0.0)
    return torch.cat([values, _box(values[in_decibel], known, _SPECKLE_BOX)])


def textures(components: Tensor, known: Tensor) -> Tensor:
    """Deviations (3 * C, h, w) of components (C, h, w) float64 over boxes around each pixel."""
    return torch.cat([_deviation(components, known, side) for side in _TEXTURE_BOXES])


def _relief(height: Tensor, known: Tensor, absolute: bool) -> Tensor:
    """Slope, heights above the boxes' means, roughness; and the height itself."""
    values = torch.where(known, height, _box(height[None], known, 3)[0])
    padded = functional.pad(values[None, None], (1, 1, 1, 1), mode="replicate")[0, 0]
    across, down = padded[1:-1, 2:] - padded[1:-1, :-2], padded[2:, 1:-1] - padded[:-2, 1:-1]
    slope = (across.square() + down.square()).sqrt() / 2
    above = [height - _box(height[None], known, side)[0] for side in _RELIEF_BOXES]
    roughness = _deviation(height[None], known, _ROUGHNESS_BOX)[0]
    return torch.stack([slope, *above, roughness, *([height] if absolute else [])])


def _deviation(values: Tensor, known: Tensor, side: int) -> Tensor:
    squares = _box(values.square(), known, side)
    return (squares - _box(values, known, side).square()).clamp(min=0).sqrt()


def _box(values: Tensor, known: Tensor, side: int) -> Tensor:
    height, width = known.shape
    return box_mean(values, known, slice(0, height), slice(0, width), side)
