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
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .likeness import REACH, neighbour_weights, smooth

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


def of_several_classes(
    guide: Tensor, rows: NDArray[np.int64], cols: NDArray[np.int64], classes: NDArray[np.int64], seed: int
) -> bool:
    """Whether training samples that lie near each other and look alike are often of different classes.

    Args:
        guide: (N, G) at the training samples.
        rows: (N,) of the samples.
        cols: (N,) of the samples.
        classes: (N,) class indices.
        seed: Of the samples that are asked, where there are many.
    """
    return next(_mixings(guide, rows, cols, classes, seed, LIKENESSES))[1] > _SEVERAL


def find_agreement(
    guide: Tensor,
    rows: NDArray[np.int64],
    cols: NDArray[np.int64],
    classes: NDArray[np.int64],
    seed: int,
    *,
    several: bool = False,
) -> Agreement | None:
    """The widest likeness at which hardly any weight goes to samples of other classes; None where each mixes them.

    Args:
        guide: (N, G) at the training samples.
        rows: (N,) of the samples.
        cols: (N,) of the samples.
        classes: (N,) class indices.
        seed: Of the samples that are asked, where there are many.
        several: Whether neighbours that look alike are of several classes; then only the narrowest likeness will do.
    """
    asked = LIKENESSES[-1:] if several else LIKENESSES
    for likeness, mixed in _mixings(guide, rows, cols, classes, seed, asked):
        if mixed <= _MIXED:
            log.info(
                "Neighbours that look alike decide together (likeness %.2f, %.1f %% of the weight mixes classes).",
                likeness,
                100 * mixed,
            )
            return Agreement(likeness, mixed, guide.shape[1])
    log.info("Each pixel decides alone, as even neighbours that look very much alike are of several classes.")
    return None


def _mixings(
    guide: Tensor,
    rows: NDArray[np.int64],
    cols: NDArray[np.int64],
    classes: NDArray[np.int64],
    seed: int,
    likenesses: Sequence[float],
) -> Iterator[tuple[float, float]]:
    """Each likeness with the share of the weight that mixes classes; of a part of the samples, where there are many."""
    some = np.random.default_rng(seed).permutation(len(rows))[:_MOST]
    asked = guide[torch.from_numpy(some).to(guide.device)].double()
    for likeness in likenesses:
        yield likeness, mixing(asked, rows[some], cols[some], classes[some], likeness)


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
