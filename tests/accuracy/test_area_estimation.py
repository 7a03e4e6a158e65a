# SPDX-License-Identifier: GPL-2.0-or-later
"""The worked examples of the two papers that the estimators come from, and samples that cannot support an estimate."""

from __future__ import annotations

import numpy as np
import pytest

from mtmsd_qgis.accuracy.area_estimation import StratifiedSample, estimate
from mtmsd_qgis.accuracy.confidence_intervals import wilson_interval

# Olofsson et al. (2014), table 8: rows map, columns reference; deforestation, forest gain, stable forest, non-forest.
OLOFSSON = np.array([[66, 0, 5, 4], [0, 55, 8, 12], [1, 0, 153, 11], [2, 1, 9, 313]])
MAPPED_PIXELS = np.array([200_000, 150_000, 3_200_000, 6_450_000])
HECTARES = 0.09 * MAPPED_PIXELS.sum()  # pixels of 30 m

# Stehman (2014), table 2: ten samples of each of four strata, their classes by map and reference.
STRATA = np.repeat(np.arange(4), 10)
MAPPED = np.array(["ABCD".index(c) for c in "AAAAAAABBBABBBBBBBBBBBCCCCCCBBDDDDDDDDDD"])
REFERENCE = np.array(["ABCD".index(c) for c in "AAAAACBABCABBBBBAABBCCCCCDDBBADDDDDDDCCB"])
SIZES = np.array([40_000, 30_000, 20_000, 10_000])


def from_matrix(map_by_reference, sizes):
    """A sample with the map's classes as strata, from its matrix."""
    mapped, reference = (np.repeat(index.ravel(), map_by_reference.ravel()) for index in np.indices((4, 4)))
    return StratifiedSample(mapped, reference, mapped, sizes, 4, strata_are_map=True)


def stehman():
    return estimate(StratifiedSample(STRATA, REFERENCE, MAPPED, SIZES, 4))


@pytest.fixture(scope="module")
def olofsson():
    """A thousand times the pixels, because the paper has no finite population correction."""
    return estimate(from_matrix(OLOFSSON, 1000 * MAPPED_PIXELS))


def test_areas_of_olofsson(olofsson):
    """Section 5.2: areas and half-widths of their 95 % intervals in hectares, as printed."""
    assert olofsson.areas.value * HECTARES == pytest.approx([21158, 11686, 285770, 581386], abs=0.6)
    assert 1.96 * olofsson.areas.error * HECTARES == pytest.approx([6158, 3756, 15510, 16282], abs=1)
    assert olofsson.areas.value[0] * MAPPED_PIXELS.sum() == pytest.approx(235_086, abs=1)


def test_accuracies_of_olofsson(olofsson):
    """Section 5.2, as printed to two digits; producer's half-widths of gain and non-forest by equation 7."""
    assert (float(olofsson.oa.value), 1.96 * float(olofsson.oa.error)) == pytest.approx((0.95, 0.02), abs=0.005)
    assert olofsson.users.value == pytest.approx([0.88, 0.73, 0.93, 0.96], abs=0.005)
    assert 1.96 * olofsson.users.error == pytest.approx([0.07, 0.10, 0.04, 0.02], abs=0.005)
    assert olofsson.producers.value == pytest.approx([0.75, 0.85, 0.93, 0.96], abs=0.005)
    assert 1.96 * olofsson.producers.error == pytest.approx([0.21, 0.254, 0.03, 0.018], abs=0.005)


def test_cells_of_olofsson(olofsson):
    """Table 9, to four digits; ours has the reference in the rows."""
    assert olofsson.cells[:, 0] == pytest.approx([0.0176, 0, 0.0013, 0.0011], abs=6e-5)
    assert olofsson.cells[3] == pytest.approx([0.0011, 0.0024, 0.0213, 0.6212], abs=6e-5)
    assert olofsson.cells.sum() == pytest.approx(1)


def test_errors_of_olofsson_by_their_equations(olofsson):
    """Equations 5 to 7 and 10, written out."""
    n = OLOFSSON.sum(axis=1)
    weight = MAPPED_PIXELS / MAPPED_PIXELS.sum()
    share = OLOFSSON / n[:, None]
    users = np.diag(share)
    assert olofsson.users.error == pytest.approx(np.sqrt(users * (1 - users) / (n - 1)), rel=1e-3)
    assert olofsson.oa.error == pytest.approx(np.sqrt((weight**2 * users * (1 - users) / (n - 1)).sum()), rel=1e-3)
    spread = weight[:, None] ** 2 * share * (1 - share) / (n - 1)[:, None]
    assert olofsson.areas.error == pytest.approx(np.sqrt(spread.sum(axis=0)), rel=1e-3)
    pixels = MAPPED_PIXELS @ share
    for j, producers in enumerate(MAPPED_PIXELS * users / pixels):
        own = MAPPED_PIXELS[j] ** 2 * (1 - producers) ** 2 * users[j] * (1 - users[j]) / (n[j] - 1)
        others = producers**2 * sum(
            MAPPED_PIXELS[i] ** 2 * share[i, j] * (1 - share[i, j]) / (n[i] - 1) for i in range(4) if i != j
        )
        assert olofsson.producers.error[j] == pytest.approx(np.sqrt(own + others) / pixels[j], rel=1e-3)


