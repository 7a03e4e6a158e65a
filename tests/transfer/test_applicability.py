# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import numpy as np
import pytest

from mtmsd_qgis.transfer import applicability
from mtmsd_qgis.transfer.applicability import AreaOfApplicability, upper_whisker


def data(count: int = 60, columns: int = 5, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features of correlated columns of different sizes, weights and folds of groups of six."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(count, columns)) @ rng.normal(size=(columns, columns)) * 10.0 ** np.arange(columns)
    return features.astype(np.float32), rng.uniform(0.1, 1, columns), np.arange(count) // 6 % 5


def by_hand(features, weights, folds, pixels):
    """Index of pixels and threshold, pair by pair."""
    mean, deviation = features.mean(axis=0, dtype=float), features.std(axis=0, dtype=float)
    train, other = ((values - mean) / deviation * weights for values in (features, pixels))
    pairs = [np.linalg.norm(a - b) for i, a in enumerate(train) for b in train[:i]]
    index = [min(np.linalg.norm(x - s) for s in train) / np.mean(pairs) for x in other]
    held_out = [
        min(np.linalg.norm(x - s) for s, g in zip(train, folds) if g != f) / np.mean(pairs)
        for x, f in zip(train, folds)
        if f >= 0
    ]
    q1, q3 = np.percentile(held_out, (25, 75))
    return np.array(index), max(v for v in held_out if v <= q3 + 1.5 * (q3 - q1))


def test_index_and_threshold_are_those_of_the_definition():
    features, weights, folds = data()
    folds[:6] = -1
    pixels = data(seed=1)[0]
    area = AreaOfApplicability.fit(features, weights, folds)
    index, threshold = by_hand(features, weights, folds, pixels)
    np.testing.assert_allclose(area(pixels), index, rtol=1e-5)
    assert area.threshold == pytest.approx(threshold, rel=1e-5)
    np.testing.assert_array_equal(area.inside(area(pixels)), index <= threshold)


def test_training_samples_have_index_0_and_are_inside():
    features, weights, folds = data(500, 30)
    area = AreaOfApplicability.fit(features, weights, folds)
    assert (area(features) == 0).all()
    assert area.inside(area(features)).all()


def test_pixels_far_away_and_without_data_are_outside():
    features, weights, folds = data()
    area = AreaOfApplicability.fit(features, weights, folds)
    pixels = features[:3] + 20 * features.std(axis=0)
    pixels[2, 1] = np.nan
    index = area(pixels)
    assert (index[:2] > 5).all()
    assert np.isnan(index[2])
    assert not area.inside(index).any()


def test_the_index_does_not_depend_on_what_else_is_asked(monkeypatch):
    features, weights, folds = data(200, 12)
    pixels = data(1000, 12, seed=3)[0]
    area = AreaOfApplicability.fit(features, weights, folds)
    together = area(pixels)
    monkeypatch.setattr(applicability, "_CHUNK_BYTES", 8 * 200 * 7)
    np.testing.assert_array_equal(np.concatenate([area(pixels[:3]), area(pixels[3:])]), together)
    assert AreaOfApplicability.fit(features, weights, folds).threshold == pytest.approx(area.threshold, rel=1e-6)


def test_features_without_weight_or_variance_do_not_count():
    features, weights, folds = data()
    noise = np.random.default_rng(5).normal(size=60)
    more = np.column_stack([features, noise, np.full(60, 7.1)]).astype(np.float32)
    plain = AreaOfApplicability.fit(features, weights, folds)
    area = AreaOfApplicability.fit(more, np.array([*weights, -0.2, 1.0]), folds)
    pixels = data(seed=1)[0]
    beside = np.column_stack([pixels, np.full(60, np.nan), np.full(60, 9.0)]).astype(np.float32)
    np.testing.assert_allclose(area(beside), plain(pixels), rtol=1e-6)


def test_units_and_a_common_factor_of_the_weights_do_not_count():
    features, weights, folds = data()
    pixels = data(seed=1)[0]
    one = AreaOfApplicability.fit(features, weights, folds)
    other = AreaOfApplicability.fit(features * 8, 4 * weights, folds)
    np.testing.assert_allclose(other(pixels * 8), one(pixels), rtol=1e-5)
    assert other.threshold == pytest.approx(one.threshold, rel=1e-5)


def test_no_weights_count_as_equal_ones():
    features, _, folds = data()
    equal = AreaOfApplicability.fit(features, np.ones(5), folds).threshold
    assert AreaOfApplicability.fit(features, None, folds).threshold == equal
    assert AreaOfApplicability.fit(features, np.zeros(5), folds).threshold == equal


@pytest.mark.parametrize("fold", [-1, 3])
def test_where_nothing_is_held_out_each_sample_is_its_own_fold(fold):
    features, weights, _ = data()
    alone = AreaOfApplicability.fit(features, weights, np.arange(60))
    assert AreaOfApplicability.fit(features, weights, np.full(60, fold)).threshold == alone.threshold


def test_fields_held_out_give_a_wider_area_than_single_pixels():
    rng = np.random.default_rng(2)
    fields = np.repeat(np.arange(20), 15)
    features = (rng.normal(size=(20, 6))[fields] + 0.1 * rng.normal(size=(300, 6))).astype(np.float32)
    by_field = AreaOfApplicability.fit(features, None, fields % 5)
    by_pixel = AreaOfApplicability.fit(features, None, np.arange(300) % 5)
    assert by_field.threshold > 3 * by_pixel.threshold


def test_identical_samples_leave_only_themselves_inside():
    area = AreaOfApplicability.fit(np.ones((4, 2), dtype=np.float32), None, np.arange(4) % 2)
    assert area.threshold == 0
    assert area.inside(area(np.ones((1, 2), dtype=np.float32))).all()


def test_the_whisker_leaves_outliers_out():
    values = np.array([1, 2, 3, 4, 5, 6, 7, 8, 14.5, 15.5], dtype=np.float32)
    assert upper_whisker(values) == 14.5  # third quartile 7.75, interquartile range 4.5


@pytest.mark.parametrize(
    ("features", "weights", "folds"),
    [
        (np.ones((1, 2)), None, np.zeros(1)),
        (np.ones((3, 0)), None, np.zeros(3)),
        (np.ones((3, 2)), np.ones(3), np.zeros(3)),
        (np.ones((3, 2)), None, np.zeros(2)),
    ],
)
def test_what_does_not_fit_is_refused(features, weights, folds):
    with pytest.raises(ValueError, match="two or more training samples"):
        AreaOfApplicability.fit(features.astype(np.float32), weights, folds.astype(np.int64))


def test_arrays_and_back():
    features, weights, folds = data()
    area = AreaOfApplicability.fit(features, weights, folds)
    again = AreaOfApplicability.from_arrays(area.to_arrays())
    pixels = data(seed=1)[0]
    np.testing.assert_array_equal(again(pixels), area(pixels))
    assert again.threshold == area.threshold


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("samples", lambda a: a[:, :4]),
        ("samples", lambda a: a.astype(np.float64)),
        ("samples", lambda a: a[0]),
        ("samples", lambda a: a * np.float32(np.nan)),
        ("weights", lambda a: -a),
        ("mean", lambda a: a[:2]),
        ("inverse", lambda a: a * np.inf),
        ("mean_distance", lambda a: a * 0),
        ("threshold", lambda a: a[None]),
        ("threshold", lambda a: None),
    ],
)
def test_damaged_arrays_are_refused(name, damage):
    features, weights, folds = data()
    arrays = AreaOfApplicability.fit(features, weights, folds).to_arrays()
    arrays[name] = damage(arrays[name])
    with pytest.raises(ValueError, match="of the applicability"):
        AreaOfApplicability.from_arrays({key: value for key, value in arrays.items() if value is not None})
