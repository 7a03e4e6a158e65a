# SPDX-License-Identifier: GPL-2.0-or-later
"""Extraction of a scene: survey the features on some tiles, choose and scale them, write all tiles.

Enters: a FeatureExtractor, a cube of components, samples with classes (or clusters). Leaves: a raw raster of the
features kept, 16-bit with a scale and offset a band.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2

from .cube import Cube, create_cube
from .device import fetched
from .features import FeatureExtractor, tile_needs
from .pipeline import Behind, ahead
from .progress import Progress
from .stored_features import NODATA, PlainBands, StoredFeatures, Survey
from .tile_rows import TileRows
from .windows import Tile, Window, halo_of, tiles

_SURVEY_TILES = 400  # at most; a scene of up to 400 tiles is surveyed wherever it has samples
_CLUSTER_SAMPLES = 5000


class KeptTiles:
    """Features of surveyed tiles, kept in the job folder so that a processor computes them once.

    As many as fit into the limit; none for a graphics card, which computes a tile faster than a disk gives it back.
    """

    def __init__(self, folder: Path, device: torch.device, limit_bytes: int = 1 << 30) -> None:
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
        values = np.load(path, allow_pickle=False)
        path.unlink()
        return torch.from_numpy(values)

    def _path(self, tile: Tile) -> Path:
        return self._folder / f"tile_{tile.core.row}_{tile.core.col}.npy"


def scene_tiles(cube: Cube, valid: NDArray[np.bool_], side: int) -> list[Tile]:
    """The tiles of a scene that have a valid pixel in their core."""
    every = tiles(cube.height, cube.width, side, halo_of(side))
    return [tile for tile in every if valid[tile.core.slices].any()]


def cluster_samples(
    cube: Cube, valid: NDArray[np.bool_], clusters: int, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Pixels drawn at random with the cluster of their components: stand-ins for classes where there are no labels.

    Source: k-means with the seeding of Arthur & Vassilvitskii (2007), as in scipy.

    Returns:
        rows, cols, cluster index: (N,) each.
    """
    rng = np.random.default_rng(seed)
    rows, cols = _draw_valid(valid, _CLUSTER_SAMPLES, rng)
    spectra = np.stack([_pixel(cube, int(row), int(col)) for row, col in zip(rows, cols)])
    clusters = min(clusters, len(np.unique(spectra, axis=0)))
    _, index = kmeans2(spectra.astype(np.float64), clusters, minit="++", seed=rng, iter=30, missing="warn")
    used, compact = np.unique(index, return_inverse=True)
    assert len(used) >= 1  # every sample has a cluster
    return rows, cols, compact.astype(np.int64)


def survey(
    extractor: FeatureExtractor,
    cube: Cube,
    scene: Sequence[Tile],
    samples: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]],
    kept_tiles: KeptTiles,
    progress: Progress,
) -> Survey:
    """Class means and ranges of the features, on the tiles that hold samples.

    Args:
        extractor: Of the features.
        cube: Components.
        scene: Tiles with valid pixels.
        samples: rows, cols, class index, (N,) each.
        kept_tiles: Takes the features, for write_features.
        progress: Told after each tile.
    """
    rows, cols, classes = samples
    count = int(classes.max()) + 1
    owned = dict(zip(scene, tile_needs(scene, rows, cols)))
    chosen = _survey_tiles([tile for tile in scene if len(owned[tile])], owned, classes)
    sums, numbers = torch.zeros((), dtype=torch.float64, device=extractor.device), np.zeros(count)
    moments: _Moments | None = None
    with Behind() as behind:
        for done, (tile, values, valid) in enumerate(computed(extractor, cube, chosen)):
            behind.call(partial(kept_tiles.keep, tile, values))
            flat = values.flatten(2)  # (T, F, pixels)
            inside = torch.from_numpy(np.flatnonzero(valid)).to(flat.device)
            seen = _Moments.of(flat if valid.all() else flat[..., inside])
            moments = seen if moments is None else moments.plus(seen)
            mine = owned[tile]
            position = (rows[mine] - tile.core.row) * tile.core.width + cols[mine] - tile.core.col
            mine, position = mine[valid.reshape(-1)[position]], position[valid.reshape(-1)[position]]
            membership = np.zeros((count, flat.shape[2]), dtype=np.float32)
            np.add.at(membership, (classes[mine], position), 1.0)
            sums = sums + torch.einsum("kp,tfp->ktf", torch.from_numpy(membership).to(flat), flat)
            numbers += np.bincount(classes[mine], minlength=count)
            progress((done + 1) / len(chosen), f"survey: tile {done + 1} of {len(chosen)}")
    assert moments is not None  # the samples lie on valid pixels, so some tile has one
    present = numbers > 0
    class_means = sums.cpu().numpy()[present] / numbers[present, None, None]
    return Survey(class_means, *moments.ranges())


