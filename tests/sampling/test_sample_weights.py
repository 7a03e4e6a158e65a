# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import numpy as np
import pytest

from mtmsd_qgis.errors import SamplesError
from mtmsd_qgis.sampling.sample_table import SampleTable
from mtmsd_qgis.sampling.sample_weights import SampleWeights, effective_samples, read_sample_weights


def of_groups(*groups):
    return SampleTable.from_array(np.array([[i, 0, 0, group] for i, group in enumerate(groups)], dtype=np.int64))


def test_samples_have_the_weights_of_their_features_with_mean_1():
    weights = SampleWeights(np.array([1.0, 3.0, 1e300]))
    assert weights.of(of_groups(0, 1, 1, 0)).tolist() == [0.5, 1.5, 1.5, 0.5]
    assert np.isfinite(weights.of(of_groups(0, 2))).all()


@pytest.mark.parametrize("groups", [(1, 1, 1), (1,), ()])
def test_samples_that_count_alike_have_no_weights(groups):
    assert (
        SampleWeights(np.array([1.0, 3.0])).of(of_groups(*groups) if groups else of_groups(0).subset(slice(0))) is None
    )


def test_a_feature_without_a_weight_is_refused():
    with pytest.raises(SamplesError, match="there are 2, and a sample comes from feature 3"):
        SampleWeights(np.array([1.0, 3.0])).of(of_groups(0, 2))


def test_four_samples_of_which_one_counts_are_one():
    assert effective_samples(np.ones(4)) == 4
    assert effective_samples(np.array([1, 1e-9, 1e-9, 1e-9])) == pytest.approx(1)
    assert effective_samples(np.array([3.0, 1.0])) == pytest.approx(16 / 10)


@pytest.mark.parametrize(
    "array", [np.array([1, 2]), np.array([1.0, 0.0]), np.array([np.nan]), np.ones((2, 2)), np.array([np.inf])]
)
def test_a_file_that_holds_no_weights_is_refused(tmp_path, array):
    np.save(tmp_path / "weights.npy", array)
    with pytest.raises(SamplesError, match=r"weights.npy should be a table of the weights of samples"):
        read_sample_weights(tmp_path, "weights.npy")


def test_a_job_without_weights_has_none(tmp_path):
    assert read_sample_weights(tmp_path, None) is None
    with pytest.raises(SamplesError, match="cannot be read"):
        read_sample_weights(tmp_path, "gone.npy")
