# SPDX-License-Identifier: GPL-2.0-or-later
"""What a pool of models rests on.

Enters: a fitted Pool and views of samples. Leaves: the share of each source (timestep, stage, spectra) in its map.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from .ensemble import Pool


def influences(
    pool: Pool, views: Mapping[str, Tensor], labels: Mapping[str, Sequence[str]], seed: int
) -> dict[str, float]:
    """How much the map rests on each source: the change of the probabilities when the source is shuffled.

    All columns of a label are shuffled together among the samples; the mean distance (total variation) between the
    probabilities before and after is its influence. Source: permutation importance, Breiman (2001),
    doi 10.1023/A:1010933404324, here without labels of the samples.

    Args:
        pool: Fitted.
        views: Of samples, (n, F) each.
        labels: Of each view's columns, e.g. their timesteps.
        seed: Of the shuffling.

    Returns:
        Shares that sum to 1, by label, in the order of their names; all 0 where nothing has an influence.
    """
    used = {name: views[name] for name in pool.views}
    before = pool.predict(used)
    order = torch.from_numpy(np.random.default_rng(seed).permutation(len(before))).to(before.device)
    found: dict[str, float] = {}
    for label in sorted({label for name in used for label in labels[name]}):
        shuffled = {}
        for name, view in used.items():
            mine = torch.tensor([here == label for here in labels[name]], device=view.device)
            shuffled[name] = torch.where(mine, view[order], view)
        found[label] = float((pool.predict(shuffled) - before).abs().sum(dim=1).mean() / 2)
    total = sum(found.values())
    return {label: value / total for label, value in found.items()} if total > 0 else found
