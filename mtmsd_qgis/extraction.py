# SPDX-License-Identifier: GPL-2.0-or-later
"""Extraction of a scene: compute the features of its tiles, and write those kept.

Enters: a FeatureExtractor, a cube of components, the features to keep with their scales. Leaves: a raw raster of them,
16-bit with a scale and offset a band.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from .cube import Cube
from .device import fetched
from .features import FeatureExtractor
from .patches import PatchSampler
from .pipeline import Behind, ahead
from .progress import Progress, silent
from .stored_features import NODATA, PlainBands, StoredFeatures
from .tile_rows import TileRows
from .unfinished import Finished, Workplace
from .windows import Tile, tile_side, tiles

# Patches whose statistics stand for a scene: a thirty-second of its pixels, within limits.
_STATISTICS_SHARE, _LEAST_PATCHES, _MOST_PATCHES = 32, 8, 64


class KeptTiles:
    """Features of surveyed tiles, kept in the job folder so that a processor computes them once.

    As many as fit into the limit; none for a graphics card, which computes a tile faster than a disk gives it back.
    """

    def __init__(self, folder: Path, device: torch.device, limit_bytes: int = 3 << 30) -> None:
        """Find out how much may be kept: at most a quarter of the free disk.

        Args:
            folder: The job folder.
            device: That computes the features.
            limit_bytes: At most.
        """
        self._folder = folder
        self._left_bytes = min(limit_bytes, shutil.disk_usage(folder).free // 4) if device.type == "cpu" else 0

    def keep(self, tile: Tile, values: torch.Tensor) -> None:
        """Keep (T, F, h, w) float32, if it still fits."""
        size = values.numel() * values.element_size()
        if size <= self._left_bytes:
            self._left_bytes -= size
            np.save(self._path(tile), values.numpy())

    def take(self, tile: Tile) -> torch.Tensor | None:
        """What was kept of a tile, or None; it is not kept any longer."""
        path = self._path(tile)
        if not path.exists():
            return None
        values = np.load(path, allow_pickle=False)  # not mapped: Windows removes no file that is
        path.unlink()
        return torch.from_numpy(values)

    def _path(self, tile: Tile) -> Path:
        return self._folder / f"tile_{tile.core.row}_{tile.core.col}.npy"


def scene_tiles(cube: Cube, valid: NDArray[np.bool_]) -> list[Tile]:
    """The tiles of a scene that have a valid pixel in their core."""
    every = tiles(cube.height, cube.width, tile_side(cube.height, cube.width))
    return [tile for tile in every if valid[tile.core.slices].any()]


def tiles_text(scene: Sequence[Tile]) -> str:
    """For the log, e.g. "4 tiles of 100 x 100 pixels"."""
    side = scene[0].window.height
    return f"{len(scene)} tile{'s' if len(scene) != 1 else ''} of {side} x {side} pixels"


def learn_statistics(
    extractor: FeatureExtractor, cube: Cube, valid: NDArray[np.bool_], side: int, progress: Progress = silent
) -> None:
    """Let an extractor normalise by the statistics of a scene.

    Args:
        extractor: Of the features.
        cube: Components.
        valid: (H, W).
        side: Of the patches that the network was trained on, pixels.
        progress: Told after each pass.
    """
    share = int(valid.sum()) // (_STATISTICS_SHARE * side * side)
    count = min(_MOST_PATCHES, max(_LEAST_PATCHES, share))
    patches, _ = PatchSampler(cube, valid, side).draw(extractor.settings.seed, 0, count)
    extractor.learn_statistics(patches, progress)


def write_features(
    extractor: FeatureExtractor,
    cube: Cube,
    scene: Sequence[Tile],
    stored: StoredFeatures,
    kept_tiles: KeptTiles,
    place: Workplace,
    progress: Progress,
    spectra: PlainBands | None = None,
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
    finished = Finished(place, "extracted", [out], fresh=new)
    start = finished.last_row()
    rows = TileRows(out, NODATA, first_row=start, written=finished.add)

    def write(tile: Tile, fetch: Callable[[], NDArray[np.int16]], valid: NDArray[np.bool_]) -> None:
        numbers = fetch()
        if spectra is not None:
            numbers = np.concatenate([numbers, spectra.read(tile.core)])
        if not valid.all():
            numbers[:, ~valid] = NODATA
        rows.write(tile.core, numbers)

    left = [tile for tile in scene if tile.core.row >= start]
    done = len(scene) - len(left)
    with finished.kept_on_cancel(), Behind() as behind:
        for tile, values, valid in computed(extractor, cube, left, stored.kept, kept_tiles):
            fetch = fetched(stored.numbers_of_kept(values).flatten(0, 1))
            behind.call(partial(write, tile, fetch, valid))
            done += 1
            progress(done / len(scene), f"features: tile {done} of {len(scene)}")
        behind.call(rows.close)
    finished.save()
    return out


def computed(
    extractor: FeatureExtractor,
    cube: Cube,
    scene: Sequence[Tile],
    kept: torch.Tensor | None = None,
    known: KeptTiles | None = None,
) -> Iterator[tuple[Tile, torch.Tensor, NDArray[np.bool_]]]:
    """Features of tiles, while those behind them are being read.

    Args:
        extractor: Of the features.
        cube: Components.
        scene: Tiles.
        kept: Indices of the features wanted; all where None.
        known: Tiles that need no computing.

    Yields:
        A tile, its features (T, F or D, h, w), and where its core is valid (h, w).
    """

    def read(tile: Tile) -> tuple[NDArray[np.float32], torch.Tensor | None]:
        return cube.read(tile.window), known.take(tile) if known else None

    for tile, (components, values) in ahead(scene, read):
        valid = np.isfinite(components[0])
        if values is None:
            values = extractor.tile_features(np.where(valid, components, np.float32(0)), tile, kept)
        elif kept is not None:
            values = values[:, kept]
        yield tile, values, valid[tile.inner.slices]
