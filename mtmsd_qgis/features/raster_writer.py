# SPDX-License-Identifier: GPL-2.0-or-later
"""Extraction of a scene: compute the features of its tiles, and write those kept.

Enters: a FeatureExtractor, a cube of components, the features to keep with their scales. Leaves: a raw raster of them,
16-bit with a scale and offset a band.
"""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from ..diffusion.batch_plan import shared_cores
from ..diffusion.device import fetched
from ..diffusion.patch_sampler import PatchSampler
from ..diffusion.scene_statistics import StoredStatistics
from ..errors import Cancelled
from ..io.cube import Cube
from ..io.row_writer import AppendedBands, RowWriter
from ..io.run_directory import CompletedWindows, RunDirectory
from ..io.windows import Tile, network_tile_side, network_tiles
from ..progress import Progress, silent
from ..runtime.memory import free_memory
from ..runtime.prefetch import BackgroundWriter, prefetch
from .extractor import FeatureExtractor
from .feature_pyramid import TileGrids
from .quantization import NODATA, QuantisedFeatures, QuantisedSpectra

log = logging.getLogger(__name__)

Result = TypeVar("Result")
_Numbers = tuple[Callable[[], NDArray[np.int16]], NDArray[np.bool_]]
"""Gives the stored numbers (h, bands, w) of a tile, and where it is valid."""

_KEPT_IN_MEMORY = 256 << 20  # bytes of surveyed tiles


