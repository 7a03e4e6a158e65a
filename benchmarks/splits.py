# SPDX-License-Identifier: GPL-2.0-or-later
"""Which labelled pixels train and which test.

Enters: the table of all labelled pixels. Leaves: a Draw of two such tables, made with a seed: no pixel is in both, and
where whole groups or blocks are held out, neither is a group.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable

import numpy as np

from mtmsd_qgis.sampling.groups import block_ids
from mtmsd_qgis.sampling.sample_table import SampleTable

LEAST = 2  # training samples of a class, as the core asks for
GROUP_SHARE = 0.3  # of each class's pixels that lie in training groups
GROUP_CEILING = 150  # training pixels a class, drawn from those groups
BLOCK_SIDE = 32  # pixels
FEW_DRAWS = 5  # where pixels are drawn one by one, draws differ little
MANY_DRAWS = 10  # where the place of a field decides, a mean of 5 draws is off by points


@dataclass(frozen=True)
class Draw:
    """Training and test pixels.

    Attributes:
        training: Some of the labelled pixels, in their order.
        test: Others, in their order.
        by_group: Whether whole groups were kept apart; else pixels were drawn one by one.
        seed: With which they were drawn.
    """

    training: SampleTable
    test: SampleTable
    by_group: bool
    seed: int

    @property
    def generalise(self) -> str:
        """What the map shall generalise to, in the words of the setting "split"."""
        return "spatial" if self.by_group else "random"


def random_share(samples: SampleTable, share: float, seed: int) -> Draw:
    """A share of each class's pixels trains, at least two; one is left for the test wherever there are three."""
    return _random(samples, lambda members: round(share * members), seed)


def random_count(samples: SampleTable, count: int, seed: int) -> Draw:
    """So many pixels of each class train; of a class that has fewer, all but one, and at least two."""
    return _random(samples, lambda _: count, seed)


def whole_groups(samples: SampleTable, seed: int) -> Draw:
    """Whole groups train, about 30 % of each class's pixels, and of them at most 150 a class.

    Groups are visited in random order; one is taken if any class in it still lacks its share. What the ceiling leaves
    out is neither trained on nor tested: it lies in a group that was seen.
    """
    rng = np.random.default_rng(seed)
    classes = samples.class_index
    _, group = np.unique(samples.group, return_inverse=True)
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
    training = samples.subset(np.sort(np.concatenate(chosen)))
    return Draw(training, samples.subset(~seen), by_group=True, seed=seed)


def whole_blocks(samples: SampleTable, seed: int) -> Draw:
    """As whole_groups, with the squares of a regular grid as groups; the tables name the square as the group."""
    return whole_groups(samples.with_groups(block_ids(samples.rows, samples.cols, BLOCK_SIDE)), seed)


def _random(samples: SampleTable, wanted: Callable[[int], int], seed: int) -> Draw:
    rng = np.random.default_rng(seed)
    trains = np.zeros(len(samples), dtype=bool)
    for index in np.unique(samples.class_index):
        members = np.flatnonzero(samples.class_index == index)
        count = max(LEAST, min(wanted(len(members)), len(members) - 1))
        trains[rng.permutation(members)[:count]] = True
    return Draw(samples.subset(trains), samples.subset(~trains), by_group=False, seed=seed)


@dataclass(frozen=True)
class NamedSplit:
    """A split by the name on the command line.

    Attributes:
        draw: Makes a draw of labelled pixels with a seed.
        by_group: Whether whole groups are kept apart.
        seeds: How many draws count.
    """

    draw: Callable[[SampleTable, int], Draw]
    by_group: bool
    seeds: int


SPLITS = {
    "random10": NamedSplit(lambda samples, seed: random_share(samples, 0.10, seed), False, FEW_DRAWS),
    "random15": NamedSplit(lambda samples, seed: random_count(samples, 15, seed), False, FEW_DRAWS),
    "random5": NamedSplit(lambda samples, seed: random_count(samples, 5, seed), False, FEW_DRAWS),
    "groups": NamedSplit(whole_groups, True, MANY_DRAWS),
    "blocks": NamedSplit(whole_blocks, True, MANY_DRAWS),
}
