# SPDX-License-Identifier: GPL-2.0-or-later
"""Extraction and pretraining beside the bare network on the same tensors, on Indian Pines.

The bare network has its inputs in memory and its outputs are dropped: the time below which nothing can go that uses
this network. What a step takes beyond that is ours: reading, noise, resampling, purification, scaling, writing.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.scenes import select_bands
from mtmsd_qgis.diffusion.device import short_type
from mtmsd_qgis.diffusion.noise import noise_field, q_sample
from mtmsd_qgis.diffusion.patch_sampler import PatchSampler
from mtmsd_qgis.diffusion.training_loop import masked_loss, train
from mtmsd_qgis.diffusion.training_state import new_training
from mtmsd_qgis.features.extractor import FeatureExtractor
from mtmsd_qgis.jobs.protocol import Job
from mtmsd_qgis.jobs.settings import (
    TRAINING_TIMESTEPS,
    ExtractionSettings,
    extraction_settings,
    pretrain_settings,
    to_json,
)
from mtmsd_qgis.progress import silent
from mtmsd_qgis.tasks.run import run as run_task

from .scene import Bench, in_turn

_STEPS = 20  # optimiser steps timed at once


def extraction(bench: Bench, model: Path, device: str, times: int) -> dict[str, Any]:
    """The whole task of extraction against the network to the last wanted stage on the same tiles, each once."""
    settings = extraction_settings(bench.model.settings.preset, device=device)

    def whole() -> None:
        with tempfile.TemporaryDirectory(dir=bench.folder) as place:
            folder = Path(place)
            used = [band.number for band in bench.model.preprocessor.bands]
            there = [band.number for band in bench.scene.cube.bands]
            os.symlink((bench.scene.folder / bench.scene.cube.file).absolute(), folder / bench.scene.cube.file)
            cube = bench.scene.cube
            if used != there:
                cube = select_bands(folder, cube, [there.index(number) for number in used], "chosen")
            job = Job("extract", to_json(settings), cube, inputs={"model": str(model.absolute())})
            run_task(job, folder, silent)

    found = in_turn(whole, bare_extraction(bench, settings, device), times)
    pixels = int(bench.valid.sum())
    facts = found.facts("seconds", "bare_seconds")
    return {
        **facts,
        "height": bench.cube.height,
        "width": bench.cube.width,
        "tiles": len(bench.tiles),
        "pixels": pixels,
        "pixels_per_second": round(pixels / facts["seconds"]),
        "timesteps": len(settings.timesteps),
        "numbers": str(short_type(torch.device(device)))[6:],
        "peak_rss_bytes": peak_rss_bytes(),
    }


def bare_extraction(bench: Bench, settings: ExtractionSettings, device: str) -> Callable[[], None]:
    """The network alone on every tile of the scene at all timesteps, to its end."""
    passes, on = bare_passes(bench, settings, device), torch.device(device)

    def run() -> None:
        passes()
        if on.type == "cuda":
            torch.cuda.synchronize(on)

    return run


def bare_passes(bench: Bench, settings: ExtractionSettings, device: str) -> Callable[[], None]:
    """The same without waiting for a card.

    With the type of numbers, the normalisation, and as many timesteps a pass as extraction has.
    """
    on = torch.device(device)
    network = bench.model.network.to(on).eval()
    extractor = FeatureExtractor(network, settings)
    extractor.learn_statistics(bench.statistics_patches(settings.seed))
    window = bench.tiles[len(bench.tiles) // 2].window
    extractor.prepare(window.height)
    assert extractor.plan is not None  # made by the call before
    assert extractor.statistics is not None  # and this
    x0 = torch.from_numpy(np.nan_to_num(bench.components.read(window))).to(on)
    noise = noise_field(window, len(x0), settings.seed, 0, on)
    passes = []
    for first in range(0, len(settings.timesteps), extractor.plan.timesteps):
        some = settings.timesteps[first : first + extractor.plan.timesteps]
        shape, timesteps = (len(some), -1, -1, -1), torch.tensor(some, device=on)
        noised = q_sample(x0.expand(shape), noise.expand(shape), timesteps)
        passes.append((noised, timesteps, settings.stages, extractor.statistics.at(some)))
    kind = short_type(on)

    def run() -> None:
        with torch.inference_mode(), torch.autocast(on.type, kind, enabled=kind == torch.bfloat16):
            for _ in bench.tiles:
                for arguments in passes:
                    network.stage_outputs(*arguments)

    return run


def pretraining(bench: Bench, preset: str, device: str, times: int, count: int = _STEPS) -> dict[str, Any]:
    """The training loop against forward, backward and optimiser step on tensors that lie ready, so many steps each."""
    on = torch.device(device)
    settings = pretrain_settings(preset, device=device, checkpoint_seconds=1e9, components=bench.components.bands)
    sampler = PatchSampler(bench.components, bench.valid, settings.patch_size)
    ours, bare = (new_training(bench.components.bands, settings, on) for _ in range(2))
    bare.network.train()
    patches, valid = (torch.from_numpy(part).to(on) for part in sampler.draw(0, 0, settings.batch_size))
    timesteps = torch.randint(0, TRAINING_TIMESTEPS, (len(patches),), device=on)
    noise = torch.randn_like(patches)
    noised = q_sample(patches, noise, timesteps)
    kind = short_type(on)

    def whole() -> None:
        train(ours, sampler, replace(settings, iterations=ours.iteration + count), silent, lambda _: None)

    def steps() -> None:
        for _ in range(count):
            with torch.autocast(on.type, kind, enabled=kind == torch.bfloat16):
                predicted = bare.network(noised, timesteps)
            bare.optimizer.zero_grad(set_to_none=True)
            masked_loss(predicted.float(), noise, valid).backward()
            bare.optimizer.step()
        if on.type == "cuda":
            torch.cuda.synchronize(on)

    facts = in_turn(whole, steps, times).facts("seconds", "bare_seconds")
    for name in ("seconds", "bare_seconds"):
        facts[name] = round(facts[name] / count, 4)
    rate = settings.batch_size * settings.patch_size**2 / facts["seconds"]
    return {**facts, "pixels_per_second": round(rate), "batch": settings.batch_size, "numbers": str(kind)[6:]}


def peak_rss_bytes() -> int:
    """Most memory that this process has had."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak
