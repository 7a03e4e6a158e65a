# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import numpy as np
import pytest

from mtmsd_qgis.sampling.subsampling import subsample

CLASSES = np.repeat([0, 1, 2], [5, 200, 500])


@pytest.mark.parametrize("balanced", [True, False])
def test_what_fits_stays_whole(balanced):
    assert subsample(CLASSES, 705, 0, balanced=balanced).tolist() == list(range(705))


def test_balanced_keeps_small_classes_and_cuts_large_ones_to_one_size():
    chosen = subsample(CLASSES, 105, 0, balanced=True)
    assert np.bincount(CLASSES[chosen]).tolist() == [5, 50, 50]


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100, 404, 405, 406])
def test_balanced_never_exceeds_the_limit(limit):
    assert len(subsample(CLASSES, limit, 0, balanced=True)) <= limit


def test_unbalanced_keeps_the_shares_but_twenty_of_a_class():
    chosen = subsample(CLASSES, 141, 0, balanced=False)  # a fifth
    assert np.bincount(CLASSES[chosen]).tolist() == [5, 40, 100]
    assert np.bincount(CLASSES[subsample(CLASSES, 7, 0, balanced=False)]).tolist() == [5, 20, 20]


def test_indices_ascend_and_the_seed_decides():
    one, same, other = (subsample(CLASSES, 100, seed, balanced=True) for seed in (0, 0, 1))
    assert (np.diff(one) > 0).all()
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
