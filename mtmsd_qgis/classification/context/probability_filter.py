# SPDX-License-Identifier: GPL-2.0-or-later
"""Edge-preserving filtering of class probabilities, and whether the spatial context of a scene is reliable.

Enters: class probabilities and a guidance image. Leaves: probabilities averaged over similar pixels up to 28 pixels
away. The unlabelled scene itself says where a field ends, so this also helps in fields without samples.

It harms where similar neighbours often belong to different classes. That is asked of all training samples at once,
by their cross-class affinity, and not of the few groups that cross-validation can hold out.

Source: edge-preserving filtering of probability maps, Kang, Li & Benediktsson (2014), doi 10.1109/TGRS.2013.2264508.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ...sampling.sample_table import SampleTable
from .joint_bilateral import RADIUS, affinities, smooth

RANGE_SIGMA = 0.15  # in the guidance image, of a root mean square near 1
DILATIONS = (1, 2, 4)  # pixels between neighbours, pass after pass
REACH = RADIUS * sum(DILATIONS)  # pixels to either side that have an influence
MOST_CROSS_CLASS = 0.1  # affinity share up to which the context is reliable (decision 32)
_MOST_SAMPLES = 1500  # that the cross-class affinity is measured on


@dataclass(frozen=True)
class ProbabilityFilter:
    """A joint bilateral filter on class probabilities.

    Attributes:
        guide_channels: Channels of the guidance image.
        range_sigma: Root mean square distance in the guide at which a neighbour's weight is 0.6.
    """

    guide_channels: int
    range_sigma: float = RANGE_SIGMA

    def __call__(self, probabilities: Tensor, guide: Tensor, known: Tensor) -> Tensor:
        """Filtered probabilities (K, h, w); right REACH pixels away from the window's border.

        Args:
            probabilities: (K, h, w), 0 where unknown.
            guide: (G, h, w), 0 where unknown.
            known: (h, w) bool.
        """
        for dilation in DILATIONS:
            weights = affinities(guide, known, self.range_sigma, dilation)
            probabilities = smooth(probabilities, weights, dilation)
        return probabilities


def cross_class_affinity(guide: Tensor, samples: SampleTable, seed: int) -> float:
    """Mean share of a sample's affinity that goes to samples of other classes within reach, 0 to 1.

    The sample itself counts, so that a sample without neighbours has the share 0.

    Args:
        guide: (N, G), the guidance image at the samples.
        samples: (N,) of them; of many, some are drawn.
        seed: Of that draw.
    """
    drawn = np.random.default_rng(seed).permutation(len(samples))[:_MOST_SAMPLES]
    row, col, class_index = (
        torch.from_numpy(column[drawn]).to(guide.device) for column in (samples.rows, samples.cols, samples.class_index)
    )
    values = guide[torch.from_numpy(drawn).to(guide.device)].double()
    distance = torch.cdist(values, values).square() / values.shape[1]
    affinity = torch.exp(distance * (-0.5 / RANGE_SIGMA**2))
    affinity *= ((row[:, None] - row).abs() <= REACH) & ((col[:, None] - col).abs() <= REACH)
    other = (affinity * (class_index[:, None] != class_index)).sum(dim=1)
    return float((other / affinity.sum(dim=1)).mean())
