# SPDX-License-Identifier: GPL-2.0-or-later
"""Cross-validation of models on training samples, imitating what the map is for.

Enters: feature sets of training samples with their classes and spatial groups, specifications of models. Leaves: each
model's best setting and its calibrated probabilities of held-out samples; and the model fitted on all samples.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ...sampling.folds import ALWAYS_TRAINING, group_folds, random_folds
from ...sampling.subsampling import subsample
from ..standardizer import Standardizer
from .calibration import FLOOR, LARGEST_GAP, brier, log_probabilities, temperature
from .feature_sets import FeatureSet
from .kernel_ridge import MOST_SAMPLES, KernelRidge
from .model_library import ModelSpec, Scorer

log = logging.getLogger(__name__)

_FOLDS = 4
_FEW_SAMPLES = 600  # with fewer, the folds are drawn several times
_REPEATS = 3


@dataclass(frozen=True)
class TrainingSet:
    """What models learn from.

    Attributes:
        features: Feature sets of the samples, (N, F) each.
        class_index: (N,) int64.
        n_classes: K.
    """

    features: Mapping[FeatureSet, Tensor]
    class_index: NDArray[np.int64]
    n_classes: int

    def __len__(self) -> int:
        """N."""
        return len(self.class_index)

    def subset(self, chosen: NDArray[np.int64] | NDArray[np.bool_]) -> TrainingSet:
        """The same of some samples."""
        index = torch.from_numpy(chosen)
        features = {name: values[index.to(values.device)] for name, values in self.features.items()}
        return TrainingSet(features, self.class_index[chosen], self.n_classes)

    def columns(self, feature_sets: Sequence[FeatureSet]) -> Tensor:
        """(N, F) columns of feature sets side by side."""
        return side_by_side(self.features, feature_sets)

    def indicators(self) -> Tensor:
        """(N, K) 1 for the class of the sample, else 0."""
        return functional.one_hot(torch.from_numpy(self.class_index), self.n_classes)


@dataclass(frozen=True)
class HeldOut:
    """What cross-validation holds out.

    Attributes:
        folds: Of each draw, (N,) the fold that holds a sample out, or ALWAYS_TRAINING.
        class_index: (n,) classes of the samples that are held out, draw after draw.
        unit: What is held out as a whole: "samples", "groups" (polygons) or "blocks".
    """

    folds: Sequence[NDArray[np.int64]]
    class_index: NDArray[np.int64]
    unit: str


@dataclass(frozen=True)
class FittedModel:
    """A model that has learnt.

    Attributes:
        spec: Its specification.
        standardizer: Of its columns; None where they keep their scale.
        scorer: With a single setting.
        temperature: That calibrates its scores.
    """

    spec: ModelSpec
    standardizer: Standardizer | None
    scorer: Scorer
    temperature: float

    def log_probabilities(self, features: Mapping[FeatureSet, Tensor]) -> Tensor:
        """(n, K) of feature sets (n, F)."""
        x = side_by_side(features, self.spec.predict_on)
        scores = self.scorer(x if self.standardizer is None else self.standardizer(x))[0]
        scores = (scores - scores.amax(dim=1, keepdim=True)).clamp(min=-LARGEST_GAP)
        return torch.log_softmax(scores * self.temperature, dim=1).clamp(min=FLOOR)


@dataclass(frozen=True, eq=False)
class CrossValidatedModel:
    """A model with its best setting under cross-validation.

    Attributes:
        spec: Its specification, with that setting alone.
        temperature: That calibrates its scores.
        log_p: (n, K) calibrated log probabilities of the held-out samples, draw after draw of the folds.
        accuracy: Share of them that is right, 0 to 1.
    """

    spec: ModelSpec
    temperature: float
    log_p: NDArray[np.float64]
    accuracy: float

    def fit(self, training: TrainingSet, seed: int) -> FittedModel:
        """The model on all samples, or on as many as its estimator can take; the seed is of that draw."""
        spec = self.spec
        if isinstance(spec.estimator, KernelRidge):
            training = training.subset(subsample(training.class_index, MOST_SAMPLES, seed, balanced=False))
        standardizer, scorer = _fit(spec, training)
        return FittedModel(spec, standardizer, scorer, self.temperature)


def hold_out(class_index: NDArray[np.int64], groupings: Mapping[str, NDArray[np.int64]], seed: int) -> HeldOut:
    """Folds of the first grouping in which some class has two groups, else of single samples.

    Where samples are few, the folds are drawn several times.

    Args:
        class_index: (N,) of the samples.
        groupings: (N,) group ids by the name of the unit, in the order of preference; empty where single samples are to
            be held out.
        seed: Of the folds.
    """
    seeds = range(seed, seed + (_REPEATS if len(class_index) <= _FEW_SAMPLES else 1))
    for unit, groups in groupings.items():
        folds = [_learnable(group_folds(class_index, groups, _FOLDS, s), class_index) for s in seeds]
        if all((fold != ALWAYS_TRAINING).any() for fold in folds):
            return HeldOut(folds, _of_held_out(class_index, folds), unit)
    if groupings:
        log.warning(
            "No class has samples in two polygons or blocks, so models cannot be validated spatially; random folds are "
            "used. Expect lower accuracy away from the samples."
        )
    folds = [_learnable(random_folds(class_index, _FOLDS, s), class_index) for s in seeds]
    return HeldOut(folds, _of_held_out(class_index, folds), "samples")


def cross_validate(spec: ModelSpec, training: TrainingSet, held_out: HeldOut) -> CrossValidatedModel:
    """The setting of a model with the best Brier score over all draws of the folds.

    Args:
        spec: Of the model.
        training: (N,) samples.
        held_out: Folds of these samples.
    """
    draws = [_held_out_scores(spec, training, fold) for fold in held_out.folds]
    scores, truth = np.concatenate(draws, axis=1), held_out.class_index
    temperatures = [temperature(of_setting, truth) for of_setting in scores]
    log_p = [log_probabilities(of_setting, factor) for of_setting, factor in zip(scores, temperatures)]
    best = int(np.argmin([brier(of_setting, truth).mean() for of_setting in log_p]))
    accuracy = float((scores[best].argmax(axis=1) == truth).mean())
    chosen = ModelSpec(spec.estimator.only(best), spec.fit_on, spec.predict_on)
    return CrossValidatedModel(chosen, temperatures[best], log_p[best], accuracy)


def side_by_side(features: Mapping[FeatureSet, Tensor], feature_sets: Sequence[FeatureSet]) -> Tensor:
    """(N, F) columns of several feature sets."""
    if len(feature_sets) == 1:
        return features[feature_sets[0]]
    return torch.cat([features[feature_set] for feature_set in feature_sets], dim=1)


def _fit(spec: ModelSpec, training: TrainingSet) -> tuple[Standardizer | None, Scorer]:
    x = training.columns(spec.fit_on)
    standardizer = Standardizer.fit(x) if spec.is_standardised else None
    scorer = spec.estimator.fit(x if standardizer is None else standardizer(x), training.indicators().to(x.device))
    return standardizer, scorer


def _held_out_scores(spec: ModelSpec, training: TrainingSet, fold: NDArray[np.int64]) -> NDArray[np.float64]:
    """Scores (S, n, K) of the samples that some fold holds out, in sample order, for each setting."""
    scores = np.zeros((len(spec.estimator.settings), len(fold), training.n_classes))
    is_held_out = fold != ALWAYS_TRAINING
    for number in np.unique(fold[is_held_out]):
        out = fold == number
        standardizer, scorer = _fit(spec, training.subset(~out))
        x = training.subset(out).columns(spec.predict_on)
        scores[:, out] = scorer(x if standardizer is None else standardizer(x)).double().cpu().numpy()
    return scores[:, is_held_out]


def _learnable(fold: NDArray[np.int64], class_index: NDArray[np.int64]) -> NDArray[np.int64]:
    """Held-out samples of a class that the rest of the samples lack go back to training."""
    fold = fold.copy()
    for number in np.unique(fold[fold != ALWAYS_TRAINING]):
        out = fold == number
        lost = out & ~np.isin(class_index, class_index[~out])
        fold[lost] = ALWAYS_TRAINING
    return fold


def _of_held_out(values: NDArray[np.int64], folds: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Values (N,) of the samples that are held out, draw after draw of the folds."""
    return np.concatenate([values[fold != ALWAYS_TRAINING] for fold in folds])
