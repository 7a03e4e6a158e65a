# SPDX-License-Identifier: GPL-2.0-or-later
"""3-D convolution and transformer on patches of the features: project, fit, predict.

Enters: a TrainingTask. Leaves: a FittedClassifier.
"""

from __future__ import annotations

import torch

from ...jobs.classifier_description import words_first
from ...progress import Progress, span
from ...sampling.sample_table import check_classes
from ..feature_value.column_sources import Source
from ..feature_value.feature_importance import cell_table
from ..sample_weights import mean_one
from ..training_task import FittedClassifier, TrainingTask
from .patch_classifier import FeatureProjection, PatchClassifier
from .patch_reader import PatchPredictor, PatchReader, PatchRule

_FEATURE_BYTES = 2 << 30  # of the training samples
_SENSITIVITY_SAMPLES = 500


def fit_transformer(task: TrainingTask, progress: Progress) -> FittedClassifier:
    """Learn from patches around the training samples."""
    layout, settings = task.layout, task.settings
    reader = PatchReader(task.cube, layout, task.device)
    training = task.samples_within(int(_FEATURE_BYTES // (4 * layout.diffusion_bands)))
    values, order = reader.pixels(training, span(progress, 0.0, 0.1))
    training = training.subset(order)
    check_classes(training.class_index, task.classes)
    projection = FeatureProjection.fit(values)
    patches = reader.patches(projection, training, span(progress, 0.1, 0.2))
    target = torch.from_numpy(training.class_index).to(task.device)
    weight = mean_one(task.weights_of(training), task.device)
    fitted = PatchClassifier(settings, len(task.classes)).fit(patches, target, span(progress, 0.2, 1.0), weight)
    weights = projection.band_weights(fitted.sensitivity(patches[:_SENSITIVITY_SAMPLES]))
    by_band = weights.view(len(layout.timesteps), layout.features)
    timesteps = {str(t): float(w) for t, w in zip(layout.timesteps, by_band.sum(dim=1))}
    stages: dict[str, float] = {}
    cells: dict[Source, float] = {}
    for name, shares in zip(layout.names, by_band.T.tolist()):
        stage = name.split(" ")[0].removeprefix("s")
        stages[stage] = stages.get(stage, 0.0) + sum(shares)
        for timestep, share in zip(timesteps, shares):
            cells[Source(timestep, stage)] = cells.get(Source(timestep, stage), 0.0) + share
    rule = PatchRule(projection, fitted, len(task.classes))
    return FittedClassifier(
        PatchPredictor(reader, rule),
        timesteps,
        words_first(stages),
        layout.features,
        training,
        rule=rule,
        cells=cell_table(layout, cells),
    )
