# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import numpy as np
import pytest

from mtmsd_qgis.io.windows import Window, whole
from mtmsd_qgis.transfer.adaptation import Adaptation, AdaptedRaster, BandScaling
from tests.scenes import cube_of, fields


def scaling_of(array: np.ndarray) -> BandScaling:
    return BandScaling.of_pixels(array.reshape(len(array), -1).T)


@pytest.fixture
def scene() -> np.ndarray:
    return fields()[0].astype(np.float32)


def test_a_scene_of_another_gain_and_offset_becomes_the_scene(tmp_path, scene):
    shifted = (scene * np.float32(1.1) + np.float32(50)).astype(np.float32)
    adapted = AdaptedRaster(cube_of(tmp_path, shifted), Adaptation.between(scaling_of(scene), scaling_of(shifted)))
    np.testing.assert_allclose(adapted.read(whole(48, 48)), scene, rtol=3e-6)


def test_any_window_and_bands_are_adapted_alike(tmp_path, scene):
    adaptation = Adaptation.between(scaling_of(scene), scaling_of(scene * 3 - 7))
    adapted = AdaptedRaster(cube_of(tmp_path, scene * 3 - 7), adaptation)
    everything = adapted.read(whole(48, 48))
    part = adapted.read(Window(40, -2, 12, 10), [5, 0])
    np.testing.assert_array_equal(part[:, :8, 2:], everything[[5, 0], 40:, :8])
    assert np.isnan(part[:, 8:]).all()
    assert np.isnan(part[:, :, :2]).all()
    assert (adapted.height, adapted.width, adapted.bands, adapted.costly) == (48, 48, 8, False)
    assert adapted.filled([0, 7]).all()


def test_a_constant_band_stays(tmp_path, scene):
    source, target = scene.copy(), scene * 2
    source[1], target[2] = 5, 1e6
    adaptation = Adaptation.between(scaling_of(source), scaling_of(target))
    adapted = AdaptedRaster(cube_of(tmp_path, target), adaptation).read(whole(48, 48))
    np.testing.assert_array_equal(adapted[1:3], target[1:3])
    np.testing.assert_allclose(adapted[[0, 3]], scene[[0, 3]], rtol=1e-6)
    assert adaptation.gain[1:3].tolist() == [1, 1]
    assert adaptation.offset[1:3].tolist() == [0, 0]


def test_gain_and_offset_say_what_was_done(scene):
    adaptation = Adaptation.between(scaling_of(scene), scaling_of(scene * 2 + 100))
    np.testing.assert_allclose(adaptation.gain, 0.5)
    np.testing.assert_allclose(adaptation.offset, -50)


def test_the_spread_is_the_deviation_of_normal_values_and_outliers_do_not_move_it():
    values = np.random.default_rng(0).normal(100, 7, 200_000).astype(np.float32)
    values[:2000] = 60_000  # clouds
    scaling = BandScaling.of_pixels(values[:, None])
    assert scaling.spread[0] == pytest.approx(7, rel=0.03)
    assert scaling.median[0] == pytest.approx(100, abs=0.2)


def test_bands_must_be_as_many(tmp_path, scene):
    with pytest.raises(ValueError, match="8 bands of the source, 7 of the target"):
        Adaptation.between(scaling_of(scene), scaling_of(scene[:7]))
    with pytest.raises(ValueError, match="8 bands for a raster of 7"):
        AdaptedRaster(cube_of(tmp_path, scene[:7]), Adaptation.between(scaling_of(scene), scaling_of(scene)))
