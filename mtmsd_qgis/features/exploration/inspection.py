# SPDX-License-Identifier: GPL-2.0-or-later
"""One walk over some tiles of a scene that keeps what is looked at later, and what it has kept.

Enters: an extractor at work on a scene, a plan of tiles, samples. Leaves: files of a tile and stage each, so that a
walk that was interrupted goes on; read again stage by stage, so that no more than one stage lies in memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...errors import FileFormatError
from ...io.cube import Cube
from ...io.run_directory import RunDirectory
from ...io.windows import Tile, expand
from ...progress import Progress, span
from ...sampling.sample_table import SampleTable
from ..extraction_run import ExtractionRun
from ..feature_pyramid import TileGrids, linear_weights
from ..tile_lookup import pixels_by_tile
from .inspected_tiles import InspectionPlan
from .pair_sums import lag_sums, pair_sums
from .spectral_quantities import TEXTURE_MARGIN, SpectralQuantities

_RANGE_CHANNELS = 16  # of a stage, spread evenly, whose autocorrelation is measured
_OTHER_NOISE = 1_000_003  # added to the seed for the second draw
_FIRST_DRAW = 0.8  # of the time of the walk
_LARGEST_SEED = 2**31

Arrays = dict[str, NDArray[np.generic]]
StageFeatures = NDArray[np.float32]
"""(N, T, C) of a stage, at pixels or at samples."""


@dataclass(frozen=True)
class InspectedScene:
    """What is walked over.

    Attributes:
        run: The extractor and its components.
        cube: The scene's bands, those of the model.
        components: Of the scene, standardised.
        plan: Which tiles.
        samples: (N,) on valid pixels, whose features are kept.
    """

    run: ExtractionRun
    cube: Cube
    components: Cube
    plan: InspectionPlan
    samples: SampleTable

    @cached_property
    def quantities(self) -> SpectralQuantities:
        """That the bands allow to compute."""
        return SpectralQuantities.of(self.cube.description.bands)

    @cached_property
    def samples_of(self) -> list[NDArray[np.int64]]:
        """Indices of the samples in each tile of the plan."""
        return pixels_by_tile(self.plan.tiles, self.samples.rows, self.samples.cols)


@dataclass(frozen=True)
class InspectedPixels:
    """The pixels that are looked at, tile by tile.

    Attributes:
        rows: (N,) in the scene.
        cols: (N,).
        places: (N, 2) row and column in the picture.
        components: (N, C) of the spectrum, standardised.
        quantities: (Q, N) of the spectrum, NaN where undefined.
        names: (Q,) of them.
    """

    rows: NDArray[np.int64]
    cols: NDArray[np.int64]
    places: NDArray[np.int64]
    components: NDArray[np.float32]
    quantities: NDArray[np.float32]
    names: tuple[str, ...]


class Inspection:
    """What a walk has kept."""

    def __init__(self, scene: InspectedScene) -> None:
        """Read nothing yet."""
        self.scene = scene
        self.order = np.concatenate(scene.samples_of)
        # A run directory in a job folder keeps nothing; here its files are what the walk leaves, wherever it lies.
        self._files = RunDirectory(scene.run.run_directory.folder, persistent=True)

    @property
    def samples(self) -> SampleTable:
        """Those whose features are kept, in the order of at_samples."""
        return self.scene.samples.subset(self.order)

    def walk(self, progress: Progress) -> None:
        """Compute the tiles that an earlier walk has not left, then some of them with another noise draw.

        Args:
            progress: Told after each tile.
        """
        self._walk_all(span(progress, 0.0, _FIRST_DRAW))
        self._walk_again(span(progress, _FIRST_DRAW, 1.0))

    def pixels(self) -> InspectedPixels:
        """All pixels that are looked at."""
        plan, parts = self.scene.plan, [self._load(f"tile_{number}") for number in range(len(self.scene.plan.tiles))]
        rows, cols, places = [], [], []
        for number, (tile, part) in enumerate(zip(plan.tiles, parts)):
            row, col = np.nonzero(part["valid"])
            lines, columns = plan.grid(tile)
            rows.append(tile.core.row + lines[row])
            cols.append(tile.core.col + columns[col])
            places.append(np.stack([row, col], axis=1) + np.array(plan.place(number)))
        valid = [part["valid"].astype(bool) for part in parts]
        spectra, known = (
            np.concatenate([part[name][:, inside] for part, inside in zip(parts, valid)], axis=1)
            for name in ("components", "quantities")
        )
        return InspectedPixels(
            np.concatenate(rows),
            np.concatenate(cols),
            np.concatenate(places).astype(np.int64),
            np.ascontiguousarray(spectra.T, dtype=np.float32),
            known.astype(np.float32),
            self.scene.quantities.names,
        )

    def bands(self, positions: Sequence[int]) -> NDArray[np.float32]:
        """Values (N, B) of some bands of the scene at the pixels."""
        plan, parts = self.scene.plan, []
        for number, tile in enumerate(plan.tiles):
            lines, columns = plan.grid(tile)
            values = self.scene.cube.read(tile.core, positions)[:, lines][:, :, columns]
            parts.append(values[:, self._load(f"tile_{number}")["valid"].astype(bool)].T)
        return np.concatenate(parts)

    def features(self, stage: int) -> StageFeatures:
        """Features (N, T, channels) of a stage, by its position among the stages, at the pixels."""
        parts = [part["pixels"] for part in self._stage_files(stage)]
        return np.concatenate(parts).astype(np.float32, copy=False)

    def at_samples(self, stage: int) -> StageFeatures:
        """Features (n, T, channels) of a stage at the samples."""
        parts = [part["samples"] for part in self._stage_files(stage)]
        return np.concatenate(parts).astype(np.float32, copy=False)

    def lag_sums(self, stage: int) -> NDArray[np.float64]:
        """Sums (lags, 6, T, channels) of pairs of cells of some channels, by their distance."""
        return np.asarray(sum(part["lags"] for part in self._stage_files(stage)), dtype=np.float64)

    def draw_sums(self, stage: int) -> NDArray[np.float64]:
        """Sums (6, T, channels) of pairs of values of two noise draws."""
        files = (self._load(f"draw_{number}_{stage}") for number in self.scene.plan.drawn_twice)
        return np.asarray(sum(part["sums"] for part in files), dtype=np.float64)

    def stride(self, stage: int) -> int:
        """Pixels from one cell of a stage to the next."""
        return int(self._load(f"tile_{0}_{stage}")["stride"][0])

    def _walk_all(self, progress: Progress) -> None:
        scene, tiles = self.scene, self.scene.plan.tiles
        missing = [number for number in range(len(tiles)) if not self._is_kept(f"tile_{number}")]
        number_of = {tile: number for number, tile in enumerate(tiles)}

        def kept(tile: Tile, grids: TileGrids, valid: NDArray[np.bool_]) -> tuple[list[Arrays], Arrays]:
            inside = scene.samples_of[number_of[tile]]
            rows, cols = scene.samples.rows[inside] - tile.core.row, scene.samples.cols[inside] - tile.core.col
            stages = [_stage_arrays(scene.plan, tile, grids, stage, valid) for stage in range(len(grids.grids))]
            for stage, arrays in enumerate(stages):
                arrays["samples"] = _at_pixels(grids, stage, rows, cols)
            return stages, self._tile_arrays(tile, valid)

        results = scene.run.compute([tiles[number] for number in missing], kept)
        for done, (tile, (stages, arrays)) in enumerate(results):
            for stage, of_stage in enumerate(stages):
                self._files.save_arrays(f"tile_{number_of[tile]}_{stage}", of_stage)
            self._files.save_arrays(f"tile_{number_of[tile]}", arrays)  # last: with it the tile is complete
            progress((len(tiles) - len(missing) + done + 1) / len(tiles), _told(done, missing, tiles))

    def _walk_again(self, progress: Progress) -> None:
        scene, plan = self.scene, self.scene.plan
        number_of = {plan.tiles[number]: number for number in plan.drawn_twice}
        stages = range(len(scene.run.extractor.settings.stages))
        last = stages[-1]
        missing = [number for number in plan.drawn_twice if not self._is_kept(f"draw_{number}_{last}")]
        settings, side = scene.run.extractor.settings, plan.tiles[0].window.height
        other = scene.run.extractor.with_noise_of((settings.seed + _OTHER_NOISE) % _LARGEST_SEED, side)

        def kept(tile: Tile, grids: TileGrids, valid: NDArray[np.bool_]) -> list[NDArray[np.float64]]:
            sums = []
            for stage in stages:
                second = _stage_arrays(plan, tile, grids, stage, valid)["pixels"]
                first = self._load(f"tile_{number_of[tile]}_{stage}")["pixels"]
                pair = [
                    torch.from_numpy(np.ascontiguousarray(part.transpose(1, 2, 0)))[..., None]
                    for part in (first, second)
                ]
                sums.append(pair_sums(pair[0], pair[1], torch.ones(len(first), 1, dtype=torch.bool)))
            return sums

        results = replace(scene.run, extractor=other).compute([plan.tiles[number] for number in missing], kept)
        for done, (tile, sums) in enumerate(results):
            for stage, of_stage in enumerate(sums):
                self._files.save_arrays(f"draw_{number_of[tile]}_{stage}", {"sums": of_stage})
            progress((done + 1) / len(missing), f"second noise draw: tile {done + 1} of {len(missing)}")

    def _tile_arrays(self, tile: Tile, valid: NDArray[np.bool_]) -> Arrays:
        """What is kept of a tile beside its features."""
        scene, (lines, columns) = self.scene, self.scene.plan.grid(tile)
        components = scene.components.read(tile.core)[:, lines][:, :, columns]
        window = scene.cube.read(expand(tile.core, TEXTURE_MARGIN, TEXTURE_MARGIN))
        quantities = scene.quantities(window)[:, lines][:, :, columns]
        return {
            "valid": valid[lines][:, columns].astype(np.uint8),
            "components": np.ascontiguousarray(components),
            "quantities": np.ascontiguousarray(quantities),
        }

    def _is_kept(self, name: str) -> bool:
        """Whether an earlier walk has left it, which only a folder that outlives a run can say."""
        return self.scene.run.run_directory.persistent and self._files.saved_arrays(name) is not None

    def _stage_files(self, stage: int) -> list[Arrays]:
        return [self._load(f"tile_{number}_{stage}") for number in range(len(self.scene.plan.tiles))]

    def _load(self, name: str) -> Arrays:
        arrays = self._files.saved_arrays(name)
        if arrays is None:
            raise FileFormatError(f"{name}.part of this run is gone or damaged. Start it again, without RESUME.")
        return dict(arrays)


def _stage_arrays(plan: InspectionPlan, tile: Tile, grids: TileGrids, stage: int, valid: NDArray[np.bool_]) -> Arrays:
    """Features of a stage at the pixels that are looked at (n, T, channels), and sums of pairs of its cells."""
    cells, stride = grids.grids[stage], grids.strides[stage]
    lines, columns = plan.grid(tile)
    by_row = linear_weights(cells.shape[-2], stride, tile.core.height)[lines].to(cells)
    by_col = linear_weights(cells.shape[-1], stride, tile.core.width)[columns].to(cells)
    inside = valid[lines][:, columns]
    pixels = (by_row @ (cells @ by_col.T)).cpu().numpy()[..., inside]
    on_pixels = valid[::stride, ::stride]
    known = torch.from_numpy(on_pixels).to(cells.device)
    chosen = np.unique(np.linspace(0, cells.shape[1] - 1, min(_RANGE_CHANNELS, cells.shape[1])).round().astype(int))
    measured = cells[:, torch.from_numpy(chosen).to(cells.device), : known.shape[0], : known.shape[1]]
    return {
        "pixels": np.ascontiguousarray(pixels.transpose(2, 0, 1)),
        "lags": lag_sums(measured, known),
        "stride": np.array([stride], dtype=np.int64),
    }


def _at_pixels(grids: TileGrids, stage: int, rows: NDArray[np.int64], cols: NDArray[np.int64]) -> NDArray[np.float32]:
    """Features (n, T, channels) of a stage at pixels of the core."""
    grid = grids.grids[stage]
    weights = torch.from_numpy(grids.weights_of(rows, cols, np.arange(len(rows)), len(rows), stage)).to(grid)
    values: Tensor = torch.einsum("tcx,nx->ntc", grid.flatten(2), weights)
    return np.ascontiguousarray(values.cpu().numpy())


def _told(done: int, missing: Sequence[int], tiles: Sequence[Tile]) -> str:
    return f"inspection: tile {len(tiles) - len(missing) + done + 1} of {len(tiles)}"
