# SPDX-License-Identifier: GPL-2.0-or-later
"""What a part of the features knows of classes: a plain discriminant on it alone, at groups that are held out.

Enters: features of training samples, folds of their groups. Leaves: accuracy and its standard error.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from ...sampling.folds import ALWAYS_TRAINING, group_folds
from ...sampling.sample_table import SampleTable
from ..auto.discriminant import Discriminant
from ..standardizer import Standardizer
from .feature_gain import clustered_error

_SHRINKAGE = 0.1  # the same for all, so that nothing is chosen at what is held out
_FOLDS = 5


def folds_of_groups(samples: SampleTable, groups: NDArray[np.int64], seed: int) -> NDArray[np.int64] | None:
    """Folds (N,) of whole groups, ALWAYS_TRAINING where a class has one; None where fewer than two classes have more.

    At a single class, features that tell nothing apart are right.

    Args:
        samples: With their classes.
        groups: (N,) polygons or blocks.
        seed: Of the draw.
    """
    folds = group_folds(samples.class_index, groups, _FOLDS, seed)
    judged = np.unique(samples.class_index[folds != ALWAYS_TRAINING])
    return folds if len(judged) > 1 else None


def held_out_accuracy(
    features: NDArray[np.float32], samples: SampleTable, groups: NDArray[np.int64], folds: NDArray[np.int64]
) -> tuple[float, float | None]:
    """Percent right at the samples of all folds, and its standard error, for which a group counts as one.

    Args:
        features: (N, F).
        samples: (N,) with their classes.
        groups: (N,).
        folds: (N,) of folds_of_groups.
    """
    values = torch.from_numpy(np.ascontiguousarray(features, dtype=np.float64))
    classes = torch.from_numpy(samples.class_index)
    indicators = torch.nn.functional.one_hot(classes).double()
    right = np.zeros(len(samples))
    for fold in np.unique(folds[folds != ALWAYS_TRAINING]):
        tested = torch.from_numpy(folds == fold)
        scaled = Standardizer.fit(values[~tested])
        scores = Discriminant((_SHRINKAGE,)).fit(scaled(values[~tested]), indicators[~tested])
        chosen = scores(scaled(values[tested]))[0].argmax(dim=1)
        right[folds == fold] = (chosen == classes[tested]).numpy()
    counted = folds != ALWAYS_TRAINING
    error = clustered_error(right[counted], groups[counted])
    return 100 * float(right[counted].mean()), None if error is None else 100 * error
