# SPDX-License-Identifier: GPL-2.0-or-later
"""A pretraining that ends with a look at what it has learnt: features of a few timesteps and stages as pictures.

Enters: a job of a pretraining. Leaves: its result, with pictures where the job asks for them. They are of at most four
tiles in the middle of the scene, which takes a second after a quick training.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ...diffusion.batch_plan import memory_guard
from ...diffusion.device import Device, choose_device
from ...diffusion.model import DiffusionModel, load_model
from ...errors import DeviceError
from ...features.exploration.gallery import stage_colours
from ...features.exploration.pair_sums import correlation, pair_sums
from ...features.extractor import FeatureExtractor
from ...io.cube import Cube, whole_size
from ...io.windows import GRID, Tile, network_tile_side, network_tiles
from ...jobs.protocol import Job
from ...jobs.results import GalleryPicture, PretrainResult
from ...jobs.settings import extraction_settings
from ...jobs.timesteps.trained_timesteps import trained_timesteps
from ...progress import Progress, span
from ..denoising_preview import SHOWN_TIMESTEPS
from ..pretrain import pretrain
from ..scene_input import band_positions, open_scene
from .explore_features import GALLERY
from .pictures import colour_picture

log = logging.getLogger(__name__)

SHOWN_STAGES = (1, 3, 5)
_SIDE = 2  # tiles, of the square that is shown
_STEP = 2  # pixels of the scene from one to the next in a picture of several tiles
_TWICE = 2  # tiles whose features are computed with other noise too
_ENOUGH = 0.5  # of its pixels have data
_MOST_TRIED = 25  # squares, from the middle outwards
_TRAINED = 0.99  # of the time
_OTHER_NOISE = 1_000_003  # added to the seed for the second draw
_LARGEST_SEED = 2**31


def pretrain_and_show(job: Job, folder: Path, progress: Progress) -> PretrainResult:
    """Raster -> diffusion model, and pictures of its features where the job's options ask for them."""
    if not job.options.get(GALLERY):
        return pretrain(job, folder, progress)
    result = pretrain(job, folder, span(progress, 0.0, _TRAINED))
    device = choose_device(result.settings.device)
    try:
        with memory_guard(device, "The model is complete without pictures of its features."):
            shown = _pictures(load_model(Path(result.model)), open_scene(job, folder), device)
    except DeviceError as error:
        log.warning("%s", error)
        shown = ()
    progress(1.0, "pictures of features")
    return replace(result, gallery=shown)


@dataclass(frozen=True)
class _Square:
    """Tiles side by side, and what is read of them.

    Attributes:
        tiles: In row-major order.
        components: (C, h, w) of each tile's window, standardised, 0 where invalid.
        shown: (h, w) pixels of each tile's core that are shown: every step-th of a line and column, with data.
        step: From one of them to the next.
        brightness: (N,) mean of the bands at these pixels, one tile after the other.
    """

    tiles: tuple[Tile, ...]
    components: list[NDArray[np.float32]]
    shown: list[NDArray[np.bool_]]
    step: int
    brightness: NDArray[np.float64]

    @classmethod
    def read(cls, tiles: Sequence[Tile], cube: Cube, model: DiffusionModel) -> _Square:
        """Read tiles of a scene."""
        positions, step = band_positions(cube, model.preprocessor), min(len(tiles), _STEP)
        components, shown, bright = [], [], []
        for tile in tiles:
            values = cube.read(tile.window, positions)
            standardised, known = model.preprocessor.transform(values)
            inside = np.zeros((tile.core.height, tile.core.width), dtype=bool)
            inside[::step, ::step] = known[tile.inner.slices][::step, ::step]
            components.append(standardised)
            shown.append(inside)
            bright.append(values[(slice(None), *tile.inner.slices)][:, inside].mean(axis=0, dtype=np.float64))
        return cls(tuple(tiles), components, shown, step, np.concatenate(bright))

    @property
    def share(self) -> float:
        """Of the pixels, that have data."""
        return len(self.brightness) / sum(inside[:: self.step, :: self.step].size for inside in self.shown)

    @property
    def places(self) -> NDArray[np.int64]:
        """(N, 2) row and column in the picture."""
        first = self.tiles[0].core
        found = [
            np.argwhere(inside) + np.array([tile.core.row - first.row, tile.core.col - first.col])
            for tile, inside in zip(self.tiles, self.shown)
        ]
        return np.concatenate(found).astype(np.int64) // self.step

    def features(self, extractor: FeatureExtractor, tiles: int | None = None) -> NDArray[np.float32]:
        """(N, T, F); of so many tiles where that is given, which come first among the pixels."""
        parts = [
            extractor.tile_features(components, tile).cpu()[:, :, torch.from_numpy(inside)].permute(2, 0, 1).numpy()
            for tile, components, inside in list(zip(self.tiles, self.components, self.shown))[:tiles]
        ]
        return np.concatenate(parts)


