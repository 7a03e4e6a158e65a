# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether classes are mixed in context: how far similar neighbours share a class.

Enters: the guidance image at the training samples. Leaves: one share, 0 to 1.

Segments harm where similar neighbours often belong to different classes. That is asked of all training samples at once.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ...sampling.sample_table import SampleTable

MOST_CROSS_CLASS = 0.1  # up to which segments may decide the map (decision 45)
REACH = 28  # pixels to either side within which samples are neighbours
_RANGE_SIGMA = 0.15  # in the guidance image, of a root mean square near 1
_MOST_SAMPLES = 1000


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
    affinity = torch.exp(distance * (-0.5 / _RANGE_SIGMA**2))
    affinity *= ((row[:, None] - row).abs() <= REACH) & ((col[:, None] - col).abs() <= REACH)
    other = (affinity * (class_index[:, None] != class_index)).sum(dim=1)
    return float((other / affinity.sum(dim=1)).mean())
