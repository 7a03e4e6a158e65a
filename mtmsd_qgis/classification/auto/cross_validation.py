# SPDX-License-Identifier: GPL-2.0-or-later
"""Cross-validation of models on training samples, imitating what the map is for.

Enters: feature sets of training samples with their classes and spatial groups, specifications of models. Leaves: each
model's best setting and its calibrated probabilities of held-out samples; and the model fitted on all samples.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ...sampling.held_out import HeldOut
from ...sampling.subsampling import subsample
from ..extras.block_weight import with_equal_blocks
from ..sample_weights import mean_one
from ..standardizer import Standardizer
from .calibration import FLOOR, log_probabilities, mean_brier, temperature
from .feature_sets import FeatureSet
from .kernel_ridge import MOST_SAMPLES, KernelRidge
from .model_library import ModelSpec, Scorer


@dataclass(frozen=True)
class TrainingSet:
    """What models learn from.

    Attributes:
        features: Feature sets of the samples, (N, F) each.
        class_index: (N,) int64.
        n_classes: K.
        weight: (N,) float64 of the samples, of mean 1; None: all count alike.
    """

    features: Mapping[FeatureSet, Tensor]
    class_index: NDArray[np.int64]
    n_classes: int
    weight: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        """N."""
        return len(self.class_index)

    def subset(self, chosen: NDArray[np.int64] | NDArray[np.bool_]) -> TrainingSet:
        """The same of some samples."""
        index = torch.from_numpy(chosen)
        features = {name: values[index.to(values.device)] for name, values in self.features.items()}
        weight = None if self.weight is None else self.weight[chosen]
        return replace(self, features=features, class_index=self.class_index[chosen], weight=weight)


@dataclass(frozen=True)
class FittedModel:
    """A model that has learnt.

    Attributes:
        spec: Its specification.
        standardizer: Of its columns; None where they keep their scale.
        scorer: Gives class scores.
        temperature: That calibrates its scores.
    """

    spec: ModelSpec
    standardizer: Standardizer | None
    scorer: Scorer
    temperature: float

    def scores(self, features: Mapping[FeatureSet, Tensor]) -> Tensor:
        """(S, n, K) of feature sets (n, F), for each setting."""
        x = torch.cat([features[feature_set].T for feature_set in self.spec.predict_on]).T  # as pixels of windows lie
        return self.scorer(x if self.standardizer is None else self.standardizer(x))

    def log_probabilities(self, features: Mapping[FeatureSet, Tensor]) -> Tensor:
        """(n, K) of feature sets (n, F), for the first setting."""
        return torch.log_softmax(self.scores(features)[0] * self.temperature, dim=1).clamp(min=FLOOR)


@dataclass(frozen=True, eq=False)
class CrossValidatedModel:
    """A model with its best setting under cross-validation.

    Attributes:
        spec: Its specification, with that setting alone.
        temperature: That calibrates its scores.
        log_p: (n, K) calibrated log probabilities of the held-out samples.
        accuracy: Share of them that is right, 0 to 1.
        by_fold: What was learnt from the other folds, with all settings; serves models that learn from the same.
    """

    spec: ModelSpec
    temperature: float
    log_p: NDArray[np.float64]
    accuracy: float
    by_fold: tuple[FittedModel, ...]

    def fit(self, training: TrainingSet, seed: int) -> FittedModel:
        """The model on all samples, or on as many as its estimator can take; the seed is of that draw."""
        if isinstance(self.spec.estimator, KernelRidge):
            training = training.subset(subsample(training.class_index, MOST_SAMPLES, seed, balanced=False))
        return _fit(self.spec, training, self.temperature)


def cross_validate(
    spec: ModelSpec, training: TrainingSet, held_out: HeldOut, known: Iterable[CrossValidatedModel] = ()
) -> CrossValidatedModel:
    """The setting of a model with the best Brier score.

    Args:
        spec: Of the model.
        training: (N,) samples.
        held_out: Folds of these samples.
        known: Models of these samples and folds; one that learns from the same may be among them.
    """
    truth, learns = held_out.class_index, (spec.estimator, spec.fit_on)
    specs = ((each.by_fold[0].spec, each.by_fold) for each in known)
    alike = (by_fold for other, by_fold in specs if (other.estimator, other.fit_on) == learns)
    by_fold = next(alike, None) or tuple(_fit(spec, training.subset(held_out.fold != fold)) for fold in held_out.folds)
    scores = _held_out_scores([replace(model, spec=spec) for model in by_fold], training, held_out)
    temperatures = [temperature(of_setting, truth, held_out.weight) for of_setting in scores]
    log_p = [log_probabilities(of_setting, factor) for of_setting, factor in zip(scores, temperatures)]
    best = int(np.argmin([mean_brier(of_setting, truth, held_out.weight) for of_setting in log_p]))
    accuracy = float((scores[best].argmax(axis=1) == truth).mean())
    chosen = ModelSpec(spec.estimator.only(best), spec.fit_on, spec.predict_on)
    return CrossValidatedModel(chosen, temperatures[best], log_p[best], accuracy, by_fold)


def side_by_side(features: Mapping[FeatureSet, Tensor], feature_sets: Sequence[FeatureSet]) -> Tensor:
    """(N, F) columns of several feature sets."""
    return torch.cat([features[feature_set] for feature_set in feature_sets], dim=1)


def _fit(spec: ModelSpec, training: TrainingSet, temperature: float = 1.0) -> FittedModel:
    x = side_by_side(training.features, spec.fit_on)
    standardizer = Standardizer.fit(x) if spec.is_standardised else None
    extra_columns = sum(training.features[s].shape[1] for s in spec.fit_on if s.is_extra)
    if extra_columns:
        standardizer = with_equal_blocks(standardizer, x, extra_columns)
    scaled = x if standardizer is None else standardizer(x)
    indicators = functional.one_hot(torch.from_numpy(training.class_index), training.n_classes).to(x.device)
    scorer = spec.estimator.fit(scaled, indicators, mean_one(training.weight, x.device))
    return FittedModel(spec, standardizer, scorer, temperature)


def _held_out_scores(by_fold: Sequence[FittedModel], training: TrainingSet, held_out: HeldOut) -> NDArray[np.float64]:
    """Scores (S, n, K) of the samples that some fold holds out, in sample order, for each setting."""
    scores = np.zeros((len(by_fold[0].spec.estimator.settings), len(training), training.n_classes))
    for number, model in zip(held_out.folds, by_fold):
        out = held_out.fold == number
        scores[:, out] = model.scores(training.subset(out).features).double().cpu().numpy()
    return scores[:, held_out.is_out]