def write_features(
    extractor: FeatureExtractor,
    cube: Cube,
    scene: Sequence[Tile],
    found: Survey,
    kept: NDArray[np.int64],
    kept_tiles: KeptTiles,
    folder: Path,
    progress: Progress,
    spectra: Cube | None = None,
) -> Cube:
    """Compute all tiles and store the features kept as 16-bit numbers, and behind them the spectra.

    Args:
        extractor: Of the features.
        cube: Components.
        scene: Tiles with valid pixels; all other pixels become nodata.
        found: For the scale of each band.
        kept: (D,) indices of the features.
        kept_tiles: What the survey kept.
        folder: The job folder.
        progress: Told after each tile.
        spectra: The scene's bands, to be stored as well; None: not.

    Returns:
        The raster features.raw, T * D bands, band = timestep index * D + feature index; then the spectra.
    """
    stored = StoredFeatures.of(found, kept, extractor)
    plain = None if spectra is None else PlainBands.of(spectra, scene)
    bands = [*stored.bands, *(plain.bands if plain is not None else ())]
    out = create_cube(folder, "features", (cube.height, cube.width), "int16", bands)
    rows = TileRows(out, NODATA)

    def write(tile: Tile, fetch: Callable[[], NDArray[np.int16]], valid: NDArray[np.bool_]) -> None:
        numbers = fetch()
        if plain is not None:
            numbers = np.concatenate([numbers, plain.read(tile.core)])
        if not valid.all():
            numbers[:, ~valid] = NODATA
        rows.write(tile.core, numbers)

    with Behind() as behind:
        for done, (tile, values, valid) in enumerate(computed(extractor, cube, scene, stored.kept, kept_tiles)):
            fetch = fetched(stored.numbers_of_kept(values).flatten(0, 1))
            behind.call(partial(write, tile, fetch, valid))
            progress((done + 1) / len(scene), f"tile {done + 1} of {len(scene)}")
        behind.call(rows.close)
    return out


def computed(
    extractor: FeatureExtractor,
    cube: Cube,
    scene: Sequence[Tile],
    kept: torch.Tensor | None = None,
    known: KeptTiles | None = None,
) -> Iterator[tuple[Tile, torch.Tensor, NDArray[np.bool_]]]:
    """Features of tiles, as many at once as the extractor's plan says, while those behind them are being read.

    Args:
        extractor: Of the features.
        cube: Components.
        scene: Tiles.
        kept: Indices of the features wanted; all where None.
        known: Tiles that need no computing.

    Yields:
        A tile, its features (T, F or D, h, w), and where its core is valid (h, w).
    """
    at_once = extractor.tiles_at_once(scene[0].window.height)
    groups = [scene[i : i + at_once] for i in range(0, len(scene), at_once)]

    def read(group: Sequence[Tile]) -> list[tuple[NDArray[np.float32], torch.Tensor | None]]:
        return [(cube.read(tile.window), known.take(tile) if known else None) for tile in group]

    for group, found in ahead(groups, read):
        valid = [np.isfinite(components[0]) for components, _ in found]
        new = [i for i, (_, values) in enumerate(found) if values is None]
        inputs = [np.where(valid[i], found[i][0], np.float32(0)) for i in new]
        features = dict(zip(new, extractor.features(inputs, [group[i] for i in new], kept)))
        for i, tile in enumerate(group):
            values = found[i][1]
            if values is not None and kept is not None:
                values = values[:, kept]
            yield tile, features[i] if values is None else values, valid[i][tile.inner.slices]


@dataclass(frozen=True)
class _Moments:
    """Count, sums and extremes of (T, F) features over pixels."""

    count: int
    total: torch.Tensor
    squares: torch.Tensor
    low: torch.Tensor
    high: torch.Tensor

    @classmethod
    def of(cls, values: torch.Tensor) -> _Moments:
        """Moments of (T, F, pixels), at least one pixel."""
        return cls(
            values.shape[2],
            values.sum(2).double(),
            values.square().sum(2).double(),
            values.amin(2).double(),
            values.amax(2).double(),
        )

    def plus(self, other: _Moments) -> _Moments:
        """Moments of both sets of pixels."""
        return _Moments(
            self.count + other.count,
            self.total + other.total,
            self.squares + other.squares,
            torch.minimum(self.low, other.low),
            torch.maximum(self.high, other.high),
        )

    def ranges(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Mean, deviation and largest distance from the mean, (T, F) each."""
        mean = self.total / self.count
        deviation = (self.squares / self.count - mean.square()).clamp(min=0).sqrt()
        reach = torch.maximum(self.high - mean, mean - self.low)
        return mean.cpu().numpy(), deviation.cpu().numpy(), reach.cpu().numpy()


def _survey_tiles(
    candidates: Sequence[Tile], owned: dict[Tile, NDArray[np.int64]], classes: NDArray[np.int64]
) -> list[Tile]:
    """All tiles with samples; of too many, an even share of each class's, rare classes first, in scene order."""
    if len(candidates) <= _SURVEY_TILES:
        return list(candidates)
    order = np.argsort(np.bincount(classes), kind="stable")
    chosen: set[Tile] = set()
    for rank, index in enumerate(order):
        mine = [tile for tile in candidates if tile not in chosen and np.any(classes[owned[tile]] == index)]
        quota = (_SURVEY_TILES - len(chosen)) // (len(order) - rank)
        step = max(1, len(mine) // max(1, quota))
        chosen.update(mine[::step][:quota])
    return [tile for tile in candidates if tile in chosen]


def _draw_valid(
    valid: NDArray[np.bool_], count: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Up to count different valid pixels, drawn at random, in row-major order."""
    behind = np.cumsum(valid.sum(axis=1))  # valid pixels up to the end of each row
    chosen = np.sort(rng.choice(behind[-1], size=min(count, int(behind[-1])), replace=False))
    rows = np.searchsorted(behind, chosen, side="right")
    rank = chosen - np.where(rows > 0, behind[rows - 1], 0)
    cols = [np.flatnonzero(valid[row])[rank[rows == row]] for row in np.unique(rows)]
    return rows, np.concatenate(cols)


def _pixel(cube: Cube, row: int, col: int) -> NDArray[np.float32]:
    return cube.read(Window(row, col, 1, 1))[:, 0, 0]
