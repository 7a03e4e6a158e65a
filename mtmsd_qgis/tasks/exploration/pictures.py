# SPDX-License-Identifier: GPL-2.0-or-later
"""Pictures of the pixels of an inspection, as data URIs.

Enters: values of pixels, and where they lie in the picture. Leaves: PNG with a palette, white where there is no data.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...report.charts import data_uri, indexed_png, png_data_uri

_LEVELS = np.array([6, 7, 6])  # of red, green and blue: 252 colours, and white for no data
_STEPS = 64  # from dark to bright in a picture of one channel
_ENDS = (0.02, 0.98)  # quantiles that become the ends of the scale
# From dark blue by green to yellow: brightness grows along it, so that it reads in grey too.
_SCALE = np.array([[34, 20, 84], [45, 82, 134], [42, 145, 128], [122, 191, 88], [250, 230, 80]], dtype=np.float64)


def size_of(places: NDArray[np.int64]) -> tuple[int, int]:
    """Height and width of a picture whose pixels (N, 2) are these."""
    height, width = places.max(axis=0) + 1
    return int(height), int(width)


def colour_picture(values: NDArray[np.floating], places: NDArray[np.int64]) -> str:
    """A picture of colours (N, 3) from 0 to 1."""
    levels = np.rint(np.clip(values, 0, 1) * (_LEVELS - 1)).astype(np.int64)
    index = (levels[:, 0] * _LEVELS[1] + levels[:, 1]) * _LEVELS[2] + levels[:, 2]
    grid = np.stack(np.meshgrid(*(np.arange(n) for n in _LEVELS), indexing="ij"), axis=-1).reshape(-1, 3)
    return _picture(index, 255.0 * grid / (_LEVELS - 1), places)


def scene_picture(values: NDArray[np.floating], places: NDArray[np.int64]) -> str:
    """A picture of colours (N, 3) from 0 to 1, with all their shades."""
    picture = np.full((*size_of(places), 3), 255, dtype=np.uint8)
    picture[places[:, 0], places[:, 1]] = np.rint(255 * np.clip(values, 0, 1))
    return png_data_uri(picture)


def channel_picture(values: NDArray[np.floating], places: NDArray[np.int64]) -> str:
    """A picture of one value (N,) a pixel, from its lowest to its highest but for the outermost."""
    shares = stretched(values[:, None])[:, 0]
    ends = np.linspace(0, 1, len(_SCALE))
    palette = np.stack([np.interp(np.linspace(0, 1, _STEPS), ends, part) for part in _SCALE.T], axis=1)
    return _picture(np.rint(shares * (_STEPS - 1)).astype(np.int64), palette, places)


def stretched(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Columns (N, F) from 0 at their 2 % quantile to 1 at that of 98 %; 0.5 where a column is constant."""
    wide = np.asarray(values, dtype=np.float64)
    low, high = np.quantile(wide, _ENDS, axis=0)
    extent = high - low
    return np.asarray(
        np.clip(np.where(extent > 0, (wide - low) / np.where(extent > 0, extent, 1.0), 0.5), 0, 1), dtype=np.float64
    )


def _picture(index: NDArray[np.int64], palette: NDArray[np.float64], places: NDArray[np.int64]) -> str:
    picture = np.full(size_of(places), len(palette), dtype=np.uint8)
    picture[places[:, 0], places[:, 1]] = index
    colours = np.concatenate([np.rint(palette), [[255, 255, 255]]]).astype(np.uint8)
    return data_uri(indexed_png(picture, colours))
