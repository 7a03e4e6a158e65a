# SPDX-License-Identifier: GPL-2.0-or-later
"""Classifiers of fused features: fit on training samples, predict probabilities.

Enters: Samples, local and global features (N, T, D) with class indices. Leaves: probabilities (N, K), and how much
each timestep counts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from ...jobs.settings import ClassificationSettings
from ...progress import Progress, span
from ..standardizer import Standardizer
from .timestep_fusion import FusionClassifier, class_loss

_LOWEST_LEARNING_RATE = 5e-6  # end of the cosine (paper's code)
_PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1)  # of the linear classifier, per sample
_FOLDS = 3


@dataclass(frozen=True)
class Samples:
    """Labelled features, on the device they are learnt on.

    Attributes:
        local: (N, T, D) float32, the feature at the pixel.
        around: (N, T, D) float32, its mean over the window around the pixel (the paper's global features).
        classes: (N,) int64, 0 to K - 1.
    """

    local: Tensor
    around: Tensor
    classes: Tensor


class Classifier(Protocol):
    """What every classifier can do."""

    def predict(self, local: Tensor, around: Tensor) -> Tensor:
        """Probabilities (N, K) of features (N, T, D)."""

    def timestep_weights(self, samples: Samples) -> Tensor:
        """Share (T,) of each timestep in the decision, summing to 1."""


def fit_classifier(samples: Samples, classes: int, settings: ClassificationSettings, progress: Progress) -> Classifier:
    """Fit the classifier that the settings name.

    Args:
        samples: For training.
        classes: K.
        settings: Of the classifier.
        progress: Told on the way.
    """
    if settings.classifier == "linear":
        return LinearClassifier(samples, classes, settings, progress)
    return FusionEnsemble(samples, classes, settings, progress)


class FusionEnsemble:
    """The paper's classifier: several fusion networks that differ by their random start.

    Deviations from Zhou et al. (2024): features are standardised; probabilities are averaged instead of counting
    votes, which gives a confidence and has no ties; the last batch is shared out instead of dropped.
    """

    def __init__(self, samples: Samples, classes: int, settings: ClassificationSettings, progress: Progress) -> None:
        """Train the networks one after the other.

        Args:
            samples: For training.
            classes: K.
            settings: Epochs, batch size, learning rate, seed.
            progress: Told after each epoch.
        """
        self._local = Standardizer.fit(samples.local)
        self._around = Standardizer.fit(samples.around)
        scaled = Samples(self._local(samples.local), self._around(samples.around), samples.classes)
        part = 1 / settings.networks
        self._networks = [
            _train_network(scaled, classes, settings, member, span(progress, member * part, (member + 1) * part))
            for member in range(settings.networks)
        ]

    def predict(self, local: Tensor, around: Tensor) -> Tensor:
        """Mean probabilities (N, K) of the networks."""
        x, g = self._local(local), self._around(around)
        with torch.inference_mode():
            return torch.stack([network(x, g)[0].softmax(dim=1) for network in self._networks]).mean(dim=0)

    def timestep_weights(self, samples: Samples) -> Tensor:
        """Mean fusion weight (T,) over samples, features and networks."""
        x, g = self._local(samples.local[:1000]), self._around(samples.around[:1000])
        with torch.inference_mode():
            return torch.stack([network(x, g)[1].mean(dim=(0, 2)) for network in self._networks]).mean(dim=0)


class LinearClassifier:
    """Multinomial logistic regression with a quadratic penalty, chosen by cross-validation on the training samples.

    Where there are more features than samples, the fit runs in the space that the samples span; with a quadratic
    penalty the solution lies there.
    """

    def __init__(self, samples: Samples, classes: int, settings: ClassificationSettings, progress: Progress) -> None:
        """Choose the penalty and fit.

        Args:
            samples: For training.
            classes: K.
            settings: Seed of the folds.
            progress: Told after each fit.
        """
        self._local = Standardizer.fit(samples.local)
        self._around = Standardizer.fit(samples.around)
        self._timesteps = samples.local.shape[1]
        x = self._flat(samples.local, samples.around)
        _, _, basis = torch.linalg.svd(x.double(), full_matrices=False)
        self._basis = basis.T.float()  # (features, rank)
        reduced = x @ self._basis
        generator = torch.Generator().manual_seed(settings.seed)
        fold = torch.randint(0, _FOLDS, (len(x),), generator=generator).to(x.device)
        losses = []
        for number, penalty in enumerate(_PENALTIES):
            losses.append(_cross_validated_loss(reduced, samples.classes, classes, penalty, fold))
            progress((number + 1) / (len(_PENALTIES) + 1), f"fitting: penalty {penalty:g}")
        self.penalty = _PENALTIES[losses.index(min(losses))]
        self._weight, self._bias = _fit_logistic(reduced, samples.classes, classes, self.penalty)
        progress(1.0, "")

    def predict(self, local: Tensor, around: Tensor) -> Tensor:
        """Probabilities (N, K)."""
        return torch.softmax(self._flat(local, around) @ self._basis @ self._weight + self._bias, dim=1)

    def timestep_weights(self, samples: Samples) -> Tensor:  # noqa: ARG002 - the same for all samples
        """Share (T,) of each timestep in the length of the weights."""
        weight = (self._basis @ self._weight).view(2, self._timesteps, -1)
        length = torch.sum(weight.square(), dim=(0, 2))
        return torch.div(length, length.sum().clamp(min=1e-30))

    def _flat(self, local: Tensor, around: Tensor) -> Tensor:
        """(N, 2 T D): standardised local, then global features."""
        return torch.cat([self._local(local).flatten(1), self._around(around).flatten(1)], dim=1)


def _train_network(
    samples: Samples, classes: int, settings: ClassificationSettings, member: int, progress: Progress
) -> FusionClassifier:
    """One network of the ensemble, in evaluation mode."""
    count, timesteps, features = samples.local.shape
    torch.manual_seed(settings.seed * 1_000_003 + member)
    network = FusionClassifier(timesteps, features, classes, dropout=settings.dropout).to(samples.local.device)
    optimizer = torch.optim.Adam(network.parameters(), lr=settings.learning_rate, foreach=True)
    batches = max(1, round(count / settings.batch_size))
    for epoch in range(settings.passes):
        share = 0.5 * (1 + math.cos(math.pi * epoch / settings.passes))
        for group in optimizer.param_groups:
            group["lr"] = _LOWEST_LEARNING_RATE + (settings.learning_rate - _LOWEST_LEARNING_RATE) * share
        for batch in torch.randperm(count).to(samples.local.device).tensor_split(batches):
            scores, _ = network(samples.local[batch], samples.around[batch])
            loss = class_loss(scores, samples.classes[batch])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        progress(
            (epoch + 1) / settings.passes, f"training: network {member + 1} of {settings.networks}, epoch {epoch + 1}"
        )
    return network.eval()


def _cross_validated_loss(x: Tensor, target: Tensor, classes: int, penalty: float, fold: Tensor) -> float:
    """Mean held-out cross-entropy over the folds that have samples on both sides."""
    total = 0.0
    for number in range(_FOLDS):
        out = fold == number
        if out.any() and not out.all():
            weight, bias = _fit_logistic(x[~out], target[~out], classes, penalty)
            total += float(functional.cross_entropy(x[out] @ weight + bias, target[out], reduction="sum"))
    return total


def _fit_logistic(x: Tensor, target: Tensor, classes: int, penalty: float) -> tuple[Tensor, Tensor]:
    """Weights (features, K) and bias (K,) of a penalised logistic regression."""
    weight = torch.zeros(x.shape[1], classes, device=x.device, requires_grad=True)
    bias = torch.zeros(classes, device=x.device, requires_grad=True)
    optimizer = torch.optim.LBFGS([weight, bias], max_iter=200, history_size=10, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = functional.cross_entropy(x @ weight + bias, target) + 0.5 * penalty * weight.square().sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    return weight.detach(), bias.detach()
