# SPDX-License-Identifier: GPL-2.0-or-later
"""What the parts of the speed benchmark share: Indian Pines with a model, its components and its tiles; pairs of times.

Two things are always timed in turn, again and again, and their ratio is the median over the pairs, so that a machine
that is busy for a while slows both.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.scenes import Scene
from mtmsd_qgis.diffusion.model import DiffusionModel, load_model
from mtmsd_qgis.diffusion.patch_sampler import PatchSampler
from mtmsd_qgis.features.extraction_run import scene_tiles
from mtmsd_qgis.io.cube import Cube
from mtmsd_qgis.io.windows import Tile
from mtmsd_qgis.progress import silent
from mtmsd_qgis.tasks.scene_input import band_positions, standardised


@dataclass(frozen=True)
class Bench:
    """A scene with a trained model.

    Attributes:
        scene: With labels.
        model: Trained on it.
        cube: Its bands.
        components: Its standardised components.
        valid: (H, W) bool.
        tiles: As extraction walks them.
        folder: For scratch files.
    """

    scene: Scene
    model: DiffusionModel
    cube: Cube
    components: Cube
    valid: NDArray[np.bool_]
    tiles: list[Tile]
    folder: Path

    @classmethod
    def of(cls, scene: Scene, model: Path, folder: Path) -> Bench:
        """Load the model and compute the components into the folder."""
        folder.mkdir(parents=True, exist_ok=True)
        loaded = load_model(model)
        cube = Cube(scene.folder, scene.cube)
        used = band_positions(cube, loaded.preprocessor)
        components, valid = standardised(cube, used, loaded.preprocessor, folder, silent)
        tiles = scene_tiles(components, valid)
        return cls(scene, loaded, cube, components, valid, tiles, folder)

    def statistics_patches(self, seed: int) -> NDArray[np.float32]:
        """Patches (N, C, side, side) whose statistics stand for the scene, of the side that the model has seen."""
        return PatchSampler(self.components, self.valid, self.model.settings.patch_size).for_statistics(seed)


def repeated(scene: Scene, times: int, folder: Path) -> Scene:
    """The scene again and again, so many times side by side and below each other, in a folder; without labels."""
    folder.mkdir(parents=True, exist_ok=True)
    cube = scene.cube
    shape = cube.height, len(cube.bands), cube.width
    stored = np.memmap(scene.folder / cube.file, dtype=cube.dtype, mode="r", shape=shape)
    with (folder / "repeated.raw").open("wb") as file:
        for row in range(times * cube.height):
            np.tile(stored[row % cube.height], (1, times)).tofile(file)
    large = replace(cube, file="repeated.raw", height=times * cube.height, width=times * cube.width)
    return replace(scene, folder=folder, cube=large, samples=scene.samples.subset(slice(0)))


@dataclass(frozen=True)
class Pairs:
    """Seconds of two things, timed in turn."""

    one: list[float]
    other: list[float]

    def facts(self, one: str, other: str) -> dict[str, Any]:
        """Medians, and the median, lowest and highest ratio of a pair."""
        ratios = sorted(a / b for a, b in zip(self.one, self.other))
        return {
            one: round(statistics.median(self.one), 4),
            other: round(statistics.median(self.other), 4),
            "ratio": round(statistics.median(ratios), 3),
            "ratio_range": [round(ratios[0], 3), round(ratios[-1], 3)],
            "pairs": len(ratios),
        }


def in_turn(one: Callable[[], object], other: Callable[[], object], times: int, *, warm_up: bool = True) -> Pairs:
    """Time two things in turn, which of them comes first changing from pair to pair."""
    if warm_up:
        one()
        other()
    seconds: tuple[list[float], list[float]] = ([], [])
    for number in range(times):
        for which in (0, 1) if number % 2 == 0 else (1, 0):
            if hasattr(os, "sync"):
                os.sync()  # what the one has written is not written back while the other is timed
            started = time.perf_counter()
            (one, other)[which]()
            seconds[which].append(time.perf_counter() - started)
    return Pairs(*seconds)
