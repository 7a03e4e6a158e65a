# SPDX-License-Identifier: GPL-2.0-or-later
"""The joint bilateral filter for columns that have holes: what is not known has no part in any mean."""

from __future__ import annotations

import torch
from torch import Tensor

from ..context.joint_bilateral import smooth


def smooth_known(columns: Tensor, known: Tensor, weights: Tensor, passes: int) -> Tensor:
    """Columns (C, h, w) after so many passes, 0 where not known.

    Args:
        columns: (C, h, w).
        known: (h, w) bool.
        weights: (81, h, w), as affinities gives them.
        passes: One or more.
    """
    share = smooth(known.to(columns)[None], weights).clamp(min=1e-6)
    for _ in range(passes):
        columns = torch.where(known, smooth(columns, weights) / share, 0.0)
    return columns
