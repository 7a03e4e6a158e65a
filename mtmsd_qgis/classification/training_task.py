# SPDX-License-Identifier: GPL-2.0-or-later
"""What a classifier is fitted to, and what fitting leaves for mapping and for the report."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from ..features.extras.extra_reader import SceneExtras
from ..io.cube import Raster
from ..jobs.choice_results import ClassWeightFacts, SampleWeightFacts
from ..jobs.data_model import ClassEntry, FeatureLayout
from ..jobs.extras.extra_rasters import ExtraFinding
from ..jobs.results import EnsembleSummary
from ..jobs.settings import ClassificationSettings
from ..sampling.sample_table import SampleTable
from ..sampling.sample_weights import SampleWeights, effective_samples
from ..sampling.subsampling import subsample
from .explanation.learnt_samples import LearntSamples
from .predictor import DecisionRule, Predictor

log = logging.getLogger(__name__)

CellWeights = Mapping[str, Mapping[str, float]]
"""Shares in a decision by timestep ("50"), then stage ("5")."""


@dataclass(frozen=True)
class TrainingTask:
    """What is to be learnt.

    Attributes:
        cube: Features, spectra, or plain bands.
        layout: What its bands are.
        training: Samples.
        classes: In the order of the class indices.
        settings: Of the classification.
        device: To learn on.
        extras: Extra rasters and textures; None where none is asked for.
        weights: Of the features that samples come from; None: all count alike.
        explains: Whether pixels are to be explained, for which samples are kept.
    """

    cube: Raster
    layout: FeatureLayout
    training: SampleTable
    classes: tuple[ClassEntry, ...]
    settings: ClassificationSettings
    device: torch.device
    extras: SceneExtras | None = None
    weights: SampleWeights | None = None
    explains: bool = False

    def weights_of(self, samples: SampleTable) -> NDArray[np.float64] | None:
        """(N,) weights of samples, whose mean is 1; None: all count alike."""
        return None if self.weights is None else self.weights.of(samples)

    def weight_facts(self) -> SampleWeightFacts | None:
        """What the result says of the weights; None where all samples count alike."""
        return weight_facts(self.weights_of(self.training), self.settings.sample_weight_field)

    def samples_within(self, limit: int) -> SampleTable:
        """At most so many training samples, as memory allows."""
        chosen = subsample(self.training.class_index, limit, self.settings.seed, balanced=True)
        if len(chosen) < len(self.training):
            log.warning("%d of %d training samples are used, to fit into memory.", len(chosen), len(self.training))
        return self.training.subset(chosen)


@dataclass(frozen=True)
class FittedClassifier:
    """A predictor, and what its decisions depend on.

    Attributes:
        predictor: Predicts the map.
        timesteps: Share of each timestep ("50") and of "spectra" in the decision; may be empty.
        stages: Share of each stage ("5") likewise; may be empty.
        features: Features per timestep that it could use.
        samples: Training samples that it was fitted to: all, or as many as memory has room for.
        ensemble: What the default classifier chose; None for others.
        rule: What the predictor was made from, apart from the raster; None where it cannot be stored.
        class_weights: Priors of the classes that were chosen; None where they are the classifier's own.
        extras: What became of extra rasters; None where none was asked for.
        cells: Share of each cell, a timestep and a stage, in the decision; empty where the raster has no such.
        learnt: What the default classifier was fitted to, where pixels are to be explained.
        alignment: Weight that "hyperfeatures" gave each cell; empty for others.
    """

    predictor: Predictor
    timesteps: Mapping[str, float]
    stages: Mapping[str, float]
    features: int
    samples: SampleTable
    ensemble: EnsembleSummary | None = None
    rule: DecisionRule | None = None
    class_weights: ClassWeightFacts | None = None
    extras: tuple[ExtraFinding, ...] | None = None
    cells: CellWeights = field(default_factory=dict)
    learnt: LearntSamples | None = None
    alignment: CellWeights = field(default_factory=dict)


def weight_facts(weights: NDArray[np.float64] | None, field: str | None) -> SampleWeightFacts | None:
    """What a result says of the weights of training samples; None where all count alike.

    Args:
        weights: (N,) of the samples; None: alike.
        field: That they are from.
    """
    if weights is None or field is None:
        return None
    least, most, effective = (round(x, 6) for x in (weights.min(), weights.max(), effective_samples(weights)))
    return SampleWeightFacts(field, float(least), float(most), len(weights), float(effective))
