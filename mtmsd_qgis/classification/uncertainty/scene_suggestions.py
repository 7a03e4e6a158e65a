# SPDX-License-Identifier: GPL-2.0-or-later
"""Samples to take next in a scene that is mapped.

Enters: the rasters of a map, the raster it was made from, pixels that may not be suggested. Leaves: Suggestions by row
and column. Pixels are drawn evenly from the finished map, so that neither windows nor an interruption matter.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...io.cube import Cube, Raster
from ...io.windows import Window, row_strips
from ...jobs.suggestions import Suggestion
from ..predict_map import MapFiles
from .suggestions import least_certain, suggest

log = logging.getLogger(__name__)

_DRAWN = 20_000  # pixels of the scene, of which the least certain are candidates
_LEARNT_FROM = 1000  # of them, for the principal components
_COMPONENTS = 25
_SMALLEST_SHARE = 1e-9  # of the largest variance; a component below is rounding
_BYTES_PER_PIXEL = 64


@dataclass(frozen=True)
class MappedScene:
    """A scene and its map.

    Attributes:
        files: The map with uncertainty and runner-up.
        raster: That it was made from.
        bands: Of the raster, which tell kinds of pixels apart.
        size: Height and width of the part that may be suggested.
        taken: (n, 2) rows and columns of pixels that have a label already.
        reachable: (H, W) uint8 where somebody can get to; None: everywhere.
    """

    files: MapFiles
    raster: Raster
    bands: Sequence[int]
    size: tuple[int, int]
    taken: NDArray[np.int64]
    reachable: NDArray[np.uint8] | None = None


def suggest_in_scene(scene: MappedScene, count: int, seed: int) -> tuple[Suggestion, ...]:
    """The pixels to label next, the most useful first; fewer than asked for where the scene has no more.

    Where there is none at all, the log says why.

    Args:
        scene: Mapped.
        count: Wanted.
        seed: Of the draw.
    """
    if scene.files.uncertainty is None or scene.files.runner_up is None:
        raise ValueError("a map with uncertainty and runner-up was expected")
    positions = _drawn(scene, seed)
    if not len(positions):
        log.warning("%s", _nothing_left(scene))
        return ()
    margin = _values(scene.files.uncertainty, positions, [1])[:, 0].astype(np.float64)
    unsure = least_certain(margin, count)
    learnt = np.sort(np.random.default_rng(seed).permutation(len(positions))[:_LEARNT_FROM])
    space = _components(
        _values(scene.raster, positions[learnt], scene.bands), _values(scene.raster, positions[unsure], scene.bands)
    )
    found = suggest(margin[unsure], space, positions[unsure], count, seed)
    chosen = unsure[found.index]
    ids, others, confidence = (
        _values(raster, positions[chosen], [0])[:, 0]
        for raster in (scene.files.classes, scene.files.runner_up, scene.files.confidence)
    )
    return tuple(
        Suggestion(
            row=int(positions[pixel, 0]),
            col=int(positions[pixel, 1]),
            class_id=int(ids[i]),
            runner_up_id=int(others[i]),
            confidence=float(confidence[i]),
            margin=float(margin[pixel]),
            share=float(found.share[i]),
        )
        for i, pixel in enumerate(chosen)
    )


def _nothing_left(scene: MappedScene) -> str:
    """Why SUGGESTIONS is empty."""
    if scene.reachable is None:
        return (
            "SUGGESTIONS is empty, as no pixel of the map is left that has no label yet. Leave out samples, or map a "
            "larger raster."
        )
    return (
        "SUGGESTIONS is empty, as no pixel of the map within REACHABLE_DISTANCE of the lines of REACHABLE is left that "
        "has no label yet. Enlarge the distance, or leave REACHABLE empty."
    )


def _drawn(scene: MappedScene, seed: int) -> NDArray[np.int64]:
    """(n, 2) rows and columns of pixels that may be suggested, drawn evenly, in row order."""
    counts = [int(allowed.sum()) for _, allowed in _allowed(scene)]
    total = sum(counts)
    rng = np.random.default_rng(seed)
    ranks = np.sort(rng.choice(total, min(_DRAWN, total), replace=False, shuffle=False)).astype(np.int64)
    found = [np.zeros((0, 2), dtype=np.int64)]
    start = 0
    for (strip, allowed), here in zip(_allowed(scene), counts):
        wanted = ranks[(ranks >= start) & (ranks < start + here)] - start
        rows, cols = np.nonzero(allowed)
        found.append(np.stack([rows[wanted] + strip.row, cols[wanted]], axis=1))
        start += here
    return np.concatenate(found)


def _allowed(scene: MappedScene) -> Iterator[tuple[Window, NDArray[np.bool_]]]:
    """Strips of the scene, and where in them pixels may be suggested."""
    height, width = scene.size
    for strip in row_strips(height, width, _BYTES_PER_PIXEL):
        allowed = np.isfinite(scene.files.classes.read(strip)[0])
        if scene.reachable is not None:
            allowed &= scene.reachable[strip.slices] > 0
        rows, cols = scene.taken.T
        inside = (rows >= strip.row) & (rows < strip.stop_row) & (cols < width)
        allowed[rows[inside] - strip.row, cols[inside]] = False
        yield strip, allowed


def _values(raster: Cube | Raster, positions: NDArray[np.int64], bands: Sequence[int]) -> NDArray[np.float32]:
    """(n, B) of single pixels."""
    read = [raster.read(Window(int(row), int(col), 1, 1), bands)[:, 0, 0] for row, col in positions]
    return np.stack(read)


def _components(learnt: NDArray[np.float32], pixels: NDArray[np.float32]) -> NDArray[np.float64]:
    """(n, C) principal components of pixels (n, B), of variance 1 among those they are learnt from (m, B)."""
    sample, wanted = np.nan_to_num(learnt).astype(np.float64), np.nan_to_num(pixels).astype(np.float64)
    mean, deviation = sample.mean(axis=0), sample.std(axis=0)
    inverse = np.where(deviation > 0, 1 / np.where(deviation > 0, deviation, 1.0), 0.0)
    z = (sample - mean) * inverse
    variance, axes = np.linalg.eigh(z.T @ z / len(z))
    kept = np.argsort(variance)[::-1][:_COMPONENTS]
    kept = kept[variance[kept] > max(_SMALLEST_SHARE * variance.max(), 1e-300)]
    return np.asarray(((wanted - mean) * inverse) @ axes[:, kept] / np.sqrt(variance[kept]))
