# SPDX-License-Identifier: GPL-2.0-or-later
"""The default classifier from a raster and samples to something that predicts a map.

Enters: a TrainingTask. Leaves: a FittedClassifier with an EnsemblePredictor.
"""

from __future__ import annotations

import numpy as np
import torch

from ...jobs.feature_gain import FeatureGain
from ...jobs.results import EnsembleSummary
from ...progress import Progress, span
from ...sampling.sample_table import check_classes
from ..feature_value.candidate import Candidate, cross_validated, feature_sets_for
from ..feature_value.feature_gain import feature_gain
from ..feature_value.feature_importance import permutation_importance
from ..log_lines import log_ensemble
from ..training_task import FittedClassifier, TrainingTask, words_first
from .ensemble_rule import EnsembleRule
from .feature_reader import FeatureSetReader
from .feature_sets import Source
from .predictor import EnsemblePredictor

_IMPORTANCE_SAMPLES = 500
_FEATURE_BYTES = 2 << 30  # of the feature sets of the training samples


def fit_default(task: TrainingTask, progress: Progress) -> FittedClassifier:
    """Read feature sets, ask whether the context is reliable, cross-validate models, fit their ensemble."""
    settings = task.settings
    candidate, gain = _chosen(task, span(progress, 0.0, 0.8))
    reader, samples = candidate.reader, candidate.samples
    ensemble = candidate.validated.fit(samples, settings.seed, span(progress, 0.8, 0.9))
    progress(0.9, "importance of timesteps and stages")
    log_ensemble(ensemble, candidate.context, gain)
    subset = samples.subset(np.random.default_rng(settings.seed).permutation(len(samples))[:_IMPORTANCE_SAMPLES])
    sources = {feature_set: reader.sources(feature_set) for feature_set in ensemble.feature_sets}
    by_timestep, by_stage = (
        permutation_importance(ensemble, subset.features, sources, label, settings.seed) for label in Source._fields
    )
    kind = "random" if settings.split == "random" else "spatial"
    predictor = EnsemblePredictor(reader, ensemble)
    return FittedClassifier(
        predictor,
        words_first(by_timestep),
        words_first(by_stage),
        task.layout.features,
        EnsembleSummary(ensemble.scores, ensemble.accuracy, ensemble.held_out, kind, candidate.context, gain),
        rule=EnsembleRule.of(predictor),
    )


def _chosen(task: TrainingTask, progress: Progress) -> tuple[Candidate, FeatureGain | None]:
    """The classifier of the map, and what the features add to it.

    Where the raster holds features and spectra, one with both and one without features are cross-validated at the same
    samples.
    """
    split = task.settings.split
    reader = FeatureSetReader.fit(task.cube, task.layout, task.device)
    columns = sum(len(reader.sources(feature_set)) for feature_set in feature_sets_for(reader, split))
    training = task.samples_within(int(_FEATURE_BYTES // (4 * columns)))
    features, order = reader.at_samples(training, feature_sets_for(reader, split), span(progress, 0.0, 0.2))
    training = training.subset(order)
    check_classes(training.class_index, task.classes)
    candidate = cross_validated(reader, features, task, training, span(progress, 0.2, 0.6))
    if not (task.layout.spectra and reader.plan.features):
        return candidate, None
    plain = reader.without_features()
    features, order = plain.at_samples(training, feature_sets_for(plain, split), span(progress, 0.6, 0.65))
    in_order = torch.from_numpy(np.argsort(order)).to(task.device)
    features = {feature_set: values[in_order] for feature_set, values in features.items()}
    spectral = cross_validated(plain, features, task, training, span(progress, 0.65, 1.0))
    gain = feature_gain(candidate.validated, spectral.validated)
    return candidate if gain.used else spectral, gain
