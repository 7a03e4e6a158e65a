# SPDX-License-Identifier: GPL-2.0-or-later
"""How much accuracy the diffusion features add to the default classifier.

Enters: two cross-validated ensembles of the same samples and folds, one with the features, one of the spectra alone.
Leaves: a FeatureGain.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from ...jobs.feature_gain import LEAST_ERRORS, FeatureGain
from ..auto.ensemble import CrossValidatedEnsemble
from ..auto.feature_sets import FeatureSet


def feature_gain(with_features: CrossValidatedEnsemble, without: CrossValidatedEnsemble) -> FeatureGain:
    """Compare two ensembles at the samples that were held out from both.

    Args:
        with_features: The ensemble that has the diffusion features.
        without: The one of the spectra alone, of the same samples and folds.
    """
    difference = with_features.right.astype(np.float64) - without.right
    error = clustered_error(difference, with_features.held_out.clusters)
    read = [feature_set for model in with_features.chosen for feature_set in model.spec.predict_on]
    accuracies = [100 * float(ensemble.right.mean()) for ensemble in (with_features, without)]
    return FeatureGain(
        with_features=accuracies[0],
        without_features=accuracies[1],
        gain=accuracies[0] - accuracies[1],
        standard_error=None if error is None else 100 * error,
        samples=len(difference),
        folds=with_features.held_out.unit,
        used=uses_features(read),
        errors=errors_needed(len(np.unique(with_features.held_out.clusters))),
    )


def errors_needed(clusters: int) -> float:
    """Standard errors that a mean over clusters must be away from 0 to be measurable.

    The standard error of a few clusters is itself a guess: Student's two-sided 95 % quantile is 12.7 for two clusters,
    4.3 for three, 2.6 for six.
    """
    return max(LEAST_ERRORS, float(stdtrit(max(1, clusters - 1), 0.975)))


def uses_features(feature_sets: Iterable[FeatureSet]) -> bool:
    """Whether diffusion features are needed for one of these feature sets."""
    return any(feature_set.uses_guide or feature_set.is_diffusion for feature_set in feature_sets)


def clustered_error(values: NDArray[np.float64], clusters: NDArray[np.int64]) -> float | None:
    """Standard error of the mean of values that come in clusters; None of a single one.

    Variance of a ratio of cluster totals, Cochran (1977), Sampling Techniques, section 9A.2.

    Args:
        values: (n,).
        clusters: (n,) ids.
    """
    _, index = np.unique(clusters, return_inverse=True)
    totals = np.bincount(index.reshape(-1), weights=values - values.mean())
    count = len(totals)
    if count < 2:
        return None
    return float(np.sqrt(count / (count - 1) * np.square(totals).sum()) / len(values))
