# SPDX-License-Identifier: GPL-2.0-or-later
"""Which labelled pixels train and which test.

Enters: the table of all labelled pixels, int64 (N, 4): row, column, class index, group. Leaves: two tables of the same
kind, drawn with a seed: no pixel is in both, and where whole groups or blocks are held out, neither is a group.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable

import numpy as np
from numpy.typing import NDArray

from mtmsd_qgis.sampling.groups import block_ids

LEAST = 2  # training samples of a class, as the core asks for
GROUP_SHARE = 0.3  # of each class's pixels that lie in training groups
GROUP_CEILING = 150  # training pixels a class, drawn from those groups
BLOCK_SIDE = 32  # pixels
FEW_DRAWS = 5  # where pixels are drawn one by one, draws differ little
MANY_DRAWS = 20  # where the place of a field decides, a mean of 5 draws is off by points

Table = NDArray[np.int64]


@dataclass(frozen=True)
class Parts:
    """Training and test pixels.

    Attributes:
        training: (M, 4) rows of the table, in its order.
        test: (L, 4) rows of the table, in its order.
        by_group: Whether column 3 says what was kept apart; else pixels were drawn one by one.
    """

    training: Table
    test: Table
    by_group: bool

    @property
    def generalise(self) -> str:
        """What the map shall generalise to, in the words of the setting "split"."""
        return "spatial" if self.by_group else "random"


def random_share(table: Table, share: float, seed: int) -> Parts:
    """A share of each class's pixels trains, at least two; one is left for the test wherever there are three."""
    return _random(table, lambda members: round(share * members), seed)


def random_count(table: Table, count: int, seed: int) -> Parts:
    """So many pixels of each class train; of a class that has fewer, all but one, and at least two."""
    return _random(table, lambda _: count, seed)


def whole_groups(table: Table, seed: int) -> Parts:
    """Whole groups train, about 30 % of each class's pixels, and of them at most 150 a class.

    Groups are visited in random order; one is taken if any class in it still lacks its share. What the ceiling leaves
    out is neither trained on nor tested: it lies in a group that was seen.
    """
    rng = np.random.default_rng(seed)
    classes = table[:, 2]
    _, group = np.unique(table[:, 3], return_inverse=True)
    counts = np.zeros((group.max() + 1, classes.max() + 1), dtype=np.int64)  # (groups, classes)
    np.add.at(counts, (group, classes), 1)
    wanted = np.maximum(GROUP_SHARE * counts.sum(axis=0), LEAST)
    held = np.zeros_like(wanted)
    taken = np.zeros(len(counts), dtype=bool)
    for visited in rng.permutation(len(counts)):
        if np.any((counts[visited] > 0) & (held < wanted)):
            taken[visited] = True
            held += counts[visited]
    seen = taken[group]
    chosen = [rng.permutation(np.flatnonzero(seen & (classes == k)))[:GROUP_CEILING] for k in np.unique(classes)]
    return Parts(table[np.sort(np.concatenate(chosen))], table[~seen], by_group=True)


def whole_blocks(table: Table, seed: int) -> Parts:
    """As whole_groups, with the squares of a regular grid as groups; the tables name the square as the group."""
    blocks = table.copy()
    blocks[:, 3] = block_ids(table[:, 0], table[:, 1], BLOCK_SIDE)
    return whole_groups(blocks, seed)


def _random(table: Table, wanted: Callable[[int], int], seed: int) -> Parts:
    rng = np.random.default_rng(seed)
    trains = np.zeros(len(table), dtype=bool)
    for index in np.unique(table[:, 2]):
        members = np.flatnonzero(table[:, 2] == index)
        count = max(LEAST, min(wanted(len(members)), len(members) - 1))
        trains[rng.permutation(members)[:count]] = True
    return Parts(table[trains], table[~trains], by_group=False)


@dataclass(frozen=True)
class NamedSplit:
    """A split by the name on the command line: the call, what it is in a few words, and how many draws of it count."""

    part: Callable[[Table, int], Parts]
    title: str
    seeds: int


SPLITS = {
    "random10": NamedSplit(
        lambda table, seed: random_share(table, 0.10, seed), "random pixels, 10 % of each class", FEW_DRAWS
    ),
    "random15": NamedSplit(lambda table, seed: random_count(table, 15, seed), "random pixels, 15 a class", FEW_DRAWS),
    "random5": NamedSplit(lambda table, seed: random_count(table, 5, seed), "random pixels, 5 a class", FEW_DRAWS),
    "groups": NamedSplit(whole_groups, "whole fields or polygons held out", MANY_DRAWS),
    "blocks": NamedSplit(whole_blocks, f"whole blocks of {BLOCK_SIDE} x {BLOCK_SIDE} pixels held out", MANY_DRAWS),
}
