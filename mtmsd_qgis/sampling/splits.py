# SPDX-License-Identifier: GPL-2.0-or-later
"""Splits of labelled samples into training and validation, and what a split does to the figure it yields.

Enters: class index and group or place of each sample. Leaves: which samples are held out, and one sentence for the
report. By share or by a count of training samples; single samples at random, or whole groups.

Why space matters: neighbouring pixels are alike, and spatial features of a held-out pixel have seen the training
pixels beside it. Source: Nalepa et al. (2019), arXiv 1811.03707, and others: random pixel splits overstate accuracy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import SamplesError

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


def random_count_split(classes: NDArray[np.int64], count: int, seed: int) -> Split:
    """Keep a count of each class's samples for training, drawn at random; all others are held out.

    A class with no more samples than that stays in training as a whole and is named in not_held_out.

    Args:
        classes: (N,) class indices.
        count: Training samples of each class, 1 or more.
        seed: Of the draw.
    """
    held_out = ~draw_per_class(classes, np.ones(len(classes), dtype=bool), count, seed)
    sentence = (
        f"All but {count} random pixels of each class were held out. Neighbours of the held-out pixels were used in "
        "training, so this figure overstates the accuracy on fields that were never seen."
    )
    return Split("random", held_out, sentence, _without(classes, held_out))


def draw_per_class(
    classes: NDArray[np.int64], candidates: NDArray[np.bool_], count: int, seed: int
) -> NDArray[np.bool_]:
    """Draw samples of each class at random; a class with no more candidates than that keeps them all.

    Args:
        classes: (N,) class indices.
        candidates: (N,) samples that may be drawn.
        count: Of each class.
        seed: Of the draw.

    Returns:
        (N,) the drawn ones.
    """
    rng = np.random.default_rng(seed)
    drawn = np.zeros(len(classes), dtype=bool)
    for index in np.unique(classes):
        drawn[rng.permutation(np.flatnonzero((classes == index) & candidates))[:count]] = True
    return drawn


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


def group_split(
    classes: NDArray[np.int64],
    groups: NDArray[np.int64],
    share: float,
    seed: int,
    least: int = LEAST_TRAINING_SAMPLES,
) -> Split:
    """Hold out whole groups as spatial_split does, and at least one of every class that can spare one.

    A class of few large groups, none of which fits the share, would else go without validation. It then gives the
    group that holds least of it, provided that every class in that group keeps enough for training.

    Args:
        classes: (N,) class indices.
        groups: (N,) group ids; a group's samples are never parted.
        share: Held out, 0 to 1.
        seed: Of the order.
        least: Samples of each class that stay in training; 1 where a sample is a whole polygon of many pixels.
    """
    rng = np.random.default_rng(seed)
    counts, group_index = _tally(classes, groups)
    total = counts.sum(axis=0)
    held = np.zeros_like(total)
    chosen = np.zeros(len(counts), dtype=bool)

    def spares(group: int) -> bool:
        present = counts[group] > 0
        return bool(np.all(total[present] - held[present] - counts[group, present] >= least))

    order = rng.permutation(len(counts))
    for group in order:
        present = counts[group] > 0
        fits = held[present] + counts[group, present] / 2 <= share * total[present]
        if np.all(fits) and spares(group):
            chosen[group] = True
            held += counts[group]
    for index in np.flatnonzero(held == 0):
        with_it = [group for group in order if counts[group, index] and not chosen[group] and spares(group)]
        if with_it and not held[index]:  # an earlier class's group may have brought this class along
            group = min(with_it, key=lambda candidate: int(counts[candidate, index]))
            chosen[group] = True
            held += counts[group]
    return _of_groups(classes, chosen[group_index])


def group_count_split(classes: NDArray[np.int64], groups: NDArray[np.int64], count: int, seed: int) -> Split:
    """Take whole groups for training until each class has a count of samples; hold out all other groups.

    Groups are visited in random order, those that are the only one of a class first. A class of several groups keeps
    at least one of them for validation, even where training then falls short of the count. The last group taken may
    bring more than the count; draw_per_class thins it out.

    Args:
        classes: (N,) class indices.
        groups: (N,) group ids; a group's samples are never parted.
        count: Training samples wanted of each class, 1 or more.
        seed: Of the order.
    """
    rng = np.random.default_rng(seed)
    counts, group_index = _tally(classes, groups)
    remaining = (counts > 0).sum(axis=0)  # groups of each class that are not in training
    only_one = counts[:, remaining == 1].sum(axis=1) > 0
    taken = np.zeros(counts.shape[1], dtype=np.int64)
    training = np.zeros(len(counts), dtype=bool)
    order = rng.permutation(len(counts))
    for group in order[np.argsort(~only_one[order], kind="stable")]:
        present = counts[group] > 0
        wanted = np.any(taken[present] < count) and np.all(remaining[present] > 1)
        if only_one[group] or wanted:
            training[group] = True
            taken += counts[group]
            remaining -= present
    for index in np.unique(classes):
        if not taken[index]:  # all its groups are the last one of another class; learning it comes first
            group = int(np.argmax(counts[:, index]))
            training[group] = True
            taken += counts[group]
    return _of_groups(classes, ~training[group_index])


def apart(training_rc: NDArray[np.float64], validation_rc: NDArray[np.float64], distance: float) -> NDArray[np.bool_]:
    """Which training samples lie farther than a distance from every validation sample.

    Args:
        training_rc: (N, 2) positions: rows and columns in pixels, or any plane coordinates of one unit.
        validation_rc: (M, 2) positions in the same unit; with none, all training samples are apart.
        distance: In that unit, straight line. A sample at exactly this distance is not apart.

    Returns:
        (N,) bool.
    """
    from scipy.spatial import cKDTree  # here, as QGIS uses this module too and its Python may lack scipy

    if not len(validation_rc):
        return np.ones(len(training_rc), dtype=bool)
    nearest, _ = cKDTree(validation_rc).query(training_rc)
    return np.asarray(nearest > distance)


def block_groups(positions: NDArray[np.float64], block_size: float) -> NDArray[np.int64]:
    """The square of a grid that each sample lies in; the grid's lines are multiples of the block size.

    Args:
        positions: (N, 2) x and y.
        block_size: Side of a square, in the unit of the positions.

    Returns:
        (N,) group ids from 0.
    """
    cells = np.floor(positions / block_size).astype(np.int64)
    _, groups = np.unique(cells, axis=0, return_inverse=True)
    return groups.reshape(-1).astype(np.int64)  # numpy 2.0 keeps a second axis


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
            "Samples at different places were expected; all of them lie in one place, so blocks cannot part them. "
            "Choose the random method, or add samples elsewhere."
        )
    width, height = np.maximum(extent, longer / 100)  # samples along a line have an extent without area
    return float(f"{np.sqrt(width * height / 100):.2g}")


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


def _tally(classes: NDArray[np.int64], groups: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Samples by group and class, (G, K), and the row of each sample's group, (N,)."""
    _, group_index = np.unique(groups, return_inverse=True)
    counts = np.zeros((group_index.max() + 1, classes.max() + 1), dtype=np.int64)
    np.add.at(counts, (group_index, classes), 1)
    return counts, group_index


def _of_groups(classes: NDArray[np.int64], held_out: NDArray[np.bool_]) -> Split:
    sentence = (
        f"Whole polygons or blocks, {held_out.mean():.0%} of the samples, were held out, so this figure speaks for "
        "places that were not sampled."
    )
    return Split("spatial", held_out, sentence, _without(classes, held_out))


def _without(classes: NDArray[np.int64], held_out: NDArray[np.bool_]) -> tuple[int, ...]:
    return tuple(int(i) for i in np.setdiff1d(classes, classes[held_out]))