def test_estimates_of_stehman():
    """Section 4: area of A and C, overall, user's and producer's accuracy of B, cell of map class B and reference C."""
    found = stehman()
    assert found.areas.value[[0, 2]] == pytest.approx([0.35, 0.20])
    assert float(found.oa.value) == pytest.approx(0.63)
    assert found.users.value[1] == pytest.approx(0.574, abs=5e-4)
    assert found.producers.value[1] == pytest.approx(0.794, abs=5e-4)
    assert found.cells[2, 1] == pytest.approx(0.08)


def test_errors_of_stehman():
    found = stehman()
    assert found.areas.error[[0, 2]] == pytest.approx([0.082, 0.064], abs=5e-4)
    assert float(found.oa.error) == pytest.approx(0.085, abs=5e-4)
    assert found.users.error[1] == pytest.approx(0.125, abs=5e-4)
    assert found.producers.error[1] == pytest.approx(by_residuals(MAPPED == REFERENCE, REFERENCE == 1, 0.794118))


def by_residuals(right, domain, ratio):
    """Equation 28 as the variance of y - R x, sample by sample."""
    y, x = (right & domain).astype(float), domain.astype(float)
    variances = np.array([np.var((y - ratio * x)[h == STRATA], ddof=1) for h in range(4)])
    pixels = sum(SIZES[h] * x[h == STRATA].mean() for h in range(4))
    return np.sqrt((SIZES**2 * (1 - 10 / SIZES) * variances / 10).sum()) / pixels


@pytest.mark.parametrize("k", range(4))
def test_errors_of_ratios_are_those_of_residuals(k):
    found = stehman()
    for estimates, domain in ((found.users, MAPPED == k), (found.producers, REFERENCE == k)):
        expected = by_residuals(MAPPED == REFERENCE, domain, estimates.value[k])
        assert estimates.error[k] == pytest.approx(expected)


def test_a_census_has_no_error():
    found = estimate(StratifiedSample(STRATA, REFERENCE, MAPPED, np.full(4, 10), 4))
    assert float(found.oa.value) == (MAPPED == REFERENCE).mean()
    assert float(found.oa.error) == 0
    assert found.users.error.tolist() == [0, 0, 0, 0]


def test_a_stratum_without_samples_is_named_and_left_out():
    matrix = OLOFSSON.copy()
    matrix[1] = 0
    found = estimate(from_matrix(matrix, MAPPED_PIXELS))
    assert found.unsampled == (1,)
    assert found.cells.sum() == pytest.approx(1)
    assert np.isnan([found.users.value[1], found.producers.value[1], found.producers.low[1]]).all()
    assert np.isfinite(found.producers.low[[0, 2, 3]]).all()
    assert np.isfinite(found.users.error[[0, 2, 3]]).all()
    # Its pixels count for nothing: the same as a map that has none of them.
    without = estimate(from_matrix(matrix, np.where(np.arange(4) == 1, 0, MAPPED_PIXELS)))
    assert without.unsampled == ()
    assert found.areas.value == pytest.approx(without.areas.value)


@pytest.mark.parametrize("reference", [0, 1])
def test_one_sampled_map_class_says_nothing_of_what_the_others_miss(reference):
    """All that is found of a class is right, or all of it is wrong, as its other pixels have no sample."""
    matrix = np.zeros((4, 4), dtype=int)
    matrix[0, reference] = 3
    found = estimate(from_matrix(matrix, np.array([360, 360, 720, 0])))
    for part in (found.producers.value, found.producers.error, found.producers.low, found.producers.high):
        assert np.isnan(part).all()
    alone = estimate(from_matrix(matrix, np.array([360, 0, 0, 0])))  # no pixel of the map is left out
    assert [alone.producers.value[reference], alone.producers.low[reference]] == pytest.approx([1 - reference] * 2)


def test_a_stratum_with_one_sample_leaves_errors_unknown():
    matrix = OLOFSSON.copy()
    matrix[1] = [0, 1, 0, 0]
    found = estimate(from_matrix(matrix, MAPPED_PIXELS))
    assert found.single == (1,)
    assert np.isfinite([*found.areas.value, *found.users.value, float(found.oa.value)]).all()
    assert np.isnan([*found.areas.error, float(found.oa.error), found.users.error[1]]).all()
    assert np.isfinite([*found.areas.low, *found.areas.high, found.users.low[1]]).all()  # one sample tells a little
    assert np.isfinite(found.users.error[[0, 2, 3]]).all()  # of other map classes, which are not in that stratum


