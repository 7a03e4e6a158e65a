# SPDX-License-Identifier: GPL-2.0-or-later
"""What a classifier of timestep features learns from, and what it can do.

Enters: local and global features (N, T, D) of labelled pixels. Leaves: probabilities (N, K), and how much each timestep
counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor


@dataclass(frozen=True)
class LabelledFeatures:
    """Features of labelled pixels, on the device they are learnt on.

    Attributes:
        local: (N, T, D) float32, the feature at the pixel.
        around: (N, T, D) float32, its mean over the window around the pixel (the paper's global features).
        classes: (N,) int64, 0 to K - 1.
        weight: (N,) float32 of the samples, of mean 1; None: all count alike.
    """

    local: Tensor
    around: Tensor
    classes: Tensor
    weight: Tensor | None = None


class TimestepClassifier(Protocol):
    """A classifier of the features of all timesteps, once it is fitted."""

    def predict(self, local: Tensor, around: Tensor) -> Tensor:
        """Probabilities (N, K) of features (N, T, D)."""

    def timestep_weights(self, samples: LabelledFeatures) -> Tensor:
        """Share (T,) of each timestep in the decision, summing to 1."""
