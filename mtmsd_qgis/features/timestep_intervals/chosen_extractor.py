# SPDX-License-Identifier: GPL-2.0-or-later
"""The choice of timesteps for a scene, by the features of some of its patches; no label is looked at.

Enters: an extractor of all candidates that knows the statistics of the scene, and patches. Leaves: an extractor of the
chosen timesteps, and the choice; a resumed run takes the choice that it had made.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ...diffusion.patch_sampler import PatchSampler
from ...io.run_directory import RunDirectory
from ...io.windows import Tile, Window
from ...jobs.timesteps.timestep_choice import TimestepChoice
from ...progress import Progress
from ..extractor import FeatureExtractor
from .intervals import choose_timesteps
from .similarity import cka_table

log = logging.getLogger(__name__)

PIXELS = 2000  # drawn, whose features are compared
_LEAST_PATCHES, _MOST_PATCHES, _SHARE = 4, 16, 16  # that they lie in: a sixteenth of the valid pixels between
_DRAW = 1  # number of the draw of patches; 0 is that of the statistics
_SAVED = "timesteps"  # name of the similarities in a run directory


@dataclass(frozen=True)
class PatchSource:
    """Where the patches come from.

    Attributes:
        sampler: Of the scene.
        run_directory: Keeps what the choice rests on.
        tile_side: Of the tiles whose features will be taken, pixels.
    """

    sampler: PatchSampler
    run_directory: RunDirectory
    tile_side: int


def at_chosen_timesteps(
    extractor: FeatureExtractor, source: PatchSource, progress: Progress
) -> tuple[FeatureExtractor, TimestepChoice | None]:
    """An extractor of the timesteps that stand for all; the same one, and no choice, where none is wanted.

    Args:
        extractor: Of all timesteps; knows the statistics of the scene.
        source: Of patches.
        progress: Told after each patch.
    """
    if extractor.settings.timestep_choice is None:
        return extractor, None
    saved = source.run_directory.saved_arrays(_SAVED)
    similarity = saved["similarity"] if saved else timestep_similarity(extractor, source.sampler, progress)
    if not saved:
        source.run_directory.save_arrays(_SAVED, {"similarity": similarity})
    choice = choose_timesteps(similarity, extractor.settings.timesteps)
    log.info("%s", choice.sentence)
    return extractor.at_timesteps(choice.kept, source.tile_side), choice


def timestep_similarity(extractor: FeatureExtractor, sampler: PatchSampler, progress: Progress) -> NDArray[np.float64]:
    """Linear CKA between the features of all pairs of timesteps, the mean over stages.

    Args:
        extractor: Of all timesteps; knows the statistics of the scene.
        sampler: Of patches of the scene.
        progress: Told after each patch.

    Returns:
        (T, T); where no patch has data, nothing is known to be alike.
    """
    features = drawn_features(extractor, sampler, progress)
    if not features:
        return np.eye(len(extractor.settings.timesteps))
    return np.asarray(np.mean([cka_table(list(stage)) for stage in features], axis=0))


def drawn_features(extractor: FeatureExtractor, sampler: PatchSampler, progress: Progress) -> list[NDArray[np.float32]]:
    """Features of each stage at pixels drawn from patches.

    Args:
        extractor: Of T timesteps.
        sampler: Of patches of the scene.
        progress: Told after each patch.

    Returns:
        For each stage (T, N, channels), the same N pixels; N is PIXELS, or as many as the patches have. Empty where
        they have none.
    """
    seed = extractor.settings.seed
    count = sum(sampler.pixels) // (_SHARE * sampler.side**2)
    patches, valid = sampler.draw(seed, _DRAW, min(_MOST_PATCHES, max(_LEAST_PATCHES, count)))
    drawn = _drawn_pixels(valid[:, 0] > 0, np.random.default_rng([seed, _DRAW, len(patches)]))
    parts: list[list[NDArray[np.float32]]] = []
    for number, (patch, (rows, cols)) in enumerate(zip(patches, drawn)):
        if not len(rows):
            continue
        place = Window(sampler.side * number, 0, sampler.side, sampler.side)  # decides the noise
        grids = extractor.tile_grids(patch, Tile(place, place))
        stages = []
        for stage, grid in enumerate(grids.grids):
            weights = grids.weights_of(rows, cols, np.arange(len(rows)), len(rows), stage)
            values = grid.flatten(2) @ torch.from_numpy(weights).to(grid).T  # (T, channels, pixels)
            stages.append(values.transpose(1, 2).cpu().numpy())
        parts.append(stages)
        progress((number + 1) / len(patches), f"timesteps that say the same: patch {number + 1} of {len(patches)}")
    return [np.concatenate(stage, axis=1) for stage in zip(*parts)]


def _drawn_pixels(
    valid: NDArray[np.bool_], rng: np.random.Generator
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Rows and columns in each patch of pixels drawn from all that are valid (patches, side, side)."""
    places = np.argwhere(valid)
    chosen = places[np.sort(rng.choice(len(places), min(PIXELS, len(places)), replace=False))]
    return [(part[:, 1], part[:, 2]) for part in (chosen[chosen[:, 0] == i] for i in range(len(valid)))]
