# SPDX-License-Identifier: GPL-2.0-or-later
"""Classify a pixel from a patch of the feature raster around it: projection of the bands, patches, an ensemble.

Enters: features of training pixels (N, B), windows of all bands (B, h, w), class indices. Leaves: projected windows
(depth, h, w), patches of them (N, depth, P, P), probabilities (N, K), and how much each band counts.

Patches of thousands of bands would not fit into memory. So whole windows are projected first, and patches are cut
from what is left.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...errors import SettingsError
from ...jobs.settings import ClassificationSettings
from ...progress import Progress
from ..fusion.timestep_fusion import class_loss
from ..network_training import NetworkRecipe, train_networks
from ..sample_weights import at
from ..standardizer import Standardizer
from .spectral_spatial_transformer import SpectralSpatialTransformer

MOST_COMPONENTS = 48  # depth of a patch at most
_DIRECTION_SAMPLES = 2000  # that decide the directions at most; forty a component, solved in seconds
_LEAST_VARIANCE = 1e-6  # of a component, as a share of the first one's; below it is rounding
_WEIGHT_DECAY = 1e-2  # of AdamW (its default)
CELLS_PER_PASS = 1 << 22  # cells of the patches predicted at once, 16 MiB; the network holds about five times that
_SENSITIVITY_PATCHES = 1000  # over which the sensitivity is averaged at most


@dataclass(frozen=True)
class FeatureProjection:
    """Standardises bands and projects them on their principal components, each brought to variance 1.

    Weaker components left smaller were no better: Indian Pines, fields held out, three draws, within the scatter.

    Attributes:
        standardizer: Of the B bands; a band without variance becomes 0.
        directions: (B, depth) float32, orthonormal.
        deviation: (depth,) float32, standard deviation of each component over the pixels it was learnt from.
    """

    standardizer: Standardizer
    directions: Tensor
    deviation: Tensor

    @property
    def depth(self) -> int:
        """Number of components."""
        return self.directions.shape[1]

    @classmethod
    def fit(cls, values: Tensor) -> FeatureProjection:
        """Learn from the features of the training pixels, the middles of the patches.

        Not from all pixels of the patches: those are not cut yet, would be P * P times as many, overlap, and would let
        in pixels that are held out; the classes' own pixels span what tells classes apart.

        Args:
            values: (N, B) float32, finite.

        Returns:
            A projection on at most 48 components, fewer where bands or pixels allow no more, at least 1.
        """
        standardizer = Standardizer.fit(values)
        rows = torch.linspace(0, len(values) - 1, min(len(values), _DIRECTION_SAMPLES)).long()
        directions, deviation = _principal_directions(standardizer(values[rows.to(values.device)]))
        return cls(standardizer, directions.contiguous(), deviation.contiguous())

    def __call__(self, window: Tensor) -> Tensor:
        """Project a window.

        Args:
            window: (B, h, w) float32; a pixel with NaN in any band is taken as invalid.

        Returns:
            (depth, h, w) float32, 0 (the mean) at invalid pixels.
        """
        scaled = self.standardizer(window.flatten(1).T)
        projected = (scaled @ (self.directions / self.deviation.clamp(min=1e-30))).T.reshape(-1, *window.shape[1:])
        return torch.where(projected.isfinite().all(dim=0), projected, 0.0)

    def band_weights(self, sensitivity: Tensor) -> Tensor:
        """Share of each band in the decision.

        Let d be the gradient of a class score in the components, whose variances are 1. The score's changes over the
        data then have the variance d' d. With the directions V, the squares of the entries of V d add up to it: a
        share for each band that is never negative, treats bands that are copies alike, and knows no units.

        Source: Zuber and Strimmer, SAGMB 10(1), 34 (2011), doi 10.2202/1544-6115.1730: CAR scores, for linear
        regression. Here the network takes the place of the regression by its mean squared gradient.

        Args:
            sensitivity: (depth, depth), the mean of d d', of FittedPatches.sensitivity.

        Returns:
            (B,) float32, not negative, summing to 1; 0 for a band without variance, also where that is all of them.
        """
        directions = self.directions.double()
        share = ((directions @ sensitivity.double()) * directions).sum(dim=1).clamp(min=0)
        return (share / share.sum().clamp(min=1e-300)).float()


@dataclass(frozen=True)
class FittedPatches:
    """Trained spectral-spatial transformers, whose probabilities are averaged.

    Attributes:
        networks: In evaluation mode.
    """

    networks: tuple[SpectralSpatialTransformer, ...]

    def predict(self, patches: Tensor, cells_per_pass: int = CELLS_PER_PASS) -> Tensor:
        """Mean probabilities (N, K) of the networks for patches (N, depth, P, P), so many cells at once."""
        step = max(1, cells_per_pass // math.prod(patches.shape[1:]))
        with torch.inference_mode():
            return torch.cat(
                [
                    torch.stack([network(part).softmax(dim=1) for network in self.networks]).mean(dim=0)
                    for part in torch.split(patches, step)
                ]
            )

    def sensitivity(self, patches: Tensor, cells_per_pass: int = CELLS_PER_PASS) -> Tensor:
        """How the decision follows the components, for FeatureProjection.band_weights.

        The decision is the winner's score above the mean score: unlike a probability, it does not level off where the
        network is sure. Each position of the patch counts apart, so that a texture's ups and downs do not cancel.

        Args:
            patches: (N, depth, P, P), such as those of the training; of many, some are taken at even distances.
            cells_per_pass: Cells of the patches that go through a network at once.

        Returns:
            (depth, depth) float32, the sum over positions of the products of the gradient's entries, averaged over
            patches and networks.
        """
        chosen = patches[:: -(-len(patches) // _SENSITIVITY_PATCHES)]
        step = max(1, cells_per_pass // (4 * math.prod(patches.shape[1:])))  # the backward pass keeps more
        total = torch.zeros(patches.shape[1], patches.shape[1], device=patches.device)
        for network in self.networks:
            for part in torch.split(chosen, step):
                leaf = part.detach().clone().requires_grad_()
                scores = network(leaf)
                decision = (scores.amax(dim=1) - scores.mean(dim=1)).sum()
                gradient = torch.autograd.grad(decision, leaf)[0].transpose(0, 1).flatten(1)  # (depth, N * P * P)
                total += gradient @ gradient.T
        return total / (len(chosen) * len(self.networks))


class PatchClassifier:
    """Several spectral-spatial transformers that differ by their random start."""

    def __init__(self, settings: ClassificationSettings, classes: int) -> None:
        """Keep the settings.

        Args:
            settings: Networks, epochs, batch size, learning rate, dropout, seed.
            classes: K.
        """
        self.settings = settings
        self.classes = classes

    def fit(self, patches: Tensor, classes: Tensor, progress: Progress, weight: Tensor | None = None) -> FittedPatches:
        """Train the networks one after the other.

        Args:
            patches: (N, depth, P, P) float32, projected, P odd; on the device to learn on.
            classes: (N,) int64, 0 to K - 1, of the middle pixels, on the same device.
            progress: Told after each epoch.
            weight: (N,) of the samples, of mean 1; None: all count alike.
        """

        def build() -> SpectralSpatialTransformer:
            network = SpectralSpatialTransformer(patches.shape[1], self.classes, dropout=self.settings.dropout)
            return network.to(patches.device)

        def loss(network: SpectralSpatialTransformer, batch: Tensor) -> Tensor:
            return class_loss(network(_turned(patches[batch])), classes[batch], at(weight, batch))

        optimizer = partial(torch.optim.AdamW, weight_decay=_WEIGHT_DECAY, foreach=True)
        networks = train_networks(NetworkRecipe(build, optimizer, loss), len(patches), self.settings, progress)
        return FittedPatches(tuple(networks))


def cut_patches(projected: Tensor, rows: NDArray[np.int64], cols: NDArray[np.int64], side: int) -> Tensor:
    """Patches around pixels of a projected window.

    Args:
        projected: (depth, h, w), with a margin of side // 2 around the pixels wanted.
        rows: (N,) rows in the window.
        cols: (N,) columns in the window.
        side: P, odd, so that a pixel lies in the middle and flips keep it there.

    Returns:
        (N, depth, side, side), a copy.

    Raises:
        SettingsError: The side is even, or a patch reaches out of the window.
    """
    if side % 2 == 0:
        raise SettingsError(f"The side of a patch must be an odd number of pixels. Found: {side}.")
    half = side // 2
    height, width = projected.shape[1:]
    inside = (rows >= half) & (rows < height - half) & (cols >= half) & (cols < width - half)
    if not inside.all():
        raise SettingsError(
            f"A margin of {half} pixels is needed around the pixels wanted. Found: a patch that reaches out of a "
            f"window of {height} x {width} pixels."
        )
    if len(rows) == 0:
        return projected.new_empty(0, len(projected), side, side)
    corners = projected.unfold(1, side, 1).unfold(2, side, 1)  # (depth, h - side + 1, w - side + 1, side, side), a view
    top, left = (torch.from_numpy(np.asarray(at - half)).to(projected.device) for at in (rows, cols))
    return corners[:, top, left].transpose(0, 1).contiguous()


def _principal_directions(values: Tensor) -> tuple[Tensor, Tensor]:
    """Orthonormal directions (B, depth) of standardised values (N, B), and the deviation (depth,) along each.

    Solved in whichever is smaller, the pixels or the bands.
    """
    x = values.double() - values.double().mean(dim=0)
    by_pixel = x.shape[0] < x.shape[1]
    gram = (x @ x.T if by_pixel else x.T @ x) / len(x)
    variance, vectors = torch.linalg.eigh(gram)  # ascending
    variance, vectors = variance.flip(0), vectors.flip(1)
    usable = int((variance > _LEAST_VARIANCE * variance[0].clamp(min=1e-30)).sum())
    depth = max(1, min(MOST_COMPONENTS, usable))
    variance, vectors = variance[:depth].clamp(min=0), vectors[:, :depth]
    directions = x.T @ vectors if by_pixel else vectors
    directions = (variance > 0) * directions / directions.norm(dim=0).clamp(min=1e-30)
    return directions.float(), variance.sqrt().float()


def _turned(patches: Tensor) -> Tensor:
    """Each patch (N, depth, P, P) in one of its eight flips and quarter turns, drawn at random."""
    draw = (torch.rand(3, len(patches), 1, 1, 1) < 0.5).to(patches.device)
    patches = torch.where(draw[0], patches.flip(2), patches)
    patches = torch.where(draw[1], patches.flip(3), patches)
    return torch.where(draw[2], patches.transpose(2, 3), patches)
