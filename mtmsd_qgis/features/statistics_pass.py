# SPDX-License-Identifier: GPL-2.0-or-later
"""A pass over some tiles that collects the statistics by which features are selected and quantised.

Enters: an ExtractionRun, samples. Leaves: class means and ranges of all features.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from ..errors import SamplesError
from ..io.windows import Tile
from ..progress import Progress
from ..runtime.prefetch import BackgroundWriter
from ..sampling.sample_table import SampleTable
from .extraction_run import ExtractionRun
from .feature_pyramid import TileGrids
from .tile_cache import TileCache
from .tile_lookup import pixels_by_tile

STATISTICS_TILES = 48  # at most; of a scene of up to 48 tiles, all that hold samples
_SPACING, _MANY = 4, 1024  # pixels between the cells whose range is looked at, in tiles of so many valid pixels


@dataclass(frozen=True)
class FeatureStatistics:
    """Class means and ranges of the features, over some tiles.

    Attributes:
        class_means: (K, T, F) over the samples.
        mean: (T, F) over the tiles where they are valid.
        deviation: (T, F).
        extent: (T, F) largest distance from the mean.
    """

    class_means: NDArray[np.float64]
    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]
    extent: NDArray[np.float64]


def collect_statistics(
    run: ExtractionRun, samples: SampleTable, cache: TileCache, progress: Progress
) -> FeatureStatistics:
    """Class means and ranges of the features, on the tiles that hold samples.

    Args:
        run: The extractor and its scene.
        samples: With their classes, or with clusters.
        cache: Takes the features, so that they need not be computed again.
        progress: Told after each tile.

    Raises:
        SamplesError: No sample lies in a tile of the scene.
    """
    classes, count = samples.class_index, int(samples.class_index.max()) + 1
    by_tile = zip(run.tiles, pixels_by_tile(run.tiles, samples.rows, samples.cols))
    owned = {tile: indices for tile, indices in by_tile if len(indices)}
    chosen = tiles_of_all_classes(owned, classes)
    if not chosen:
        raise SamplesError("Samples on valid pixels of the raster were expected, found none.")

    def collected(tile: Tile, features: TileGrids, valid: NDArray[np.bool_]) -> tuple[TileGrids, _TileStatistics]:
        indices = owned[tile]
        row, col = samples.rows[indices] - tile.core.row, samples.cols[indices] - tile.core.col
        is_valid = valid[row, col]
        index = classes[indices[is_valid]]
        sums = _class_sums(features, row[is_valid], col[is_valid], index, count)
        statistics = _TileStatistics(_Moments.of(features, valid), sums, np.bincount(index, minlength=count))
        return features, statistics

    parts: list[_TileStatistics] = []
    with BackgroundWriter() as writer:
        for done, (tile, (features, statistics)) in enumerate(run.compute(chosen, collected)):
            writer.call(partial(cache.put, tile, features))
            parts = [parts[0].plus(statistics)] if parts else [statistics]
            progress((done + 1) / len(chosen), f"statistics: tile {done + 1} of {len(chosen)}")
    return parts[0].averaged()


def tiles_of_all_classes(owned: dict[Tile, NDArray[np.int64]], classes: NDArray[np.int64]) -> list[Tile]:
    """All tiles with samples; of too many, an even share of each class's, rare classes first, in scene order.

    Of more classes than there are tiles to choose, one tile for each that the tiles chosen so far do not have.

    Args:
        owned: Indices of the samples in each tile that has some.
        classes: Class index of each sample.
    """
    candidates = list(owned)
    if len(candidates) <= STATISTICS_TILES:
        return candidates
    order = np.argsort(np.bincount(classes), kind="stable")
    chosen: set[Tile] = set()
    for rank, index in enumerate(order):
        with_class = [tile for tile in candidates if tile not in chosen and np.any(classes[owned[tile]] == index)]
        left = STATISTICS_TILES - len(chosen)
        quota = left // (len(order) - rank)
        if not quota and not any(np.any(classes[owned[tile]] == index) for tile in chosen):
            quota = min(1, left)
        step = max(1, len(with_class) // max(1, quota))
        chosen.update(with_class[::step][:quota])
    return [tile for tile in candidates if tile in chosen]


@dataclass(frozen=True)
class _TileStatistics:
    """Of tiles: moments, and sums (K, T, F) and numbers (K,) of samples by class."""

    moments: _Moments
    sums: torch.Tensor
    samples: NDArray[np.int64]

    def plus(self, other: _TileStatistics) -> _TileStatistics:
        """Of both."""
        return _TileStatistics(self.moments.plus(other.moments), self.sums + other.sums, self.samples + other.samples)

    def averaged(self) -> FeatureStatistics:
        """Means of the classes that have samples, and ranges."""
        present = self.samples > 0
        class_means = self.sums.cpu().numpy()[present] / self.samples[present, None, None]
        return FeatureStatistics(class_means, *self.moments.ranges())


def _class_sums(
    features: TileGrids, rows: NDArray[np.int64], cols: NDArray[np.int64], classes: NDArray[np.int64], count: int
) -> torch.Tensor:
    """(K, T, F) float64 sums of the features of a tile's pixels by class."""
    parts = []
    for stage, grid in enumerate(features.grids):
        weights = torch.from_numpy(features.weights_of(rows, cols, classes, count, stage)).to(grid)
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

    Where there are many, a cell for every fourth pixel and line is enough to choose how a feature is stored.
    """

    count: torch.Tensor
    total: torch.Tensor
    squares: torch.Tensor
    low: torch.Tensor
    high: torch.Tensor

    @classmethod
    def of(cls, features: TileGrids, valid: NDArray[np.bool_]) -> _Moments:
        """Moments of a tile's features where it is valid, at least at one pixel."""
        columns: list[tuple[torch.Tensor, ...]] = []
        if valid.sum() >= _MANY:
            features = features.thinned(_SPACING)
        for stage, grid in enumerate(features.grids):
            cells = features.cells_of(valid, stage)
            flat, positions = grid.flatten(2), torch.from_numpy(cells).to(grid.device)
            for values in flat:  # each fits into the cache
                subset = values if len(cells) == values.shape[1] else values[:, positions]
                low, high = subset.aminmax(dim=1)
                columns.append((torch.full_like(low, len(cells)), subset.sum(1), subset.square().sum(1), low, high))
        timesteps = len(features.grids[0])
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
        extent = torch.maximum(self.high - mean, mean - self.low)
        return mean.cpu().numpy(), deviation.cpu().numpy(), extent.cpu().numpy()
