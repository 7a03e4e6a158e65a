# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from mtmsd_qgis.diffusion.model import describe, load_checkpoint, load_model, save_checkpoint, save_model
from mtmsd_qgis.diffusion.patch_sampler import PatchSampler
from mtmsd_qgis.diffusion.preprocessing import fit_preprocessor
from mtmsd_qgis.diffusion.training_loop import learning_rate, masked_loss, train
from mtmsd_qgis.diffusion.training_state import loss_by_timestep, new_training
from mtmsd_qgis.errors import Cancelled, FileFormatError, SceneError
from mtmsd_qgis.io.array_file import KIND_CHECKPOINT, read_arrays, read_header, write_file
from mtmsd_qgis.io.cube import Cube
from mtmsd_qgis.io.windows import whole
from mtmsd_qgis.jobs.settings import PretrainSettings
from mtmsd_qgis.progress import silent
from tests.scenes import cube_of, fields

CPU = torch.device("cpu")
SETTINGS = PretrainSettings(components=3, patch_size=16, iterations=6, batch_size=2, checkpoint_seconds=1e9)


@pytest.fixture
def components(tmp_path) -> Cube:
    values, _ = fields(32, 32, bands=4)
    preprocessor, _ = fit_preprocessor(cube_of(tmp_path, values), 3)
    return cube_of(tmp_path, preprocessor.transform(values.astype(np.float32))[0], name="components")


def sampler(components, side=16):
    return PatchSampler(components, np.ones((components.height, components.width), bool), side)


def never(_):
    raise AssertionError("no checkpoint is due")


def trained(components, settings=SETTINGS, save=never):
    state = new_training(3, settings, CPU)
    train(state, sampler(components), settings, silent, save)
    return state


def test_the_first_loss_is_about_1_and_training_lowers_it(components):
    settings = PretrainSettings(components=3, patch_size=16, iterations=60, batch_size=8, checkpoint_seconds=1e9)
    state = trained(components, settings)
    assert state.losses[0][1] == pytest.approx(1.0, abs=0.05)
    assert np.mean([loss for _, loss in state.losses[-10:]]) < 0.7


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(components):
    one, two = trained(components), trained(components)
    other = trained(components, PretrainSettings(**{**vars(SETTINGS), "seed": 1}))
    for name, weight in one.average.items():
        assert torch.equal(weight, two.average[name])
    assert any(not torch.equal(weight, other.average[name]) for name, weight in one.average.items())


def test_a_resumed_run_is_the_uninterrupted_one_bit_for_bit(components, tmp_path):
    whole = trained(components)
    preprocessor, _ = fit_preprocessor(cube_of(tmp_path, fields(32, 32, bands=4)[0]), 3)
    description = describe(SETTINGS, preprocessor, 4)
    path = tmp_path / "x.checkpoint"

    def stop_at_3(fraction, text):
        if fraction >= 0.5:
            raise Cancelled

    with pytest.raises(Cancelled):
        train(
            new_training(3, SETTINGS, CPU),
            sampler(components),
            SETTINGS,
            stop_at_3,
            lambda state: save_checkpoint(path, state, description, preprocessor),
        )
    state, _ = load_checkpoint(path, SETTINGS, CPU)
    assert state.iteration == 3
    train(state, sampler(components), SETTINGS, silent, never)
    assert state.losses == whole.losses
    for name, weight in whole.average.items():
        assert torch.equal(weight, state.average[name]), name


def test_the_loss_by_timestep_is_that_of_the_patches_of_the_last_tenth(components, monkeypatch):
    settings = replace(SETTINGS, iterations=30, batch_size=4, train_up_to=450)
    valid = np.arange(32) % 5 + np.zeros((32, 1)) > 0
    patches, state = PatchSampler(components, valid, 16), new_training(3, settings, CPU)
    predicted, honest = [], state.network.forward

    def forward(x, timesteps):
        predicted.append(honest(x, timesteps))
        return predicted[-1]

    monkeypatch.setattr(state.network, "forward", forward)
    train(state, patches, settings, silent, never)
    sums = {(0, 99): [], (100, 199): [], (200, 399): [], (400, 450): []}
    for iteration in range(27, 30):
        x0, inside = patches.draw(settings.seed, iteration, settings.batch_size)
        generator = torch.Generator().manual_seed((settings.seed << 32) + iteration)
        noise = torch.randn(x0.shape, generator=generator)
        timesteps = torch.randint(0, 451, (len(x0),), generator=generator)
        squared = (predicted[iteration].detach().float() - noise).square().mean(dim=1).numpy()
        for t, errors, where in zip(timesteps.tolist(), squared, inside[:, 0]):
            sums[next(ends for ends in sums if ends[0] <= t <= ends[1])] += errors[where > 0].tolist()
    found = loss_by_timestep(state, settings.last_timestep)
    assert [ends[:2] for ends in found] == [ends for ends, errors in sums.items() if errors]
    assert len(found) > 1
    for first, last, loss in found:
        assert loss == pytest.approx(np.mean(sums[first, last]), rel=1e-5)


