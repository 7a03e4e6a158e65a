# SPDX-License-Identifier: GPL-2.0-or-later
"""A scene that a model is given to, with values far from those that the model knows."""

from __future__ import annotations

import numpy as np
import pytest

from mtmsd_qgis.diffusion.preprocessing import fit_preprocessor
from mtmsd_qgis.errors import SceneError
from mtmsd_qgis.progress import silent
from mtmsd_qgis.tasks.scene_input import standardised
from tests.scenes import cube_of


def reflectances():
    return np.random.default_rng(0).uniform(0.1, 0.5, (4, 20, 30)).astype(np.float32)


def components_of(folder, values):
    preprocessor, _ = fit_preprocessor(cube_of(folder, reflectances(), name="model"), 3)
    return standardised(cube_of(folder, values), None, preprocessor, folder, silent)


def test_a_fill_value_in_another_scene_is_refused(tmp_path):
    values = reflectances()
    values[:, 5, 5:8] = 1e36
    with pytest.raises(SceneError, match=r"3 of 600 pixels are far .* with values such as 1e\+36"):
        components_of(tmp_path, values)


def test_a_scene_in_another_unit_is_told_of(tmp_path, caplog):
    components_of(tmp_path, reflectances() * 100_000)
    assert "of 600 pixels are far" in caplog.text
    assert "another unit" in caplog.text


def test_the_scene_itself_is_not_far(tmp_path, caplog):
    _, valid = components_of(tmp_path, reflectances())
    assert valid.all()
    assert caplog.text == ""
