# SPDX-License-Identifier: GPL-2.0-or-later
"""Why the default classifier gives a pixel its class: the parts of training polygons and of models in its log odds.

Enters: a fitted ensemble, the samples that it was fitted to, and the feature sets of one pixel. Leaves: a
PixelExplanation, whose parts sum to the log odds of the class against the runner-up.

The ensemble's log odds are the mean of those of its models, times a temperature, and a prior. A model's log odds are
the difference of two of its scores times its own temperature, unless the floor under its log probabilities cuts them
off. Sums are in double precision; the map's own numbers are single, so the two differ by rounding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ...jobs.data_model import ClassEntry
from ...jobs.explanation.pixel_explanation import (
    SHOWN_GROUPS,
    GroupPart,
    ModelPart,
    PixelExplanation,
    PointToExplain,
)
from ...sampling.sample_table import SampleTable
from ..auto.calibration import FLOOR
from ..auto.cross_validation import side_by_side
from ..auto.ensemble import Ensemble
from ..auto.feature_sets import FeatureSet
from .learnt_samples import LearntSamples
from .sample_parts import sample_parts

_DIGITS = 6  # of what is told
_LOWEST = FLOOR + 1e-5  # of log probabilities in single precision: those down there have been cut off


def explain_pixel(
    ensemble: Ensemble,
    learnt: LearntSamples,
    features: Mapping[FeatureSet, Tensor],
    point: PointToExplain,
    classes: Sequence[ClassEntry],
) -> PixelExplanation:
    """The parts of the log odds of the most probable class against the runner-up.

    Args:
        ensemble: Fitted.
        learnt: To these samples.
        features: Feature sets (1, F) of the pixel.
        point: Which pixel it is.
        classes: In the order of the class indices.
    """
    probabilities = ensemble.predict(features)[0]
    pair = int(probabilities.argmax()), int(probabilities.argsort(descending=True, stable=True)[1])
    share = ensemble.temperature / len(ensemble.members)
    parts, start, cut, models = np.zeros(len(learnt.table)), 0.0, 0.0, []
    for model in ensemble.members:
        found = sample_parts(model, side_by_side(features, model.spec.predict_on), learnt.training, pair, learnt.seed)
        weight = share * model.temperature
        whole = weight * (found.start + float(found.parts.sum()))
        log_p = [float(log) for log in model.log_probabilities(features)[0][list(pair)]]
        if min(log_p) <= _LOWEST:
            above, whole = whole, share * (log_p[0] - log_p[1])
            cut += whole - above
        parts += weight * found.parts
        start += weight * found.start
        models.append(ModelPart(model.spec.name, round(whole, _DIGITS)))
    prior = float(ensemble.log_prior[pair[0]] - ensemble.log_prior[pair[1]])
    groups = _by_group(parts, learnt.table, classes)
    supporting = [group for group in groups if group.part > 0][:SHOWN_GROUPS]
    opposing = [group for group in reversed(groups) if group.part < 0][:SHOWN_GROUPS]
    shown = sum(group.part for group in (*supporting, *opposing))
    return PixelExplanation(
        point=point,
        class_id=classes[pair[0]].id,
        runner_up_id=classes[pair[1]].id,
        confidence=round(float(probabilities[pair[0]]), _DIGITS),
        log_odds=round(sum(model.part for model in models) + prior, _DIGITS),
        start=round(start, _DIGITS),
        prior=round(prior, _DIGITS),
        cut=round(cut, _DIGITS),
        supporting=tuple(supporting),
        opposing=tuple(opposing),
        others=round(float(parts.sum()) - shown, _DIGITS),
        groups=len(groups),
        models=tuple(models),
    )


def _by_group(parts: NDArray[np.float64], table: SampleTable, classes: Sequence[ClassEntry]) -> list[GroupPart]:
    """Sums over the samples of a polygon and class, the largest first; each lies where its strongest sample does."""
    keys = np.stack([table.group, table.class_index], axis=1)
    unique, of_group = np.unique(keys, axis=0, return_inverse=True)
    of_group = of_group.reshape(-1)
    sums = np.bincount(of_group, weights=parts, minlength=len(unique))
    found = []
    for number in np.argsort(-sums, kind="stable"):
        own = np.flatnonzero(of_group == number)
        strongest = own[int(np.abs(parts[own]).argmax())]
        found.append(
            GroupPart(
                feature=int(unique[number, 0]),
                class_id=classes[int(unique[number, 1])].id,
                samples=len(own),
                row=int(table.rows[strongest]),
                col=int(table.cols[strongest]),
                part=round(float(sums[number]), _DIGITS),
            )
        )
    return found
