# SPDX-License-Identifier: GPL-2.0-or-later
"""From a raster and training samples to a fitted classifier: which recipe the settings name.

Enters: a TrainingTask. Leaves: a FittedClassifier.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from ..progress import Progress
from .auto.default_classifier import fit_default
from .fusion.fusion_classifier import fit_fusion
from .training_task import FittedClassifier, TrainingTask
from .transformer.transformer_classifier import fit_transformer

log = logging.getLogger(__name__)


def fit_classifier(task: TrainingTask, progress: Progress) -> FittedClassifier:
    """Fit the classifier that the settings name."""
    recipes: Mapping[str, Callable[[TrainingTask, Progress], FittedClassifier]] = {
        "auto": fit_default,
        "mtmsd": fit_fusion,
        "linear": fit_fusion,
        "hyperfeatures": fit_fusion,
        "transformer3d": fit_transformer,
    }
    weights = task.weight_facts()
    if weights is not None:
        log.info("%s", weights.sentence)
    return recipes[task.settings.classifier](task, progress)
