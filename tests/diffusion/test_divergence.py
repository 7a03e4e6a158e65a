# SPDX-License-Identifier: GPL-2.0-or-later
"""A training whose numbers stop being numbers goes back to its last good state, and on with a smaller rate."""

from __future__ import annotations

import contextlib
import logging
from dataclasses import replace

import numpy as np
import pytest
import torch

from mtmsd_qgis.diffusion import training_state
from mtmsd_qgis.diffusion.model import describe, load_checkpoint, save_checkpoint
from mtmsd_qgis.diffusion.patch_sampler import PatchSampler
from mtmsd_qgis.diffusion.preprocessing import fit_preprocessor
from mtmsd_qgis.diffusion.training_loop import _Training, train
from mtmsd_qgis.diffusion.training_state import go_back, has_diverged, keep_anchor, new_training, rate_share
from mtmsd_qgis.errors import Cancelled, MtmsdError
from mtmsd_qgis.jobs.settings import PretrainSettings
from mtmsd_qgis.progress import silent
from tests.scenes import cube_of, fields

CPU = torch.device("cpu")
SETTINGS = PretrainSettings(
    components=3, patch_size=16, iterations=12, batch_size=1, warmup_iterations=2, checkpoint_seconds=1e9
)


@pytest.fixture
def scene(tmp_path):
    values, _ = fields(32, 32, bands=4)
    preprocessor, _ = fit_preprocessor(cube_of(tmp_path, values), 3)
    components = cube_of(tmp_path, preprocessor.transform(values.astype(np.float32))[0], name="components")
    return PatchSampler(components, np.ones((32, 32), bool), 16), preprocessor


@pytest.fixture(autouse=True)
def often(monkeypatch):
    """A state to go back to every four iterations."""
    monkeypatch.setattr(training_state, "SPACING", 4)


def spoil(monkeypatch, at, times=1, loss=float("nan")):
    """Let the loss of an iteration be that, so many times."""
    real, left = _Training.step, [times]

    def step(training, *others):
        honest = real(training, *others)
        if training.state.iteration == at and left[0]:
            left[0] -= 1
            for weight in training.state.network.parameters():
                torch.nn.init.constant_(weight, float("nan"))
            return loss
        return honest

    monkeypatch.setattr(_Training, "step", step)


def keep_nothing(state):
    pass


@pytest.mark.parametrize("loss", [float("nan"), float("inf"), 1e6])
def test_it_goes_back_halves_the_rate_and_ends(scene, monkeypatch, caplog, loss):
    spoil(monkeypatch, at=9, loss=loss)
    state = new_training(3, SETTINGS, CPU)
    with caplog.at_level(logging.WARNING):
        train(state, scene[0], SETTINGS, silent, keep_nothing)
    assert "diverged at iteration 9" in caplog.text
    assert "Going back to iteration 8, and on with a learning rate of 0.0005" in caplog.text
    assert (state.iteration, state.rollbacks, state.restarted) == (12, 1, 8)
    assert [i for i, _ in state.losses] == list(range(1, 13))
    assert all(torch.isfinite(weight).all() for weight in state.average.values())


def test_the_loss_by_timestep_counts_each_iteration_once(scene, monkeypatch):
    settings = replace(SETTINGS, iterations=40)
    clean, state = (new_training(3, settings, CPU) for _ in range(2))
    train(clean, scene[0], settings, silent, keep_nothing)
    spoil(monkeypatch, at=38)  # in the last tenth, which begins with the state that it goes back to
    train(state, scene[0], settings, silent, keep_nothing)
    assert (state.rollbacks, state.restarted) == (1, 36)
    assert np.array_equal(state.by_timestep[1], clean.by_timestep[1])
    assert np.isfinite(state.by_timestep).all()


def test_weights_spoilt_by_the_last_step_are_noticed(scene, monkeypatch):
    spoil(monkeypatch, at=11, loss=0.5)  # the loss before the step was fine
    state = new_training(3, SETTINGS, CPU)
    train(state, scene[0], SETTINGS, silent, keep_nothing)
    assert state.rollbacks == 1
    assert training_state.is_finite(state)


