# SPDX-License-Identifier: GPL-2.0-or-later
"""What cross-validation holds out: whole polygons or blocks, else single samples.

Enters: classes and groups of training samples. Leaves: the samples that take part, and their folds.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .folds import ALWAYS_TRAINING, group_folds, random_folds
from .subsampling import subsample

log = logging.getLogger(__name__)

MOST_SAMPLES = 1000  # that take part
_FOLDS = 4


@dataclass(frozen=True, eq=False)
class HeldOut:
    """What cross-validation holds out.

    Attributes:
        drawn: (N,) indices of the training samples that take part.
        fold: (N,) the fold that holds each of these out, or ALWAYS_TRAINING.
        class_index: (n,) classes of those that are held out, in their order.
        clusters: (n,) which of these are held out together: polygons, blocks, or each its own.
        unit: What is held out as a whole: "samples", "groups" (polygons) or "blocks".
        weight: (n,) of those that are held out; None: all count alike.
    """

    drawn: NDArray[np.int64]
    fold: NDArray[np.int64]
    class_index: NDArray[np.int64]
    clusters: NDArray[np.int64]
    unit: str
    weight: NDArray[np.float64] | None = None

    @property
    def is_out(self) -> NDArray[np.bool_]:
        """(N,) whether some fold holds them out."""
        return np.asarray(self.fold != ALWAYS_TRAINING)

    @property
    def folds(self) -> NDArray[np.int64]:
        """The folds that hold some out, in order."""
        return np.unique(self.fold[self.is_out])

    def weighted(self, weight: NDArray[np.float64] | None) -> HeldOut:
        """The same with the weights (N,) of the samples that take part; None: all count alike."""
        return self if weight is None else replace(self, weight=weight[self.is_out])


def hold_out(class_index: NDArray[np.int64], groupings: Mapping[str, NDArray[np.int64]], seed: int) -> HeldOut:
    """Folds of the first grouping in which some class has two groups, else of single samples.

    Args:
        class_index: (M,) of the training samples.
        groupings: (M,) group ids by the name of the unit, in the order of preference; empty where single samples are to
            be held out.
        seed: Of draw and folds.
    """
    drawn = subsample(class_index, MOST_SAMPLES, seed, balanced=False)
    return in_other_folds(drawn, class_index, groupings, seed)


def in_other_folds(
    drawn: NDArray[np.int64], class_index: NDArray[np.int64], groupings: Mapping[str, NDArray[np.int64]], seed: int
) -> HeldOut:
    """Folds of samples (n,) that take part already, as hold_out makes them; the seed is of the folds alone."""
    classes, fold, clusters, unit = class_index[drawn], None, np.arange(len(drawn)), "samples"
    for name, groups in groupings.items():
        by_group = group_folds(classes, groups[drawn], _FOLDS, seed)
        if (by_group != ALWAYS_TRAINING).any():
            fold, clusters, unit = by_group, groups[drawn], name
            break
    if fold is None:
        fold = random_folds(classes, _FOLDS, seed)
        if groupings:
            log.warning(
                "No class has samples in two polygons or blocks, so models cannot be validated spatially; random folds "
                "are used. Expect lower accuracy away from the samples."
            )
    out = fold != ALWAYS_TRAINING
    if len(np.unique(classes[out])) == 1:
        log.warning(
            "One class alone has samples in two polygons or blocks, so models are validated on that one and are surer "
            "than they should be. Add polygons of the other classes."
        )
    return HeldOut(drawn, fold, classes[out], clusters[out], unit)