@pytest.mark.parametrize("stop_at", [20, 38])  # before the last tenth, and in it
def test_a_resumed_run_has_the_same_loss_by_timestep_and_one_of_an_old_checkpoint_none(components, tmp_path, stop_at):
    settings = replace(SETTINGS, iterations=40)
    preprocessor, _ = fit_preprocessor(cube_of(tmp_path, fields(32, 32, bands=4)[0]), 3)
    path = tmp_path / "x.checkpoint"

    def stop(fraction, text):
        if text.startswith(f"training: iteration {stop_at} of"):
            raise Cancelled

    def save(state):
        save_checkpoint(path, state, describe(settings, preprocessor, 4), preprocessor)

    with pytest.raises(Cancelled):
        train(new_training(3, settings, CPU), sampler(components), settings, stop, save)
    state, _ = load_checkpoint(path, settings, CPU)
    train(state, sampler(components), settings, silent, never)
    uninterrupted = trained(components, settings)
    assert np.array_equal(state.by_timestep, uninterrupted.by_timestep)
    assert loss_by_timestep(state, 999)

    header, arrays = read_header(path, KIND_CHECKPOINT), read_arrays(path, KIND_CHECKPOINT)
    old = {name: array for name, array in arrays.items() if not name.endswith("by_timestep")}
    assert len(arrays) - len(old) == 2
    write_file(path, KIND_CHECKPOINT, header, old)
    state, _ = load_checkpoint(path, settings, CPU)
    train(state, sampler(components), settings, silent, save)
    assert loss_by_timestep(state, 999) == ()
    for name, weight in uninterrupted.average.items():
        assert torch.equal(weight, state.average[name]), name


def test_a_checkpoint_of_other_settings_is_refused(components, tmp_path):
    preprocessor, _ = fit_preprocessor(cube_of(tmp_path, fields(32, 32, bands=4)[0]), 3)
    path = tmp_path / "x.checkpoint"
    save_checkpoint(path, trained(components), describe(SETTINGS, preprocessor, 4), preprocessor)
    with pytest.raises(FileFormatError, match="batch_size 2 instead of 4"):
        load_checkpoint(path, PretrainSettings(**{**vars(SETTINGS), "batch_size": 4}), CPU)
    with pytest.raises(FileFormatError, match="should be a model, it is a checkpoint"):
        load_model(path)


def test_a_model_file_gives_back_the_averaged_weights(components, tmp_path):
    preprocessor, _ = fit_preprocessor(cube_of(tmp_path, fields(32, 32, bands=4)[0]), 3)
    state = trained(components)
    save_model(tmp_path / "m.mtmsd", state, describe(SETTINGS, preprocessor, 9), preprocessor)
    model = load_model(tmp_path / "m.mtmsd")
    assert model.source_band_count == 9
    assert model.settings == SETTINGS
    assert model.preprocessor.bands == preprocessor.bands
    assert np.array_equal(model.preprocessor.axes, preprocessor.axes)
    for name, weight in model.network.named_parameters():
        assert torch.equal(weight, state.average[name])


def test_checkpoints_are_written_when_due(components):
    saved = []
    trained(components, PretrainSettings(**{**vars(SETTINGS), "checkpoint_seconds": 0.0}), lambda s: saved.append(s))
    assert len(saved) == SETTINGS.iterations


def test_patches_lie_around_valid_pixels_and_are_0_elsewhere(components, tmp_path):
    array = components.read(whole(32, 32))
    array[:, :, :24] = np.nan
    holed = cube_of(tmp_path, array, name="holed")
    patches, valid = PatchSampler(holed, np.isfinite(array[0]), 16).draw(0, 0, 32)
    assert valid.mean() > 0.25  # anywhere in the raster: 0.22
    assert valid.any(axis=(1, 2, 3)).mean() > 0.9
    assert np.isfinite(patches).all()
    assert (patches[np.broadcast_to(valid == 0, patches.shape)] == 0).all()


