# SPDX-License-Identifier: GPL-2.0-or-later
"""The class of a cluster by its labelled pixels."""

from __future__ import annotations

import numpy as np
import pytest

from mtmsd_qgis.sampling.cluster_names import name_clusters, read_name_table


def test_a_cluster_is_what_most_of_its_pixels_are_by_hand():
    clusters, classes = np.array([1, 1, 1, 2, 2, 4]), np.array([0, 0, 1, 1, 0, 2])
    named = name_clusters([1, 2, 3, 4], clusters, classes, 3)
    # The prior is (3, 2, 1) / 6 of one pixel: cluster 1 has (2 + 1/2) / 4 of class 0, cluster 2 (1 + 1/2) / 3.
    assert [name.class_index for name in named] == [0, 0, None, 2]
    assert [name.probability for name in named] == pytest.approx([2.5 / 4, 1.5 / 3, 0.5, (1 + 1 / 6) / 2])
    assert [name.reason for name in named] == ["", "", "no sample", ""]


def test_a_mixed_cluster_has_no_name():
    named = name_clusters([5], np.full(9, 5), np.arange(9) % 3, 3)
    assert (named[0].class_index, named[0].reason, named[0].samples) == (None, "mixed", 9)


def test_a_table_is_read_row_by_row():
    assert read_name_table([1, " water ", "2", "land", "", None]) == {1: "water", 2: "land"}
    assert read_name_table([]) == {}
    assert read_name_table([1.0, "a", "-2", "b", "03.0", "c"]) == {1: "a", -2: "b", 3: "c"}
    for cells in (["x", "a"], [1, ""], [1, "a", 1.0, "b"], [1.5, "a"], ["9" * 5000, "a"], ["nan", "a"], ["", "a"]):
        with pytest.raises(ValueError, match=r"row|twice"):
            read_name_table(cells)
