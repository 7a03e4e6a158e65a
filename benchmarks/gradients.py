# SPDX-License-Identifier: GPL-2.0-or-later
"""Do noise levels pull the network in different directions? Cosines between the gradients of ten timesteps.

A decoder for each interval of timesteps could only help where gradients of low and high noise disagree in the decoder
and agree in the encoder (decision 46). Enters: known scenes, with a quick model made or given. Leaves: for encoder and
decoder a table of cosines on standard output. Patches and noise are drawn in two halves. What the halves share at one
timestep is its reliability; cosines between timesteps are taken across halves and divided by it, so that drawn noise
neither adds to similarity nor takes from it.

    MTMSD_VENVS=.venv .venv/benchmark/bin/python -m benchmarks.gradients [--model FILE] [SCENE...]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.features import Training, trained_model
from benchmarks.scenes import known_scenes, prepare
from mtmsd_qgis.diffusion.model import DiffusionModel, load_model
from mtmsd_qgis.diffusion.noise import q_sample
from mtmsd_qgis.diffusion.patch_sampler import PatchSampler
from mtmsd_qgis.diffusion.training_loop import masked_loss
from mtmsd_qgis.diffusion.unet import UNet
from mtmsd_qgis.io.cube import Cube
from mtmsd_qgis.progress import silent
from mtmsd_qgis.tasks.scene_input import band_positions, standardised

TIMESTEPS = (10, 50, 100, 200, 300, 400, 500, 650, 800, 950)
PARTS = ("encoder", "decoder")
_BATCHES, _BATCH = 16, 8  # of patches; each half is the mean of eight batches


@dataclass(frozen=True)
class Cosines:
    """Between timesteps, of one part of the network.

    Attributes:
        corrected: (T, T), 1 on the diagonal; NaN where a timestep's halves have nothing in common.
        reliability: (T,) cosine between the two halves of a timestep.
    """

    corrected: NDArray[np.float64]
    reliability: NDArray[np.float64]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables of the scenes that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenes", nargs="*", default=["indian_pines"])
    parser.add_argument("--model", type=Path)
    parser.add_argument("--folder", type=Path, default=Path("build/benchmark/gradients"))
    parser.add_argument("--qgis-python", type=Path, default=Path("/usr/bin/python3"))
    options = parser.parse_args(arguments)
    for name in options.scenes:
        place = options.folder / name
        scene = prepare(name, known_scenes()[name], place / "scene", options.qgis_python)
        file = options.model or trained_model(scene, Training("quick", "cpu"), place / "quick")
        cube = Cube(scene.folder, scene.cube)
        for part, cosines in of_scene(load_model(file), cube).items():
            print(f"{name}, {part}")
            print(as_table(cosines), flush=True)
    return 0


def of_scene(model: DiffusionModel, cube: Cube) -> dict[str, Cosines]:
    """Cosines of encoder and decoder on patches of a scene."""
    with TemporaryDirectory() as place:
        positions = band_positions(cube, model.preprocessor)
        components, valid = standardised(cube, positions, model.preprocessor, Path(place), silent)
        sampler = PatchSampler(components, valid, model.settings.patch_size)
        drawn = [sampler.draw(0, iteration, _BATCH) for iteration in range(_BATCHES)]
    halves = [gradients(model.network, drawn[first::2], TIMESTEPS, first) for first in (0, 1)]
    return {part: cosines(halves[0][part], halves[1][part]) for part in PARTS}


def gradients(
    network: UNet,
    batches: Sequence[tuple[NDArray[np.float32], NDArray[np.float32]]],
    timesteps: Sequence[int],
    seed: int = 0,
) -> dict[str, NDArray[np.float64]]:
    """Gradients (T, weights) of the training loss at each timestep, the mean over batches, by part of the network.

    Args:
        network: Trained.
        batches: Patches (B, C, side, side) and where they are valid (B, 1, side, side); the noise is drawn by number.
        timesteps: T.
        seed: Of the noise.
    """
    weights = {part: list(getattr(network, part).parameters()) for part in PARTS}
    sums = {part: [np.zeros(sum(w.numel() for w in weights[part])) for _ in timesteps] for part in PARTS}
    for number, (patches, valid) in enumerate(batches):
        x0, mask = torch.from_numpy(patches), torch.from_numpy(valid)
        noise = torch.randn(x0.shape, generator=torch.Generator().manual_seed(1000 * seed + number))
        for row, timestep in enumerate(timesteps):
            t = torch.full((len(x0),), timestep)
            network.zero_grad(set_to_none=True)
            masked_loss(network(q_sample(x0, noise, t), t), noise, mask).backward()
            for part in PARTS:
                sums[part][row] += np.concatenate([w.grad.double().numpy().ravel() for w in weights[part]])
    return {part: np.stack(rows) / len(batches) for part, rows in sums.items()}


def cosines(one: NDArray[np.float64], other: NDArray[np.float64]) -> Cosines:
    """Between timesteps, from the gradients (T, weights) of two halves of the patches."""
    units = [half / np.linalg.norm(half, axis=1, keepdims=True) for half in (one, other)]
    across = units[0] @ units[1].T
    across = (across + across.T) / 2
    reliability = np.diag(across).copy()
    scale = np.sqrt(np.where(reliability > 0, reliability, np.nan))
    return Cosines(across / np.outer(scale, scale), reliability)


def as_table(found: Cosines) -> str:
    """As Markdown: a row for each timestep, and the reliability."""
    lines = ["| t | " + " | ".join(map(str, TIMESTEPS)) + " | reliability |", "|---" * (len(TIMESTEPS) + 2) + "|"]
    for timestep, row, reliable in zip(TIMESTEPS, found.corrected, found.reliability):
        lines.append(f"| {timestep} | " + " | ".join(f"{value:.2f}" for value in row) + f" | {reliable:.2f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
