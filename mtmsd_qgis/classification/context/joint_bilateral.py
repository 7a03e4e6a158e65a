# SPDX-License-Identifier: GPL-2.0-or-later
"""Joint bilateral filter: a mean over the neighbours that look like the pixel in a guidance image.

Enters: a guidance image (G, h, w) and values to smooth. Leaves: smoothed values that follow a field and stop at its
border. Source: joint (cross) bilateral filter of Petschnigg et al. (2004), doi 10.1145/1015706.1015777, and Eisemann &
Durand (2004), doi 10.1145/1015706.1015778, here with diffusion features as the guidance image and without a spatial
kernel.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

RADIUS = 4  # neighbours to either side
_SIDE = 2 * RADIUS + 1  # neighbours in a row
_AT_ONCE = 16  # columns smoothed at once: as many of a window as the processor's cache holds


def affinities(guide: Tensor, known: Tensor, range_sigma: float) -> Tensor:
    """Weights of the neighbours within the radius.

    Args:
        guide: (G, h, w), of a root mean square near 1.
        known: (h, w) bool; other pixels have no weight.
        range_sigma: Root mean square distance in the guide at which a neighbour's weight is 0.6.

    Returns:
        (81, h, w) row by row of the neighbourhood, summing to 1 where there is a known neighbour.
    """
    padded = functional.pad(guide, (RADIUS,) * 4)
    reachable = functional.pad(known.to(guide), (RADIUS,) * 4)
    height, width = known.shape
    weights = torch.empty(_SIDE * _SIDE, height, width, device=guide.device, dtype=guide.dtype)
    for neighbour in range(_SIDE * _SIDE):
        rows, cols = _shifted(neighbour, height, width)
        distance = (padded[:, rows, cols] - guide).square_().mean(dim=0)
        torch.mul(distance.mul_(-0.5 / range_sigma**2).exp_(), reachable[rows, cols], out=weights[neighbour])
    return weights.div_(weights.sum(dim=0).clamp(min=1e-6))


def smooth(values: Tensor, weights: Tensor) -> Tensor:
    """Weighted mean (F, h, w) of values (F, h, w) over the neighbours; values outside the window count as 0.

    Args:
        values: (F, h, w).
        weights: (81, h, w), as affinities gives them.
    """
    smoothed = torch.zeros_like(values)
    for part, total in zip(torch.split(values, _AT_ONCE), torch.split(smoothed, _AT_ONCE)):
        padded = functional.pad(part, (RADIUS,) * 4)
        for neighbour in range(_SIDE * _SIDE):
            rows, cols = _shifted(neighbour, *values.shape[-2:])
            total.addcmul_(padded[:, rows, cols], weights[neighbour])
    return smoothed


def _shifted(neighbour: int, height: int, width: int) -> tuple[slice, slice]:
    """The window moved to a neighbour, inside the padded window."""
    row, col = divmod(neighbour, _SIDE)
    return slice(row, row + height), slice(col, col + width)
