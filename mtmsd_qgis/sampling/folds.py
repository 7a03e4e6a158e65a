# SPDX-License-Identifier: GPL-2.0-or-later
"""Folds for cross-validation on training samples, of the kind that the map shall be good at.

Enters: class index and group of each sample. Leaves: the fold that holds each sample out, -1 for always training.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ALWAYS_TRAINING = -1


def random_folds(classes: NDArray[np.int64], count: int, seed: int) -> NDArray[np.int64]:
    """Folds of single samples, each class dealt out evenly: what is held out lies among what is learnt.

    Args:
        classes: (N,) class indices.
        count: Of folds.
        seed: Of the draw.

    Returns:
        (N,) folds, 0 to count - 1.
    """
    rng = np.random.default_rng(seed)
    fold = np.zeros(len(classes), dtype=np.int64)
    for index in np.unique(classes):
        members = rng.permutation(np.flatnonzero(classes == index))
        fold[members] = (np.arange(len(members)) + rng.integers(count)) % count
    return fold


def group_folds(classes: NDArray[np.int64], groups: NDArray[np.int64], count: int, seed: int) -> NDArray[np.int64]:
    """Folds of whole groups, which imitate a map of fields without samples.

    Groups are dealt out from the largest to the smallest, in random order among equals, each to the fold that has
    least of its classes. A class with one group cannot be validated, so its samples are always training.

    Args:
        classes: (N,) class indices.
        groups: (N,) group ids; a group's samples share a fold.
        count: Of folds.
        seed: Of the draw.

    Returns:
        (N,) folds, 0 to count - 1, or ALWAYS_TRAINING; all ALWAYS_TRAINING where no class has two groups.
    """
    rng = np.random.default_rng(seed)
    _, group_index = np.unique(groups, return_inverse=True)
    sizes = np.zeros((group_index.max() + 1, classes.max() + 1))  # (groups, classes)
    np.add.at(sizes, (group_index, classes), 1)
    total = np.maximum(sizes.sum(axis=0), 1)
    load = np.zeros((count, sizes.shape[1]))
    fold_of_group = np.zeros(len(sizes), dtype=np.int64)
    order = rng.permutation(len(sizes))
    for group in order[np.argsort(-sizes[order].max(axis=1), kind="stable")]:
        present = sizes[group] > 0
        cost = (((load + sizes[group]) / total) ** 2)[:, present].sum(axis=1) + 1e-9 * rng.random(count)
        fold_of_group[group] = cost.argmin()
        load[fold_of_group[group]] += sizes[group]
    fold = fold_of_group[group_index]
    single = np.flatnonzero((sizes > 0).sum(axis=0) < 2)
    fold[np.isin(classes, single)] = ALWAYS_TRAINING
    return fold
