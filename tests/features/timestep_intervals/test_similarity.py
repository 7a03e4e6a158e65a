# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ortho_group

from mtmsd_qgis.features.timestep_intervals.similarity import cka_table

PIXELS, FEATURES = 300, 12
rng = np.random.default_rng(0)
FIRST = rng.standard_normal((PIXELS, FEATURES)) * np.arange(1, FEATURES + 1)
SECOND = FIRST @ rng.standard_normal((FEATURES, 7)) + 3 * rng.standard_normal((PIXELS, 7))


def linear_cka(first, second):
    """Of one pair."""
    return float(cka_table([first, second])[0, 1])


def test_one_with_itself_and_the_same_both_ways():
    assert linear_cka(FIRST, FIRST) == pytest.approx(1, abs=1e-12)
    assert linear_cka(FIRST, SECOND) == pytest.approx(linear_cka(SECOND, FIRST), abs=1e-15)
    assert 0.1 < linear_cka(FIRST, SECOND) < 0.99


@pytest.mark.parametrize("scale", [1e-9, 0.5, 1e200])
def test_unchanged_by_rotation_isotropic_scaling_and_shift(scale):
    turned = FIRST @ ortho_group.rvs(FEATURES, random_state=1) * scale
    assert linear_cka(turned + 3 * scale, SECOND) == pytest.approx(linear_cka(FIRST, SECOND), abs=1e-9)
    assert linear_cka(turned, FIRST) == pytest.approx(1, abs=1e-9)


def test_changed_by_other_maps_of_the_features():
    assert linear_cka(FIRST / np.arange(1, FEATURES + 1) ** 2, FIRST) < 0.95


def test_by_kernels_as_it_is_defined():
    centring = np.eye(PIXELS) - 1 / PIXELS
    first, second = (centring @ part @ part.T @ centring for part in (FIRST, SECOND))
    by_kernels = np.sum(first * second) / np.linalg.norm(first) / np.linalg.norm(second)
    assert linear_cka(FIRST, SECOND) == pytest.approx(by_kernels, abs=1e-12)


def test_nothing_in_common():
    assert linear_cka(np.eye(40)[:, :1], np.eye(40)[:, 1:2]) < 0.001


def test_constant_features_are_like_constant_ones_alone():
    constant = np.full((PIXELS, 3), 0.1)
    assert linear_cka(constant, 7 * constant) == 1
    assert linear_cka(constant, FIRST) == 0


def test_a_table_of_all_pairs():
    parts = [FIRST, SECOND, FIRST[:, :4]]
    table = cka_table(parts)
    assert np.array_equal(table, table.T)
    assert np.array_equal(np.diag(table), np.ones(3))
    assert table[0, 2] == linear_cka(FIRST, FIRST[:, :4])
    assert cka_table([FIRST]).tolist() == [[1]]
