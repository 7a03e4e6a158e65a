# SPDX-License-Identifier: GPL-2.0-or-later
"""The default classifier from a raster and samples to something that predicts a map.

Enters: a TrainingTask. Leaves: a FittedClassifier with an EnsemblePredictor.
"""

from __future__ import annotations

import logging

import numpy as np

from ...jobs.results import ContextSummary, EnsembleSummary
from ...progress import Progress, span
from ...sampling.groups import block_ids, spatial_groups
from ...sampling.sample_table import SampleTable, check_classes
from ..context.cross_class_affinity import MOST_CROSS_CLASS, cross_class_affinity
from ..training_task import FittedClassifier, TrainingTask, words_first
from .cross_validation import TrainingSet
from .ensemble import Ensemble, Purpose, fit_auto
from .ensemble_rule import EnsembleRule
from .feature_importance import permutation_importance
from .feature_reader import FeatureSetReader
from .feature_sets import FeatureSet, Source
from .model_library import CONTEXTUAL, INTERPOLATION, OVERLAPPING, available_models, feature_sets_of
from .predictor import EnsemblePredictor

log = logging.getLogger(__name__)

_IMPORTANCE_SAMPLES = 500
_FEATURE_BYTES = 2 << 30  # of the feature sets of the training samples


def fit_default(task: TrainingTask, progress: Progress) -> FittedClassifier:
    """Read feature sets, ask whether the context is reliable, cross-validate models, fit their ensemble."""
    settings = task.settings
    interpolates = settings.split == "random"
    reader = FeatureSetReader.fit(task.cube, task.layout, task.device)
    library = (*CONTEXTUAL, *(INTERPOLATION if interpolates else OVERLAPPING))
    wanted = [*feature_sets_of(available_models(library, reader.available)), FeatureSet.GUIDE]
    columns = sum(len(reader.sources(feature_set)) for feature_set in wanted)
    training = task.samples_within(int(_FEATURE_BYTES // (4 * columns)))
    features, order = reader.at_samples(training, wanted, span(progress, 0.0, 0.2))
    training = training.subset(order)
    check_classes(training.class_index, task.classes)
    cross_class = cross_class_affinity(features.pop(FeatureSet.GUIDE), training, settings.seed)
    purpose = Purpose(
        interpolates=interpolates,
        context_is_reliable=cross_class <= MOST_CROSS_CLASS,
        groupings={} if interpolates else _groupings(training, task),
        seed=settings.seed,
    )
    samples = TrainingSet(features, training.class_index, len(task.classes))
    ensemble = fit_auto(samples, purpose, span(progress, 0.2, 0.9))
    progress(0.9, "importance of timesteps and stages")
    context = None if interpolates else ContextSummary(cross_class, purpose.context_is_reliable)
    if context is not None:
        _log_context(context)
    _log_models(ensemble)
    subset = samples.subset(np.random.default_rng(settings.seed).permutation(len(samples))[:_IMPORTANCE_SAMPLES])
    sources = {feature_set: reader.sources(feature_set) for feature_set in ensemble.feature_sets}
    by_timestep, by_stage = (
        permutation_importance(ensemble, subset.features, sources, label, settings.seed) for label in Source._fields
    )
    kind = "random" if interpolates else "spatial"
    predictor = EnsemblePredictor(reader, ensemble)
    return FittedClassifier(
        predictor,
        words_first(by_timestep),
        words_first(by_stage),
        task.layout.features,
        EnsembleSummary(ensemble.scores, ensemble.accuracy, ensemble.held_out, kind, context),
        rule=EnsembleRule.of(predictor),
    )


def _groupings(training: SampleTable, task: TrainingTask) -> dict[str, np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """Polygons, then blocks; only blocks where the map is judged by blocks."""
    side = task.settings.block_size
    groups = {} if task.settings.split == "block" else {"groups": spatial_groups(training, side)}
    return {**groups, "blocks": block_ids(training.rows, training.cols, side)}


def _log_context(context: ContextSummary) -> None:
    if context.reliable:
        text = "mostly share a class (cross-class affinity %.1f %%): spatial context is used."
    else:
        text = "often belong to different classes (cross-class affinity %.1f %%): only spectra are used, no context."
    log.info("Adjacent pixels with similar features " + text, 100 * context.cross_class_affinity)


def _log_models(ensemble: Ensemble) -> None:
    for score in sorted(ensemble.scores, key=lambda score: -score.weight):
        if score.weight:
            log.info("%2.0f %% %s (accuracy %.3f)", 100 * score.weight, score.name, score.accuracy)
    log.info("Cross-validation on samples, held out by %s: accuracy %.3f.", ensemble.held_out, ensemble.accuracy)
