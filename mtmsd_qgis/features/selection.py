# SPDX-License-Identifier: GPL-2.0-or-later
"""The survey of a scene: what the features are like on some tiles, and which of them are kept.

Enters: a FeatureExtractor, a cube of components, samples with classes (or clusters). Leaves: the features to keep,
their scales, and the layout of a raster of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2

from ..io.cube import Cube
from ..io.run_directory import RunDirectory
from ..io.windows import Tile
from ..jobs.data_model import ClassEntry, FeatureLayout
from ..progress import Progress
from ..runtime.prefetch import BackgroundWriter
from ..sampling.sample_table import SampleTable, check_classes
from .extractor import FeatureExtractor
from .feature_pyramid import TileGrids
from .purification import purify
from .quantization import FeatureStatistics, QuantisedFeatures
from .raster_writer import TileCache, computed
from .tile_lookup import pixels_by_tile

STATISTICS_TILES = 48  # at most; a scene of up to 48 tiles is surveyed wherever it has samples
_CLUSTER_SAMPLES = 5000
_SPACING, _MANY = 4, 1024  # pixels between the cells whose range is looked at, in tiles of so many valid pixels


@dataclass(frozen=True)
class Chosen:
    """The features that are kept: how they are stored, and the layout of a raster of them, without spectra."""

    stored: QuantisedFeatures
    layout: FeatureLayout


def labelled_layout(samples: SampleTable, classes: tuple[ClassEntry, ...]) -> FeatureLayout:
    """A layout that says that the features are chosen with labelled samples.

    Raises:
        SamplesError: Too few of a class.
    """
    check_classes(samples.class_index, classes)
    note = f"Features were chosen with the classes of {len(samples)} samples."
    return FeatureLayout(purification="classes", note=note)


def cluster_samples(cube: Cube, valid: NDArray[np.bool_], clusters: int, seed: int) -> SampleTable:
    """Pixels drawn at random with the cluster of their components: stand-ins for classes where there are no labels.

    Source: k-means with the seeding of Arthur & Vassilvitskii (2007), as in scipy.

    Returns:
        Samples with their cluster as class, each a group of its own.
    """
    rng = np.random.default_rng(seed)
    rows, cols = _draw_valid(valid, _CLUSTER_SAMPLES, rng)
    spectra = np.ascontiguousarray(cube.pixels(rows, cols).T)
    clusters = min(clusters, len(np.unique(spectra, axis=0)))
    _, index = kmeans2(spectra.astype(np.float64), clusters, minit="++", seed=rng, iter=30, missing="warn")
    _, compact = np.unique(index, return_inverse=True)  # a cluster may have lost all its samples
    return SampleTable(rows, cols, compact.astype(np.int64), np.arange(len(rows), dtype=np.int64))


def select_features(
    extractor: FeatureExtractor,
    cube: Cube,
    scene: Sequence[Tile],
    samples: SampleTable,
    layout: FeatureLayout,
    kept_tiles: TileCache,
    place: RunDirectory,
    progress: Progress,
) -> Chosen:
    """Collect statistics of the features and choose those that are kept.

    Args:
        extractor: Of the features.
        cube: Components.
        scene: Tiles with valid pixels.
        samples: With their classes, or with clusters.
        layout: Says which.
        kept_tiles: Takes the features of the tiles surveyed.
        place: Remembers the survey.
        progress: Told after each tile.
    """
    there = place.saved_arrays("statistics")
    found = FeatureStatistics(**there) if there else survey(extractor, cube, scene, samples, kept_tiles, progress)
    if not there:
        place.save_arrays("statistics", {name: value for name, value in asdict(found).items()})
    settings = extractor.settings
    kept = purify(found.class_means, settings.keep)
    every = len(kept) == len(extractor.feature_names)
    full = replace(
        layout,
        timesteps=settings.timesteps,
        features=len(kept),
        names=tuple(extractor.feature_names[i] for i in kept),
        stages=settings.stages,
        purification="none" if every else layout.purification,
        note="" if every else layout.note,
    )
    return Chosen(QuantisedFeatures.of(found, kept, extractor), full)


def survey(
    extractor: FeatureExtractor,
    cube: Cube,
    scene: Sequence[Tile],
    samples: SampleTable,
    kept_tiles: TileCache,
    progress: Progress,
) -> FeatureStatistics:
    """Class means and ranges of the features, on the tiles that hold samples.

    Args:
        extractor: Of the features.
        cube: Components.
        scene: Tiles with valid pixels.
        samples: With their classes, or with clusters.
        kept_tiles: Takes the features, for write_features.
        progress: Told after each tile.
    """
    rows, cols, classes = samples.rows, samples.cols, samples.class_index
    count = int(classes.max()) + 1
    owned = {tile: mine for tile, mine in zip(scene, pixels_by_tile(scene, rows, cols)) if len(mine)}
    chosen = _survey_tiles(list(owned), owned, classes)

    def seen(tile: Tile, found: TileGrids, valid: NDArray[np.bool_]) -> tuple[TileGrids, _Seen]:
        mine = owned[tile]
        row, col = rows[mine] - tile.core.row, cols[mine] - tile.core.col
        there = valid[row, col]
        index = classes[mine[there]]
        sums = _class_sums(found, row[there], col[there], index, count)
        return found, _Seen(_Moments.of(found, valid), sums, np.bincount(index, minlength=count))

    whole: _Seen | None = None
    with BackgroundWriter() as behind:
        for done, (tile, (found, part)) in enumerate(computed(extractor, cube, chosen, seen)):
            behind.call(partial(kept_tiles.keep, tile, found))
            whole = part if whole is None else whole.plus(part)
            progress((done + 1) / len(chosen), f"statistics: tile {done + 1} of {len(chosen)}")
    assert whole is not None  # the samples lie on valid pixels, so some tile has one
    present = whole.samples > 0
    class_means = whole.sums.cpu().numpy()[present] / whole.samples[present, None, None]
    return FeatureStatistics(class_means, *whole.moments.ranges())


def _class_sums(
    found: TileGrids, rows: NDArray[np.int64], cols: NDArray[np.int64], classes: NDArray[np.int64], count: int
) -> torch.Tensor:
    """(K, T, F) float64 sums of the features of a tile's pixels by class."""
    parts = []
    for stage, grid in enumerate(found.grids):
        weights = torch.from_numpy(found.weights_of(rows, cols, classes, count, stage)).to(grid)
        sums = grid.flatten(2).flatten(0, 1) @ weights.T  # (T * channels, K)
        parts.append(sums.T.reshape(count, *grid.shape[:2]))
    return torch.cat(parts, dim=2).double()


