# SPDX-License-Identifier: GPL-2.0-or-later
"""What the decisions of an ensemble depend on.

Enters: a fitted Ensemble and feature sets of samples. Leaves: the share of each source (timestep, stage, spectra).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from ..auto.ensemble import Ensemble
from ..auto.feature_sets import FeatureSet, Source


def permutation_importance(
    ensemble: Ensemble,
    features: Mapping[FeatureSet, Tensor],
    sources: Mapping[FeatureSet, Sequence[Source]],
    label: str,
    seed: int,
) -> dict[str, float]:
    """How much the probabilities change when a source is permuted among the samples.

    All columns of a source are permuted together; the mean distance (total variation) between the probabilities before
    and after is its importance. Source: Breiman (2001), doi 10.1023/A:1010933404324, here without labels of the
    samples.

    Args:
        ensemble: Fitted.
        features: Feature sets of samples, (n, F) each.
        sources: Of each feature set's columns.
        label: "timestep" or "stage": what tells the sources apart.
        seed: Of the permutation.

    Returns:
        Shares that sum to 1, by source, in the order of their names; all 0 where nothing has an influence.
    """
    used = {feature_set: features[feature_set] for feature_set in ensemble.feature_sets}
    before = ensemble.predict(used)
    order = torch.from_numpy(np.random.default_rng(seed).permutation(len(before))).to(before.device)
    labels = {feature_set: [getattr(source, label) for source in sources[feature_set]] for feature_set in used}
    importance: dict[str, float] = {}
    for name in sorted({name for names in labels.values() for name in names}):
        permuted = {}
        for feature_set, values in used.items():
            columns = torch.tensor([column == name for column in labels[feature_set]], device=values.device)
            permuted[feature_set] = torch.where(columns, values[order], values)
        importance[name] = float((ensemble.predict(permuted) - before).abs().sum(dim=1).mean() / 2)
    total = sum(importance.values())
    return {name: value / total for name, value in importance.items()} if total > 0 else importance
