# SPDX-License-Identifier: GPL-2.0-or-later
"""How common each class is, asked of the scene itself.

Enters: a reader of views, and a pool that holds its classes equally likely, or as likely as its samples say. Leaves:
the share of each class among pixels without labels, and a pool that expects the classes as often.

A table of samples says little of it: layers give each class about as many samples as any other. Of pixels between two
classes, the common one is right more often.

Source: the first step of the expectation maximisation of Saerens, Latinne & Decaestecker (2002),
doi 10.1162/089976602753284446. Further steps starve the rare classes (docs/decisions.md, 30).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from ...io.windows import Tile, expand
from ...progress import Progress
from .ensemble import Pool
from .feature_sets import MARGIN, ViewReader
from .unlabelled_pixels import SceneDraw

_WINDOWS = 64  # spread over the scene
_PIXELS = 4000  # drawn from them
_SAY = 0.5  # of the scene; the samples have the rest (docs/decisions.md, 30)


def scene_shares(reader: ViewReader, pool: Pool, seed: int, progress: Progress) -> Tensor:
    """Mean probability (K,) of each class over pixels drawn from the whole scene; sums to 1.

    Args:
        reader: Of the views that the pool rests on.
        pool: Fitted.
        seed: Of the draw.
        progress: Told after each window.
    """
    windows = reader.spread(_WINDOWS)
    drawn = SceneDraw(pool.views, np.array([(w.row, w.col) for w in windows]), _PIXELS, seed)
    for done, core in enumerate(windows):
        tile = Tile(core, expand(core, MARGIN, MARGIN))
        drawn.add(*reader.read(tile, pool.views), tile.core)
        progress((done + 1) / len(windows), f"looking at the scene: {done + 1} of {len(windows)} windows")
    return pool.predict(drawn.views()).mean(dim=0)


def expecting(pool: Pool, shares: Tensor) -> Pool:
    """The pool, with classes as likely beforehand as their shares and its samples say together.

    Args:
        pool: Fitted.
        shares: (K,) positive, summing to 1.
    """
    return replace(pool, prior=(1 - _SAY) * pool.prior + _SAY * torch.log(shares))