def test_one_pixel_that_is_its_stratum_is_known():
    matrix = OLOFSSON.copy()
    matrix[1] = [0, 1, 0, 0]
    found = estimate(from_matrix(matrix, np.where(np.arange(4) == 1, 1, MAPPED_PIXELS)))
    assert found.single == ()
    assert np.isfinite(found.areas.error).all()


def test_classes_absent_from_reference_or_map_are_undefined():
    found = estimate(StratifiedSample(*(np.array(a) for a in ([0, 0, 0, 0], [0, 0, 1, 1], [0, 0, 2, 0], [100])), 4))
    assert found.producers.value[:2].tolist() == [1, 0]
    assert np.isnan([*found.producers.value[2:], *found.producers.error[2:], found.users.value[1]]).all()
    assert found.users.value[2] == 0


def test_no_sample_is_an_error():
    none = np.empty(0, dtype=int)
    with pytest.raises(ValueError, match="at least one sample"):
        estimate(StratifiedSample(none, none, none, np.array([5]), 1))


def test_intervals_of_single_shares_are_those_of_wilson(olofsson):
    """A user's accuracy rests on one stratum, and so does everything in a sample without strata."""
    n = OLOFSSON.sum(axis=1)
    expected = [wilson_interval(right, total) for right, total in zip(np.diag(OLOFSSON), n)]
    assert np.transpose([olofsson.users.low, olofsson.users.high]) == pytest.approx(np.array(expected), abs=1e-4)
    one = estimate(StratifiedSample(np.zeros(40, dtype=int), REFERENCE, MAPPED, np.array([10**9]), 4))
    assert (float(one.oa.low), float(one.oa.high)) == pytest.approx(wilson_interval((MAPPED == REFERENCE).sum(), 40))
    mapped_b = MAPPED == 1
    expected_b = wilson_interval((REFERENCE[mapped_b] == 1).sum(), mapped_b.sum())
    assert (one.users.low[1], one.users.high[1]) == pytest.approx(expected_b, abs=0.03)


@pytest.mark.parametrize("sizes", [SIZES, np.array([12, 10, 20_000, 11])])
def test_intervals_hold_their_estimates_within_0_and_1(sizes):
    found = estimate(StratifiedSample(STRATA, REFERENCE, MAPPED, sizes, 4))
    for part in (found.oa, found.areas, found.users, found.producers):
        assert (part.low >= 0).all()
        assert (part.low <= part.value + 1e-9).all()
        assert (part.value <= part.high + 1e-9).all()
        assert (part.high <= 1).all()


def test_samples_that_all_agree_have_an_interval():
    found = estimate(from_matrix(np.diag([20, 20, 20, 20]), MAPPED_PIXELS))
    assert found.users.error.tolist() == [0, 0, 0, 0]
    assert found.users.high.tolist() == pytest.approx([1, 1, 1, 1])
    assert found.users.low == pytest.approx([wilson_interval(20, 20)[0]] * 4, abs=1e-4)
    assert found.producers.low[0] < 0.2  # a few omissions in the large classes would be more than all of it
    assert found.areas.low[0] < 0.02 < found.areas.high[0]


def test_intervals_cover_the_truth():
    """Samples of a population like that of Olofsson, whose rare omissions most samples do not meet."""
    rng = np.random.default_rng(0)
    sizes, drawn = np.array([2_000, 1_500, 32_000, 64_500]), [75, 75, 165, 325]
    of_map = [[0.88, 0, 0.07, 0.05], [0, 0.73, 0.11, 0.16], [0.006, 0, 0.93, 0.064], [0.006, 0.003, 0.028, 0.963]]
    population = [rng.choice(4, size=size, p=shares) for size, shares in zip(sizes, of_map)]
    area = np.array([sum((part == k).sum() for part in population) for k in range(4)])
    producers = np.array([(population[k] == k).sum() for k in range(4)]) / area
    mapped = np.repeat(range(4), drawn)
    covered = np.zeros((2, 4))
    for _ in range(300):
        reference = np.concatenate([rng.choice(part, n, replace=False) for part, n in zip(population, drawn)])
        found = estimate(StratifiedSample(mapped, reference, mapped, sizes, 4, strata_are_map=True))
        for row, (part, truth) in enumerate(((found.areas, area / sizes.sum()), (found.producers, producers))):
            covered[row] += (part.low <= truth) & (truth <= part.high)
    assert (covered / 300 > 0.91).all(), covered / 300
    assert (covered / 300 < 0.995).all(), covered / 300