class TileCache:
    """Features of surveyed tiles, kept so that a processor computes them once: in memory, then in the job folder.

    As many as fit into the limits; none for a graphics card, which computes a tile faster than a disk gives it back.
    """

    def __init__(self, folder: Path, device: torch.device, needed_bytes: int = 0, limit_bytes: int = 3 << 30) -> None:
        """Find out how much may be kept: at most an eighth of the free memory and a quarter of the disk left over.

        Args:
            folder: The job folder.
            device: That computes the features.
            needed_bytes: Of the free disk that results will take.
            limit_bytes: At most.
        """
        self._folder = folder
        self._left_bytes = limit_bytes if device.type == "cpu" else 0
        self._memory_bytes = min(_KEPT_IN_MEMORY, (free_memory() or 0) // 8)
        self._disk_bytes = max(0, shutil.disk_usage(folder).free - needed_bytes) // 4
        self._told = False
        self._kept: dict[Tile, TileGrids | _OnDisk] = {}

    def keep(self, tile: Tile, found: TileGrids) -> None:
        """Keep the features of a tile, if they still fit."""
        size = sum(grid.numel() * grid.element_size() for grid in found.grids)
        if size > self._left_bytes:
            return
        if size <= self._memory_bytes:
            self._memory_bytes -= size
            self._kept[tile] = found
        elif size <= self._disk_bytes:
            if not self._told:
                most = min(self._left_bytes, self._disk_bytes)
                log.info("Disk: up to %.1f GiB more for surveyed tiles, so that none is computed twice.", most / 2**30)
                self._told = True
            self._disk_bytes -= size
            with self._path(tile).open("wb") as file:
                for grid in found.grids:
                    grid.numpy().tofile(file)
            self._kept[tile] = _OnDisk(found.strides, [grid.shape for grid in found.grids])
        else:
            return
        self._left_bytes -= size

    def take(self, tile: Tile) -> TileGrids | None:
        """What was kept of a tile, or None; it is not kept any longer."""
        kept = self._kept.pop(tile, None)
        if not isinstance(kept, _OnDisk):
            return kept
        path = self._path(tile)
        with path.open("rb") as file:  # not mapped: Windows removes no file that is
            grids = [np.fromfile(file, np.float32, shape.numel()).reshape(shape) for shape in kept.shapes]
        path.unlink()
        return TileGrids(tuple(torch.from_numpy(grid) for grid in grids), kept.strides, tile.inner)

    def _path(self, tile: Tile) -> Path:
        return self._folder / f"tile_{tile.core.row}_{tile.core.col}.raw"


@dataclass(frozen=True)
class _OnDisk:
    """What has to be known of grids in a file."""

    strides: tuple[int, ...]
    shapes: list[torch.Size]


def scene_tiles(cube: Cube, valid: NDArray[np.bool_]) -> list[Tile]:
    """The tiles of a scene that have a valid pixel in their core."""
    every = network_tiles(cube.height, cube.width, network_tile_side(cube.height, cube.width))
    return [tile for tile in every if valid[tile.core.slices].any()]


def tiles_text(scene: Sequence[Tile]) -> str:
    """For the log, e.g. "4 tiles of 100 x 100 pixels"."""
    side = scene[0].window.height
    return f"{len(scene)} tile{'s' if len(scene) != 1 else ''} of {side} x {side} pixels"


def learn_statistics(
    extractor: FeatureExtractor,
    cube: Cube,
    valid: NDArray[np.bool_],
    side: int,
    progress: Progress = silent,
    known: StoredStatistics | None = None,
) -> None:
    """Let an extractor normalise by the statistics of a scene.

    Args:
        extractor: Of the features.
        cube: Components.
        valid: (H, W).
        side: Of the patches that the network was trained on, pixels.
        progress: Told after each pass.
        known: Of the scene that the model was trained on; taken where it is this one.
    """
    patches = PatchSampler(cube, valid, side).for_statistics(extractor.settings.seed)
    extractor.learn_statistics(patches, progress, known)


def write_features(
    extractor: FeatureExtractor,
    cube: Cube,
    scene: Sequence[Tile],
    stored: QuantisedFeatures,
    kept_tiles: TileCache,
    place: RunDirectory,
    progress: Progress,
    spectra: QuantisedSpectra | None = None,
) -> Cube:
    """Compute all tiles and store the features kept as 16-bit numbers, and behind them the spectra.

    Args:
        extractor: Of the features.
        cube: Components.
        scene: Tiles with valid pixels, in row-major order; all other pixels become nodata.
        stored: The features to keep, and their scales.
        kept_tiles: What the survey kept.
        place: Where the raster is written; lines that it says are finished are left as they are.
        progress: Told after each tile.
        spectra: The scene's bands, to be stored as well; None: not.

    Returns:
        The raster features.raw, T * D bands, band = timestep index * D + feature index; then the spectra.
    """
    bands = [*stored.bands, *(spectra.bands if spectra is not None else ())]
    out, new = place.raster("features", (cube.height, cube.width), "int16", bands)
    finished = CompletedWindows(place, "extracted", [out], fresh=new)
    start = finished.last_row()
    appended = None if spectra is None else AppendedBands(len(spectra.bands), spectra.read)

    def numbers(_: Tile, found: TileGrids, valid: NDArray[np.bool_]) -> _Numbers:
        return fetched(stored.numbers(found)), valid

    left = [tile for tile in scene if tile.core.row >= start]
    done = len(scene) - len(left)
    to_rows = RowWriter(out, NODATA, place.folder, appended=appended, first_row=start, on_written=finished.add)
    with finished.saved_on_cancel(), to_rows as rows, BackgroundWriter() as after:
        for tile, (fetch, valid) in computed(extractor, cube, left, numbers, kept_tiles):
            after.call(partial(_write, rows, tile, fetch, valid))
            done += 1
            progress(done / len(scene), f"features: tile {done} of {len(scene)}")
        after.call(rows.finish)
    finished.save()
    return out


def _write(rows: RowWriter, tile: Tile, fetch: Callable[[], NDArray[np.int16]], valid: NDArray[np.bool_]) -> None:
    numbers = fetch()  # (h, bands, w)
    if not valid.all():
        numbers.transpose(0, 2, 1)[~valid] = NODATA
    rows.write(tile.core, numbers)


def computed(
    extractor: FeatureExtractor,
    cube: Cube,
    scene: Sequence[Tile],
    wanted: Callable[[Tile, TileGrids, NDArray[np.bool_]], Result],
    known: TileCache | None = None,
) -> Iterator[tuple[Tile, Result]]:
    """What is wanted of the features of tiles, while those behind them are being read and computed.

    Args:
        extractor: Of the features.
        cube: Components.
        scene: Tiles.
        wanted: Called in other threads with a tile, its features, and where its core is valid (h, w).
        known: Tiles that need no computing.
    """
    if not scene:
        return
    extractor.prepare(scene[0].window.height)
    given_up = threading.Event()

    def checked() -> None:
        if given_up.is_set():
            raise Cancelled("Cancelled.")

    def read(tile: Tile) -> tuple[NDArray[np.float32], TileGrids | None]:
        return cube.read(tile.window), known.take(tile) if known else None

    def work(there: tuple[Tile, tuple[NDArray[np.float32], TileGrids | None]]) -> Result:
        tile, (components, found) = there
        valid = np.isfinite(components[0])
        if found is None:
            found = extractor.tile_grids(np.where(valid, components, np.float32(0)), tile, checked)
        return wanted(tile, found, valid[tile.inner.slices])

    with shared_cores(extractor.device) as threads, closing(prefetch(prefetch(scene, read), work, threads)) as walk:
        try:
            for (tile, _), result in walk:
                yield tile, result
        finally:
            given_up.set()
