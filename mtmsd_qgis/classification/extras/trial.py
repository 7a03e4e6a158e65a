# SPDX-License-Identifier: GPL-2.0-or-later
"""The samples and folds of a cross-validation, for questions that are smaller than the whole ensemble's."""

from __future__ import annotations

from dataclasses import dataclass

from ...sampling.held_out import HeldOut, hold_out
from ..auto.cross_validation import TrainingSet
from ..auto.ensemble import Purpose
from ..auto.model_library import ModelSpec, available_models


@dataclass(frozen=True, eq=False)
class Trial:
    """What cross_validate_ensemble draws of the same samples and purpose.

    Attributes:
        held_out: The samples that take part, all or some, and their folds.
        subset: These samples.
        first: The first model of the library, which is a kernel ridge regression.
    """

    held_out: HeldOut
    subset: TrainingSet
    first: ModelSpec

    @classmethod
    def of(cls, training: TrainingSet, purpose: Purpose) -> Trial:
        """Draw samples and folds.

        Args:
            training: (N,) samples with the feature sets of the library.
            purpose: What the map is for.
        """
        held_out = hold_out(training.class_index, purpose.groupings, purpose.seed)
        subset = training.subset(held_out.drawn)
        first = available_models(purpose.library, list(training.features))[0]
        balanced = first.balanced() if held_out.unit != "samples" else first
        return cls(held_out.weighted(subset.weight), subset, balanced)
