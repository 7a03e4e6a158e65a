# SPDX-License-Identifier: GPL-2.0-or-later
"""The default classifier from a raster and samples to something that predicts a map.

Enters: a TrainingTask. Leaves: a FittedClassifier.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...jobs.results import EnsembleSummary
from ...progress import Progress, span
from ...sampling.sample_table import SampleTable
from ..explanation.learnt_samples import LearntSamples
from ..extras.decision import decide
from ..feature_value.candidate import feature_sets_for
from ..feature_value.column_sources import column_sources
from ..feature_value.feature_gain import uses_features
from ..feature_value.feature_importance import IMPORTANCE_SAMPLES, source_shares
from ..feature_value.with_and_without import ReadAtSamples, with_and_without
from ..log_lines import log_ensemble
from ..training_task import FittedClassifier, TrainingTask
from .feature_reader import FeatureSetReader

_FEATURE_BYTES = 2 << 30  # of the feature sets of the training samples


def fit_default(task: TrainingTask, progress: Progress) -> FittedClassifier:
    """Read feature sets, ask whether the context is reliable, cross-validate models, fit their ensemble."""
    reader = FeatureSetReader.fit(task.cube, task.layout, task.device)
    task = replace(task, training=samples_that_fit(task, reader))
    return fit_at_samples(task, reader, lambda of, *what: of.at_samples(*what), progress)


def samples_that_fit(task: TrainingTask, reader: FeatureSetReader) -> SampleTable:
    """The training samples, or as many as memory has room for with their feature sets."""
    columns = sum(map(reader.columns, feature_sets_for(reader, task.settings.split)))
    return task.samples_within(int(_FEATURE_BYTES // (4 * columns)))


def fit_at_samples(
    task: TrainingTask, reader: FeatureSetReader, read: ReadAtSamples, progress: Progress
) -> FittedClassifier:
    """The classifier, wherever the feature sets at its training samples come from.

    Args:
        task: With the training samples.
        reader: Of the raster's feature sets.
        read: Reads feature sets at the samples.
        progress: Told after each model.
    """
    settings = task.settings
    chosen = 0.8 if task.extras is None else 0.5  # of the time
    candidate, gain = with_and_without(task, reader, read, span(progress, 0.0, chosen))
    decided = decide(task, candidate, span(progress, chosen, 0.9))
    reader, samples, ensemble = decided.reader, decided.samples, decided.ensemble
    progress(0.9, "importance of timesteps and stages")
    if gain is not None:  # extras may have led to other models
        gain = replace(gain, used=uses_features(ensemble.feature_sets))
    log_ensemble(ensemble, decided.context, gain)
    subset = samples.subset(np.random.default_rng(settings.seed).permutation(len(samples))[:IMPORTANCE_SAMPLES])
    sources = {feature_set: column_sources(reader, feature_set) for feature_set in ensemble.feature_sets}
    shares = source_shares(ensemble, subset.features, sources, task.layout, settings.seed)
    kind = "random" if settings.split == "random" else "spatial"
    return FittedClassifier(
        decided.predictor,
        shares.timesteps,
        shares.stages,
        task.layout.features,
        candidate.table,
        EnsembleSummary(ensemble.scores, ensemble.accuracy, ensemble.held_out, kind, decided.context, gain),
        rule=decided.rule,
        extras=decided.findings,
        cells=shares.cells,
        learnt=LearntSamples.of(samples, candidate.table, ensemble, settings.seed) if task.explains else None,
    )
