# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import numpy as np
import pytest

from mtmsd_qgis.transfer.scene_summary import SceneSummary
from mtmsd_qgis.transfer.separability import auc, cross_validated_auc, fit_logistic, separability
from tests.scenes import cube_of


def summary_of(pixels: np.ndarray, per_block: int = 20) -> SceneSummary:
    """Of pixels (n, B) in the order of blocks, which lie on a square."""
    blocks = (np.arange(len(pixels)) // per_block).astype(np.int32)
    side = int(np.ceil(np.sqrt(blocks.max() + 1)))
    places = np.stack([blocks // side, blocks % side], axis=1).astype(np.float32) / side
    return SceneSummary(np.zeros((pixels.shape[1], 5)), pixels.astype(np.float32), blocks, places)


def correlated(count: int = 1000, seed: int = 0, bands: int = 6) -> np.ndarray:
    """Pixels of bands that go together."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(count, 2)) @ np.random.default_rng(9).normal(size=(2, bands)) + 0.1 * rng.normal(
        size=(count, bands)
    )


NAMES = [f"band {i + 1}" for i in range(6)]


def test_scenes_of_one_kind_cannot_be_told_apart():
    found = separability(summary_of(correlated()), summary_of(correlated(seed=1)), NAMES)
    assert found.auc == pytest.approx(0.5, abs=0.06)
    assert all(shift.auc < 0.55 for shift in found.shifts)


def test_the_band_that_shifts_is_named():
    target = correlated(seed=1)
    target[:, 3] -= 2 * target[:, 3].std()
    found = separability(summary_of(correlated()), summary_of(target), NAMES)
    assert found.auc > 0.95
    assert found.shifts[0].name == "band 4"
    assert found.shifts[0].auc > 0.9
    assert found.shifts[0].higher is False
    assert [shift.auc for shift in found.shifts] == sorted((shift.auc for shift in found.shifts), reverse=True)


def test_noise_of_the_same_mean_and_deviation_is_another_world():
    source = correlated()
    noise = np.random.default_rng(5).normal(source.mean(axis=0), source.std(axis=0), size=(1000, 6))
    found = separability(summary_of(source), summary_of(noise), NAMES)
    assert found.auc > 0.97
    assert all(shift.auc < 0.56 for shift in found.shifts)


def test_columns_of_one_name_are_told_apart_together():
    source, target = correlated(bands=8), correlated(seed=1, bands=8)
    target[:, 4:6] += 2 * target[:, 4:6].std(axis=0)
    names = ["t50 s3"] * 2 + ["t50 s5"] * 2 + ["t100 s3"] * 2 + ["t100 s5"] * 2
    found = separability(summary_of(source), summary_of(target), names)
    assert found.shifts[0].name == "t100 s3"
    assert len(found.shifts) == 4
    assert found.shifts[0].auc > 0.8 > 0.6 > found.shifts[1].auc
    assert found.shifts[0].higher is None


def test_gain_and_offset_of_bands_do_not_count_when_both_scenes_have_them():
    factor = np.array([1, 10, 1e3, 1e-3, 5, 2])
    one = separability(summary_of(correlated()), summary_of(correlated(seed=1) + 0.3), NAMES)
    other = separability(summary_of(correlated() * factor), summary_of((correlated(seed=1) + 0.3) * factor), NAMES)
    assert other.auc == pytest.approx(one.auc, abs=2e-3)


def test_a_constant_band_tells_nothing():
    source, target = correlated(), correlated(seed=1)
    source[:, 2] = target[:, 2] = 7
    found = separability(summary_of(source), summary_of(target), NAMES)
    assert found.auc == pytest.approx(0.5, abs=0.06)
    assert next(shift for shift in found.shifts if shift.name == "band 3").auc == 0.5
    flat = summary_of(np.full((100, 2), 3.0))
    assert separability(flat, flat, ["a", "b"]).auc == 0.5


def test_scenes_of_fewer_than_four_blocks_cannot_be_cross_validated():
    few = summary_of(correlated(60))
    found = separability(few, summary_of(correlated()), NAMES)
    assert found.auc is None
    assert len(found.shifts) == 6
    assert separability(summary_of(correlated(80)), summary_of(correlated()), NAMES).auc is not None


def test_regions_are_held_out_whole(monkeypatch):
    """What a regression is fitted to never holds pixels of the regions that it is tested on."""
    from mtmsd_qgis.transfer import separability as module

    seen = []
    monkeypatch.setattr(module, "cross_validated_auc", lambda values, is_target, folds: seen.append(folds) or 0.5)
    source = summary_of(correlated(1800))
    separability(source, summary_of(correlated(360)), NAMES)
    of_source = seen[0][:1800]
    assert set(of_source) == set(seen[0][1800:]) == set(range(9))
    assert np.bincount(of_source).tolist() == [200] * 9
    for region in range(9):
        inside = of_source == region
        assert not set(source.blocks[inside]) & set(source.blocks[~inside])
        assert np.ptp(source.places[inside], axis=0).max() < 0.45


def test_bands_and_names_must_be_as_many():
    with pytest.raises(ValueError, match="6 and 6 bands with 2 names"):
        separability(summary_of(correlated()), summary_of(correlated()), ["a", "b"])


@pytest.mark.parametrize("side", [8, 16, 32])
def test_interleaved_blocks_of_one_scene_are_alike(tmp_path, side):
    """A scene whose values change slowly over the ground, cut like a chessboard."""
    rng = np.random.default_rng(3)
    smooth = sum(
        np.sin(rng.uniform(0.02, 0.1) * y + rng.uniform(0.02, 0.1) * x + rng.uniform(0, 6)) * rng.normal(size=(5, 1, 1))
        for y, x in [np.mgrid[:256, :256]] * 4
    )
    values = (1000 + 100 * smooth + 10 * rng.normal(size=(5, 256, 256))).astype(np.float32)
    rows, cols = np.mgrid[:256, :256] // side
    scenes = []
    for parity in (0, 1):
        part = values.copy()
        part[:, (rows + cols) % 2 == parity] = np.nan
        scenes.append(SceneSummary.of_raster(cube_of(tmp_path, part, name=f"part{parity}")))
    assert separability(*scenes, NAMES[:5]).auc == pytest.approx(0.5, abs=0.1)


def test_auc_is_that_of_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    scores, is_target = np.round(rng.normal(size=500), 1), rng.random(500) < 0.3
    assert auc(scores, is_target) == pytest.approx(metrics.roc_auc_score(is_target, scores), abs=1e-12)


def test_auc_by_hand():
    assert auc(np.array([1.0, 2, 3, 3]), np.array([False, True, False, True])) == (0.5 + 1 + 1 + 0) / 4


def test_the_regression_is_that_of_scikit_learn():
    linear = pytest.importorskip("sklearn.linear_model")
    rng = np.random.default_rng(1)
    x, is_target, weights = rng.normal(size=(400, 5)), rng.random(400) < 0.4, rng.uniform(0.5, 2, 400)
    x[is_target, 2] += 1
    theirs = linear.LogisticRegression(C=1.0, tol=1e-10, max_iter=1000).fit(x, is_target, sample_weight=weights)
    np.testing.assert_allclose(fit_logistic(x, is_target, weights), theirs.coef_[0], atol=1e-4)


def test_the_cross_validated_auc_is_that_of_scikit_learn():
    decomposition = pytest.importorskip("sklearn.decomposition")
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import LeaveOneGroupOut, cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    values = np.concatenate([correlated(), correlated(seed=1) + 0.15])
    is_target, folds = np.arange(2000) >= 1000, np.arange(2000) // 20 % 9
    components = decomposition.PCA(whiten=True).fit_transform(StandardScaler().fit_transform(values))
    squares = np.concatenate([components, np.square(components)], axis=1)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    theirs = cross_val_score(model, squares, is_target, groups=folds, cv=LeaveOneGroupOut(), scoring="roc_auc")
    assert cross_validated_auc(values, is_target, folds) == pytest.approx(theirs.mean(), abs=5e-3)
