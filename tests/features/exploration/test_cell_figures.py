# SPDX-License-Identifier: GPL-2.0-or-later
"""What is measured of features, against what is known of made-up ones."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from mtmsd_qgis.features.exploration.channels import correlations, extreme_places, first_channels, separation
from mtmsd_qgis.features.exploration.gallery import stage_colours
from mtmsd_qgis.features.exploration.pair_sums import LAGS, correlation, lag_sums, pair_sums, range_at_half
from mtmsd_qgis.features.exploration.spectral_quantities import (
    TEXTURE_MARGIN,
    SpectralQuantities,
    natural_colour_bands,
    nearest_band,
)
from mtmsd_qgis.features.exploration.spectral_share import block_folds, spectral_share
from mtmsd_qgis.jobs.data_model import Band

SIDE = 60
ROWS, COLS = (part.ravel() for part in np.mgrid[0:SIDE, 0:SIDE])


def spectra(seed=0, bands=6):
    """(N, P) of smooth fields."""
    rng = np.random.default_rng(seed)
    fields = [gaussian_filter(rng.normal(size=(SIDE, SIDE)), 2) * 10 for _ in range(bands)]
    return np.stack(fields, axis=-1).reshape(-1, bands).astype(np.float32)


def test_a_sum_of_bands_is_in_the_spectrum_and_noise_is_not():
    rng = np.random.default_rng(1)
    x = spectra()
    linear = x @ rng.normal(size=(6, 4)) + 100
    noise = rng.normal(size=(len(x), 4))
    smooth_noise = spectra(seed=7, bands=4)
    half = linear / linear.std(axis=0) + noise
    features = np.stack([linear, noise, smooth_noise, half, np.full_like(noise, 3)], axis=1).astype(np.float32)
    shares = spectral_share(x, features, block_folds(ROWS, COLS, 0))
    assert shares[0] == pytest.approx(1, abs=1e-6)
    assert shares[1] == pytest.approx(0, abs=0.02)
    assert shares[2] == pytest.approx(0, abs=0.02)  # held-out pixels of the same blocks would find some
    assert shares[3] == pytest.approx(0.5, abs=0.05)
    assert np.isnan(shares[4])


def test_a_constant_channel_and_a_constant_band_change_nothing():
    x = spectra()
    features = (x[:, None, :3] * 2).copy()
    folds = block_folds(ROWS, COLS, 0)
    alone = spectral_share(x, features, folds)
    padded = np.concatenate([features, np.ones_like(features[..., :1])], axis=2)
    wider = np.concatenate([x, np.full_like(x[:, :1], 5)], axis=1)
    assert spectral_share(wider, padded, folds) == pytest.approx(alone, abs=1e-9)


def test_folds_keep_blocks_together_and_a_small_scene_has_small_ones():
    folds = block_folds(ROWS * 4, COLS * 4, 0)
    assert all(len(np.unique(folds[(ROWS // 8 == r) & (COLS // 8 == c)])) == 1 for r in range(7) for c in range(7))
    assert len(np.unique(block_folds(ROWS[ROWS < 8], COLS[ROWS < 8], 0))) == 5


@pytest.mark.parametrize("sigma", [1.0, 2.0, 4.0])
def test_the_range_of_smoothed_noise_is_that_of_theory(sigma):
    """Smoothed by a Gaussian, its autocorrelation is exp(-d² / 4 sigma²): one half at 2 sigma sqrt(ln 2)."""
    rng = np.random.default_rng(3)
    grid = np.stack([gaussian_filter(rng.normal(size=(300, 300)), sigma, mode="wrap") for _ in range(3)])
    sums = lag_sums(torch.from_numpy(grid + 50), torch.ones(300, 300, dtype=torch.bool))
    curve = correlation(np.moveaxis(sums, 1, 0)).mean(axis=1)
    distance, is_larger = range_at_half(curve, LAGS)
    assert not is_larger
    assert distance == pytest.approx(2 * sigma * np.sqrt(np.log(2)), rel=0.1)


def test_a_range_beyond_the_tile_is_named_so_and_what_has_no_data_does_not_count():
    ramp = torch.arange(20.0).expand(1, 20, 20).clone()
    known = torch.ones(20, 20, dtype=torch.bool)
    known[:, 5] = False
    sums = lag_sums(torch.where(known, ramp, torch.nan), known)
    curve = correlation(np.moveaxis(sums, 1, 0))[:, 0]
    assert np.isnan(curve[LAGS.index(12) :]).all()
    assert range_at_half(curve, LAGS) == (10.0, True)
    assert np.isnan(range_at_half([np.nan], [1])[0])
    assert range_at_half([0.0], [4]) == (2.0, False)


def test_sums_of_pairs_give_pearsons_correlation_whatever_the_offset():
    rng = np.random.default_rng(4)
    x = rng.normal(size=(2, 8, 8)) + 20
    y = 0.7 * x + rng.normal(size=(2, 8, 8))
    half = torch.zeros(8, 8, dtype=torch.bool)
    half[:4] = True
    first, second = (pair_sums(torch.from_numpy(x), torch.from_numpy(y), part) for part in (half, ~half))
    expected = [np.corrcoef(x[i].ravel(), y[i].ravel())[0, 1] for i in range(2)]
    assert correlation(first + second) == pytest.approx(expected)
    constant = torch.ones(1, 8, 8)
    assert np.isnan(correlation(pair_sums(constant, constant, half))).all()


def test_colours_are_the_same_for_the_same_features_and_brighter_is_brighter():
    rng = np.random.default_rng(5)
    brightness = rng.normal(size=500)
    features = (rng.normal(size=(500, 3, 6)) + -4 * brightness[:, None, None]).astype(np.float32)
    colours = stage_colours(features, brightness)
    assert np.array_equal(colours.values, stage_colours(features, brightness).values)
    assert np.corrcoef(colours.values[:, 0, 0], brightness)[0, 1] > 0.9
    assert (0 < colours.shown).all() and (colours.shown <= 1).all()  # noqa: PT018 - both ends
    turned = stage_colours(10 * features[:, ::-1] + 5, brightness)
    assert turned.values[:, ::-1] == pytest.approx(colours.values, abs=1e-3)


def test_two_channels_are_two_colours_and_all_that_there_is_to_see():
    features = np.random.default_rng(6).normal(size=(200, 2, 2)).astype(np.float32)
    colours = stage_colours(features, np.zeros(200))
    assert colours.values.shape == (200, 2, 3)
    assert (colours.values[..., 2] == 0.5).all()
    assert colours.shown == pytest.approx(1, abs=1e-5)
    constant = stage_colours(np.ones((9, 1, 4), dtype=np.float32), np.arange(9.0))
    assert (constant.values == 0.5).all()


def test_quantities_by_wavelength():
    wavelengths = (450, 555, 650, 700, 740, 840, 2120, 2200, 2280)
    bands = [Band(wavelength_nm=float(w)) for w in wavelengths]
    quantities = SpectralQuantities.of(bands)
    assert quantities.names == ("NDVI", "NDWI", "red-edge slope", "2200 nm depth", "brightness", "texture")
    values = np.array([1, 2, 3, 4, 8, 9, 10, 6, 10], dtype=np.float32)
    window = np.tile(values[:, None, None], (1, 7, 8))
    window[:, 0, 0] = np.nan
    found = quantities(window)
    assert found.shape == (6, 7 - 2 * TEXTURE_MARGIN, 8 - 2 * TEXTURE_MARGIN)
    assert found[:, 0, 0] == pytest.approx([6 / 12, -7 / 11, 4 / 40, 0.4, values.mean(), 0], abs=1e-5)
    broad = SpectralQuantities.of([Band(wavelength_nm=w) for w in (485.0, 560.0, 660.0, 830.0)])
    assert broad.names == ("NDVI", "NDWI", "brightness", "texture")
    assert natural_colour_bands(bands) == (2, 1, 0)
    assert natural_colour_bands([Band()]) is None
    assert SpectralQuantities.of([Band()]).names == ("brightness", "texture")
    assert nearest_band(bands, 1000.0, 100.0) is None


def test_texture_is_the_deviation_around_a_pixel():
    rng = np.random.default_rng(8)
    window = rng.normal(1000, 5, size=(1, 9, 9)).astype(np.float32)
    found = SpectralQuantities.of([Band()])(window)
    assert found[1, 2, 2] == pytest.approx(window[0, 2:7, 2:7].std(), rel=1e-3)


def test_the_first_channels_are_those_of_purification_without_any_that_is_not_finite():
    means = np.zeros((4, 2, 3))
    means[0, :, 1] = 1  # one class stands out
    means[..., 2] = np.nan
    assert first_channels(means).tolist() == [1, 0]


def test_separation_is_the_share_between_classes():
    classes = np.repeat([0, 1], 50)
    values = np.stack([classes, np.tile([0, 1], 50), np.ones(100)], axis=1).astype(np.float32)
    assert separation(values, classes) == pytest.approx([1, 0, 0])


def test_extreme_places_lie_apart():
    values = -np.hypot(ROWS - 30, COLS - 30).astype(np.float32)
    chosen = extreme_places(values, ROWS, COLS, high=True)
    assert (ROWS[chosen[0]], COLS[chosen[0]]) == (30, 30)
    gaps = np.hypot(ROWS[chosen][:, None] - ROWS[chosen], COLS[chosen][:, None] - COLS[chosen])
    assert gaps[~np.eye(len(chosen), dtype=bool)].min() >= 12
    assert len(chosen) == 5
    assert set(extreme_places(values, ROWS, COLS, high=False)[:4]) & {0, SIDE - 1, SIDE * (SIDE - 1), SIDE**2 - 1}


def test_correlations_where_they_are_defined():
    values = np.arange(40, dtype=np.float32)
    quantities = np.stack([-values, np.ones(40), np.where(values < 30, np.nan, values)]).astype(np.float32)
    assert correlations(values, quantities, ("a", "b", "c")) == {"a": pytest.approx(-1)}
