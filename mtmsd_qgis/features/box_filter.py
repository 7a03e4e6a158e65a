# SPDX-License-Identifier: GPL-2.0-or-later
"""Means over a window that slides over valid pixels: the global features around each pixel.

Source: Zhou et al. (2024): the global feature is the mean over the patch centred on the pixel. Deviation: the window
slides over the features of tiles, and only valid pixels count.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def box_mean(values: Tensor, valid: Tensor, inner_rows: slice, inner_cols: slice, side: int) -> Tensor:
    """Mean over valid pixels of the side x side window around each pixel: offsets -side/2 to side - side/2 - 1.

    The window is that of the paper's patch, in which the pixel lies at [side / 2, side / 2].

    Args:
        values: (F, h, w) float32, anything where invalid.
        valid: (h, w) bool.
        inner_rows: Rows wanted; the rest is the margin the window reads.
        inner_cols: Columns wanted.
        side: Of the window, pixels.

    Returns:
        (F, rows, columns) float32; 0 where the window has no valid pixel.
    """
    by_row = _box_weights(values.shape[-2], inner_rows, side).to(values)
    by_col = _box_weights(values.shape[-1], inner_cols, side).to(values)
    count = by_row @ valid.to(values) @ by_col.T
    total = by_row @ known_or_zero(values, valid) @ by_col.T
    return total / count.clamp(min=1)


def known_or_zero(values: Tensor, known: Tensor) -> Tensor:
    """Values (F, h, w), 0 where they are not known (h, w); the very same where all are."""
    return values if bool(known.all()) else torch.where(known, values, 0)


def box_margin(side: int) -> tuple[int, int]:
    """Pixels that a window of the given side reads before and after a pixel."""
    return side // 2, max(0, side - side // 2 - 1)


def _box_weights(length: int, inner: slice, side: int) -> Tensor:
    """(wanted, length) float32 of zeros and ones: which positions each wanted one sums."""
    before, after = box_margin(side)
    wanted = np.arange(inner.start, inner.stop)[:, None]
    position = np.arange(length)[None, :]
    return torch.from_numpy(((position >= wanted - before) & (position <= wanted + after)).astype(np.float32))
