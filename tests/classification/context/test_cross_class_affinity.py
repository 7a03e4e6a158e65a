# SPDX-License-Identifier: GPL-2.0-or-later
"""Where classes are mixed in context."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mtmsd_qgis.classification.context.cross_class_affinity import MOST_CROSS_CLASS, REACH, cross_class_affinity
from mtmsd_qgis.sampling.sample_table import SampleTable


def table(rows, cols, class_index):
    return SampleTable(*(np.asarray(c, dtype=np.int64) for c in (rows, cols, class_index, np.arange(len(rows)))))


def test_cross_class_affinity_by_hand():
    """Three samples: two that look the same, one of them of another class, and one out of reach."""
    guide = torch.zeros(3, 2)
    rows, cols, classes = [0, 0, 0], [0, 5, REACH + 6], [0, 1, 1]
    assert cross_class_affinity(guide, table(rows, cols, classes), 0) == pytest.approx((0.5 + 0.5 + 0) / 3)
    guide[1] = 0.15  # as far from the first as the range sigma: a weight of exp(-1/2)
    share = np.exp(-0.5) / (1 + np.exp(-0.5))
    assert cross_class_affinity(guide, table(rows, cols, classes), 0) == pytest.approx(2 * share / 3)
    assert cross_class_affinity(guide, table(rows, cols, [1, 1, 1]), 0) == 0


@pytest.mark.parametrize(("apart", "allowed"), [(2.0, True), (0.2, False), (0.0, False)])
def test_segments_are_allowed_where_similar_neighbours_share_a_class(apart, allowed):
    """Pixels of two classes beside each other, that lie so far apart in the guidance image."""
    rng = np.random.default_rng(4)
    rows, cols = rng.integers(0, 40, size=(2, 300))
    classes = rng.integers(0, 2, size=300)
    guide = torch.from_numpy(np.stack([apart * classes, 0 * classes], axis=1) + rng.normal(0, 0.02, size=(300, 2)))
    assert (cross_class_affinity(guide, table(rows, cols, classes), 0) <= MOST_CROSS_CLASS) == allowed
    far = rows * 3 * REACH  # nobody has a neighbour of another class
    assert cross_class_affinity(guide, table(far, cols, far > 500), 0) <= MOST_CROSS_CLASS
