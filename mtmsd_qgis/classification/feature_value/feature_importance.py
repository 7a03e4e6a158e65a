# SPDX-License-Identifier: GPL-2.0-or-later
"""What the decisions of a classifier depend on: timesteps, stages, cells of both, spectra.

Enters: a fitted classifier and features of samples. Leaves: the share of each source.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from ...jobs.classifier_description import words_first
from ...jobs.data_model import FeatureLayout
from ..auto.ensemble import Ensemble
from ..auto.feature_sets import FeatureSet
from ..training_task import CellWeights
from .column_sources import ALL_STAGES, Source

IMPORTANCE_SAMPLES = 500  # that importance is measured at, at most

Name = TypeVar("Name", bound=Hashable)


@dataclass(frozen=True)
class SourceShares:
    """Shares that sum to 1: by timestep, by stage, and by cell of both; "spectra" where there is no such.

    Attributes:
        timesteps: By timestep.
        stages: By stage.
        cells: By timestep and stage; its shares and those of other sources sum to 1. Empty where a model sees
            components of several stages.
    """

    timesteps: Mapping[str, float]
    stages: Mapping[str, float]
    cells: CellWeights


def source_shares(
    ensemble: Ensemble,
    features: Mapping[FeatureSet, Tensor],
    sources: Mapping[FeatureSet, Sequence[Source]],
    layout: FeatureLayout,
    seed: int,
) -> SourceShares:
    """How much the decisions of an ensemble depend on timesteps, stages, and cells of both; see permuted_shares.

    Args:
        ensemble: Fitted.
        features: Feature sets of samples, (n, F) each.
        sources: Of each feature set's columns.
        layout: Of the raster: its cells are named even where no model uses them.
        seed: Of the permutation.
    """
    used = {feature_set: features[feature_set] for feature_set in ensemble.feature_sets}
    unchanged = [member.log_probabilities(used) for member in ensemble.members]

    def shares(name_of: Callable[[Source], Name]) -> dict[Name, float]:
        names = {feature_set: [name_of(source) for source in sources[feature_set]] for feature_set in used}

        def predict(name: Name | None, order: Tensor) -> Tensor:
            permuted = {s: _permuted(used[s], names[s], name, order) for s in used if name in names[s]}
            return ensemble.combined(
                [
                    member.log_probabilities({**used, **permuted})
                    if permuted.keys() & member.spec.predict_on
                    else log_p
                    for member, log_p in zip(ensemble.members, unchanged)
                ]
            )

        return permuted_shares(predict, {name for each in names.values() for name in each}, seed)

    by_timestep, by_stage = shares(lambda source: source.timestep), shares(lambda source: source.stage)
    cells = {} if ALL_STAGES in by_stage else cell_table(layout, shares(lambda source: source))
    return SourceShares(words_first(by_timestep), words_first(by_stage), cells)


def permuted_shares(
    predict: Callable[[Name | None, Tensor], Tensor], names: Iterable[Name], seed: int
) -> dict[Name, float]:
    """How much probabilities change when a source is permuted among the samples.

    All columns of a source are permuted together; the mean distance (total variation) between the probabilities before
    and after is its importance. Source: Breiman (2001), doi 10.1023/A:1010933404324, here without labels of the
    samples.

    Args:
        predict: Probabilities (n, K) with a source's columns taken in an order (n,); with None as they are.
        names: Of the sources.
        seed: Of the permutation.

    Returns:
        Shares that sum to 1, in the order of the names; all 0 where nothing has an influence.
    """
    before = predict(None, torch.empty(0, dtype=torch.long))
    order = torch.from_numpy(np.random.default_rng(seed).permutation(len(before))).to(before.device)
    importance = {
        name: float((predict(name, order) - before).abs().sum(dim=1).mean() / 2)
        for name in sorted(names)  # type: ignore[type-var]
    }
    total = sum(importance.values())
    return {name: value / total for name, value in importance.items()} if total > 0 else importance


def cell_table(layout: FeatureLayout, shares: Mapping[Source, float]) -> CellWeights:
    """Shares by timestep, then stage: a value for each cell that the raster has, 0 where there is no share of it.

    Empty for a raster without timesteps and named stages.
    """
    if len(layout.timesteps) < 2 or not layout.names:
        return {}
    stages = [str(stage) for stage in sorted(set(layout.feature_stages))]
    return {
        str(timestep): {stage: shares.get(Source(str(timestep), stage), 0.0) for stage in stages}
        for timestep in layout.timesteps
    }


def _permuted(values: Tensor, names: Sequence[Name], name: Name | None, order: Tensor) -> Tensor:
    """Columns (n, F) with those of a name taken in an order."""
    columns = torch.tensor([each == name for each in names], device=values.device)
    return torch.where(columns, values[order], values)
