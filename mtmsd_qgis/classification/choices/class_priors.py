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
from ...io.windows import Tile, Window
from ...jobs.accuracy_results import percent_number
from ...jobs.choice_results import ClassWeightFacts
from ...jobs.data_model import FeatureLayout
from ...progress import silent
from ...sampling.sample_table import SampleTable
from ..auto.predictor import EnsemblePredictor, EnsembleRule
from ..extras.extras_predictor import ExtrasPredictor
from ..extras.extras_rule import ExtrasRule
from ..fusion.reader import FusionRule
from ..predictor import Predictor
from ..sample_weights import class_counts
from ..training_task import FittedClassifier, TrainingTask
from ..transformer.patch_reader import PatchRule

log = logging.getLogger(__name__)

Shares = NDArray[np.float64]


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

    def windows(self, area: Window | None = None) -> list[Tile]:
        """Windows whose cores cover the raster once; only those that touch an area, where one is given."""
        return self.inner.windows(area)

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
    log.info(
        "Class shares beforehand (%s): %s.", kind, ", ".join(f"{percent_number(100 * share)} %" for share in wanted)
    )
    reweighted, presumed = _reweighted(classifier, task, wanted)
    return replace(reweighted, class_weights=ClassWeightFacts(kind, tuple(wanted.tolist()), tuple(presumed.tolist())))


def _reweighted(classifier: FittedClassifier, task: TrainingTask, wanted: Shares) -> tuple[FittedClassifier, Shares]:
    """The classifier with the wanted shares (K,), and those (K,) that it presumes.

    With extras there are several ensembles, each with shares of its own: one with extras was fitted to the samples at
    which they have data. What is presumed is told of the one that knows them all.
    """
    rule, predictor, samples = classifier.rule, classifier.predictor, classifier.samples
    shares = _sample_shares(task, samples)
    if isinstance(predictor, EnsemblePredictor):
        predictor, presumed = _reweighted_ensemble(predictor, shares, wanted)
        return replace(classifier, predictor=predictor, rule=EnsembleRule.of(predictor)), presumed
    if isinstance(predictor, ExtrasPredictor) and isinstance(rule, ExtrasRule):
        plain, _ = _reweighted_ensemble(predictor.plain, shares, wanted)
        found = [_reweighted_ensemble(each, _shares_with(task, each, samples), wanted) for each in predictor.extended]
        predictor = replace(predictor, plain=plain, extended=tuple(each for each, _ in found))
        extended = tuple(replace(one, ensemble=each.ensemble) for one, (each, _) in zip(rule.extended, found))
        rule = replace(rule, plain=EnsembleRule.of(plain), extended=extended)
        return replace(classifier, predictor=predictor, rule=rule), found[0][1]
    if isinstance(rule, (FusionRule, PatchRule)):
        log_ratio = _log_ratio(wanted, shares)
        predictor, rule = PriorPredictor(predictor, log_ratio), PriorRule(rule, log_ratio)
        return replace(classifier, predictor=predictor, rule=rule), shares
    raise SettingsError(
        "CLASS_WEIGHTS needs a classifier of one decision rule; found one that decides by several. Leave CLASS_WEIGHTS "
        "at 'classifier', or leave out what calls for several rules."
    )


def _reweighted_ensemble(
    predictor: EnsemblePredictor, shares: Shares, wanted: Shares
) -> tuple[EnsemblePredictor, Shares]:
    """The default classifier with the wanted shares (K,), and those (K,) that its probabilities presume.

    Its models are balanced where whole polygons or blocks are held out, and its prior is added to them; else it
    presumes the shares of the samples, as networks and logistic regression do, which are fitted by their likelihood.

    Args:
        predictor: Fitted.
        shares: (K,) of the classes among its samples.
        wanted: (K,).
    """
    ensemble, presumed = predictor.ensemble, shares
    if ensemble.held_out != "samples":
        presumed = np.asarray(torch.softmax(ensemble.log_prior.double(), dim=0).cpu().numpy())
    prior = ensemble.log_prior + _log_ratio(wanted, presumed).to(ensemble.log_prior)
    return replace(predictor, ensemble=replace(ensemble, log_prior=prior)), presumed


def _shares_with(task: TrainingTask, predictor: EnsemblePredictor, samples: SampleTable) -> Shares:
    """(K,) of the classes among the samples at which the extras that an ensemble knows have data."""
    if predictor.reader.extras is None:
        raise ValueError("an ensemble with extras was expected")
    _, known = predictor.reader.extras.at_pixels(samples.rows, samples.cols, silent)
    return _sample_shares(task, samples.subset(known))


def _log_ratio(wanted: Shares, presumed: Shares) -> Tensor:
    return torch.from_numpy(np.log(wanted) - np.log(presumed))


def _wanted_shares(kind: str, task: TrainingTask, areas: Sequence[float] | None) -> Shares:
    if kind == "even":
        return np.full(len(task.classes), 1 / len(task.classes))
    if kind == "samples":
        return _sample_shares(task, task.training)
    numbers = np.array(areas if areas is not None else [], dtype=np.float64)
    if len(numbers) != len(task.classes) or not (np.isfinite(numbers) & (numbers > 0)).all():
        raise SamplesError("CLASS_WEIGHTS 'area' needs a positive area of every class. Give one a class.")
    return np.asarray(numbers / numbers.sum())


def _sample_shares(task: TrainingTask, samples: SampleTable) -> Shares:
    counts = class_counts(samples.class_index, task.weights_of(samples), len(task.classes))
    return np.asarray(counts / counts.sum())
