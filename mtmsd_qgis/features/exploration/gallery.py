# SPDX-License-Identifier: GPL-2.0-or-later
"""The features of a stage as colours: three components for each timestep, on the same axes.

Enters: features of pixels at all timesteps of a stage, and their brightness. Leaves: three numbers a pixel and
timestep, from 0 to 1, and how much of the features they show.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

COLOURS = 3
_SPREAD = 2.5  # standard deviations from mid grey to black and to white


@dataclass(frozen=True)
class StageColours:
    """A stage's features as colours.

    Attributes:
        values: (N, T, 3) float32, 0 to 1: red, green and blue.
        shown: (T,) share of the variance of each timestep's features that the three components have.
    """

    values: NDArray[np.float32]
    shown: NDArray[np.float64]


def stage_colours(features: NDArray[np.float32], brightness: NDArray[np.float64]) -> StageColours:
    """First three principal components, their axes fitted over all timesteps together.

    Each timestep's features are centred and scaled to a total variance of 1 first, so that each counts alike. An axis
    has the sign with which it correlates with brightness.

    Args:
        features: (N, T, C).
        brightness: (N,).
    """
    count, timesteps, channels = features.shape
    covariance = np.zeros((channels, channels))
    for t in range(timesteps):
        values = _scaled(features[:, t])
        covariance += values.T @ values / (count * timesteps)
    _, axes = np.linalg.eigh(covariance)
    axes = axes[:, ::-1][:, :COLOURS]
    scores = np.stack([_scaled(features[:, t]) @ axes for t in range(timesteps)], axis=1)
    scores *= _signs(scores, axes, brightness)
    shown = np.square(scores).sum(axis=2).mean(axis=0)
    spread = np.sqrt(np.square(scores).mean(axis=(0, 1)))
    stretched = np.clip(scores / np.where(spread > 0, 2 * _SPREAD * spread, 1.0) + 0.5, 0, 1)
    missing = np.full((count, timesteps, COLOURS - stretched.shape[2]), 0.5)
    return StageColours(np.concatenate([stretched, missing], axis=2).astype(np.float32), np.minimum(shown, 1.0))


def _scaled(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """A timestep's features (N, C), centred, of total variance 1."""
    centred = values.astype(np.float64)
    centred -= centred.mean(axis=0)
    size = np.sqrt(np.square(centred).sum() / len(centred))
    return centred / size if size > 0 else centred


def _signs(
    scores: NDArray[np.float64], axes: NDArray[np.float64], brightness: NDArray[np.float64]
) -> NDArray[np.float64]:
    """1 or -1 for each component (N, T, 3): that of its correlation with brightness, else of its largest part."""
    centred = brightness - brightness.mean()
    along = np.einsum("n,ntk->k", centred, scores)
    norm = np.sqrt(np.square(centred).sum() * np.square(scores).sum(axis=(0, 1)))
    largest = axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])]
    return np.where(np.where(np.abs(along) > 1e-9 * norm, along, largest) < 0, -1.0, 1.0)
