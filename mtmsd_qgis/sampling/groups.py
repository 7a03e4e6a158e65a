# SPDX-License-Identifier: GPL-2.0-or-later
"""Spatial groups: samples that a spatial split or fold keeps together.

Enters: positions of samples, and the features they come from. Leaves: a group id of each sample.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..errors import SamplesError
from .sample_table import SampleTable


def block_ids(
    rows: NDArray[np.int64] | NDArray[np.float64], cols: NDArray[np.int64] | NDArray[np.float64], side: float
) -> NDArray[np.int64]:
    """The block of a regular grid that each sample lies in; the grid's lines are multiples of the side.

    Args:
        rows: (N,) rows in pixels, or any plane coordinate.
        cols: (N,) columns, or the other coordinate, in the same unit.
        side: Of a block, in that unit.

    Returns:
        (N,) ids from 0 without gaps, ascending by row, then by column of blocks.
    """
    cells = np.floor(np.stack([rows, cols], axis=1) / side).astype(np.int64)
    _, block = np.unique(cells, axis=0, return_inverse=True)
    return block.reshape(-1).astype(np.int64)  # numpy 2.0 keeps a second axis


def spatial_groups(samples: SampleTable, block_size: float) -> NDArray[np.int64]:
    """Groups (N,) that stay together: the polygons; or, where most features are single samples, as points are, blocks.

    Features of several samples, such as multipoints, stay whole also there.

    Args:
        samples: With the features that they come from.
        block_size: Side of a block, pixels.
    """
    _, feature, counts = np.unique(samples.group, return_inverse=True, return_counts=True)
    alone = counts == 1
    if 2 * alone.sum() <= len(alone):
        return samples.group
    return with_features_whole(block_ids(samples.rows, samples.cols, block_size), feature, alone[feature])


def with_features_whole(
    blocks: NDArray[np.int64], feature: NDArray[np.int64], single: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """The blocks (N,) of samples, but the features (N,) of those that are no single ones."""
    return np.where(single, blocks, blocks.max(initial=0) + 1 + feature)


def fitting_block_size(positions: NDArray[np.float64]) -> float:
    """A block size that lays about a hundred squares over the samples' extent, rounded to two digits.

    Args:
        positions: (N, 2) x and y.

    Raises:
        SamplesError: All samples lie in one place.
    """
    extent = np.ptp(positions, axis=0)
    longer = float(extent.max())
    if longer == 0:
        raise SamplesError(
            "Samples at different positions were expected; all of them lie in one place, so blocks cannot split them. "
            "Choose the random method, or add samples elsewhere."
        )
    width, height = np.maximum(extent, longer / 100)  # samples along a line have an extent without area
    return float(f"{np.sqrt(width * height / 100):.2g}")