def test_a_killed_run_diverges_and_goes_back_as_the_uninterrupted_one(scene, monkeypatch, tmp_path):
    sampler, preprocessor = scene
    description = describe(SETTINGS, preprocessor, 4)
    ends = []
    for stop_at in (None, 3, 7, 10):  # before the last good state, between it and the divergence, after going back
        spoil(monkeypatch, at=9)
        state, path = new_training(3, SETTINGS, CPU), tmp_path / f"{stop_at}.checkpoint"

        def stop(fraction, text, at=stop_at):
            if at is not None and text.startswith(f"training: iteration {at} of"):
                raise Cancelled

        def save(reached, path=path):
            save_checkpoint(path, reached, description, preprocessor)

        if stop_at is None:
            train(state, sampler, SETTINGS, silent, keep_nothing)
        else:
            with pytest.raises(Cancelled):
                train(state, sampler, SETTINGS, stop, save)
            state, _ = load_checkpoint(path, SETTINGS, CPU)
            train(state, sampler, SETTINGS, silent, keep_nothing)
        monkeypatch.undo()
        monkeypatch.setattr(training_state, "SPACING", 4)
        ends.append(state)
    for state in ends[1:]:
        assert (state.losses, state.rollbacks) == (ends[0].losses, 1)
        for name, weight in ends[0].average.items():
            assert torch.equal(weight, state.average[name]), name


def test_after_too_many_ways_back_it_ends_and_keeps_the_good_state(scene, monkeypatch, tmp_path):
    sampler, preprocessor = scene
    spoil(monkeypatch, at=9, times=99)
    path = tmp_path / "x.checkpoint"

    def save(reached):
        save_checkpoint(path, reached, describe(SETTINGS, preprocessor, 4), preprocessor)

    with pytest.raises(
        MtmsdError, match=r"diverged at iteration 9 .*for the 6th time .*RESUME and a smaller LEARNING_R"
    ):
        train(new_training(3, SETTINGS, CPU), sampler, SETTINGS, silent, save)
    monkeypatch.undo()
    slower = PretrainSettings(**{**vars(SETTINGS), "learning_rate": 1e-4})
    state, _ = load_checkpoint(path, slower, CPU)
    assert (state.iteration, state.rollbacks) == (8, 0)
    train(state, sampler, slower, silent, keep_nothing)
    assert state.iteration == 12


def test_a_rate_of_1_comes_to_an_end_that_is_defined(scene):
    """A finite model, or the sentence and a finite state."""
    wild = PretrainSettings(**{**vars(SETTINGS), "learning_rate": 1.0, "warmup_iterations": 0, "iterations": 30})
    state = new_training(3, wild, CPU)
    with contextlib.suppress(MtmsdError):
        train(state, scene[0], wild, silent, keep_nothing)
    assert training_state.is_finite(state)
    assert state.rollbacks <= training_state.MOST_ROLLBACKS


def test_a_state_with_high_losses_is_not_kept(scene):
    state = new_training(3, SETTINGS, CPU)
    keep_anchor(state)
    state.iteration, state.interval = 4, [50.0]
    keep_anchor(state)
    assert state.anchor.iteration == 0
    state.interval = [0.9]
    keep_anchor(state)
    assert state.anchor.iteration == 4


def test_the_rate_is_halved_and_warmed_up_each_time():
    state = new_training(3, SETTINGS, CPU)
    assert rate_share(state, SETTINGS) == 1.0
    keep_anchor(state)
    for expected in (0.25, 0.125):  # half, and half of that; half of both in the first of two steps of warm-up
        go_back(state, SETTINGS, float("nan"))
        assert rate_share(state, SETTINGS) == expected
    state.iteration = 1
    assert rate_share(state, SETTINGS) == 0.25


def test_what_counts_as_divergence():
    assert [has_diverged(loss) for loss in (0.0, 1.0, 99.0, 101.0, float("inf"), float("nan"))] == [
        *(False, False, False),
        *(True, True, True),
    ]


def test_a_checkpoint_that_cannot_be_written_stops_nothing(tmp_path, caplog):
    """A file where its folder should be, as after somebody's tidying up."""
    from mtmsd_qgis.diffusion.device import choose_device
    from mtmsd_qgis.tasks.pretrain import ModelTraining, train_model

    (tmp_path / "gone").write_text("a file")
    often = PretrainSettings(**{**vars(SETTINGS), "checkpoint_seconds": 0.0, "iterations": 3})
    cube = cube_of(tmp_path, fields(32, 32, bands=4)[0])
    model, checkpoint = tmp_path / "m.mtmsd", tmp_path / "gone" / "m.checkpoint"
    training = ModelTraining(often, choose_device("cpu"), tmp_path, model, checkpoint)
    with caplog.at_level(logging.WARNING):
        train_model(training, cube, silent)
    assert "cannot be written" in caplog.text
    assert model.is_file()
