# SPDX-License-Identifier: GPL-2.0-or-later
"""What the diffusion features add: the difference at the same samples, and its standard error by clusters."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mtmsd_qgis.classification.auto.cross_validation import TrainingSet
from mtmsd_qgis.classification.auto.ensemble import Purpose, cross_validate_ensemble
from mtmsd_qgis.classification.auto.feature_sets import FeatureSet
from mtmsd_qgis.classification.feature_value.feature_gain import clustered_error, errors_needed, feature_gain
from mtmsd_qgis.progress import silent


def test_the_error_of_single_samples_is_that_of_a_mean():
    values = np.array([1.0, 0, 0, -1, 1, 0])
    assert clustered_error(values, np.arange(6)) == pytest.approx(values.std(ddof=1) / np.sqrt(6))


def test_samples_of_one_polygon_say_no_more_than_its_mean():
    values, polygon = np.array([1.0, 0, 0, -1]), np.array([7, 3, 9, 4])
    once = clustered_error(values, polygon)
    assert clustered_error(np.repeat(values, 50), np.repeat(polygon, 50)) == pytest.approx(once)
    assert clustered_error(values, np.zeros(4, dtype=np.int64)) is None


@pytest.mark.parametrize(("clusters", "errors"), [(2, 12.706), (3, 4.303), (12, 2.201), (500, 2)])
def test_few_polygons_need_more_standard_errors(clusters, errors):
    assert errors_needed(clusters) == pytest.approx(errors, abs=1e-3)


@pytest.mark.parametrize("clusters", [2, 4, 20])
def test_no_difference_is_measurable_in_one_of_twenty_cases_whatever_the_polygons(clusters):
    rng = np.random.default_rng(0)
    draws = rng.normal(size=(1000, clusters))
    found = [abs(row.mean()) > errors_needed(clusters) * clustered_error(row, np.arange(clusters)) for row in draws]
    assert 0.03 < np.mean(found) < 0.07


def ensembles(means, groups_a_class=6, count=360, uses_context=True):
    """Cross-validated with and without box means of features; spectra tell the two classes apart only in part."""
    rng = np.random.default_rng(0)
    group = np.arange(count) % (2 * groups_a_class)
    class_index = group % 2
    spectra = rng.normal(size=(count, 5))
    spectra[:, 0] += class_index
    plain = [s for s in FeatureSet if not s.is_extra and (s.uses_guide or not s.boxes)]
    sets = dict.fromkeys(plain, torch.from_numpy(spectra).float())
    sets.pop(FeatureSet.GUIDE)
    purpose = Purpose(False, uses_context, {"groups": group}, 0)
    both = {**sets, FeatureSet.FEATURE_MEANS: torch.from_numpy(means(class_index, rng)).float()}
    return [
        cross_validate_ensemble(TrainingSet(features, class_index, 2), purpose, silent) for features in (both, sets)
    ]


def test_features_that_tell_the_classes_apart_add_accuracy():
    gain = feature_gain(*ensembles(lambda index, rng: rng.normal(4.0 * index[:, None], 1, (len(index), 4))))
    assert gain.gain == pytest.approx(gain.with_features - gain.without_features)
    assert gain.gain > 5
    assert gain.is_measurable
    assert (gain.samples, gain.folds) == (360, "groups")
    assert gain.errors == errors_needed(12)


def test_features_of_noise_add_nothing_measurable():
    gain = feature_gain(*ensembles(lambda index, rng: rng.normal(size=(len(index), 4))))
    assert not gain.is_measurable
    assert abs(gain.gain) < 5


@pytest.mark.parametrize("uses_context", [True, False])
def test_features_are_used_where_they_are_learnt_from_or_outline_fields(uses_context):
    gain = feature_gain(*ensembles(lambda index, rng: rng.normal(size=(len(index), 4)), uses_context=uses_context))
    assert gain.used == uses_context
    assert uses_context or (gain.gain == 0 and "the classifier does not use them" in gain.sentence)
