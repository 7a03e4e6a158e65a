# SPDX-License-Identifier: GPL-2.0-or-later
"""Which cells, a timestep and a stage each, the decisions of a classifier of all timesteps depend on.

Enters: what was learnt, and the samples' features. Leaves: the share of each cell.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ...jobs.data_model import FeatureLayout
from ...progress import Progress
from ..estimator import LabelledFeatures
from ..feature_value.column_sources import Source
from ..feature_value.feature_importance import cell_table, permuted_shares
from ..training_task import CellWeights
from .reader import FusionRule

_SAMPLES = 200  # at most; 95 cells then take a twentieth of the time of the training of five networks


def cell_shares(
    rule: FusionRule, samples: LabelledFeatures, layout: FeatureLayout, seed: int, progress: Progress
) -> CellWeights:
    """How much probabilities change when a cell's features are permuted among samples; see permuted_shares.

    Args:
        rule: Fitted.
        samples: Purified features of training samples; of many, some at even distances are taken.
        layout: Of the raster.
        seed: Of the permutation.
        progress: Told after each cell.
    """
    chosen = slice(None, None, -(-len(samples.classes) // _SAMPLES))
    local, around = samples.local[chosen], samples.around[chosen]
    stages = torch.tensor(layout.feature_stages, device=local.device)
    of_local, of_around = stages[rule.purified.local], stages[rule.purified.around]
    cells = [Source(str(t), str(s)) for t in layout.timesteps for s in sorted(set(stages.tolist()))]
    if not cell_table(layout, {}):
        return {}
    done = 0

    def predict(cell: Source | None, order: Tensor) -> Tensor:
        nonlocal done
        if cell is None:
            return rule.classifier.predict(local, around)
        timestep = layout.timesteps.index(int(cell.timestep))
        permuted = [
            _permuted(values, timestep, of_values == int(cell.stage), order)
            for values, of_values in ((local, of_local), (around, of_around))
        ]
        done += 1
        progress(done / len(cells), "importance of timesteps and stages")
        return rule.classifier.predict(*permuted)

    return cell_table(layout, permuted_shares(predict, cells, seed))


def _permuted(values: Tensor, timestep: int, columns: Tensor, order: Tensor) -> Tensor:
    """(N, T, D) with some columns (D,) of a timestep taken in an order (N,)."""
    permuted = values.clone()
    permuted[:, timestep] = torch.where(columns, values[order, timestep], values[:, timestep])
    return permuted
