# SPDX-License-Identifier: GPL-2.0-or-later
"""What the parts of the check of a card share: the device, the time that is left, made-up scenes with a model, results.

Enters: a device and a folder for scratch files. Leaves: figures and goals of each part, JSON-ready.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.scenes import Scene
from benchmarks.speed.growth import class_of, make_scene
from benchmarks.speed.scene import Bench
from mtmsd_qgis.jobs.data_model import ClassEntry
from mtmsd_qgis.jobs.protocol import Job
from mtmsd_qgis.jobs.settings import PRESETS, pretrain_settings, to_json
from mtmsd_qgis.progress import silent
from mtmsd_qgis.sampling.sample_table import SampleTable
from mtmsd_qgis.tasks.run import run as run_task

_BORDER = 3  # columns without data, as make_scene writes them
_EVERY = 5  # pixels in each direction that one sample stands for
_SIDES = {32: 256, 128: 144}  # of the scene by width of the network: features of half a gigabyte
_SHORT_SIDE = 48


class PartSkipped(Exception):
    """A part that cannot be run here; the text says why."""


@dataclass(frozen=True)
class Goal:
    """What a card should reach.

    Attributes:
        what: In words.
        measured: On this one.
        bound: That it is compared with.
        at_most: Whether less is better.
    """

    what: str
    measured: float
    bound: float
    at_most: bool = True

    @property
    def reached(self) -> bool:
        """Whether it is."""
        return self.measured <= self.bound if self.at_most else self.measured >= self.bound

    def as_json(self) -> dict[str, Any]:
        """For gpu.json."""
        word = "at most" if self.at_most else "at least"
        return {"what": f"{self.what}: {word} {self.bound:g}", "measured": self.measured, "reached": self.reached}


@dataclass(frozen=True)
class Found:
    """What a part has found.

    Attributes:
        figures: JSON-ready.
        goals: Compared with what a card should reach; none are given for a processor.
        notes: Sentences for the page.
    """

    figures: Mapping[str, Any]
    goals: tuple[Goal, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass
class CardCheck:
    """One run of the check.

    Attributes:
        device: "cpu", "cuda" or "cuda:N".
        short: Small scenes and few repetitions, to see that all parts work.
        folder: For scratch files.
        ends: When it should be over, as time.monotonic counts.
    """

    device: str
    short: bool
    folder: Path
    ends: float
    _made: dict[str, tuple[Bench, Path]] = field(default_factory=dict)

    @property
    def torch_device(self) -> torch.device:
        """For torch."""
        return torch.device(self.device)

    @property
    def on_card(self) -> bool:
        """Whether it is a card that is checked."""
        return self.torch_device.type == "cuda"

    @property
    def presets(self) -> tuple[str, ...]:
        """Of the models that are timed: the smallest and the published one."""
        return ("quick",) if self.short else ("quick", "paper")

    @property
    def seconds_left(self) -> float:
        """Until it should be over."""
        return self.ends - time.monotonic()

    def goals(self, *goals: Goal) -> tuple[Goal, ...]:
        """The goals where they are meant for: on a card, in full length."""
        return goals if self.on_card and not self.short else ()

    def synchronize(self) -> None:
        """Wait for the card."""
        if self.on_card:
            torch.cuda.synchronize(self.torch_device)

    def bench(self, preset: str) -> tuple[Bench, Path]:
        """A made-up scene with a model of a preset's sizes, trained for a moment; and the model's file."""
        if preset not in self._made:
            width = PRESETS[preset].pretrain.base_width
            folder = self.folder / preset
            folder.mkdir(parents=True)
            scene = made_up_scene(folder, _SHORT_SIDE if self.short else _SIDES[width])
            model = folder / "scene.mtmsd"
            few = {"iterations": 2, "batch_size": 2} if self.short else {"iterations": 30, "batch_size": 16}
            settings = to_json(pretrain_settings(preset, device=self.device, **few))
            job = Job("pretrain", settings, scene.cube, outputs={"model": str(model.absolute())})
            run_task(job, folder, silent)
            self._made[preset] = Bench.of(scene, model, folder / "bench"), model
        return self._made[preset]


def made_up_scene(folder: Path, side: int) -> Scene:
    """Fields of a few classes with noise, and a sample for every few pixels."""
    cube = make_scene(folder, side)
    rows, cols = (part.ravel() for part in np.mgrid[0:side:_EVERY, _BORDER:side:_EVERY].astype(np.int64))
    present, class_index = np.unique(class_of(rows, cols), return_inverse=True)
    samples = SampleTable(rows, cols, class_index.astype(np.int64), np.arange(len(rows), dtype=np.int64))
    classes = tuple(ClassEntry(int(index) + 1, f"class {index + 1}") for index in present)
    return Scene("made up", folder, cube, classes, cube.bands, samples, len(samples))
