# SPDX-License-Identifier: GPL-2.0-or-later
"""Scores of clusters against classes."""

from __future__ import annotations

import numpy as np
import pytest

from mtmsd_qgis.classification.clusters.cluster_scores import cluster_scores, contingency


def random_partings(seed):
    rng = np.random.default_rng(seed)
    n, clusters, classes = rng.integers(1, 400), rng.integers(1, 12), rng.integers(1, 12)
    truth = rng.integers(classes, size=n)
    mixed = np.where(rng.random(n) < rng.random(), truth, rng.integers(clusters, size=n))
    return mixed, truth


def test_scores_are_those_of_scikit_learn_on_100_random_tables():
    metrics = pytest.importorskip("sklearn.metrics")
    for seed in range(100):
        clusters, classes = random_partings(seed)
        found = cluster_scores(clusters, classes)
        assert found.ari == pytest.approx(metrics.adjusted_rand_score(classes, clusters), abs=1e-12)
        assert found.nmi == pytest.approx(metrics.normalized_mutual_info_score(classes, clusters), abs=1e-12)
        assert found.homogeneity == pytest.approx(metrics.homogeneity_score(classes, clusters), abs=1e-12)
        assert found.completeness == pytest.approx(metrics.completeness_score(classes, clusters), abs=1e-12)


def test_scores_by_hand():
    # Matched: the first cluster with class 0 (3 pixels), the second with class 1 (2); the third counts as wrong.
    clusters = np.array([0, 0, 0, 0, 1, 1, 2, 2])
    classes = np.array([0, 0, 0, 1, 1, 1, 0, 0])
    np.testing.assert_array_equal(contingency(clusters, classes), [[3, 1], [0, 2], [2, 0]])
    found = cluster_scores(clusters, classes)
    assert (found.pixels, found.clusters, found.classes) == (8, 3, 2)
    assert found.matched_oa == pytest.approx(100 * 5 / 8)
    assert found.purity == pytest.approx(100 * 7 / 8)
    # Pairs together in both: 3 + 1 + 1 = 5; in clusters 6 + 1 + 1 = 8; in classes 10 + 3 = 13; of 28.
    assert found.ari == pytest.approx((5 - 8 * 13 / 28) / ((8 + 13) / 2 - 8 * 13 / 28))


def test_ids_do_not_matter():
    clusters, classes = random_partings(3)
    renamed = np.random.default_rng(0).permutation(1000)[clusters]
    one, other = cluster_scores(clusters, classes), cluster_scores(renamed, 5 * classes + 2)
    assert vars(one) == pytest.approx(vars(other), abs=1e-12)


def test_perfect_random_and_single_clusters():
    rng = np.random.default_rng(0)
    classes = rng.integers(5, size=20_000)
    perfect = cluster_scores(classes + 7, classes)
    assert (perfect.matched_oa, perfect.ari, perfect.purity) == (100, 1, 100)
    assert perfect.nmi == pytest.approx(1)
    assert cluster_scores(rng.integers(5, size=20_000), classes).ari == pytest.approx(0, abs=0.01)
    single = cluster_scores(np.zeros(20_000, dtype=np.int64), classes)
    assert (single.ari, single.nmi, single.completeness) == (0, 0, 1)
    assert single.matched_oa == pytest.approx(100 * np.bincount(classes).max() / 20_000)


def test_no_score_is_above_1():
    """Entropies of three equal classes and what two partings share differ in the last digit, by rounding."""
    classes = np.arange(576) % 3
    found = cluster_scores(2 - classes, classes)
    assert (found.nmi, found.homogeneity, found.completeness) == (1, 1, 1)
