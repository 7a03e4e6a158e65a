# SPDX-License-Identifier: GPL-2.0-or-later
"""Features brought to mean 0 and variance 1 over the training samples.

Enters: features of training samples. Leaves: a Standardizer for any other features of the same kind.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Standardizer:
    """Brings each feature of each timestep to mean 0 and variance 1 over the training samples."""

    mean: Tensor
    scale: Tensor

    @classmethod
    def fit(cls, values: Tensor) -> Standardizer:
        """Learn from (N, T, D); a feature without variance becomes 0."""
        deviation = values.std(dim=0, correction=0)
        floor = 1e-6 * values.abs().amax(dim=0).clamp(min=1e-12)
        scale = torch.where(deviation > floor, 1 / deviation.clamp(min=1e-30), 0.0)
        return cls(values.mean(dim=0).contiguous(), scale.contiguous())  # in the order in which a file keeps them

    def __call__(self, values: Tensor) -> Tensor:
        """Standardise (N, T, D)."""
        return (values - self.mean).mul_(self.scale)
