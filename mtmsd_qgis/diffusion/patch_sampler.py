# SPDX-License-Identifier: GPL-2.0-or-later
"""Patches of one or several scenes, drawn at random where there is data.

Enters: cubes of standardised components (NaN where there is no data). Leaves: batches of patches with what is valid
in them; a batch depends on nothing but the scenes and two numbers. A scene has its share of the patches by valid area.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import SceneError
from ..io.cube import Cube, Raster
from ..io.windows import BLOCK, Window, block_counts

MOST_PATCHES = 64  # whose statistics stand for a scene
_LEAST_PATCHES, _STATISTICS_SHARE = 8, 32  # and at least, and a thirty-second of its pixels between


@dataclass(frozen=True, eq=False)
class CountedScene:
    """A scene and its valid pixels.

    Attributes:
        components: (C, H, W) standardised, NaN where invalid; may have data beyond its size.
        counts: Valid pixels of each block of BLOCK x BLOCK pixels.
        size: H and W.
    """

    components: Raster
    counts: NDArray[np.int64]
    size: tuple[int, ...]


class PatchSampler:
    """Draws patches of scenes around their valid pixels, turned and mirrored at random.

    Attributes:
        pixels: (S,) valid pixels of each scene.
        side: Of a patch, pixels.
    """

    def __init__(
        self,
        cube: Cube,
        valid: NDArray[np.bool_],
        side: int,
        others: Sequence[tuple[Cube, NDArray[np.bool_]]] = (),
    ) -> None:
        """Weigh the places.

        Args:
            cube: (C, H, W) standardised components, NaN where invalid.
            valid: (H, W) bool.
            side: Of a patch, pixels.
            others: The same of further scenes, of any size.

        Raises:
            SceneError: A scene is smaller than a patch, or has no valid pixel.
        """
        scenes = enumerate([(cube, valid), *others])
        self._weigh(
            [CountedScene(scene, _block_counts(place, side, i), place.shape) for i, (scene, place) in scenes], side
        )

    @classmethod
    def of_counts(cls, scenes: Sequence[CountedScene], side: int) -> PatchSampler:
        """A sampler of scenes of which it is known how many valid pixels each block has.

        Args:
            scenes: One at least has a valid pixel.
            side: Of a patch, pixels.
        """
        sampler = cls.__new__(cls)
        sampler._weigh(scenes, side)
        return sampler

    def _weigh(self, scenes: Sequence[CountedScene], side: int) -> None:
        counts = [scene.counts for scene in scenes]
        blocks = [np.flatnonzero(count) for count in counts]
        weights = np.concatenate([count.reshape(-1)[chosen] for count, chosen in zip(counts, blocks)])
        self.pixels = tuple(int(count.sum()) for count in counts)
        self._cubes = [scene.components for scene in scenes]
        self.side = side
        self._scenes = np.repeat(np.arange(len(scenes)), [len(chosen) for chosen in blocks])
        self._blocks = np.concatenate(blocks)
        self._share = weights / weights.sum()
        self._columns = np.array([count.shape[1] for count in counts])
        self._sizes = np.array([scene.size for scene in scenes])

    def draw(self, seed: int, iteration: int, count: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Patches of one iteration.

        A patch may reach a quarter of its side outside the raster, where it is filled with 0 (the mean): tiles at
        the border look the same at extraction.

        Returns:
            patches: (count, C, side, side) float32, 0 where invalid.
            valid: (count, 1, side, side) float32, 1 where valid.
        """
        rng = np.random.default_rng([seed, iteration])
        chosen = rng.choice(len(self._blocks), size=count, p=self._share)
        scenes, blocks = self._scenes[chosen], self._blocks[chosen]
        columns = self._columns[scenes]
        centres = np.stack([blocks // columns, blocks % columns], axis=1) * BLOCK
        centres += rng.integers(0, BLOCK, size=(count, 2))  # within BLOCK of a valid pixel
        outside = self.side // 4
        limits = self._sizes[scenes] - self.side + outside
        origins = np.clip(centres - self.side // 2, -outside, limits)
        turns = rng.integers(0, 4, size=count)
        mirrored = rng.integers(0, 2, size=count)
        patches = np.stack(
            [
                _turned(self._patch(int(scene), int(row), int(col)), int(turn), bool(mirror))
                for scene, (row, col), turn, mirror in zip(scenes, origins, turns, mirrored)
            ]
        )
        valid = np.isfinite(patches[:, :1])
        return np.where(valid, patches, np.float32(0)), valid.astype(np.float32)

    def for_statistics(self, seed: int) -> NDArray[np.float32]:
        """Patches whose statistics stand for the scenes.

        Returns:
            (N, C, side, side) float32, 0 where invalid: of a thirty-second of the valid pixels, but 8 to 64.
        """
        share = sum(self.pixels) // (_STATISTICS_SHARE * self.side * self.side)
        return self.draw(seed, 0, min(MOST_PATCHES, max(_LEAST_PATCHES, share)))[0]

    def _patch(self, scene: int, row: int, col: int) -> NDArray[np.float32]:
        return self._cubes[scene].read(Window(row, col, self.side, self.side))


def _block_counts(valid: NDArray[np.bool_], side: int, number: int) -> NDArray[np.int64]:
    """Valid pixels of each block of a scene, the number-th from 0."""
    which = "raster" if number == 0 else f"raster number {number} of EXTRA_INPUTS"
    if min(valid.shape) < side:
        raise SceneError(
            f"The {which} must be at least as large as a training patch, {side} x {side} pixels; it has "
            f"{valid.shape[1]} x {valid.shape[0]}. Choose a larger raster or a smaller PATCH_SIZE."
        )
    counts = block_counts(valid, BLOCK)
    if counts.sum() == 0:
        place = "" if number == 0 else f" in the {which}"
        raise SceneError(f"No valid pixel was found{place}: every pixel is nodata or masked. Check nodata and mask.")
    return counts


def _turned(patch: NDArray[np.float32], turns: int, mirrored: bool) -> NDArray[np.float32]:
    turned = np.rot90(patch, turns, axes=(1, 2))
    return np.ascontiguousarray(turned[:, :, ::-1] if mirrored else turned)
