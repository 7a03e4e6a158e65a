# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import numpy as np
import pytest

from mtmsd_qgis.transfer.spectral_space import SpectralSpace


def pixels(count: int = 500, bands: int = 40, seed: int = 0) -> np.ndarray:
    """Spectra of three sources and a little noise, in bands of different sizes."""
    rng = np.random.default_rng(seed)
    sources = np.random.default_rng(9).normal(size=(3, bands))
    values = rng.normal(size=(count, 3)) @ sources + 0.05 * rng.normal(size=(count, bands))
    return (1000 + 100 * values * np.linspace(1, 50, bands)).astype(np.float32)


def test_components_have_mean_0_and_variance_1_and_are_uncorrelated():
    space = SpectralSpace.fit(pixels())
    features = space(pixels()).astype(np.float64)
    assert features.shape == (500, space.columns) == (500, 26)
    np.testing.assert_allclose(features.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(features.std(axis=0), 1, rtol=1e-4)
    np.testing.assert_allclose(np.corrcoef(features[:, :25].T), np.eye(25), atol=1e-3)


def test_bands_that_do_not_go_together_are_far_away():
    space, known = SpectralSpace.fit(pixels()), pixels(seed=1)
    noise = np.random.default_rng(2).normal(known.mean(axis=0), known.std(axis=0), known.shape)
    assert np.abs(space(known)[:, -1]).max() < 6
    assert space(noise.astype(np.float32))[:, -1].min() > 20


def test_without_a_residual_there_is_no_column_for_it():
    space = SpectralSpace.fit(pixels(bands=4))
    assert space.columns == space(pixels(bands=4)).shape[1] == 4


def test_a_copied_and_a_constant_band_add_nothing():
    values = pixels(bands=4)
    more = np.column_stack([values, values[:, 1] * 2 + 5, np.full(len(values), 0.1)]).astype(np.float32)
    space = SpectralSpace.fit(more)
    assert space.columns <= 5
    other = more.copy()
    other[:, 5] = np.nan
    np.testing.assert_array_equal(space(other), space(more))
    other[3, 0] = np.nan
    assert np.isnan(space(other)).any(axis=1).nonzero()[0].tolist() == [3]


def test_units_do_not_count():
    values = pixels()
    one, other = SpectralSpace.fit(values)(values), SpectralSpace.fit(values / 8)(values / 8)
    np.testing.assert_allclose(np.abs(other), np.abs(one), atol=1e-3)


def test_arrays_and_back():
    space = SpectralSpace.fit(pixels())
    np.testing.assert_array_equal(SpectralSpace.from_arrays(space.to_arrays())(pixels()), space(pixels()))


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("mean", lambda a: a[1:]),
        ("mean", lambda a: a.astype(np.float32)),
        ("inverse", lambda a: -a),
        ("inverse", lambda a: None),
        ("axes", lambda a: a[:, 1:]),
        ("axes", lambda a: a[:0]),
        ("axes", lambda a: a * np.nan),
        ("residual", lambda a: a[:1]),
        ("residual", lambda a: -a),
    ],
)
def test_damaged_arrays_are_refused(name, damage):
    arrays = SpectralSpace.fit(pixels()).to_arrays()
    arrays[name] = damage(arrays[name])
    with pytest.raises(ValueError, match="of the spectral space"):
        SpectralSpace.from_arrays({key: value for key, value in arrays.items() if value is not None})
