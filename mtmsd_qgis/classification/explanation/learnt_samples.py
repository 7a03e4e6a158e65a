# SPDX-License-Identifier: GPL-2.0-or-later
"""What the default classifier was fitted to, kept for explanations.

Enters: an ensemble and its samples. Leaves: the samples, with no more feature sets than an explanation needs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ...sampling.sample_table import SampleTable
from ..auto.cross_validation import TrainingSet
from ..auto.discriminant import LinearScores
from ..auto.ensemble import Ensemble


@dataclass(frozen=True, eq=False)
class LearntSamples:
    """What an ensemble was fitted to.

    Attributes:
        training: (N,) samples, with the feature sets that discriminants learn from; kernels have their own copy.
        table: (N,) where they lie and which polygon they belong to.
        seed: That drew samples where there were too many.
    """

    training: TrainingSet
    table: SampleTable
    seed: int

    @classmethod
    def of(cls, training: TrainingSet, table: SampleTable, ensemble: Ensemble, seed: int) -> LearntSamples:
        """With no more feature sets than an explanation needs."""
        linear = [model.spec for model in ensemble.members if isinstance(model.scorer, LinearScores)]
        needed = {feature_set for spec in linear for feature_set in spec.fit_on}
        features = {name: values for name, values in training.features.items() if name in needed}
        return cls(replace(training, features=features), table, seed)