def _pictures(model: DiffusionModel, cube: Cube, device: Device) -> tuple[GalleryPicture, ...]:
    """Stage by stage, timestep by timestep; none where no pixel near the middle has data."""
    if model.statistics is None:  # there was no memory for them
        return ()
    square = _square(cube, model)
    if not square.share:
        return ()
    shown = trained_timesteps(SHOWN_TIMESTEPS, model.settings.last_timestep)
    settings = replace(extraction_settings(model.settings.preset).at(shown), stages=SHOWN_STAGES)
    precision = getattr(torch, model.statistics.conditions.numbers)  # that the training has found out for them
    first = FeatureExtractor(model.network.to(device.torch_device), settings, precision)
    first.statistics = model.statistics.averaged(model.network, model.settings.patch_size // GRID // 2)
    side = square.tiles[0].window.height
    other = first.with_noise_of((settings.seed + _OTHER_NOISE) % _LARGEST_SEED, side)
    features, again = square.features(first), square.features(other, tiles=_TWICE)
    pictures, start = [], 0
    for stage in SHOWN_STAGES:
        channels = slice(start, start + model.network.stages[stage].channels)
        start = channels.stop
        of_stage = features[:, :, channels]
        draws = _draw_correlation(of_stage[: len(again)], again[:, :, channels])
        colours = stage_colours(of_stage, square.brightness)
        for t, timestep in enumerate(shown):
            picture = colour_picture(colours.values[:, t], square.places)
            known = round(float(draws[t]), 4) + 0.0 if np.isfinite(draws[t]) else None
            pictures.append(GalleryPicture(timestep, stage, round(float(colours.shown[t]), 4), known, picture))
    return tuple(pictures)


def _square(cube: Cube, model: DiffusionModel) -> _Square:
    """The square nearest to the middle in which enough pixels have data; else the one of those tried with most."""
    best: _Square | None = None
    for tiles, _ in zip(_squares(*whole_size(cube)), range(_MOST_TRIED)):
        square = _Square.read(tiles, cube, model)
        if best is None or square.share > best.share:
            best = square
        if best.share >= _ENOUGH:
            break
    if best is None:
        raise ValueError("a scene has a tile at least")
    return best


def _squares(height: int, width: int) -> Iterator[list[Tile]]:
    """Squares of tiles, from the middle of a scene outwards."""
    side = network_tile_side(height, width)
    rows: dict[int, list[Tile]] = {}
    for tile in network_tiles(height, width, side):
        rows.setdefault(tile.core.row, []).append(tile)
    lines = list(rows.values())
    tops, lefts = (range(max(1, count - _SIDE + 1)) for count in (len(lines), len(lines[0])))
    middle = (len(tops) - 1) / 2, (len(lefts) - 1) / 2
    corners = [(top, left) for top in tops for left in lefts]
    for top, left in sorted(corners, key=lambda at: (at[0] - middle[0]) ** 2 + (at[1] - middle[1]) ** 2):
        yield [tile for line in lines[top : top + _SIDE] for tile in line[left : left + _SIDE]]


def _draw_correlation(first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.float64]:
    """(T,) mean over the channels of the correlation of two draws (N, T, C); NaN where no channel varies."""
    pair = [torch.from_numpy(np.ascontiguousarray(part.transpose(1, 2, 0)))[..., None] for part in (first, second)]
    found = correlation(pair_sums(pair[0], pair[1], torch.ones(len(first), 1, dtype=torch.bool)))
    known = np.isfinite(found)
    total = np.where(known, found, 0.0).sum(axis=1)
    return np.asarray(np.where(known.any(axis=1), total / np.maximum(known.sum(axis=1), 1), np.nan))
