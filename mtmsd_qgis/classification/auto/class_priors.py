# SPDX-License-Identifier: GPL-2.0-or-later
"""How likely each class is beforehand in polygons without samples.

Enters: classes of the training samples, and the groups that cross-validation holds out. Leaves: log priors.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_HALF_TRUST = 10  # groups a class with which the shares of the samples count half (decision 32)


def log_prior(class_index: NDArray[np.int64], groups: NDArray[np.int64], n_classes: int) -> NDArray[np.float64]:
    """(K,) logarithms of the classes' shares among the samples, shrunk towards equal ones.

    The shares come from few polygons, so they are trusted by p / (p + 10), p the mean number of groups of a class.

    Args:
        class_index: (N,) of the samples.
        groups: (N,) of the samples: polygons, or blocks.
        n_classes: K.
    """
    groups_a_class = np.unique(np.stack([class_index, groups]), axis=1).shape[1] / n_classes
    shares = np.bincount(class_index, minlength=n_classes).clip(min=1) / len(class_index)
    return np.asarray(np.log(shares) * groups_a_class / (groups_a_class + _HALF_TRUST))
