# SPDX-License-Identifier: GPL-2.0-or-later
"""Small made-up scenes for tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mtmsd_qgis.io.cube import Cube, create_cube
from mtmsd_qgis.jobs.data_model import Band, ClassEntry

CLASSES = (ClassEntry(1, "water"), ClassEntry(2, "meadow"), ClassEntry(5, "forest"))


def cube_of(folder: Path, array: np.ndarray, *, nodata: float | None = None, name: str = "scene") -> Cube:
    """A raw raster of (bands, H, W) with numbered bands."""
    bands = [Band(f"Band {i + 1}", None, nodata, number=i + 1) for i in range(len(array))]
    cube = create_cube(folder, name, array.shape[1:], array.dtype.name, bands)
    cube.write(whole_window(array), array)
    cube.flush()
    return cube


def whole_window(array: np.ndarray):
    from mtmsd_qgis.io.windows import whole

    return whole(*array.shape[1:])


def fields(height: int = 48, width: int = 48, bands: int = 8, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Values (bands, H, W) int16 of three kinds of fields in quadrants, and the class index (H, W)."""
    rng = np.random.default_rng(seed)
    index = np.zeros((height, width), dtype=np.int64)
    index[: height // 2, width // 2 :] = 1
    index[height // 2 :, : width // 2] = 2
    spectra = rng.uniform(500, 3000, size=(3, bands))
    values = spectra[index].transpose(2, 0, 1) + rng.normal(0, 60, size=(bands, height, width))
    return values.astype(np.int16), index


def sample_table(index: np.ndarray, step: int = 3) -> np.ndarray:
    """Every step-th pixel as a sample in its own group."""
    rows, cols = np.mgrid[0 : index.shape[0] : step, 0 : index.shape[1] : step].reshape(2, -1)
    return np.stack([rows, cols, index[rows, cols], np.arange(len(rows))], axis=1).astype(np.int64)
