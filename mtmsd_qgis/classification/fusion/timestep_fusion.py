# SPDX-License-Identifier: GPL-2.0-or-later
"""Selective timestep feature fusion (STFF) with global guidance, and the head that classifies what it fuses.

Enters: local features (B, T, D) guided by global features (B, T, D). Leaves: fused features (B, D), the weights of
the timesteps (B, T, D), and class scores (B, K).

Source: Zhou et al. (2024), STFF, as in the published code. The T pairs of linear layers are held as batched weights,
which computes the same and faster.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

_WEIGHT_DEVIATION = 0.02  # initial linear weights, normal (paper's code)


class SelectiveTimestepFusion(nn.Module):
    """A gate over timesteps, one for each feature.

    Let u be the sum of x over timesteps and z a bottleneck of u, of half the width. For each timestep t,
    v_t = V_t z and w_t = W_t [v_t, g_t]; the weights are the softmax of w over timesteps, for each feature apart.
    """

    def __init__(self, timesteps: int, features: int, *, guided: bool = True) -> None:
        """Build the gate.

        Args:
            timesteps: T.
            features: D.
            guided: Whether the gate sees global features.
        """
        super().__init__()
        half = max(1, features // 2)
        self.guided = guided
        self.squeeze: nn.Module = nn.Linear(features, half)
        if guided:
            self.squeeze = nn.Sequential(self.squeeze, nn.ReLU(), nn.BatchNorm1d(half))
            self.mix = nn.Linear(half, half)
            self.view = TimestepLinear(timesteps, half, half)
            self.score = TimestepLinear(timesteps, half + features, features)
        else:
            self.score = TimestepLinear(timesteps, half, features)

    def forward(self, x: Tensor, g: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Fuse.

        Args:
            x: (B, T, D) local features.
            g: (B, T, D) global features; needed where guided.

        Returns:
            fused: (B, D).
            weights: (B, T, D), summing to 1 over T.

        Raises:
            ValueError: It is guided, and g is missing.
        """
        if self.guided and g is None:
            raise ValueError("global features are needed, as the gate is guided by them")
        z = self.squeeze(x.sum(dim=1))
        if g is not None and self.guided:
            z = self.mix(z)
            v = self.view(z[:, None, :].expand(-1, x.shape[1], -1))
            scores = self.score(torch.cat([v, g], dim=2))
        else:
            scores = self.score(z[:, None, :].expand(-1, x.shape[1], -1))
        weights = scores.softmax(dim=1)
        return (weights * x).sum(dim=1), weights


class FusionClassifier(nn.Module):
    """Selective timestep fusion and a head of three linear layers."""

    def __init__(self, timesteps: int, features: int, classes: int, *, dropout: float = 0.0) -> None:
        """Build the network; linear weights are drawn from N(0, 0.02), biases are 0.

        Args:
            timesteps: T.
            features: D.
            classes: K.
            dropout: Share of the fused features zeroed in training.
        """
        super().__init__()
        self.sizes = timesteps, features, classes  # with these it is built again
        self.fusion = SelectiveTimestepFusion(timesteps, features)
        wide, narrow = (128, 32) if classes < 30 else (256, 128)
        self.head = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(features, wide),
            nn.ReLU(),
            nn.BatchNorm1d(wide),
            nn.Linear(wide, narrow),
            nn.ReLU(),
            nn.BatchNorm1d(narrow),
            nn.Linear(narrow, classes),
        )
        for module in self.modules():
            if isinstance(module, (nn.Linear, TimestepLinear)):
                nn.init.normal_(module.weight, std=_WEIGHT_DEVIATION)
                nn.init.zeros_(module.bias)

    def forward(self, x: Tensor, g: Tensor) -> tuple[Tensor, Tensor]:
        """Class scores (B, K) and timestep weights (B, T, D) of local and global features (B, T, D)."""
        fused, weights = self.fusion(x, g)
        return self.head(fused), weights


class TimestepLinear(nn.Module):
    """One linear layer for each timestep."""

    def __init__(self, timesteps: int, inputs: int, outputs: int) -> None:
        """Build the layers.

        Args:
            timesteps: T.
            inputs: Features into each layer.
            outputs: Features out of each layer.
        """
        super().__init__()
        self.weight = nn.Parameter(torch.empty(timesteps, inputs, outputs))
        self.bias = nn.Parameter(torch.zeros(timesteps, outputs))
        nn.init.normal_(self.weight, std=_WEIGHT_DEVIATION)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, T, inputs) to (B, T, outputs)."""
        return torch.baddbmm(self.bias[:, None, :], x.transpose(0, 1), self.weight).transpose(0, 1)


def class_loss(scores: Tensor, classes: Tensor, weight: Tensor | None = None) -> Tensor:
    """Cross-entropy of scores (B, K) against class indices (B,); weights (B,) have mean 1 over all samples."""
    if weight is None:
        return functional.cross_entropy(scores, classes)
    return (functional.cross_entropy(scores, classes, reduction="none") * weight).mean()
