# SPDX-License-Identifier: GPL-2.0-or-later
"""The cluster map: every window read, its pixels given to clusters, and written.

Enters: a ClusterMapper. Leaves: raw rasters of cluster ids, of their confidence, and of nested maps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ...io.cube import Cube, whole_size
from ...io.run_directory import CompletedWindows, RunDirectory
from ...io.windows import Tile, column_major_order
from ...jobs.data_model import Band
from ...jobs.disk_sizes import CLASS_ID_TYPE, PROBABILITY_TYPE
from ...progress import Progress
from .cluster_cut import ClusterCut
from .pixel_view import PixelView

NO_CONFIDENCE = -1.0


@dataclass(frozen=True)
class ClusterFiles:
    """Rasters of a map in the run's folder: ids (uint16, 0 = none), confidence (float32), ids of nested maps."""

    clusters: Cube
    confidence: Cube
    levels: Cube | None


@dataclass(frozen=True)
class ClusterMapper:
    """What maps windows.

    Attributes:
        view: Reads them.
        cut: Finds the prototypes of pixels.
        levels: Numbers of clusters of further maps, ascending.
    """

    view: PixelView
    cut: ClusterCut
    levels: tuple[int, ...] = ()

    def map_window(self, tile: Tile) -> tuple[NDArray[np.uint16], NDArray[np.float32]]:
        """Ids (1 + L, h, w) of the map and of each level, 0 where there is no data, and the confidence (h, w)."""
        values, valid, known = self.view.read(tile)
        numbers = [self.cut.clusters, *self.levels]
        ids = np.zeros((len(numbers), *valid.shape), dtype=np.uint16)
        confidence = np.full(valid.shape, NO_CONFIDENCE, dtype=np.float32)
        if valid.any():
            pixels = values[:, torch.from_numpy(valid).to(values.device)].T
            own, confidence[valid] = self.cut.find_each(pixels, known[valid])
            for band, number in enumerate(numbers):
                ids[band, valid] = self.cut.model.tree.cut(number)[own] + 1
        return ids, confidence


def write_cluster_map(
    mapper: ClusterMapper, directory: RunDirectory, strip_width: int | None, progress: Progress
) -> ClusterFiles:
    """Map every valid pixel.

    Args:
        mapper: Maps windows.
        directory: Where the rasters are written; windows that it names as completed are left as they are.
        strip_width: Width in pixels of the strips in which windows are visited; None: the raster's width.
        progress: Told after each window.
    """
    size = whole_size(mapper.view.reader.cube)
    files, is_new = _rasters(mapper.levels, size, directory)
    rasters = [raster for raster in (files.clusters, files.confidence, files.levels) if raster is not None]
    completed = CompletedWindows(directory, "clustered", rasters, fresh=is_new)
    windows = column_major_order(mapper.view.windows(), strip_width or size[1])
    for done, tile in enumerate(windows):
        if tile.core in completed:
            continue
        ids, confidence = mapper.map_window(tile)
        files.clusters.write(tile.core, ids[:1])
        files.confidence.write(tile.core, confidence[None])
        if files.levels is not None:
            files.levels.write(tile.core, ids[1:])
        completed.add(tile.core)
        with completed.saved_on_cancel():
            progress((done + 1) / len(windows), f"map: window {done + 1} of {len(windows)}")
    completed.save()
    return files


def _rasters(levels: Sequence[int], size: tuple[int, int], directory: RunDirectory) -> tuple[ClusterFiles, bool]:
    """The map's rasters, and whether one of them was not there before."""
    clusters, new_clusters = directory.raster("map", size, CLASS_ID_TYPE, [Band("cluster", nodata=0)])
    confidence, new_confidence = directory.raster(
        "confidence", size, PROBABILITY_TYPE, [Band("confidence", nodata=NO_CONFIDENCE)]
    )
    if not levels:
        return ClusterFiles(clusters, confidence, None), new_clusters or new_confidence
    bands = [Band(f"{number} clusters", nodata=0) for number in levels]
    nested, new_nested = directory.raster("levels", size, CLASS_ID_TYPE, bands)
    return ClusterFiles(clusters, confidence, nested), new_clusters or new_confidence or new_nested
