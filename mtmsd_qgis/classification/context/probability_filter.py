# SPDX-License-Identifier: GPL-2.0-or-later
"""What neighbours that look alike say together: a pixel takes the class that its surroundings speak for.

Enters: probabilities of the classes, and a guide that says how alike pixels are. Leaves: probabilities, averaged along
likeness over up to 28 pixels. The unlabelled scene itself says where a field ends, so this is right at places that
have no samples too.

How alike neighbours must be, and whether they are of one class at all, is asked of the training samples: those of other
classes may have a small share of the weight. Every sample answers, not only the few places that could be held out.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .joint_bilateral import REACH, neighbour_weights, smooth

log = logging.getLogger(__name__)

LIKENESSES = (0.15, 0.1, 0.05)  # of the guide, of a root mean square near 1 (docs/decisions.md, 28)
STEPS = (1, 2, 4)  # pixels between neighbours, pass after pass
AROUND = REACH * sum(STEPS)  # pixels that have a say, to either side
_MIXED = 0.06  # of the weight, that neighbours of other classes may have
_SEVERAL = 0.1  # with more at the widest likeness, neighbours that look alike are of several classes (decisions, 30)
_MOST = 1500  # samples that are asked


@dataclass(frozen=True)
class Agreement:
    """How opinions are averaged.

    Attributes:
        likeness: Root mean square distance of the guide at which a neighbour's weight is 0.6.
        mixed: Share of the weight that samples of other classes have among training samples, 0 to 1.
        guides: Channels of the guide.
    """

    likeness: float
    mixed: float
    guides: int

    def __call__(self, probabilities: Tensor, guide: Tensor, known: Tensor) -> Tensor:
        """Averaged probabilities (K, h, w); right AROUND pixels away from the window's border.

        Args:
            probabilities: (K, h, w), 0 where unknown.
            guide: (G, h, w), 0 where unknown.
            known: (h, w) bool.
        """
        for step in STEPS:
            weights = neighbour_weights(guide, known, self.likeness, step)
            probabilities = smooth(probabilities, weights, step)
        return probabilities


class KnownNeighbours:
    """Training samples, which say what neighbours that look alike have in common."""

    def __init__(
        self,
        guide: Tensor,
        rows: NDArray[np.int64],
        cols: NDArray[np.int64],
        classes: NDArray[np.int64],
        seed: int,
    ) -> None:
        """Of many samples, some are asked.

        Args:
            guide: (N, G) at the training samples.
            rows: (N,) of the samples.
            cols: (N,) of the samples.
            classes: (N,) class indices.
            seed: Of the samples that are asked.
        """
        some = np.random.default_rng(seed).permutation(len(rows))[:_MOST]
        self._guide = guide[torch.from_numpy(some).to(guide.device)].double()
        self._rows, self._cols, self._classes = rows[some], cols[some], classes[some]
        self._mixed: dict[float, float] = {}

    @property
    def of_several_classes(self) -> bool:
        """Whether samples that lie near each other and look alike are often of different classes."""
        return self._mixing(LIKENESSES[0]) > _SEVERAL

    def agreement(self, *, several: bool = False) -> Agreement | None:
        """The widest likeness at which hardly any weight goes to samples of other classes; None where each mixes them.

        Args:
            several: Whether neighbours that look alike are of several classes; then only the narrowest will do.
        """
        for likeness in LIKENESSES[-1:] if several else LIKENESSES:
            mixed = self._mixing(likeness)
            if mixed <= _MIXED:
                log.info(
                    "Neighbours that look alike decide together (likeness %.2f, %.1f %% of the weight mixes classes).",
                    likeness,
                    100 * mixed,
                )
                return Agreement(likeness, mixed, self._guide.shape[1])
        log.info("Each pixel decides alone, as even neighbours that look very much alike are of several classes.")
        return None

    def _mixing(self, likeness: float) -> float:
        if likeness not in self._mixed:
            self._mixed[likeness] = mixing(self._guide, self._rows, self._cols, self._classes, likeness)
        return self._mixed[likeness]


def mixing(
    guide: Tensor, rows: NDArray[np.int64], cols: NDArray[np.int64], classes: NDArray[np.int64], likeness: float
) -> float:
    """Share of the weight that samples of other classes have, among those within reach and the sample itself, 0 to 1.

    Args:
        guide: (N, G) at the samples.
        rows: (N,) of the samples.
        cols: (N,) of the samples.
        classes: (N,) class indices.
        likeness: As in Agreement.
    """
    row, col, target = (torch.from_numpy(part).to(guide.device) for part in (rows, cols, classes))
    distance = (torch.cdist(guide, guide) ** 2) / guide.shape[1]
    weight = torch.exp(distance * (-0.5 / likeness**2))
    weight *= ((row[:, None] - row).abs() <= AROUND) & ((col[:, None] - col).abs() <= AROUND)
    other = (weight * (target[:, None] != target)).sum(dim=1)
    return float((other / weight.sum(dim=1)).mean())