def _by_timestep(parts: Sequence[torch.Tensor], timesteps: int) -> torch.Tensor:
    """(T, F) float64 from parts that run through the timesteps of one stage, then those of the next."""
    stages = [torch.stack(list(parts[i : i + timesteps])) for i in range(0, len(parts), timesteps)]
    return torch.cat(stages, dim=1).double()


@dataclass(frozen=True)
class _Moments:
    """Count, sums and extremes of (T, F) features over cells.

    Where there are many, a cell for every fourth pixel and line says enough about how a feature is stored.
    """

    count: torch.Tensor
    total: torch.Tensor
    squares: torch.Tensor
    low: torch.Tensor
    high: torch.Tensor

    @classmethod
    def of(cls, found: TileGrids, valid: NDArray[np.bool_]) -> _Moments:
        """Moments of a tile's features where it is valid, at least at one pixel."""
        columns: list[tuple[torch.Tensor, ...]] = []
        if valid.sum() >= _MANY:
            found = found.thinned(_SPACING)
        for stage, grid in enumerate(found.grids):
            cells = found.cells_of(valid, stage)
            flat, some = grid.flatten(2), torch.from_numpy(cells).to(grid.device)
            for values in flat:  # each fits into the cache
                seen = values if len(cells) == values.shape[1] else values[:, some]
                low, high = seen.aminmax(dim=1)
                columns.append((torch.full_like(low, len(cells)), seen.sum(1), seen.square().sum(1), low, high))
        timesteps = len(found.grids[0])
        return cls(*(_by_timestep(column, timesteps) for column in zip(*columns)))

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
    if len(candidates) <= STATISTICS_TILES:
        return list(candidates)
    order = np.argsort(np.bincount(classes), kind="stable")
    chosen: set[Tile] = set()
    for rank, index in enumerate(order):
        mine = [tile for tile in candidates if tile not in chosen and np.any(classes[owned[tile]] == index)]
        quota = (STATISTICS_TILES - len(chosen)) // (len(order) - rank)
        step = max(1, len(mine) // max(1, quota))
        chosen.update(mine[::step][:quota])
    return [tile for tile in candidates if tile in chosen]


@dataclass(frozen=True)
class _Seen:
    """What was seen of tiles: moments, and sums (K, T, F) and numbers (K,) of samples by class."""

    moments: _Moments
    sums: torch.Tensor
    samples: NDArray[np.int64]

    def plus(self, other: _Seen) -> _Seen:
        """Of both."""
        return _Seen(self.moments.plus(other.moments), self.sums + other.sums, self.samples + other.samples)


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
