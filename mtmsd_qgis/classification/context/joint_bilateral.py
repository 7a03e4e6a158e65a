# SPDX-License-Identifier: GPL-2.0-or-later
"""Smoothing along likeness: a mean over neighbours that counts those most that look like the pixel.

Enters: a guide that says how pixels look, (G, h, w), and values to smooth. Leaves: smoothed values. It follows a
field and stops at its border. Source: the bilateral filter of Tomasi & Manduchi (1998), doi 10.1109/ICCV.1998.710815,
with diffusion features as the guide; neighbours several pixels apart, pass after pass, as in Dammertz et al. (2010),
"Edge-avoiding à-trous wavelet transform for fast global illumination filtering".
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

REACH = 4  # steps to either side
LIKENESS = 0.35  # of spectra and features that are smoothed before a model sees them
SIDE = 2 * REACH + 1  # neighbours in a row


def neighbour_weights(guide: Tensor, known: Tensor, likeness: float = LIKENESS, step: int = 1) -> Tensor:
    """Weights of the neighbours within reach.

    Args:
        guide: (G, h, w), of a root mean square near 1.
        known: (h, w) bool; other pixels have no weight.
        likeness: Root mean square distance of the guide at which a neighbour's weight is 0.6.
        step: Pixels from one neighbour to the next.

    Returns:
        (81, h, w) row by row of the neighbourhood, summing to 1 where there is a known neighbour.
    """
    padded = functional.pad(guide, (REACH * step,) * 4)
    reachable = functional.pad(known.to(guide), (REACH * step,) * 4)
    height, width = known.shape
    weights = torch.empty(SIDE * SIDE, height, width, device=guide.device, dtype=guide.dtype)
    for place in range(SIDE * SIDE):
        rows, cols = _shifted(place, step, height, width)
        distance = (padded[:, rows, cols] - guide).square_().mean(dim=0)
        weights[place] = torch.exp(distance * (-0.5 / likeness**2)) * reachable[rows, cols]
    return weights.div_(weights.sum(dim=0).clamp(min=1e-6))


def smooth(values: Tensor, weights: Tensor, step: int = 1) -> Tensor:
    """Weighted mean (F, h, w) of values (F, h, w) over the neighbours within reach; beyond the window lies 0."""
    padded = functional.pad(values, (REACH * step,) * 4)
    total = torch.zeros_like(values)
    for place in range(SIDE * SIDE):
        rows, cols = _shifted(place, step, *values.shape[-2:])
        total.addcmul_(padded[:, rows, cols], weights[place])
    return total


def _shifted(place: int, step: int, height: int, width: int) -> tuple[slice, slice]:
    """The window moved to a place of the neighbourhood, inside the padded window."""
    row, col = (step * part for part in divmod(place, SIDE))
    return slice(row, row + height), slice(col, col + width)
