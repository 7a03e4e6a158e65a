# SPDX-License-Identifier: GPL-2.0-or-later
"""Multinomial logistic regression on standardised features.

Enters: labelled features (N, T, D) with class indices. Leaves: probabilities (N, K), and how much each timestep counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..progress import Progress
from .estimator import LabelledFeatures
from .sample_weights import at, cross_entropy, summed_cross_entropy
from .standardizer import Standardizer

_PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1)  # per sample
_FOLDS = 3


@dataclass(frozen=True)
class FittedLogistic:
    """A fitted multinomial logistic regression.

    Attributes:
        local_scaler: Of local features.
        around_scaler: Of global features.
        weight: (2 T D, K).
        bias: (K,).
        penalty: That was chosen.
    """

    local_scaler: Standardizer
    around_scaler: Standardizer
    weight: Tensor
    bias: Tensor
    penalty: float

    def predict(self, local: Tensor, around: Tensor) -> Tensor:
        """Probabilities (N, K)."""
        x = _flat(self.local_scaler(local), self.around_scaler(around))
        return torch.softmax(x @ self.weight + self.bias, dim=1)

    def timestep_weights(self, samples: LabelledFeatures) -> Tensor:  # noqa: ARG002 - the same for all samples
        """Share (T,) of each timestep in the length of the weights."""
        weight = self.weight.view(2, self.local_scaler.mean.shape[0], -1)
        length = torch.sum(weight.square(), dim=(0, 2))
        return torch.div(length, length.sum().clamp(min=1e-30))


class LogisticRegression:
    """Multinomial logistic regression with a quadratic penalty, chosen by cross-validation on the training samples.

    Where there are more features than samples, the fit runs in the space that the samples span; with a quadratic
    penalty the solution lies there.
    """

    def __init__(self, classes: int, seed: int) -> None:
        """Keep the settings.

        Args:
            classes: K.
            seed: Of the folds.
        """
        self.classes = classes
        self.seed = seed

    def fit(self, samples: LabelledFeatures, progress: Progress) -> FittedLogistic:
        """Choose the penalty and fit.

        Args:
            samples: For training.
            progress: Told after each fit.
        """
        return self.fit_scaled(samples, Standardizer.fit(samples.local), Standardizer.fit(samples.around), progress)

    def fit_scaled(
        self, samples: LabelledFeatures, local_scaler: Standardizer, around_scaler: Standardizer, progress: Progress
    ) -> FittedLogistic:
        """The same with a scaling that is given; the larger a feature is scaled, the less the penalty holds it back.

        Args:
            samples: For training.
            local_scaler: Of local features.
            around_scaler: Of global features.
            progress: Told after each fit.
        """
        x = _flat(local_scaler(samples.local), around_scaler(samples.around))
        _, _, directions = torch.linalg.svd(x.double(), full_matrices=False)
        basis = directions.T.float().contiguous()  # (features, rank)
        reduced = x @ basis
        generator = torch.Generator().manual_seed(self.seed)
        fold = torch.randint(0, _FOLDS, (len(x),), generator=generator).to(x.device)
        losses = []
        for number, penalty in enumerate(_PENALTIES):
            losses.append(_cross_validated_loss(reduced, samples, self.classes, penalty, fold))
            progress((number + 1) / (len(_PENALTIES) + 1), f"fitting: penalty {penalty:g}")
        penalty = _PENALTIES[losses.index(min(losses))]
        weight, bias = _fit_logistic(reduced, samples.classes, self.classes, penalty, samples.weight)
        progress(1.0, "")
        return FittedLogistic(local_scaler, around_scaler, basis @ weight, bias, penalty)


def _flat(local: Tensor, around: Tensor) -> Tensor:
    """(N, 2 T D): standardised local, then global features."""
    return torch.cat([local.flatten(1), around.flatten(1)], dim=1)


def _cross_validated_loss(x: Tensor, samples: LabelledFeatures, classes: int, penalty: float, fold: Tensor) -> float:
    """Mean held-out cross-entropy over the folds that have samples on both sides."""
    target, total = samples.classes, 0.0
    for number in range(_FOLDS):
        out = fold == number
        if out.any() and not out.all():
            weight, bias = _fit_logistic(x[~out], target[~out], classes, penalty, at(samples.weight, ~out))
            total += float(summed_cross_entropy(x[out] @ weight + bias, target[out], at(samples.weight, out)))
    return total


def _fit_logistic(
    x: Tensor, target: Tensor, classes: int, penalty: float, sample_weight: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Weights (features, K) and bias (K,) of a penalised logistic regression."""
    weight = torch.zeros(x.shape[1], classes, device=x.device, requires_grad=True)
    bias = torch.zeros(classes, device=x.device, requires_grad=True)
    optimizer = torch.optim.LBFGS([weight, bias], max_iter=200, history_size=10, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = cross_entropy(x @ weight + bias, target, sample_weight) + 0.5 * penalty * weight.square().sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    return weight.detach(), bias.detach()
