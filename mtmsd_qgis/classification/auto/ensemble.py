# SPDX-License-Identifier: GPL-2.0-or-later
"""The default classifier: an ensemble of small models, cross-validated in the way that the map will be used.

Enters: feature sets of training samples, and whether the map interpolates between them or leaves the sampled polygons.
Leaves: an Ensemble that gives calibrated probabilities, with the accuracy of each model on held-out training samples.
docs/decisions/032-default-classifier.md explains it on one page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...jobs.results import ContextSummary, ModelSummary
from ...progress import Progress
from ...sampling.held_out import HeldOut, hold_out
from ..sample_weights import class_counts
from .calibration import log_probabilities, mean_brier, temperature
from .cross_validation import CrossValidatedModel, FittedModel, TrainingSet, cross_validate
from .feature_sets import FeatureSet
from .model_library import CONTEXTUAL, INTERPOLATION, OVERLAPPING, ModelSpec, available_models, feature_sets_of

_SHOWN = 3  # digits of a Brier score in the report
_HALF_TRUST = 10  # groups a class with which the shares of the samples count half (decision 32)


@dataclass(frozen=True)
class Purpose:
    """What the map is for, and what the scene allows.

    Attributes:
        interpolates: Whether it is judged between the training samples (SPLIT='random'); else in other polygons.
        uses_context: Whether spatial context is used; None: as held-out samples say. Where interpolates, it always is.
        groupings: Polygons and blocks (N,) of the training samples, in the order in which cross-validation prefers to
            hold them out; without any, single samples are held out.
        seed: Of folds and subsamples.
    """

    interpolates: bool
    uses_context: bool | None
    groupings: Mapping[str, NDArray[np.int64]]
    seed: int

    @property
    def libraries(self) -> dict[bool, tuple[ModelSpec, ...]]:
        """The models that may be used together, by whether they use spatial context."""
        if self.interpolates:
            return {True: (*INTERPOLATION, *CONTEXTUAL)}
        both = {True: CONTEXTUAL, False: OVERLAPPING}
        return both if self.uses_context is None else {self.uses_context: both[self.uses_context]}


@dataclass(frozen=True)
class Ensemble:
    """Geometric mean of the probabilities of models that count alike.

    Attributes:
        members: Fitted models.
        temperature: Of the mean of their log probabilities.
        log_prior: (K,) added to it.
        scores: Of every model of the library.
        accuracy: Of the ensemble under the same cross-validation, 0 to 1.
        held_out: What cross-validation held out: "samples", "groups" or "blocks".
    """

    members: tuple[FittedModel, ...]
    temperature: float
    log_prior: Tensor
    scores: tuple[ModelSummary, ...]
    accuracy: float
    held_out: str

    @property
    def feature_sets(self) -> list[FeatureSet]:
        """The feature sets that prediction needs."""
        return feature_sets_of([model.spec for model in self.members], for_prediction=True)

    def predict(self, features: Mapping[FeatureSet, Tensor]) -> Tensor:
        """Probabilities (n, K) of feature sets (n, F)."""
        return self.combined([model.log_probabilities(features) for model in self.members])

    def combined(self, log_p: Sequence[Tensor]) -> Tensor:
        """Probabilities (n, K) of log probabilities (n, K) of all members, or of some."""
        mean = torch.stack(list(log_p)).mean(dim=0)
        return torch.softmax(mean * self.temperature + self.log_prior.to(mean), dim=1)


@dataclass(frozen=True, eq=False)
class CrossValidatedEnsemble:
    """An ensemble with its members' settings, not yet fitted to all samples.

    Attributes:
        models: Of all libraries, all cross-validated.
        chosen: The members.
        temperature: Of the mean of their log probabilities.
        log_prior: (K,) added to it.
        held_out: What cross-validation held out.
        uses_context: Whether the members use spatial context.
        briers: Brier scores of the held-out samples, by whether spatial context is used.
    """

    models: tuple[CrossValidatedModel, ...]
    chosen: tuple[CrossValidatedModel, ...]
    temperature: float
    log_prior: NDArray[np.float64]
    held_out: HeldOut
    uses_context: bool
    briers: Mapping[bool, float] = field(default_factory=dict)

    @property
    def context(self) -> ContextSummary | None:
        """Whether spatial context is used, and by which scores; None where that was no question."""
        if len(self.briers) < 2:
            return None
        return ContextSummary(self.uses_context, self.briers[True], self.briers[False])

    @property
    def log_p(self) -> NDArray[np.float64]:
        """(n, K) log probabilities of the held-out samples."""
        mean = np.mean([model.log_p for model in self.chosen], axis=0)
        return log_probabilities(mean * self.temperature + self.log_prior, 1.0)

    @property
    def right(self) -> NDArray[np.bool_]:
        """(n,) whether the ensemble is right there."""
        return np.asarray(self.log_p.argmax(axis=1) == self.held_out.class_index)

    def fit(self, training: TrainingSet, seed: int, progress: Progress) -> Ensemble:
        """Fit the members to all samples; the seed draws from too many."""
        members = []
        for model in self.chosen:
            members.append(model.fit(training, seed))
            progress(len(members) / len(self.chosen), f"fitting models: {len(members)} of {len(self.chosen)}")
        return Ensemble(
            members=tuple(members),
            temperature=self.temperature,
            log_prior=torch.from_numpy(self.log_prior),
            scores=tuple(ModelSummary(m.spec.name, (m in self.chosen) / len(members), m.accuracy) for m in self.models),
            accuracy=float(self.right.mean()),
            held_out=self.held_out.unit,
        )


def cross_validate_ensemble(
    training: TrainingSet, purpose: Purpose, progress: Progress, known: Sequence[CrossValidatedModel] = ()
) -> CrossValidatedEnsemble:
    """Cross-validate the models, choose the members and calibrate their mean.

    Where there are libraries with and without spatial context, the one whose ensemble has the lower Brier score counts.
    Extra rasters are averaged within fields that the scene's features outline, and their own borders may be others:
    with them, where both are alike to the thousandth, the one without counts.

    Args:
        training: (N,) samples with the feature sets of the libraries.
        purpose: What the map is for.
        progress: Told after each model.
        known: Models that were cross-validated on the same samples, folds and feature sets before.
    """
    held_out, found = hold_out(training.class_index, purpose.groupings, purpose.seed), {m.spec.name: m for m in known}
    available, subset = list(training.features), training.subset(held_out.drawn)
    libraries = {context: available_models(specs, available) for context, specs in purpose.libraries.items()}
    held_out, extrapolates = held_out.weighted(subset.weight), held_out.unit != "samples"
    specs = list(dict.fromkeys(spec for library in libraries.values() for spec in library))
    for number, spec in enumerate(specs):
        if spec.name not in found:
            fair = spec.balanced() if extrapolates else spec
            found[spec.name] = cross_validate(fair, subset, held_out, found.values())
        progress((number + 1) / len(specs), f"cross-validating models: {number + 1} of {len(specs)}")
    prior = log_prior(training, purpose.groupings[held_out.unit]) if extrapolates else np.zeros(training.n_classes)
    ensembles = {}
    for context, library in libraries.items():
        models = tuple(found[spec.name] for spec in library)
        chosen = models if extrapolates else tuple(top_half(models, held_out))
        mean = np.mean([model.log_p for model in chosen], axis=0)
        joint = temperature(mean, held_out.class_index, held_out.weight)
        ensembles[context] = CrossValidatedEnsemble(models, chosen, joint, prior, held_out, context)
    truth = held_out.class_index, held_out.weight
    briers = {context: 1 + mean_brier(ensemble.log_p, *truth) for context, ensemble in ensembles.items()}
    best = min(briers, key=lambda context: briers[context])
    if FeatureSet.EXTRAS in available:
        best = min(sorted(briers), key=lambda context: round(briers[context], _SHOWN))  # without it comes first
    return replace(ensembles[best], models=tuple(found[spec.name] for spec in specs), briers=briers)


def top_half(models: Sequence[CrossValidatedModel], held_out: HeldOut) -> list[CrossValidatedModel]:
    """The models with the top half of the Brier scores, in their order; more than half where their number is odd."""
    scores = [mean_brier(model.log_p, held_out.class_index, held_out.weight) for model in models]
    best = np.argsort(scores, kind="stable")[: (len(models) + 1) // 2]
    return [models[i] for i in sorted(best)]


def log_prior(training: TrainingSet, groups: NDArray[np.int64]) -> NDArray[np.float64]:
    """(K,) logarithms of the classes' shares among the samples, in groups (N,), shrunk towards equal ones.

    The shares come from few polygons or blocks: trusted by p / (p + 10), p the mean number of groups of a class.
    """
    class_index, n_classes = training.class_index, training.n_classes
    groups_a_class = np.unique(np.stack([class_index, groups]), axis=1).shape[1] / n_classes
    counts = class_counts(class_index, training.weight, n_classes)
    shares = np.where(counts > 0, counts, 1) / len(class_index)
    return np.asarray(np.log(shares) * groups_a_class / (groups_a_class + _HALF_TRUST))
