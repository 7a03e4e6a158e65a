# SPDX-License-Identifier: GPL-2.0-or-later
"""The samples and folds of a cross-validation, for questions that are smaller than the whole ensemble's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...sampling.subsampling import subsample
from ..auto.cross_validation import HeldOut, TrainingSet, hold_out
from ..auto.ensemble import MOST_SAMPLES, Purpose
from ..auto.model_library import ModelSpec, available_models


@dataclass(frozen=True, eq=False)
class Trial:
    """What cross_validate_ensemble draws of the same samples and purpose.

    Attributes:
        drawn: (n,) indices of the samples that are looked at, all or some.
        subset: These samples.
        held_out: Their folds.
        first: The first model of the library, which is a kernel ridge regression.
    """

    drawn: NDArray[np.int64]
    subset: TrainingSet
    held_out: HeldOut
    first: ModelSpec

    @classmethod
    def of(cls, training: TrainingSet, purpose: Purpose) -> Trial:
        """Draw samples and folds.

        Args:
            training: (N,) samples with the feature sets of the library.
            purpose: What the map is for.
        """
        drawn = subsample(training.class_index, MOST_SAMPLES, purpose.seed, balanced=False)
        groupings = {unit: groups[drawn] for unit, groups in purpose.groupings.items()}
        subset = training.subset(drawn)
        held_out = hold_out(subset.class_index, groupings, purpose.seed).of(subset)
        first = available_models(purpose.library, list(training.features))[0]
        balanced = first.balanced() if held_out.unit != "samples" else first
        return cls(drawn, subset, held_out, balanced)
