# SPDX-License-Identifier: GPL-2.0-or-later
"""How much the columns of extra rasters count against all others in a model: as much, together, as all others together.

Enters: columns of training samples, those of extra rasters last. Leaves: a Standardizer with which the extra columns
have, together, the variance of all others. A kernel sees distances, and three heights would vanish beside two hundred
bands. Few held-out polygons cannot choose a weight (decision 38).
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..standardizer import Standardizer


def with_equal_blocks(standardizer: Standardizer | None, x: Tensor, extra: int) -> Standardizer:
    """A standardizer of all columns.

    Args:
        standardizer: Of the columns (N, F); None: those that are not extra keep their scale.
        x: (N, F) of the training samples.
        extra: How many of the last columns are extra.
    """
    own = Standardizer.fit(x)
    others = torch.zeros_like(own.mean), torch.ones_like(own.scale)
    mean, scale = others if standardizer is None else (standardizer.mean, standardizer.scale)
    variance = (x * scale).var(dim=0, correction=0)
    varying = int((own.scale[-extra:] > 0).sum())
    share = (float(variance[:-extra].sum()) / max(1, varying)) ** 0.5
    return Standardizer(
        torch.cat([mean[:-extra], own.mean[-extra:]]), torch.cat([scale[:-extra], own.scale[-extra:] * share])
    )
