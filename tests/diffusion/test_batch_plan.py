# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import pytest
import torch

from mtmsd_qgis.diffusion import batch_plan
from mtmsd_qgis.diffusion.batch_plan import (
    Plan,
    memory_guard,
    passes_at_once,
    plan_extraction,
    plan_training,
    shared_cores,
)
from mtmsd_qgis.diffusion.device import choose_device
from mtmsd_qgis.errors import DeviceError

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError("x"), MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory")]
)
def test_running_out_of_memory_names_a_remedy(error):
    with (
        pytest.raises(DeviceError, match="ran out of memory"),
        memory_guard(choose_device("cpu"), "Buy more."),
    ):
        raise error


def test_other_errors_are_not_taken_for_a_lack_of_memory():
    with pytest.raises(RuntimeError, match="shapes"), memory_guard(choose_device("cpu"), "Buy more."):
        raise RuntimeError("shapes do not fit")


@pytest.fixture
def free(monkeypatch):
    """Says how much memory is free; one pass at a time."""
    monkeypatch.setattr(batch_plan, "passes_at_once", lambda device: 1)

    def set_free(free_bytes):
        monkeypatch.setattr(batch_plan, "free_memory", lambda: free_bytes)

    return set_free


TILE = 72 * 32 * 32 * 32  # bytes of a tile of 32 pixels at one timestep, base width 32


@pytest.mark.parametrize(
    ("free_bytes", "timesteps"),
    [(1 << 34, 19), (None, 19), (2 * TILE * 19, 19), (2 * TILE * 7, 7), (2 * TILE, 1)],
)
def test_as_many_timesteps_go_through_at_once_as_fit(free, free_bytes, timesteps):
    free(free_bytes)
    plan = plan_extraction(CPU, 32, 32, 19)
    assert (plan.items, plan.timesteps) == (1, timesteps)


def test_a_large_tile_has_fewer_timesteps_at_once(free):
    free(None)
    assert plan_extraction(CPU, 32, 128, 19).timesteps == 2
    assert plan_extraction(CPU, 32, 512, 19).timesteps == 1


def test_few_timesteps_let_patches_go_through_together(free):
    free(None)
    assert [plan_extraction(CPU, 32, 32, timesteps, 64).items for timesteps in (1, 10)] == [32, 3]
    assert [plan_extraction(CPU, 32, 32, 1, items).items for items in (1, 8)] == [1, 8]
    free(2 * TILE * 4)
    assert plan_extraction(CPU, 32, 32, 1, 64).items == 4


def test_passes_side_by_side_share_memory_and_cores(free, monkeypatch):
    free(2 * TILE * 8)
    alone = plan_extraction(CPU, 32, 32, 19)
    monkeypatch.setattr(batch_plan, "passes_at_once", lambda device: 2)
    assert (alone.timesteps, plan_extraction(CPU, 32, 32, 19).timesteps) == (8, 4)
    every = torch.get_num_threads()
    with shared_cores(CPU) as passes:
        assert (passes, torch.get_num_threads()) == (2, max(1, every // 2))
    assert torch.get_num_threads() == every


@pytest.mark.parametrize(("cores", "passes"), [(1, 1), (2, 2), (16, 2)])
def test_a_processor_of_several_cores_has_two_passes_side_by_side(monkeypatch, cores, passes):
    monkeypatch.setattr(torch, "get_num_threads", lambda: cores)
    assert passes_at_once(CPU) == passes
    assert passes_at_once(torch.device("cuda", 0)) == 1


@pytest.mark.parametrize(("patches", "expected"), [(8, 8), (7, 4), (4, 4), (3, 2), (1, 1)])
def test_a_batch_is_halved_until_it_fits(free, patches, expected):
    free(int(2 * patches * 430 * 32 * 32 * 32))
    assert plan_training(CPU, 32, 32, 8).items == expected


@pytest.mark.parametrize("plan", [plan_extraction, plan_training])
def test_too_little_memory_for_the_smallest_plan_is_refused_with_the_figure(free, plan):
    free(3 << 20)
    with pytest.raises(DeviceError, match=r"At least \d+ MiB .* 3 MiB are free"):
        plan(CPU, 128, 48, 19)


def test_a_plan_halves_timesteps_before_items():
    plan, seen = Plan(4, 5, 1 << 20, 1 << 30), []
    while plan is not None:
        seen.append((plan.items, plan.timesteps))
        plan = plan.smaller()
    assert seen == [(4, 5), (4, 2), (4, 1), (2, 1), (1, 1)]


def test_the_plan_is_said_in_bytes():
    assert Plan(1, 19, 1 << 24, 1 << 33).text("tile") == "1 tile at 19 timesteps a pass, 0.30 of 8.0 GiB of free memory"
    assert Plan(2, 1, 1 << 30, None).text("patch") == "2 patches a pass, 2.00 GiB of free memory"


@pytest.mark.card
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a card")
def test_a_card_takes_several_patches_at_once():
    plan = plan_extraction(torch.device("cuda", 0), 32, 32, 19, 64)
    assert plan.items > 1
    assert plan.timesteps == 19
