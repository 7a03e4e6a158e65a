# SPDX-License-Identifier: GPL-2.0-or-later
"""Multinomial logistic regression on standardised features.

Enters: labelled features (N, T, D) with class indices. Leaves: probabilities (N, K), and how much each timestep counts.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from ..progress import Progress
from .estimator import LabelledFeatures
from .standardizer import Standardizer

_PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1)  # per sample
_FOLDS = 3


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

    def fit(self, samples: LabelledFeatures, progress: Progress) -> LogisticRegression:
        """Choose the penalty and fit.

        Args:
            samples: For training.
            progress: Told after each fit.
        """
        self.local_scaler_ = Standardizer.fit(samples.local)
        self.around_scaler_ = Standardizer.fit(samples.around)
        x = self._flat(samples.local, samples.around)
        _, _, basis = torch.linalg.svd(x.double(), full_matrices=False)
        self.basis_ = basis.T.float()  # (features, rank)
        reduced = x @ self.basis_
        generator = torch.Generator().manual_seed(self.seed)
        fold = torch.randint(0, _FOLDS, (len(x),), generator=generator).to(x.device)
        losses = []
        for number, penalty in enumerate(_PENALTIES):
            losses.append(_cross_validated_loss(reduced, samples.classes, self.classes, penalty, fold))
            progress((number + 1) / (len(_PENALTIES) + 1), f"fitting: penalty {penalty:g}")
        self.penalty_ = _PENALTIES[losses.index(min(losses))]
        self.weight_, self.bias_ = _fit_logistic(reduced, samples.classes, self.classes, self.penalty_)
        progress(1.0, "")
        return self

    def predict(self, local: Tensor, around: Tensor) -> Tensor:
        """Probabilities (N, K)."""
        return torch.softmax(self._flat(local, around) @ self.basis_ @ self.weight_ + self.bias_, dim=1)

    def timestep_weights(self, samples: LabelledFeatures) -> Tensor:  # noqa: ARG002 - the same for all samples
        """Share (T,) of each timestep in the length of the weights."""
        weight = (self.basis_ @ self.weight_).view(2, self.local_scaler_.mean.shape[0], -1)
        length = torch.sum(weight.square(), dim=(0, 2))
        return torch.div(length, length.sum().clamp(min=1e-30))

    def _flat(self, local: Tensor, around: Tensor) -> Tensor:
        """(N, 2 T D): standardised local, then global features."""
        return torch.cat([self.local_scaler_(local).flatten(1), self.around_scaler_(around).flatten(1)], dim=1)


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