def test_patches_are_turned_and_mirrored(tmp_path):
    ramp = np.mgrid[0:64, 0:64].sum(axis=0)[None].astype(np.float32) + 1
    drawn, valid = PatchSampler(cube_of(tmp_path, ramp), np.ones((64, 64), bool), 16).draw(0, 0, 64)
    whole_patches = drawn[valid.all(axis=(1, 2, 3)), 0]
    corners = {int(np.argmin([p[0, 0], p[0, -1], p[-1, 0], p[-1, -1]])) for p in whole_patches}
    assert corners == {0, 1, 2, 3}


@pytest.mark.parametrize(
    ("valid", "side", "message"),
    [
        (np.ones((32, 32), bool), 48, "at least as large as a training patch, 48 x 48 pixels; it has 32 x 32"),
        (np.zeros((32, 32), bool), 16, "No valid pixel"),
    ],
)
def test_scenes_without_a_patch_are_refused(components, valid, side, message):
    with pytest.raises(SceneError, match=message):
        PatchSampler(components, valid, side)


def test_invalid_pixels_do_not_count_in_the_loss():
    predicted, noise = torch.zeros(1, 2, 2, 2), torch.ones(1, 2, 2, 2)
    noise[:, :, 0] = 100.0
    valid = torch.tensor([[[[0.0, 0.0], [1.0, 1.0]]]])
    assert masked_loss(predicted, noise, valid).item() == 1.0
    assert masked_loss(predicted, noise, torch.zeros_like(valid)).item() == 0.0


def test_the_learning_rate_warms_up_and_falls():
    settings = PretrainSettings(iterations=110, warmup_iterations=10, learning_rate=1.0, final_learning_rate_share=0.1)
    assert learning_rate(settings, 0) == pytest.approx(0.1)
    assert learning_rate(settings, 10) == pytest.approx(1.0)
    assert learning_rate(settings, 60) == pytest.approx(0.55)
    assert learning_rate(settings, 110) == pytest.approx(0.1)
    constant = PretrainSettings(warmup_iterations=0, final_learning_rate_share=1.0)
    assert {learning_rate(constant, i) for i in (0, 10, 999)} == {constant.learning_rate}


@pytest.mark.parametrize("most", [1, 2, 3])
def test_a_batch_in_parts_is_the_same_step(components, monkeypatch, caplog, most):
    monkeypatch.setattr("mtmsd_qgis.diffusion.training_loop.short_type", lambda device: torch.float32)
    settings = PretrainSettings(**{**vars(SETTINGS), "batch_size": 5, "iterations": 2})
    whole_batch = trained(components, settings)
    state = new_training(3, settings, CPU)
    sizes = []
    honest = state.network.forward

    def limited(x, timesteps):
        sizes.append(len(x))
        if len(x) > most:
            raise torch.OutOfMemoryError("no memory left")
        return honest(x, timesteps)

    monkeypatch.setattr(state.network, "forward", limited)
    with caplog.at_level("WARNING", logger="mtmsd_qgis"):
        train(state, sampler(components), settings, silent, never)
    assert sizes[0] == 5
    assert max(sizes[3:]) <= most
    assert "Out of memory; going on with 2 patches a pass" in caplog.text
    assert np.allclose(state.losses, whole_batch.losses, atol=1e-5)
    for name, weight in whole_batch.network.named_parameters():
        assert torch.allclose(weight, state.network.state_dict()[name], atol=2e-3), name


def test_without_memory_for_one_patch_training_ends(components, monkeypatch):
    state = new_training(3, SETTINGS, CPU)

    def full(x, timesteps):
        raise torch.OutOfMemoryError("no memory left")

    monkeypatch.setattr(state.network, "forward", full)
    with pytest.raises(torch.OutOfMemoryError):
        train(state, sampler(components), SETTINGS, silent, never)


def test_training_learns_with_short_numbers_too(components, monkeypatch):
    settings = replace(SETTINGS, iterations=12, batch_size=4, warmup_iterations=1)
    ends = []
    for kind in (torch.float32, torch.bfloat16):
        monkeypatch.setattr("mtmsd_qgis.diffusion.training_loop.short_type", lambda device, kind=kind: kind)
        ends.append(np.mean([loss for _, loss in trained(components, settings).losses[-4:]]))
    assert ends[1] == pytest.approx(ends[0], abs=0.02)
    assert ends[1] < 0.9
