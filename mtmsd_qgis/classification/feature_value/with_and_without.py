# SPDX-License-Identifier: GPL-2.0-or-later
"""The default classifier cross-validated with the diffusion features and without them, at the same samples.

Enters: a TrainingTask, and what reads feature sets at its samples. Leaves: the classifier of the map, a Candidate, and
what the features add to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from ...jobs.feature_gain import FeatureGain
from ...progress import Progress, span
from ...sampling.sample_table import SampleTable, check_classes
from ..auto.feature_reader import FeatureSetReader
from ..auto.feature_sets import FeatureSet
from ..training_task import TrainingTask
from .candidate import Candidate, cross_validated, feature_sets_for, guided_sets_for
from .feature_gain import feature_gain

AtSamples = tuple[dict[FeatureSet, torch.Tensor], NDArray[np.int64]]
"""Feature sets (N', F) at the samples on valid pixels, and the indices (N',) of those."""
ReadAtSamples = Callable[[FeatureSetReader, SampleTable, Sequence[FeatureSet], Progress], AtSamples]


def with_and_without(
    task: TrainingTask, reader: FeatureSetReader, read: ReadAtSamples, progress: Progress
) -> tuple[Candidate, FeatureGain | None]:
    """The classifier of the map, and what the features add to it.

    Where the raster holds features and spectra, one with both and one without features are cross-validated at the same
    samples; feature sets that are made without features, and models of these alone, are those of both.

    Args:
        task: With the training samples.
        reader: Of the raster's feature sets.
        read: Reads feature sets at the samples.
        progress: Told after each model.
    """
    split = task.settings.split
    features, order = read(reader, task.training, feature_sets_for(reader, split), span(progress, 0.0, 0.2))
    task = replace(task, training=task.training.subset(order))
    check_classes(task.training.class_index, task.classes)
    candidate = cross_validated(reader, features, task, span(progress, 0.2, 0.6))
    if not (task.layout.spectra and reader.plan.features):
        return candidate, None
    plain = reader.without_features()
    smoothed, order = read(plain, task.training, guided_sets_for(plain, split), span(progress, 0.6, 0.65))
    in_order = torch.from_numpy(np.argsort(order)).to(task.device)
    features = {feature_set: features[feature_set] for feature_set in feature_sets_for(plain, split)}
    features.update((feature_set, values[in_order]) for feature_set, values in smoothed.items())
    same = [each for each in candidate.validated.models if not any(s.uses_guide for s in each.spec.predict_on)]
    spectral = cross_validated(plain, features, task, span(progress, 0.65, 1.0), same)
    return candidate, feature_gain(candidate.validated, spectral.validated)
