# SPDX-License-Identifier: GPL-2.0-or-later
"""The paper's classifier: an ensemble of networks of selective timestep fusion.

Enters: local and global features (N, T, D) of labelled pixels. Leaves: probabilities (N, K), and how much each timestep
counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from ...jobs.settings import ClassificationSettings
from ...progress import Progress
from ..estimator import LabelledFeatures
from ..network_training import NetworkRecipe, train_networks
from ..sample_weights import at
from ..standardizer import Standardizer
from .timestep_fusion import FusionClassifier, class_loss

_WEIGHED_SAMPLES = 1000  # at most, over which the weights of the timesteps are averaged


@dataclass(frozen=True)
class FittedFusion:
    """Trained fusion networks, whose probabilities are averaged.

    Attributes:
        local_scaler: Of local features.
        around_scaler: Of global features.
        networks: In evaluation mode.
    """

    local_scaler: Standardizer
    around_scaler: Standardizer
    networks: tuple[FusionClassifier, ...]

    def predict(self, local: Tensor, around: Tensor) -> Tensor:
        """Mean probabilities (N, K) of the networks."""
        x, g = self.local_scaler(local), self.around_scaler(around)
        with torch.inference_mode():
            return torch.stack([network(x, g)[0].softmax(dim=1) for network in self.networks]).mean(dim=0)

    def timestep_weights(self, samples: LabelledFeatures) -> Tensor:
        """Mean fusion weight (T,) over samples, features and networks."""
        x = self.local_scaler(samples.local[:_WEIGHED_SAMPLES])
        g = self.around_scaler(samples.around[:_WEIGHED_SAMPLES])
        with torch.inference_mode():
            return torch.stack([network(x, g)[1].mean(dim=(0, 2)) for network in self.networks]).mean(dim=0)


class FusionEnsemble:
    """Several fusion networks that differ by their random start.

    Deviations from Zhou et al. (2024): features are standardised; probabilities are averaged instead of counting
    votes, which gives a confidence and has no ties; the last batch is shared out instead of dropped.
    """

    def __init__(self, settings: ClassificationSettings, classes: int) -> None:
        """Keep the settings.

        Args:
            settings: Networks, epochs, batch size, learning rate, dropout, seed.
            classes: K.
        """
        self.settings = settings
        self.classes = classes

    def fit(self, samples: LabelledFeatures, progress: Progress) -> FittedFusion:
        """Train the networks one after the other.

        Args:
            samples: For training.
            progress: Told after each epoch.
        """
        local_scaler, around_scaler = Standardizer.fit(samples.local), Standardizer.fit(samples.around)
        x, g = local_scaler(samples.local), around_scaler(samples.around)
        count, timesteps, features = x.shape

        def build() -> FusionClassifier:
            return FusionClassifier(timesteps, features, self.classes, dropout=self.settings.dropout).to(x.device)

        def loss(network: FusionClassifier, batch: Tensor) -> Tensor:
            return class_loss(network(x[batch], g[batch])[0], samples.classes[batch], at(samples.weight, batch))

        recipe = NetworkRecipe(build, partial(torch.optim.Adam, foreach=True), loss)
        networks = train_networks(recipe, count, self.settings, progress)
        return FittedFusion(local_scaler, around_scaler, tuple(networks))
