# SPDX-License-Identifier: GPL-2.0-or-later
"""Splits of labelled samples into training and validation, and what a split does to the figure it yields.

Enters: class index and group of each sample. Leaves: which samples are held out, and one sentence for the
report. By share or by a count of training samples; single samples at random, or whole groups.

Why space matters: neighbouring pixels are alike, and spatial features of a held-out pixel have seen the training
pixels beside it. Source: Nalepa et al. (2019), arXiv 1811.03707, and others: random pixel splits overstate accuracy.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..errors import SamplesError
from ..jobs.accuracy_results import whole_percent

_TOO_FEW = (
    "Nothing could be held out, so no accuracy is given: no class has more samples than are needed to learn it. Add "
    "samples, or give a layer of validation samples."
)
_NO_TWO_GROUPS = (
    "Nothing could be held out, so no accuracy is given: no class has samples in two polygons or blocks of which one "
    "could be spared. Add polygons, give a layer of validation samples, or use SPLIT 'block' with a smaller "
    "BLOCK_SIZE, which parts polygons too."
)
_NO_SCENE = (
    "Nothing could be held out, so no accuracy is given: without any one of the scenes a class would have too few "
    "samples to learn it. Add samples of all classes to each scene, or choose another SPLIT."
)
LEAST_TRAINING_SAMPLES = 2  # of a class; fewer have no variance, and batch normalisation needs two


@dataclass(frozen=True)
class Split:
    """Which samples are held out, and how.

    Attributes:
        method: "none", "random", "spatial" or "scene".
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


def random_split(classes: NDArray[np.int64], share: float, seed: int, *, with_neighbours: bool = True) -> Split:
    """Hold out a share of each class's samples, drawn at random; each class keeps at least two for training.

    Args:
        classes: (N,) class indices.
        share: Held out, 0 to 1.
        seed: Of the draw.
        with_neighbours: Whether pixels beside held-out ones are learnt from; for the sentence.
    """
    rng = np.random.default_rng(seed)
    held_out = np.zeros(len(classes), dtype=bool)
    for index in np.unique(classes):
        members = np.flatnonzero(classes == index)
        training = max(LEAST_TRAINING_SAMPLES, round(len(members) * (1 - share)))
        held_out[rng.permutation(members)[training:]] = True
    if not held_out.any():
        return Split("random", held_out, _TOO_FEW, _without(classes, held_out))
    sentence = f"A random {whole_percent(share)} of each class's pixels was held out. " + (
        "Neighbours of the held-out pixels were used in training, so this figure overstates the accuracy on fields "
        "without samples."
        if with_neighbours
        else "Training pixels lie in the same fields, so this figure may overstate the accuracy on fields without "
        "samples."
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
    if not held_out.any():
        return Split("random", held_out, _TOO_FEW, _without(classes, held_out))
    sentence = (
        f"All but {count} random pixels of each class were held out. Neighbours of the held-out pixels were used in "
        "training, so this figure overstates the accuracy on fields without samples."
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


def group_split(
    classes: NDArray[np.int64],
    groups: NDArray[np.int64],
    share: float,
    seed: int,
    least: int = LEAST_TRAINING_SAMPLES,
) -> Split:
    """Hold out whole groups, about the given share of each class, and at least one group of every class that can.

    Groups are visited in random order. One is held out where every class in it still lacks held-out samples (it may
    overshoot the share by half of its own size) and keeps enough for training. A class of few large groups, none of
    which fits the share, would so go without validation. It then gives the group that holds least of it, provided that
    every class in that group keeps enough for training.

    Args:
        classes: (N,) class indices.
        groups: (N,) group ids; a group is never split.
        share: Held out, 0 to 1.
        seed: Of the order.
        least: Samples of each class that stay in training; 1 where a sample is a whole polygon of many pixels.
    """
    rng = np.random.default_rng(seed)
    counts, group_index = _count(classes, groups)
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


def scene_split(classes: NDArray[np.int64], scenes: NDArray[np.int64], share: float, seed: int) -> Split:
    """Hold out whole scenes, as group_split holds out groups.

    Args:
        classes: (N,) class indices.
        scenes: (N,) the scene of each sample.
        share: Held out, 0 to 1.
        seed: Of the order.

    Raises:
        SamplesError: All samples are of one scene.
    """
    if len(np.unique(scenes)) < 2:
        raise SamplesError(
            "SPLIT 'scene' holds out whole scenes, so samples in at least two rasters were expected, and all of them "
            "lie in one. Add rasters with EXTRA_INPUTS, or choose another SPLIT."
        )
    split = group_split(classes, scenes, share, seed)
    if not split.held_out.any():
        return replace(split, method="scene", sentence=_NO_SCENE)
    held_out = split.held_out
    sentence = (
        f"{len(np.unique(scenes[held_out]))} of {len(np.unique(scenes))} scenes, "
        f"{whole_percent(float(held_out.mean()))} of the samples, were held out as a whole, so this figure holds for "
        "scenes without samples."
    )
    return replace(split, method="scene", sentence=sentence)


def group_count_split(classes: NDArray[np.int64], groups: NDArray[np.int64], count: int, seed: int) -> Split:
    """Take whole groups for training until each class has a count of samples; hold out all other groups.

    Groups are visited in random order, those that are the only one of a class first. A class of several groups keeps
    at least one of them for validation, even where training then falls short of the count. The last group taken may
    bring more than the count; draw_per_class thins it out.

    Args:
        classes: (N,) class indices.
        groups: (N,) group ids; a group is never split.
        count: Training samples wanted of each class, 1 or more.
        seed: Of the order.
    """
    rng = np.random.default_rng(seed)
    counts, group_index = _count(classes, groups)
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


def _count(classes: NDArray[np.int64], groups: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Samples by group and class, (G, K), and the row of each sample's group, (N,)."""
    _, group_index = np.unique(groups, return_inverse=True)
    counts = np.zeros((group_index.max() + 1, classes.max() + 1), dtype=np.int64)
    np.add.at(counts, (group_index, classes), 1)
    return counts, group_index


def _of_groups(classes: NDArray[np.int64], held_out: NDArray[np.bool_]) -> Split:
    if not held_out.any():
        return Split("spatial", held_out, _NO_TWO_GROUPS, _without(classes, held_out))
    sentence = (
        f"Whole polygons or blocks, {whole_percent(float(held_out.mean()))} of the samples, were held out, so this "
        "figure holds for places without samples."
    )
    return Split("spatial", held_out, sentence, _without(classes, held_out))


def _without(classes: NDArray[np.int64], held_out: NDArray[np.bool_]) -> tuple[int, ...]:
    return tuple(int(i) for i in np.setdiff1d(classes, classes[held_out]))
