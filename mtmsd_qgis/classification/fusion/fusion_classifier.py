# SPDX-License-Identifier: GPL-2.0-or-later
"""The classifier of the paper, or logistic regression on the same features, plain or with weighed cells: purify, fit.

Enters: a TrainingTask. Leaves: a FittedClassifier.
"""

from __future__ import annotations

import torch

from ...features.purification import PAPER_SHARE
from ...jobs.data_model import FeatureLayout
from ...jobs.settings import ClassificationSettings
from ...progress import Progress, span
from ...sampling.sample_table import check_classes
from ..estimator import LabelledFeatures
from ..feature_value.feature_importance import cell_table
from ..logistic_regression import FittedLogistic, LogisticRegression
from ..sample_weights import mean_one
from ..training_task import FittedClassifier, TrainingTask
from .cell_alignment import CellAlignment
from .cell_importance import cell_shares
from .fusion_ensemble import FittedFusion, FusionEnsemble
from .hyperfeatures import HyperfeatureRegression, log_alignment
from .reader import FeatureReader, FusionPredictor, FusionRule, Purified, gather, purify_samples, sample_limit


def fit_fusion(task: TrainingTask, progress: Progress) -> FittedClassifier:
    """Purification and selective fusion of the timesteps, or what the settings name in its place."""
    layout, settings, n_classes = task.layout, task.settings, len(task.classes)
    reader = FeatureReader(task.cube, layout, task.device)
    training = task.samples_within(sample_limit(layout))
    samples, order = gather(reader, training, span(progress, 0.0, 0.1))
    training = training.subset(order)
    check_classes(training.class_index, task.classes)
    purified = purify_samples(samples, _features_to_keep(settings, layout))
    local, around = purified(samples.local, samples.around)
    weight = mean_one(task.weights_of(training), task.device)
    reduced = LabelledFeatures(local, around, samples.classes, weight)
    fitted, alignment = _fit(reduced, purified, task, span(progress, 0.1, 0.9))
    table = alignment.table(layout.timesteps) if alignment and cell_table(layout, {}) else {}
    weights = {t: sum(row.values()) for t, row in table.items()} or dict(
        zip(map(str, layout.timesteps), fitted.timestep_weights(reduced).tolist())
    )
    rule = FusionRule(fitted, purified, n_classes)
    cells = cell_shares(rule, reduced, layout, settings.seed, span(progress, 0.9, 1.0))
    predictor, features = FusionPredictor(reader, rule), int(local.shape[2])
    return FittedClassifier(predictor, weights, {}, features, training, rule=rule, cells=cells, alignment=table)


def _fit(
    samples: LabelledFeatures, purified: Purified, task: TrainingTask, progress: Progress
) -> tuple[FittedFusion | FittedLogistic, CellAlignment | None]:
    """The classifier that the settings name, and the weights of timesteps and stages where it has such."""
    settings, n_classes = task.settings, len(task.classes)
    if settings.classifier == "hyperfeatures":
        stages = torch.tensor(task.layout.feature_stages)
        of_local, of_around = stages[purified.local.cpu()], stages[purified.around.cpu()]
        fitted, alignment = HyperfeatureRegression(n_classes, settings.seed, of_local, of_around).fit(samples, progress)
        if cell_table(task.layout, {}):
            log_alignment(alignment, task.layout.timesteps)
        return fitted, alignment
    linear = settings.classifier == "linear"
    classifier = LogisticRegression(n_classes, settings.seed) if linear else FusionEnsemble(settings, n_classes)
    return classifier.fit(samples, progress), None


def _features_to_keep(settings: ClassificationSettings, layout: FeatureLayout) -> int:
    """The setting; without one, 60 % of an unpurified diffusion raster and all of any other."""
    if settings.keep is not None:
        return settings.keep
    unpurified = layout.purification == "none" and len(layout.timesteps) > 1
    return round(PAPER_SHARE * layout.features) if unpurified else 0
