# SPDX-License-Identifier: GPL-2.0-or-later
"""Pixels of the scene, drawn from windows as they are read for the samples.

Enters: views of one window after another. Leaves: views of so many of their pixels, each as likely as any other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


class SceneDraw:
    """A draw without replacement from windows whose number and size need not be known.

    Attributes:
        views: Of the pixels drawn so far, (M, F) each.
    """

    def __init__(self, names: Sequence[str], count: int, seed: int) -> None:
        """Nothing is drawn yet.

        Args:
            names: Of the views to keep.
            count: The most pixels.
            seed: Of the draw.
        """
        self.views: dict[str, Tensor] = {}
        self._names, self._count = names, count
        self._rng = np.random.default_rng(seed)
        self._keys = np.zeros(0)  # a random number for each pixel seen; those with the smallest are drawn

    def add(self, views: Mapping[str, Tensor], valid: NDArray[np.bool_]) -> None:
        """Draw from one more window.

        Args:
            views: (F, h, w) each.
            valid: (h, w), where a pixel may be drawn.
        """
        rows, cols = np.nonzero(valid)
        before = len(self._keys)
        keys = np.concatenate([self._keys, self._rng.random(len(rows))])
        kept = np.argsort(keys)[: self._count]
        old, new = kept[kept < before], kept[kept >= before] - before
        for name in self._names:
            fresh = views[name][:, rows[new], cols[new]].T
            earlier = self.views.get(name, fresh[:0])
            self.views[name] = torch.cat([earlier[torch.from_numpy(old).to(fresh.device)], fresh])
        self._keys = keys[np.concatenate([old, new + before])]
