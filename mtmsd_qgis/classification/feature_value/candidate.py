# SPDX-License-Identifier: GPL-2.0-or-later
"""A classifier that the map may use, cross-validated: with the diffusion features, or of the spectra alone.

Enters: a reader of feature sets, with its feature sets at the training samples. Leaves: a Candidate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ...progress import Progress
from ...sampling.groups import block_ids, spatial_groups
from ...sampling.sample_table import SampleTable
from ..auto.cross_validation import CrossValidatedModel, TrainingSet
from ..auto.ensemble import CrossValidatedEnsemble, Purpose, cross_validate_ensemble
from ..auto.feature_reader import FeatureSetReader
from ..auto.feature_sets import FeatureSet
from ..auto.model_library import CONTEXTUAL, INTERPOLATION, OVERLAPPING, available_models, feature_sets_of
from ..training_task import TrainingTask


@dataclass(frozen=True, eq=False)
class Candidate:
    """A classifier under cross-validation.

    Attributes:
        reader: Of its feature sets.
        samples: What it learns from.
        validated: Its ensemble.
        table: (N,) where the samples lie.
        purpose: What the map is for.
    """

    reader: FeatureSetReader
    samples: TrainingSet
    validated: CrossValidatedEnsemble
    table: SampleTable
    purpose: Purpose


def feature_sets_for(reader: FeatureSetReader, split: str) -> list[FeatureSet]:
    """What is read at the training samples: what some model may learn from."""
    library = (*CONTEXTUAL, *(INTERPOLATION if split == "random" else OVERLAPPING))
    return list(feature_sets_of(available_models(library, reader.available)))


def guided_sets_for(reader: FeatureSetReader, split: str) -> list[FeatureSet]:
    """Those of them that the guidance image shapes: other values with diffusion features and without."""
    return [feature_set for feature_set in feature_sets_for(reader, split) if feature_set.uses_guide]


def cross_validated(
    reader: FeatureSetReader,
    features: dict[FeatureSet, Tensor],
    task: TrainingTask,
    progress: Progress,
    known: Sequence[CrossValidatedModel] = (),
) -> Candidate:
    """Cross-validate the models that may be used.

    Args:
        reader: That the feature sets came from.
        features: At the training samples, (N, F) each.
        task: What the map is for, with these samples.
        progress: Told after each model.
        known: Models that were cross-validated on the same feature sets before.
    """
    settings, interpolates, training = task.settings, task.settings.split == "random", task.training
    groupings = {} if interpolates else groupings_of(training, task)
    purpose = Purpose(interpolates, None, groupings, settings.seed)
    samples = TrainingSet(features, training.class_index, len(task.classes), weight=task.weights_of(training))
    validated = cross_validate_ensemble(samples, purpose, progress, known)
    return Candidate(reader, samples, validated, training, purpose)


def groupings_of(training: SampleTable, task: TrainingTask) -> dict[str, NDArray[np.int64]]:
    """Polygons, then blocks; only blocks where the map is judged by blocks."""
    side = task.settings.block_size
    groups = {} if task.settings.split == "block" else {"groups": spatial_groups(training, side)}
    return {**groups, "blocks": block_ids(training.rows, training.cols, side)}
