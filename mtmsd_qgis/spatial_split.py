# SPDX-License-Identifier: GPL-2.0-or-later
"""Splits of labelled samples into training and validation, and what a split does to the figure it yields.

Enters: class index and group or place of each sample. Leaves: which samples are held out, and one sentence for the
report.

Why space matters: neighbouring pixels are alike, and spatial features of a held-out pixel have seen the training
pixels beside it. Source: Nalepa et al. (2019), arXiv 1811.03707, and others: random pixel splits overstate accuracy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEAST_TRAINING_SAMPLES = 2  # of a class; fewer have no variance, and batch normalisation needs two


@dataclass(frozen=True)
class Split:
    """Which samples are held out, and how.

    Attributes:
        method: "none", "random" or "spatial".
        held_out: (N,) bool, True for validation.
        sentence: What the split does to the accuracy, for the report.
        not_held_out: Class indices of which nothing could be held out.
    """

    method: str
    held_out: NDArray[np.bool_]
    sentence: str
    not_held_out: tuple[int, ...] = ()


def no_split(count: int) -> Split:
    """Everything is for training."""
    return Split("none", np.zeros(count, dtype=bool), "Nothing was held out, so no accuracy is given.")


def random_split(classes: NDArray[np.int64], share: float, seed: int) -> Split:
    """Hold out a share of each class's samples, drawn at random; each class keeps at least two for training.

    Args:
        classes: (N,) class indices.
        share: Held out, 0 to 1.
        seed: Of the draw.
    """
    rng = np.random.default_rng(seed)
    held_out = np.zeros(len(classes), dtype=bool)
    for index in np.unique(classes):
        members = np.flatnonzero(classes == index)
        training = max(LEAST_TRAINING_SAMPLES, round(len(members) * (1 - share)))
        held_out[rng.permutation(members)[training:]] = True
    sentence = (
        f"A random {share:.0%} of each class's pixels was held out. Neighbours of the held-out pixels were used in "
        "training, so this figure overstates the accuracy on fields that were never seen."
    )
    return Split("random", held_out, sentence, _without(classes, held_out))


def spatial_split(classes: NDArray[np.int64], groups: NDArray[np.int64], share: float, seed: int) -> Split:
    """Hold out whole groups (polygons or blocks), about the given share of each class.

    Groups are visited in random order. One is held out where every class in it still lacks held-out samples (it may
    overshoot the share by half of its own size) and keeps at least two samples and one other group for training.

    Args:
        classes: (N,) class indices.
        groups: (N,) group ids; a group's samples are never parted.
        share: Held out, 0 to 1.
        seed: Of the order.
    """
    rng = np.random.default_rng(seed)
    _, group_index = np.unique(groups, return_inverse=True)
    counts = np.zeros((group_index.max() + 1, classes.max() + 1), dtype=np.int64)  # (groups, classes)
    np.add.at(counts, (group_index, classes), 1)
    total = counts.sum(axis=0)
    held = np.zeros_like(total)
    chosen = np.zeros(len(counts), dtype=bool)
    for group in rng.permutation(len(counts)):
        mine = counts[group]
        present = mine > 0
        fits = held + mine / 2 <= share * total
        leaves_enough = total - held - mine >= LEAST_TRAINING_SAMPLES
        if np.all((fits & leaves_enough)[present]):
            chosen[group] = True
            held += mine
    held_out = chosen[group_index]
    sentence = (
        f"Whole polygons or blocks, {held.sum() / total.sum():.0%} of the pixels, were held out and kept apart from "
        "the training samples, so this figure speaks for places that were not sampled."
    )
    return Split("spatial", held_out, sentence, _without(classes, held_out))


def sample_groups(
    groups: NDArray[np.int64], rows: NDArray[np.int64], cols: NDArray[np.int64], block_size: int
) -> NDArray[np.int64]:
    """Groups that a spatial split keeps together: the polygons, or blocks of the grid where samples are points.

    Args:
        groups: (N,) id of the feature that each sample comes from.
        rows: (N,) rows of the samples.
        cols: (N,) columns.
        block_size: Side of a block, pixels.
    """
    if len(np.unique(groups)) < len(groups):
        return groups
    blocks_per_row = int(cols.max()) // block_size + 1
    return rows // block_size * blocks_per_row + cols // block_size


def _without(classes: NDArray[np.int64], held_out: NDArray[np.bool_]) -> tuple[int, ...]:
    return tuple(int(i) for i in np.setdiff1d(classes, classes[held_out]))
