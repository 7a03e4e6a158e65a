# SPDX-License-Identifier: GPL-2.0-or-later
"""The benchmark of how long to train: models as they stood on the way, their loss, the table."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from benchmarks.features import Training
from benchmarks.training_length import WITHOUT, loss_of, models_of, table
from mtmsd_qgis.diffusion.model import load_model
from mtmsd_qgis.jobs.settings import pretrain_settings
from tests.scenes import cube_of, fields


@pytest.fixture
def scene(tmp_path):
    """A scene of 32 x 32 pixels and four bands."""
    cube = cube_of(tmp_path, fields(32, 32, 4)[0]).description
    return SimpleNamespace(
        name="fields", folder=tmp_path, cube=cube, source_bands=cube.bands, fingerprint=lambda: "fields"
    )


@pytest.fixture
def short(monkeypatch):
    """A preset of few steps, and few patches for the loss."""
    monkeypatch.setattr("benchmarks.training_length._BATCHES", 2)
    monkeypatch.setattr("benchmarks.features.pretrain_settings", _few_steps)


def _few_steps(preset, **changes):
    return pretrain_settings(preset, iterations=4, patch_size=16, batch_size=2, warmup_iterations=1, **changes)


def test_a_snapshot_is_the_training_on_its_way(scene, short, tmp_path):
    """The last step's snapshot is the model; an earlier one is another, with the same bands."""
    files = models_of(["~4", "~1", "4", "3:300"], scene, Training("quick", "cpu", 3), tmp_path / "models")
    last, early, whole, other = (load_model(file) for file in files.values())
    assert all(torch.equal(a, b) for a, b in zip(whole.network.parameters(), last.network.parameters()))
    assert not all(torch.equal(a, b) for a, b in zip(whole.network.parameters(), early.network.parameters()))
    np.testing.assert_array_equal(whole.preprocessor.axes, early.preprocessor.axes)
    assert (other.settings.iterations, other.settings.last_timestep) == (3, 300)

    losses = loss_of(files["~1"], scene)
    assert losses == loss_of(files["~1"], scene)
    assert all(loss == pytest.approx(1, abs=0.05) for loss in losses.values())  # it predicts next to nothing yet


def test_table_gives_the_gain_over_the_spectra_of_the_same_draw():
    def run(method, training, seed, oa):
        place = {"scene": "zion_landsat8", "preset": "quick", "split": "groups"}
        return {**place, "seed": seed, "model_seed": training, "method": method, "oa": oa, "seconds": 1.0}

    runs = [run(WITHOUT, 0, 20, 50.0), run(WITHOUT, 0, 21, 60.0)]
    runs += [run("600", training, seed, oa) for training in (0, 1) for seed, oa in ((20, 53.0), (21, 61.0))]
    losses = {f"zion_landsat8 600 {training}": {str(t): 0.5 for t in (50, 100, 200, 300)} for training in (0, 1)}
    row = table({"about": {}, "runs": runs, "losses": losses}).splitlines()[-1]
    assert "57.00" in row
    assert "+2.00 ± 1.00" in row
    assert "0.500" in row
