# SPDX-License-Identifier: GPL-2.0-or-later
"""A training by two processes is that of one up to the order of sums, twice the same, and survives a killed process."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

from mtmsd_qgis.campaign.steps import STEPS, Shard
from mtmsd_qgis.diffusion import training_loop
from mtmsd_qgis.diffusion.model import load_model
from mtmsd_qgis.diffusion.ranks import Ranks, joined_ranks
from mtmsd_qgis.errors import SettingsError
from mtmsd_qgis.io.array_file import read_arrays, read_header
from mtmsd_qgis.jobs.settings import PretrainSettings
from mtmsd_qgis.progress import silent
from mtmsd_qgis.tasks.campaign.run_steps import run_campaign
from tests.batch import THREADS, WORKER, batch, torchrun
from tests.campaigns import TWO, campaign_of

SETTINGS = PretrainSettings(
    components=4,
    patch_size=16,
    iterations=12,
    batch_size=5,
    device="cpu",
    checkpoint_seconds=0,
    warmup_iterations=3,
    final_learning_rate_share=0.05,  # long steps at the end would show what rounding leaves
)
# Biases that the last normalisation takes away, as each of its groups is one channel. Their gradient is nothing but
# rounding, and Adam moves a weight by as much however small its gradient is.
WITHOUT_GRADIENT = ("decoder.8.block.conv_out.bias", "decoder.8.block.skip.bias")
# Trains in float32 or in what the processor is fast with, writes the weights of each process after the last step, and
# kills process 1 once, after iteration 6.
WATCHED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
folder, what = Path(sys.argv[2]), sys.argv[3]
import numpy as np, torch
from mtmsd_qgis.diffusion import training_loop
from mtmsd_qgis.tasks import pretrain
from mtmsd_qgis.tasks.campaign.run_steps import run_campaign
from mtmsd_qgis.campaign.steps import STEPS, Shard
rank, real = os.environ["RANK"], pretrain.train

def train(state, sampler, settings, progress, save):
    real(state, sampler, settings, progress, save)
    np.savez(folder / f"rank{rank}.npz", sums=state.by_timestep, **{n: w.numpy() for n, w in state.average.items()})

def progress(fraction, text):
    if what == "kill" and rank == "1" and "iteration 6 of" in text and not (folder / "killed").exists():
        (folder / "killed").touch()
        os.kill(os.getpid(), signal.SIGKILL)

pretrain.train = train
if what == "float32":
    training_loop.short_type = lambda device: torch.float32
run_campaign(folder, STEPS["pretrain"], Shard(), progress)
"""


def measured(folder):
    campaign_of(folder, TWO, pretrain=SETTINGS)
    run_campaign(folder, STEPS["moments"], Shard(), silent)
    return folder / "shared" / "model.mtmsd"


def watched(folder, what: str) -> list[str]:
    return [sys.executable, "-c", WATCHED, str(WORKER.parent.parent), str(folder), what]


def run_all(command) -> None:
    done = subprocess.run(command, capture_output=True, text=True, env=THREADS, timeout=900, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr[-6000:]


def test_two_processes_train_as_one_up_to_the_order_of_sums_and_hold_the_same_weights(tmp_path, monkeypatch):
    """In float32: with shorter numbers, the order of sums is not what they differ most by."""
    monkeypatch.setattr(training_loop, "short_type", lambda device: torch.float32)
    one, two = measured(tmp_path / "one"), measured(tmp_path / "two")
    states = []

    def train(state, *others):
        states.append(state)
        training_loop.train(state, *others)

    monkeypatch.setattr("mtmsd_qgis.tasks.pretrain.train", train)
    run_campaign(tmp_path / "one", STEPS["pretrain"], Shard(), silent)
    run_all(torchrun(watched(tmp_path / "two", "float32")))
    losses = [[loss for _, loss in read_header(path)["loss_curve"]] for path in (one, two)]
    np.testing.assert_allclose(*losses, rtol=0, atol=1e-5)
    weights = read_arrays(one), read_arrays(two)
    for name in (name for name in weights[0] if name.startswith("network.") and not name.endswith(WITHOUT_GRADIENT)):
        np.testing.assert_allclose(weights[0][name], weights[1][name], rtol=0, atol=1e-5, err_msg=name)
    ranks = [np.load(tmp_path / "two" / f"rank{rank}.npz") for rank in (0, 1)]
    assert len(ranks[0].files) > 100
    np.testing.assert_allclose(ranks[0]["sums"], states[0].by_timestep, rtol=1e-5)
    assert all(ranks[0][name].tobytes() == ranks[1][name].tobytes() for name in ranks[0].files)


def test_the_same_bytes_twice_though_a_process_is_killed_at_iteration_6(tmp_path):
    undisturbed, killed = measured(tmp_path / "undisturbed"), measured(tmp_path / "killed")
    run_all(torchrun(batch(tmp_path / "undisturbed", "--step", "pretrain")))
    run_all(torchrun(watched(tmp_path / "killed", "kill"), "--max-restarts=1"))
    assert (tmp_path / "killed" / "killed").exists()
    assert killed.read_bytes() == undisturbed.read_bytes()
    assert not list(tmp_path.glob("*/shared/*.checkpoint"))
    assert load_model(killed).statistics is not None


def test_patches_are_shared_out_and_one_process_takes_all():
    batch_of = torch.arange(7)
    parts = [Ranks(index, 3).part(batch_of).tolist() for index in range(3)]
    assert parts == [[0, 3, 6], [1, 4], [2, 5]]
    assert Ranks().part(batch_of) is batch_of


def test_one_card_is_not_for_several_processes(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(SettingsError, match="Choose 'auto', 'cuda' or 'cpu'"), joined_ranks("cuda:0"):
        raise AssertionError("it should have been refused")
