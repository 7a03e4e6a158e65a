# SPDX-License-Identifier: GPL-2.0-or-later
"""The classifier of the paper, or logistic regression on the same features: purify, fit, predict.

Enters: a TrainingTask. Leaves: a FittedClassifier.
"""

from __future__ import annotations

from ...features.purification import PAPER_SHARE
from ...jobs.data_model import FeatureLayout
from ...jobs.settings import ClassificationSettings
from ...progress import Progress, span
from ...sampling.sample_table import check_classes
from ..estimator import LabelledFeatures
from ..logistic_regression import LogisticRegression
from ..sample_weights import mean_one
from ..training_task import FittedClassifier, TrainingTask
from .cell_importance import cell_shares
from .fusion_ensemble import FusionEnsemble
from .reader import FeatureReader, FusionPredictor, FusionRule, gather, purify_samples, sample_limit


def fit_fusion(task: TrainingTask, progress: Progress) -> FittedClassifier:
    """Purification and selective fusion of the timesteps; with "linear", logistic regression in its place."""
    layout, settings, n_classes = task.layout, task.settings, len(task.classes)
    reader = FeatureReader(task.cube, layout, task.device)
    training = task.samples_within(sample_limit(layout))
    samples, order = gather(reader, training, span(progress, 0.0, 0.1))
    check_classes(training.class_index[order], task.classes)
    purified = purify_samples(samples, _features_to_keep(settings, layout))
    local, around = purified(samples.local, samples.around)
    weight = mean_one(task.weights_of(training.subset(order)), task.device)
    reduced = LabelledFeatures(local, around, samples.classes, weight)
    linear = settings.classifier == "linear"
    classifier = LogisticRegression(n_classes, settings.seed) if linear else FusionEnsemble(settings, n_classes)
    fitted = classifier.fit(reduced, span(progress, 0.1, 0.9))
    weights = fitted.timestep_weights(reduced)
    shares = {str(t): float(w) for t, w in zip(layout.timesteps, weights)}
    rule = FusionRule(fitted, purified, n_classes)
    cells = cell_shares(rule, reduced, layout, settings.seed, span(progress, 0.9, 1.0))
    return FittedClassifier(FusionPredictor(reader, rule), shares, {}, int(local.shape[2]), rule=rule, cells=cells)


def _features_to_keep(settings: ClassificationSettings, layout: FeatureLayout) -> int:
    """The setting; without one, 60 % of an unpurified diffusion raster and all of any other."""
    if settings.keep is not None:
        return settings.keep
    unpurified = layout.purification == "none" and len(layout.timesteps) > 1
    return round(PAPER_SHARE * layout.features) if unpurified else 0
