# SPDX-License-Identifier: GPL-2.0-or-later
"""Logistic regression on all timesteps and stages, each with one weight that can be read.

Enters: labelled features (N, T, D) and the stage of each feature. Leaves: a FittedLogistic in whose scaling the weights
are, and the weights.

Source: the aggregation of Diffusion Hyperfeatures (Luo et al. 2023, arXiv 2305.14334). Deviations: weights by alignment
(see cell_alignment), and each cell has coefficients of its own in place of a bottleneck that timesteps share.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from ...progress import Progress
from ..estimator import LabelledFeatures
from ..logistic_regression import FittedLogistic, LogisticRegression
from ..standardizer import Standardizer
from .cell_alignment import CellAlignment, cell_alignment, class_targets, column_scale

log = logging.getLogger(__name__)

_NAMED = 3  # cells in the log


@dataclass(frozen=True)
class HyperfeatureRegression:
    """The estimator.

    Attributes:
        classes: K.
        seed: Of the folds.
        of_local: (D,) stages of the features at the pixel.
        of_around: (D',) stages of those around it.
    """

    classes: int
    seed: int
    of_local: Tensor
    of_around: Tensor

    def fit(self, samples: LabelledFeatures, progress: Progress) -> tuple[FittedLogistic, CellAlignment]:
        """Weigh the cells, choose the penalty and fit.

        Args:
            samples: For training.
            progress: Told after each fit.
        """
        local, around = Standardizer.fit(samples.local), Standardizer.fit(samples.around)
        weights = cell_alignment(
            local(samples.local),
            around(samples.around),
            self.of_local,
            self.of_around,
            class_targets(samples.classes, self.classes, samples.weight),
        )
        columns, device = local.mean.numel() + around.mean.numel(), local.scale.device
        scaled = [
            Standardizer(scaler.mean, scaler.scale * column_scale(weight, stage, weights.stages, columns).to(device))
            for scaler, weight, stage in (
                (local, weights.local, self.of_local),
                (around, weights.around, self.of_around),
            )
        ]
        fitted = LogisticRegression(self.classes, self.seed).fit_scaled(samples, scaled[0], scaled[1], progress)
        return fitted, weights


def log_alignment(weights: CellAlignment, timesteps: Sequence[int]) -> None:
    """Name the cells that weigh most."""
    table = weights.table(timesteps)
    cells = sorted(((w, t, s) for t, row in table.items() for s, w in row.items()), reverse=True)
    named = ", ".join(f"t = {t} at stage {s} ({len(cells) * w:.1f})" for w, t, s in cells[:_NAMED])
    log.info("Heaviest timesteps and stages, where 1 is an even weight: %s.", named)
