# SPDX-License-Identifier: GPL-2.0-or-later
"""Memory of a card: what the plans count with beside what a pass takes, and what happens where there is too little."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest import mock

import numpy as np
import torch

from benchmarks.speed.scene import Bench
from mtmsd_qgis.diffusion.batch_plan import Plan, plan_training, release_memory
from mtmsd_qgis.diffusion.patch_sampler import PatchSampler
from mtmsd_qgis.diffusion.training_loop import train
from mtmsd_qgis.diffusion.training_state import new_training
from mtmsd_qgis.features.extractor import FeatureExtractor
from mtmsd_qgis.jobs.settings import extraction_settings, pretrain_settings
from mtmsd_qgis.progress import silent

from .check import CardCheck, Found, Goal, PartSkipped

_MOST_OF_PLAN = 1.0
_SHARE_OF_PEAK = 0.6  # that is left to a pass, so that it cannot be done at once, but half of it can
_LARGEST_BLOCK, _SMALLEST_BLOCK = 1 << 30, 1 << 20  # bytes
# Of features with other sizes of a pass, root mean square, in their spread. Short numbers round to 0.4 % of a value;
# the largest of a million differences was 0.034 on a card, that of a value of eight deviations.
_MOST_DIFFERENCE = 0.01


def plan_and_peak(check: CardCheck) -> Found:
    """What a pass is planned to take, and the most it takes."""
    if not check.on_card:
        raise PartSkipped("A processor does not tell what a pass takes at most.")
    figures: dict[str, Any] = {}
    goals = []
    for preset in check.presets:
        bench, _ = check.bench(preset)
        figures[preset] = {"extraction": _of_extraction(check, bench), "training": _of_training(check, bench, preset)}
        for step, found in figures[preset].items():
            goals.append(Goal(f"peak / plan, {step}, {preset}", found["share"], _MOST_OF_PLAN))
    return Found(figures, check.goals(*goals))


def too_little_memory(check: CardCheck) -> Found:
    """Extraction of a tile where memory runs out: it goes on in smaller passes, to the same features."""
    bench, _ = check.bench(check.presets[0])
    extractor = _extractor(check, bench)
    tile = bench.tiles[0]
    components = np.nan_to_num(bench.components.read(tile.window))
    whole = extractor.tile_features(components, tile).cpu()
    before = _timesteps(extractor)
    peak = _peak(check, lambda: extractor.tile_grids(components, tile)) if check.on_card else 0
    with _little_memory(check, extractor, peak):
        grids = extractor.tile_grids(components, tile)
    parts = grids.at_pixels().cpu()
    difference = float((whole - parts).square().mean().sqrt() / whole.std())
    figures = {
        "timesteps_a_pass": before,
        "timesteps_a_pass_with_little_memory": _timesteps(extractor),
        "difference": round(difference, 6),
        "largest_difference": round(float((whole - parts).abs().max() / whole.std()), 6),
    }
    smaller = figures["timesteps_a_pass_with_little_memory"] / before
    goals = (
        Goal("timesteps a pass with little memory, of those before", smaller, 0.5),
        Goal("difference of features, root mean square, of their spread", difference, _MOST_DIFFERENCE),
    )
    if smaller > 0.5 or difference > _MOST_DIFFERENCE:
        raise RuntimeError(f"memory that runs out should halve the pass and keep the features; found {figures}")
    return Found(figures, check.goals(*goals))


def _of_extraction(check: CardCheck, bench: Bench) -> dict[str, Any]:
    extractor = _extractor(check, bench)
    tile = bench.tiles[0]
    components = np.nan_to_num(bench.components.read(tile.window))
    plan = extractor.prepare(tile.window.height)
    peak = _peak(check, lambda: extractor.tile_grids(components, tile))
    return _shares(peak, plan)


def _of_training(check: CardCheck, bench: Bench, preset: str) -> dict[str, Any]:
    settings = pretrain_settings(preset, device=check.device, iterations=1, components=bench.components.bands)
    sampler = PatchSampler(bench.components, bench.valid, settings.patch_size)
    state = new_training(bench.components.bands, settings, check.torch_device)
    plan = plan_training(check.torch_device, settings.base_width, settings.patch_size, settings.batch_size)
    train(state, sampler, settings, silent, lambda _: None)  # allocates what stays: the optimiser's averages
    settings = replace(settings, iterations=2)
    peak = _peak(check, lambda: train(state, sampler, settings, silent, lambda _: None))
    return _shares(peak, plan)


def _peak(check: CardCheck, work: Callable[[], object]) -> int:
    """Bytes that work takes on the card at most, beyond what it has before."""
    release_memory(check.torch_device)
    before = torch.cuda.memory_allocated(check.torch_device)
    torch.cuda.reset_peak_memory_stats(check.torch_device)
    work()
    check.synchronize()
    return torch.cuda.max_memory_allocated(check.torch_device) - before


def _shares(peak: int, plan: Plan) -> dict[str, Any]:
    planned = plan.items * plan.timesteps * plan.item_bytes
    return {
        "peak_mib": round(peak / 2**20, 1),
        "planned_mib": round(planned / 2**20, 1),
        "share": round(peak / planned, 3),
    }


def _extractor(check: CardCheck, bench: Bench) -> FeatureExtractor:
    settings = extraction_settings(bench.model.settings.preset, device=check.device)
    extractor = FeatureExtractor(bench.model.network.to(check.torch_device), settings)
    extractor.learn_statistics(bench.statistics_patches(settings.seed))
    return extractor


def _timesteps(extractor: FeatureExtractor) -> int:
    if extractor.plan is None:
        raise RuntimeError("a plan was expected after a tile")
    return extractor.plan.timesteps


@contextmanager
def _little_memory(check: CardCheck, extractor: FeatureExtractor, peak_bytes: int) -> Iterator[None]:
    """Too little for the pass as planned: a limit on the card, and an error in its place on a processor."""
    device = check.torch_device
    if not check.on_card:
        with mock.patch.object(extractor.network, "stage_outputs", _refusing(extractor, _timesteps(extractor) // 2)):
            yield
        return
    release_memory(device)
    whole = torch.cuda.get_device_properties(device).total_memory
    reserved = torch.cuda.memory_reserved(device)
    try:
        torch.cuda.set_per_process_memory_fraction(reserved / whole, device)
        filled = _fill(device)  # what torch holds between blocks in use would be memory beyond the limit
        torch.cuda.set_per_process_memory_fraction((reserved + _SHARE_OF_PEAK * peak_bytes) / whole, device)
        yield
        del filled
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0, device)


def _fill(device: torch.device) -> list[torch.Tensor]:
    """Blocks that take, to the last mebibyte, what torch may use without asking the card for more."""
    blocks, size = [], _LARGEST_BLOCK
    while size >= _SMALLEST_BLOCK:
        try:
            blocks.append(torch.empty(size, dtype=torch.uint8, device=device))
        except torch.OutOfMemoryError:
            size //= 2
    return blocks


def _refusing(extractor: FeatureExtractor, most: int) -> Callable[..., list[torch.Tensor]]:
    """The network's outputs for so many tiles and timesteps at most; more are refused as a card does."""
    plain = extractor.network.stage_outputs

    def limited(noised: torch.Tensor, *rest: object) -> list[torch.Tensor]:
        if len(noised) > most:
            raise torch.OutOfMemoryError(f"{len(noised)} at once, where {most} were allowed for this check")
        return plain(noised, *rest)

    return limited
