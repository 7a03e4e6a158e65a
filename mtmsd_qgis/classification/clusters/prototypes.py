# SPDX-License-Identifier: GPL-2.0-or-later
"""Prototypes: some hundred points that stand for the pixels of a scene, by k-means.

Enters: pixels. Leaves: prototypes. The start is drawn with a fixed seed: the same pixels have the same prototypes in
every run.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_START_SEED = 20240607  # any number; what matters is that no setting changes it
_ROUNDS = 15  # of Lloyd's algorithm; further ones move pixels between prototypes of the same cluster
_AT_ONCE = 16_384  # pixels


def nearest(pixels: Tensor, prototypes: Tensor) -> tuple[Tensor, Tensor]:
    """The nearest prototype (N,) of pixels (N, F), and the squared distances (N, n) to all of them."""
    distances = _less_own_square(pixels, prototypes)
    distances += (pixels**2).sum(dim=1, keepdim=True)
    distances.clamp_(min=0)
    return distances.argmin(dim=1), distances


def k_means(pixels: Tensor, count: int) -> tuple[Tensor, NDArray[np.int64]]:
    """Prototypes (n, F) of pixels (N, F), and the prototype (N,) of each pixel; n is at most count.

    Source: Lloyd (1982), doi 10.1109/TIT.1982.1056489, from the start of Arthur & Vassilvitskii (2007), k-means++.

    Args:
        pixels: Of the scene.
        count: Prototypes at most; fewer where fewer pixels differ.
    """
    prototypes = _start(pixels, count)
    for _ in range(_ROUNDS):
        own = _nearest_of_all(pixels, prototypes)
        sizes = torch.bincount(own, minlength=len(prototypes))
        sums = torch.zeros_like(prototypes, dtype=torch.float64).index_add_(0, own, pixels.double())
        kept = sizes > 0
        moved = (sums[kept] / sizes[kept, None]).to(prototypes)
        if len(moved) == len(prototypes) and torch.equal(moved, prototypes):
            break
        prototypes = moved
    own = _nearest_of_all(pixels, prototypes)
    used, compact = np.unique(own.numpy(), return_inverse=True)
    return prototypes[torch.from_numpy(used)], compact.astype(np.int64)


def _nearest_of_all(pixels: Tensor, prototypes: Tensor) -> Tensor:
    parts = torch.split(pixels, _AT_ONCE)
    return torch.cat([_less_own_square(part, prototypes).argmin(dim=1) for part in parts])


def _less_own_square(pixels: Tensor, prototypes: Tensor) -> Tensor:
    """(N, n) squared distances less the square of the pixel itself, which is the same for all prototypes."""
    return torch.addmm((prototypes**2).sum(dim=1), pixels, prototypes.T, alpha=-2)


def _start(pixels: Tensor, count: int) -> Tensor:
    """Pixels far from each other: each is drawn with a chance that grows with the distance to those drawn before."""
    rng = np.random.default_rng(_START_SEED)
    chosen = [int(rng.integers(len(pixels)))]
    distance = np.full(len(pixels), np.inf)
    while len(chosen) < min(count, len(pixels)):
        to_last = (pixels - pixels[chosen[-1]]).square_().sum(dim=1).double().numpy()
        reached = np.cumsum(np.minimum(distance, to_last, out=distance))
        if not reached[-1]:
            break
        chosen.append(int(np.searchsorted(reached, rng.random() * reached[-1], side="right").clip(0, len(pixels) - 1)))
    return pixels[torch.tensor(chosen)]
