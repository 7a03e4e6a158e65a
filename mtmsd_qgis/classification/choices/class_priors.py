# SPDX-License-Identifier: GPL-2.0-or-later
"""Class weights: how probable each class is before a pixel is seen, as the analyst says instead of the samples.

Enters: a fitted classifier, and the class shares that are wanted. Leaves: the same classifier with other priors.

Let p(k | x) be the probabilities of a classifier whose samples have the class shares s(k), and q(k) the shares that are
wanted. As the classes look the same wherever they are, p(x | k) stays, and Bayes' rule gives

    p'(k | x) = p(k | x) q(k) / s(k) / sum over j of p(j | x) q(j) / s(j).

Source: Saerens, Latinne & Decaestecker (2002), doi 10.1162/089976602753284446, equation 2.4; Elkan (2001), IJCAI,
theorem 2. It holds where the probabilities are right for the samples. Samples are not weighted for it: that would give
the classes of few samples a say beyond what they show, and would change where the classes lie.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...errors import SamplesError, SettingsError
from ...io.cube import Raster
from ...io.windows import Tile
from ...jobs.choice_results import ClassWeightFacts
from ...jobs.data_model import FeatureLayout
from ..auto.ensemble_rule import EnsembleRule
from ..auto.predictor import EnsemblePredictor
from ..fusion.reader import FusionRule
from ..predictor import Predictor
from ..sample_weights import class_counts
from ..training_task import FittedClassifier, TrainingTask
from ..transformer.patch_reader import PatchRule

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PriorRule:
    """A decision rule with other class priors.

    Attributes:
        rule: With the shares of the samples.
        log_ratio: (K,) float64, logarithm of the wanted share of a class over that which the rule presumes.
    """

    rule: FusionRule | PatchRule
    log_ratio: Tensor

    @property
    def n_classes(self) -> int:
        """K."""
        return self.rule.n_classes

    def predictor(self, cube: Raster, layout: FeatureLayout, device: torch.device) -> PriorPredictor:
        """Apply it to a raster with the features of the layout."""
        return PriorPredictor(self.rule.predictor(cube, layout, device), self.log_ratio)


@dataclass(frozen=True)
class PriorPredictor:
    """Predicts with other class priors; attributes as those of PriorRule."""

    inner: Predictor
    log_ratio: Tensor

    @property
    def bands(self) -> Sequence[int]:
        """Bands that prediction reads."""
        return self.inner.bands

    def windows(self) -> list[Tile]:
        """Windows whose cores cover the raster once."""
        return self.inner.windows()

    def probabilities(self, tile: Tile) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Probabilities (K, h, w) of a window's core, 0 where invalid, and where it is valid (h, w)."""
        probabilities, valid = self.inner.probabilities(tile)
        return with_other_prior(probabilities, self.log_ratio.cpu().numpy()), valid


def with_other_prior(probabilities: NDArray[np.float32], log_ratio: NDArray[np.float64]) -> NDArray[np.float32]:
    """Probabilities (K, ...) times ratios (K,), summing to 1 again; where all are 0 they stay so."""
    ratio = np.exp(log_ratio - log_ratio.max()).reshape(-1, *[1] * (probabilities.ndim - 1))
    weighted = probabilities.astype(np.float64) * ratio
    total = weighted.sum(axis=0)
    return np.asarray(weighted / np.where(total > 0, total, 1.0), dtype=np.float32)


def with_class_weights(
    classifier: FittedClassifier, task: TrainingTask, areas: Sequence[float] | None
) -> FittedClassifier:
    """The classifier with the class shares that the settings ask for; as it is, where they ask for none.

    Args:
        classifier: Fitted.
        task: What it was fitted to.
        areas: (K,) of the classes, in any unit; None where weights go by something else.

    Raises:
        SamplesError: Weights go by area, and not every class has a positive one.
        SettingsError: The classifier has no prior that could be another one.
    """
    kind = task.settings.class_weights
    if kind is None:
        return classifier
    wanted = _wanted_shares(kind, task, areas)
    presumed = _presumed_shares(classifier, task)
    log_ratio = torch.from_numpy(np.log(wanted) - np.log(presumed))
    log.info("Class shares beforehand (%s): %s.", kind, ", ".join(f"{100 * share:.1f} %" for share in wanted))
    facts = ClassWeightFacts(kind, tuple(wanted.tolist()), tuple(presumed.tolist()))
    return replace(_reweighted(classifier, log_ratio), class_weights=facts)


def _reweighted(classifier: FittedClassifier, log_ratio: Tensor) -> FittedClassifier:
    rule, predictor = classifier.rule, classifier.predictor
    if isinstance(rule, EnsembleRule) and isinstance(predictor, EnsemblePredictor):
        prior = predictor.ensemble.log_prior
        predictor = replace(predictor, ensemble=replace(predictor.ensemble, log_prior=prior + log_ratio.to(prior)))
        return replace(classifier, predictor=predictor, rule=EnsembleRule.of(predictor))
    if isinstance(rule, (FusionRule, PatchRule)):
        return replace(classifier, predictor=PriorPredictor(predictor, log_ratio), rule=PriorRule(rule, log_ratio))
    raise SettingsError(
        "CLASS_WEIGHTS needs a classifier of one decision rule; found one that decides by several. Leave CLASS_WEIGHTS "
        "at 'classifier', or leave out what calls for several rules."
    )


def _wanted_shares(kind: str, task: TrainingTask, areas: Sequence[float] | None) -> NDArray[np.float64]:
    if kind == "even":
        return np.full(len(task.classes), 1 / len(task.classes))
    if kind == "samples":
        return _sample_shares(task)
    numbers = np.array(areas if areas is not None else [], dtype=np.float64)
    if len(numbers) != len(task.classes) or not (np.isfinite(numbers) & (numbers > 0)).all():
        raise SamplesError("CLASS_WEIGHTS 'area' needs a positive area of every class. Give one a class.")
    return np.asarray(numbers / numbers.sum())


def _presumed_shares(classifier: FittedClassifier, task: TrainingTask) -> NDArray[np.float64]:
    """The class shares that the probabilities presume.

    The default classifier's models are balanced where whole polygons or blocks are held out, and its prior is added to
    them; else it presumes the shares of the samples, as networks and logistic regression do, which are fitted by their
    likelihood.
    """
    rule = classifier.rule
    if isinstance(rule, EnsembleRule) and rule.ensemble.held_out != "samples":
        return np.asarray(torch.softmax(rule.ensemble.log_prior.double(), dim=0).cpu().numpy())
    return _sample_shares(task)


def _sample_shares(task: TrainingTask) -> NDArray[np.float64]:
    counts = class_counts(task.training.class_index, task.weights_of(task.training), len(task.classes))
    return np.asarray(counts / counts.sum())
