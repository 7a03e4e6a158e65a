# SPDX-License-Identifier: GPL-2.0-or-later
"""Mean of one figure over trainings and draws, and how much of its spread each of the two accounts for.

Enters: the figure for each training of the diffusion model and each draw of the split. Leaves: its mean, standard
deviations, variance components and standard error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Run = tuple[int, int]  # training, seed of the draw


@dataclass(frozen=True)
class Components:
    """Variance components of a single measured figure = mean + effect of training + effect of draw + remainder.

    Attributes:
        training: Variance of the effect of the training, in the figure's unit squared, as the next two.
        draw: Variance of the effect of the draw.
        remainder: Variance of what a training does on one draw and not on the others.
    """

    training: float
    draw: float
    remainder: float

    @property
    def shares(self) -> tuple[float, float, float]:
        """Of training, draw and remainder, 0 to 1; all 0 where nothing varies."""
        total = self.training + self.draw + self.remainder
        return tuple(part / total if total else 0.0 for part in (self.training, self.draw, self.remainder))


@dataclass(frozen=True)
class Figure:
    """One figure over trainings and draws.

    Attributes:
        mean: Over all.
        deviation: Standard deviation over draws of the mean over trainings; None of a single draw.
        draws: How many.
        trainings: How many.
        deviation_of_trainings: Standard deviation over trainings of the mean over draws; None of a single training.
        components: None without two trainings and two draws.
    """

    mean: float
    deviation: float | None
    draws: int
    trainings: int = 1
    deviation_of_trainings: float | None = None
    components: Components | None = None

    @property
    def standard_error(self) -> float | None:
        """Of the mean, for other trainings and other draws; of a single training, for other draws only.

        Draws of one scene share pixels, so the true one is larger.
        """
        if self.components is not None:
            parts = self.components
            runs = self.trainings * self.draws
            variance = parts.training / self.trainings + parts.draw / self.draws + parts.remainder / runs
            return float(np.sqrt(variance))
        return None if self.deviation is None else self.deviation / float(np.sqrt(self.draws))


def spread(values: Mapping[Run, float]) -> Figure:
    """Mean and spread of the figure on the draws that all trainings have."""
    table = _table(values)
    trainings, draws = table.shape
    of_trainings, of_draws = table.mean(axis=1), table.mean(axis=0)
    return Figure(
        float(table.mean()),
        float(of_draws.std(ddof=1)) if draws > 1 else None,
        draws,
        trainings,
        float(of_trainings.std(ddof=1)) if trainings > 1 else None,
        components(table) if trainings > 1 and draws > 1 else None,
    )


def components(table: NDArray[np.float64]) -> Components:
    """Variance components by the method of moments; a negative estimate counts as 0.

    Args:
        table: (T, S) the figure of each training and draw, two of each or more.

    Source: Searle, Casella, McCulloch (1992), Variance Components, chapter 4: two-way crossed classification, random
    effects, one observation a cell.
    """
    trainings, draws = table.shape
    of_trainings, of_draws = table.mean(axis=1), table.mean(axis=0)
    residuals = table - of_trainings[:, None] - of_draws[None, :] + table.mean()
    remainder = float((residuals**2).sum()) / ((trainings - 1) * (draws - 1))
    training = float(of_trainings.var(ddof=1)) - remainder / draws
    draw = float(of_draws.var(ddof=1)) - remainder / trainings
    return Components(max(0.0, training), max(0.0, draw), remainder)


def _table(values: Mapping[Run, float]) -> NDArray[np.float64]:
    """(T, S) values on the draws that all trainings have; of the first training alone, where they share none."""
    trainings = sorted({training for training, _ in values})
    seeds = [{seed for each, seed in values if each == training} for training in trainings]
    common = sorted(set.intersection(*seeds))
    if not common:
        trainings, common = trainings[:1], sorted(seeds[0])
    return np.array([[values[training, seed] for seed in common] for training in trainings], dtype=np.float64)
