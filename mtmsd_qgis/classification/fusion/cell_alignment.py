# SPDX-License-Identifier: GPL-2.0-or-later
"""Weights of timesteps and stages: how closely the features of each alone follow the classes.

Enters: standardised features of training samples, and the stage of each. Leaves: a weight for each cell, a timestep and
a stage, of the features at the pixel and of those around it.

Source: Luo et al. (2023), arXiv 2305.14334, for one weight a timestep and layer that is the same for every pixel;
Cortes, Mohri & Rostamizadeh (2012), JMLR 13, for the centred alignment of a kernel with the classes, which takes the
place of their training here: a weight needs no step size, and no second cell to be compared with. Deviation: the
alignment that features without any relation to the classes would have on average is subtracted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..training_task import CellWeights


@dataclass(frozen=True)
class CellAlignment:
    """Weights of cells; all of them sum to 1.

    Attributes:
        local: (T, S) of the features at the pixel.
        around: (T, S) of the features around it.
        stages: S stages, ascending.
    """

    local: Tensor
    around: Tensor
    stages: Sequence[int]

    def table(self, timesteps: Sequence[int]) -> CellWeights:
        """Weight of each timestep and, in it, of each stage, at the pixel and around it together."""
        both = (self.local + self.around).tolist()
        return {
            str(timestep): {str(stage): weight for stage, weight in zip(self.stages, row)}
            for timestep, row in zip(timesteps, both)
        }


def alignment(values: Tensor, stage: Tensor, stages: Sequence[int], targets: Tensor) -> Tensor:
    """Alignment (T, S) of each cell with the classes, 0 where it is no better than chance.

    Args:
        values: (N, T, D) standardised features.
        stage: (D,) of each feature.
        stages: S.
        targets: (N, K) of class_targets.
    """
    found = torch.zeros(values.shape[1], len(stages), dtype=torch.float64)
    by_chance = targets.square().sum() / max(1, len(targets) - 1)
    for t in range(values.shape[1]):
        for number, wanted in enumerate(stages):
            cell = values[:, t, stage == wanted].double()
            cell = cell - cell.mean(dim=0)
            explained = (cell.T @ targets).square().sum() - by_chance * cell.square().sum()
            length = (cell.T @ cell).norm()
            found[t, number] = (explained / length.clamp(min=1e-30)).clamp(min=0)
    return found


def class_targets(classes: Tensor, count: int, weight: Tensor | None = None) -> Tensor:
    """(N, K) which class a sample has, centred; every class counts alike, however many samples it has.

    Args:
        classes: (N,) 0 to K - 1.
        count: K.
        weight: (N,) of the samples; None: all count alike.
    """
    indicators = torch.nn.functional.one_hot(classes, count).double()
    if weight is not None:
        indicators = indicators * weight.double()[:, None]
    scaled = indicators / indicators.square().sum(dim=0).clamp(min=1e-30).sqrt()
    return scaled - scaled.mean(dim=0)


def cell_alignment(
    local: Tensor, around: Tensor, of_local: Tensor, of_around: Tensor, targets: Tensor
) -> CellAlignment:
    """Weights of all cells; even ones where no cell tells classes apart.

    Args:
        local: (N, T, D) standardised features at the pixel.
        around: (N, T, D') standardised features around it.
        of_local: (D,) stages of the first.
        of_around: (D',) stages of the second.
        targets: (N, K) of class_targets.
    """
    stages = sorted({*of_local.tolist(), *of_around.tolist()})
    each = [alignment(values, stage, stages, targets) for values, stage in ((local, of_local), (around, of_around))]
    total = each[0].sum() + each[1].sum()
    if not total > 0:
        each = [_where_present(part, stage, stages) for part, stage in zip(each, (of_local, of_around))]
        total = each[0].sum() + each[1].sum()
    return CellAlignment(each[0] / total, each[1] / total, stages)


def column_scale(weights: Tensor, stage: Tensor, stages: Sequence[int], columns: int) -> Tensor:
    """What standardised features (T, D) are multiplied by, so that a cell's variance is its weight.

    Args:
        weights: (T, S) of the cells.
        stage: (D,) of each feature.
        stages: S.
        columns: Features of all cells together, which the variances sum to.
    """
    index = torch.tensor([list(stages).index(each) for each in stage.tolist()])
    count = torch.bincount(index, minlength=len(stages)).clamp(min=1)
    return (weights * columns / count).sqrt()[:, index].float()


def _where_present(like: Tensor, stage: Tensor, stages: Sequence[int]) -> Tensor:
    present = torch.tensor([bool((stage == each).any()) for each in stages])
    return torch.ones_like(like) * present
