# SPDX-License-Identifier: GPL-2.0-or-later
"""Patches of a scene, drawn at random where there is data.

Enters: a cube of standardised components (NaN where there is no data). Leaves: batches of patches with what is valid
in them; a batch depends on nothing but the scene and two numbers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..errors import SceneError
from ..io.cube import Cube
from ..io.windows import Window, block_counts

MOST_PATCHES = 64  # whose statistics stand for a scene
_LEAST_PATCHES, _STATISTICS_SHARE = 8, 32  # and at least, and a thirty-second of its pixels between
_BLOCK = 16  # pixels; patches are centred near valid pixels with this precision


class PatchSampler:
    """Draws patches of a scene around its valid pixels, turned and mirrored at random."""

    def __init__(self, cube: Cube, valid: NDArray[np.bool_], side: int) -> None:
        """Weigh the places.

        Args:
            cube: (C, H, W) standardised components, NaN where invalid.
            valid: (H, W) bool.
            side: Of a patch, pixels.

        Raises:
            SceneError: The scene is smaller than a patch, or has no valid pixel.
        """
        if min(valid.shape) < side:
            raise SceneError(
                f"The raster must be at least as large as a training patch, {side} x {side} pixels; it has "
                f"{valid.shape[1]} x {valid.shape[0]}. Choose a larger raster or a smaller PATCH_SIZE."
            )
        counts = block_counts(valid, _BLOCK)
        if counts.sum() == 0:
            raise SceneError("No valid pixel was found: every pixel is nodata or masked. Check nodata and mask.")
        self._cube = cube
        self._side = side
        self._pixels = int(counts.sum())
        self._blocks = np.flatnonzero(counts)
        self._share = counts.reshape(-1)[self._blocks] / counts.sum()
        self._columns = counts.shape[1]

    def draw(self, seed: int, iteration: int, count: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Patches of one iteration.

        A patch may reach a quarter of its side outside the raster, where it is filled with 0 (the mean): tiles at
        the border look the same at extraction.

        Returns:
            patches: (count, C, side, side) float32, 0 where invalid.
            valid: (count, 1, side, side) float32, 1 where valid.
        """
        rng = np.random.default_rng([seed, iteration])
        blocks = rng.choice(self._blocks, size=count, p=self._share)
        centres = np.stack([blocks // self._columns, blocks % self._columns], axis=1) * _BLOCK
        centres += rng.integers(0, _BLOCK, size=(count, 2))  # within _BLOCK of a valid pixel
        outside = self._side // 4
        limits = np.array([self._cube.height, self._cube.width]) - self._side + outside
        origins = np.clip(centres - self._side // 2, -outside, limits)
        turns = rng.integers(0, 4, size=count)
        mirrored = rng.integers(0, 2, size=count)
        patches = np.stack(
            [
                _turned(self._cube.read(Window(int(row), int(col), self._side, self._side)), int(turn), bool(mirror))
                for (row, col), turn, mirror in zip(origins, turns, mirrored)
            ]
        )
        valid = np.isfinite(patches[:, :1])
        return np.where(valid, patches, np.float32(0)), valid.astype(np.float32)

    def for_statistics(self, seed: int) -> NDArray[np.float32]:
        """Patches whose statistics stand for the scene.

        Returns:
            (N, C, side, side) float32, 0 where invalid: of a thirty-second of the valid pixels, but 8 to 64.
        """
        share = self._pixels // (_STATISTICS_SHARE * self._side * self._side)
        return self.draw(seed, 0, min(MOST_PATCHES, max(_LEAST_PATCHES, share)))[0]


def _turned(patch: NDArray[np.float32], turns: int, mirrored: bool) -> NDArray[np.float32]:
    turned = np.rot90(patch, turns, axes=(1, 2))
    return np.ascontiguousarray(turned[:, :, ::-1] if mirrored else turned)
