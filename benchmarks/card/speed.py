# SPDX-License-Identifier: GPL-2.0-or-later
"""Speed of a card: its rate of multiplication, extraction and training beside the bare network, compiled networks."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.speed.steps import bare_passes, extraction, pretraining
from mtmsd_qgis.diffusion.device import choose_device, short_type
from mtmsd_qgis.jobs.settings import PRESETS, extraction_settings

from .check import CardCheck, Found, Goal, PartSkipped

_MATRIX_SIDE = {"cuda": 8192, "cpu": 768}
_REPEATS = 10
_COMPILER_SECONDS = 60.0  # that torch.compile may take for one network
_MOST_RATIO = 1.25  # of extraction to the bare network
_MOST_MINUTES = 40.0  # of the published training
_LEAST_SHARE = 0.35  # of the rate of multiplication, at the published width


def machine(check: CardCheck) -> Found:
    """What is checked, and how fast it multiplies matrices of the type that the network uses."""
    device = check.torch_device
    figures: dict[str, Any] = {
        "device": choose_device(check.device).label,
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "numbers": str(short_type(device))[6:],
        "matrix_tflops": round(matrix_rate(check) / 1e12, 3),
    }
    if check.on_card:
        properties = torch.cuda.get_device_properties(device)
        figures["capability"] = f"{properties.major}.{properties.minor}"
        figures["memory_gib"] = round(properties.total_memory / 2**30, 1)
    return Found(figures)


def extraction_speed(check: CardCheck) -> Found:
    """Extraction, from the raster to the stored features, beside the bare network and beside the processor."""
    figures: dict[str, Any] = {}
    goals: list[Goal] = []
    for preset in check.presets:
        bench, model = check.bench(preset)
        found = extraction(bench, model, check.device, 1 if check.short else 3)
        width = PRESETS[preset].pretrain.base_width
        goals.append(Goal(f"extraction / bare network, width {width}", found["ratio"], _MOST_RATIO))
        if check.on_card and preset == check.presets[0]:
            found["processor_seconds"] = extraction(bench, model, "cpu", 1)["seconds"]
            found["times_faster_than_processor"] = round(found["processor_seconds"] / found["seconds"], 1)
        figures[preset] = found
    return Found(figures, check.goals(*goals))


def training_speed(check: CardCheck) -> Found:
    """A stretch of the published training, and what the whole of it would take."""
    preset = check.presets[-1]
    bench, _ = check.bench(preset)
    pairs, steps = (1, 1) if check.short else (3, 10)
    found = pretraining(bench, preset, check.device, pairs, steps)
    iterations = PRESETS[preset].pretrain.iterations
    minutes = round(found["seconds"] * iterations / 60, 2)
    figures = {**found, "preset": preset, "iterations": iterations, "whole_minutes": minutes}
    return Found(figures, check.goals(Goal("minutes of the published training", minutes, _MOST_MINUTES)))


def share_of_rate(check: CardCheck) -> Found:
    """How much of the rate of multiplication the bare network reaches on tiles."""
    figures: dict[str, Any] = {}
    rate = matrix_rate(check)
    for preset in check.presets:
        run = _bare(check, preset)
        with FlopCounterMode(display=False) as counter:
            run()
        operations = counter.get_total_flops()
        seconds = _median_seconds(check, run)
        figures[preset] = {
            "width": PRESETS[preset].pretrain.base_width,
            "operations": operations,
            "seconds": round(seconds, 5),
            "tflops": round(operations / seconds / 1e12, 3),
            "share": round(operations / seconds / rate, 4),
        }
    widest = figures[check.presets[-1]]
    goal = Goal(f"share of the matrix rate, width {widest['width']}", widest["share"], _LEAST_SHARE, at_most=False)
    return Found(figures, check.goals(goal))


def compiled(check: CardCheck) -> Found:
    """The bare network compiled by torch.compile, and recorded as a CUDA graph, beside the network as it is."""
    if not check.on_card:
        raise PartSkipped("torch.compile and CUDA graphs are tried on cards.")
    figures: dict[str, Any] = {}
    notes = []
    for preset in check.presets:
        plain = _median_seconds(check, _bare(check, preset))
        figures[preset] = {"plain_seconds": round(plain, 5)}
        for name, prepared in (("graph", _recorded), ("compile", _compiled)):
            if check.seconds_left < _COMPILER_SECONDS:
                notes.append(f"{preset}, {name}: no time was left.")
                continue
            try:
                seconds = _median_seconds(check, prepared(check, preset))
            except Exception as error:
                notes.append(f"{preset}, {name}: {type(error).__name__}: {str(error).splitlines()[0]}")
                continue
            figures[preset][f"{name}_seconds"] = round(seconds, 5)
            figures[preset][f"{name}_times_faster"] = round(plain / seconds, 3)
    return Found(figures, notes=tuple(notes))


def matrix_rate(check: CardCheck) -> float:
    """Operations a second of a large product of matrices, two for each multiplication with its addition."""
    side, kind = _MATRIX_SIDE[check.torch_device.type], short_type(check.torch_device)
    one, other = (torch.randn(side, side, device=check.torch_device).to(kind) for _ in range(2))
    return 2 * side**3 / _median_seconds(check, lambda: one @ other)


def _bare(check: CardCheck, preset: str) -> Callable[[], None]:
    bench, _ = check.bench(preset)
    return bare_passes(bench, extraction_settings(preset, device=check.device), check.device)


def _compiled(check: CardCheck, preset: str) -> Callable[[], None]:
    bench, _ = check.bench(preset)
    run = _bare(check, preset)
    network = bench.model.network
    plain = network.stage_outputs
    compiled_outputs = torch.compile(plain)

    def compiled_run() -> None:
        network.stage_outputs = compiled_outputs  # type: ignore[method-assign]
        try:
            run()
        finally:
            network.stage_outputs = plain  # type: ignore[method-assign]

    return compiled_run


def _recorded(check: CardCheck, preset: str) -> Callable[[], None]:
    run = _bare(check, preset)
    graph = torch.cuda.CUDAGraph()
    aside = torch.cuda.Stream(check.torch_device)
    with torch.cuda.stream(aside):  # a recording wants everything to have been allocated once
        run()
    torch.cuda.current_stream(check.torch_device).wait_stream(aside)
    with torch.cuda.graph(graph):
        run()
    return graph.replay


def _median_seconds(check: CardCheck, run: Callable[[], object]) -> float:
    """Of several runs, after one that does not count."""
    seconds = []
    for _ in range(1 if check.short else _REPEATS):
        run()
        check.synchronize()
        started = time.perf_counter()
        run()
        check.synchronize()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)
