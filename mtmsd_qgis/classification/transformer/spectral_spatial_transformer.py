# SPDX-License-Identifier: GPL-2.0-or-later
"""A small spectral-spatial transformer: convolution over depth, row and column, then attention between a few tokens.

Enters: patches (N, depth, P, P) of projected features, 0 where there is nothing. Leaves: class scores (N, K) of the
middle pixel.

Source of the idea: Sun et al., "Spectral-Spatial Feature Tokenization Transformer for Hyperspectral Image
Classification", IEEE TGRS 60, 5522214 (2022), doi 10.1109/TGRS.2022.3144158: a 3-D and a 2-D convolution, soft
tokenisation, a transformer encoder with a class token. Deviations: the 3-D convolution steps over depth in threes,
so that merging depth costs a third; convolutions keep the size of the patch, so that any P works; the class token is
not the same for all patches: the middle position's feature is added to it, as that is the pixel whose class is wanted;
layers are normalised before they act, which trains without a warm-up of the rate.

The middle position's feature was measured on the bands of Indian Pines (one network, 15 epochs, two draws): overall
accuracy on fields held out 65.7 and 68.4 with it, 62.5 and 62.0 without; on a random 90 % of the pixels 98.1 and 97.4
with it, 98.6 and 98.5 without.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

_FILTERS = 8  # of the 3-D convolution (as in the paper)
_DEPTH_KERNEL = 5  # planes; neighbouring steps share two
_DEPTH_STRIDE = 3
_WIDTH = 64  # channels of a position and of a token (as in the paper)
_TOKENS = 4  # into which the positions are summed (as in the paper)
_HEADS = 4  # of attention, 16 channels each
_LAYERS = 2  # of the encoder
_DEVIATION = 0.02  # of initial tokens and position embedding, normal


class SpectralSpatialTransformer(nn.Module):
    """Scores the class of the middle pixel of a patch."""

    def __init__(self, depth: int, classes: int, *, dropout: float = 0.0) -> None:
        """Build the network.

        Args:
            depth: Planes of a patch, at least 1.
            classes: K.
            dropout: Share zeroed in training, inside the encoder and before the head.
        """
        super().__init__()
        self.sizes = depth, classes  # with these it is built again
        merged = _FILTERS * ((depth - 1) // _DEPTH_STRIDE + 1)
        self.cube = nn.Sequential(
            nn.Conv3d(
                1,
                _FILTERS,
                (_DEPTH_KERNEL, 3, 3),
                stride=(_DEPTH_STRIDE, 1, 1),
                padding=(_DEPTH_KERNEL // 2, 1, 1),  # the last step still reaches the last plane
                bias=False,
            ),
            nn.BatchNorm3d(_FILTERS),
            nn.ReLU(),
        )
        self.plane = nn.Sequential(
            nn.Conv2d(merged, _WIDTH, 3, padding=1, bias=False),
            nn.BatchNorm2d(_WIDTH),
            nn.ReLU(),
        )
        self.tokens = SoftTokens(_WIDTH, _TOKENS)
        self.middle = nn.Linear(_WIDTH, _WIDTH)
        self.class_token = nn.Parameter(_DEVIATION * torch.randn(1, 1, _WIDTH))
        self.position = nn.Parameter(_DEVIATION * torch.randn(1, 1 + _TOKENS, _WIDTH))
        self.encoder = nn.Sequential(
            *(
                nn.TransformerEncoderLayer(
                    _WIDTH, _HEADS, 2 * _WIDTH, dropout, activation="gelu", batch_first=True, norm_first=True
                )
                for _ in range(_LAYERS)
            )
        )
        self.head = nn.Sequential(nn.LayerNorm(_WIDTH), nn.Dropout(dropout), nn.Linear(_WIDTH, classes))

    def forward(self, patches: Tensor) -> Tensor:
        """Class scores (N, K) of patches (N, depth, P, P), P odd."""
        planes = self.cube(patches[:, None]).flatten(1, 2)  # (N, filters * depth / 3, P, P)
        positions = self.plane(planes).flatten(2).transpose(1, 2)  # (N, P * P, width)
        middle = positions[:, positions.shape[1] // 2, None]  # (N, 1, width)
        summary = self.class_token + self.middle(middle)
        tokens = torch.cat([summary, self.tokens(positions)], dim=1) + self.position  # (N, 1 + tokens, width)
        return torch.as_tensor(self.head(self.encoder(tokens)[:, 0]))


class SoftTokens(nn.Module):
    """Sums positions into a few tokens, each by its own learnt attention over the positions."""

    def __init__(self, width: int, tokens: int) -> None:
        """Build the layers.

        Args:
            width: Channels of a position and of a token.
            tokens: How many.
        """
        super().__init__()
        self.score = nn.Linear(width, tokens, bias=False)  # a constant would not change the softmax over positions
        self.value = nn.Linear(width, width)

    def forward(self, positions: Tensor) -> Tensor:
        """Tokens (N, tokens, width) of positions (N, P * P, width)."""
        attention = self.score(positions).softmax(dim=1)  # (N, P * P, tokens), each token's sum to 1
        return torch.bmm(attention.transpose(1, 2), self.value(positions))
