# SPDX-License-Identifier: GPL-2.0-or-later
"""A scene with extra rasters is mapped by windows: what is held at once does not grow with the scene."""

from __future__ import annotations

import tracemalloc

import numpy as np

from mtmsd_qgis.io.windows import row_strips
from mtmsd_qgis.jobs.extras.extra_rasters import ExtraInputs, ExtraRaster
from mtmsd_qgis.jobs.protocol import Job
from mtmsd_qgis.jobs.settings import ClassificationSettings, to_json
from mtmsd_qgis.progress import silent
from mtmsd_qgis.tasks.run import run as run_task
from tests.scenes import CLASSES, cube_of

HEIGHTS, WIDTH = (288, 720), 288  # strips of rows are as large in both, and the windows smaller than either
_LEAST_COLUMN = 4  # bytes of a column of float32, a pixel


def mapped(folder, height, monkeypatch):
    """The peak of numpy's memory while a scene is mapped, bytes."""
    rng = np.random.default_rng(0)
    index = rng.integers(0, 3, size=(height, WIDTH))
    values = rng.normal(size=(3, height, WIDTH)).astype(np.float32) + 4 * index
    rows, cols = np.mgrid[2:90:6, 2:90:6].reshape(2, -1)  # as many samples in each scene
    np.save(folder / "samples.npy", np.stack([rows, cols, index[rows, cols], np.arange(len(rows))], axis=1))
    extras = rng.normal(size=(2, height, WIDTH)).astype(np.float32)
    rasters = (ExtraRaster("radar", "values", ("radar",)), ExtraRaster("heights", "elevation", ("heights",)))
    beside = ExtraInputs("always", rasters=rasters, cube=cube_of(folder, extras, name="extras").description)
    settings = to_json(ClassificationSettings(split="none", block_size=16))
    scene = cube_of(folder, values).description
    job = Job("classify", settings, scene, "samples.npy", classes=CLASSES, extras=beside)
    with monkeypatch.context() as patch:
        patch.setattr("mtmsd_qgis.classification.auto.feature_reader._WINDOW_BYTES", 1 << 20)
        patch.setattr(row_strips, "__defaults__", (1 << 17,))
        patch.setattr("mtmsd_qgis.features.extras.column_recipe._SIDE", 16)
        tracemalloc.start()
        try:
            result = run_task(job, folder, silent)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert [finding.joined for finding in result.extras.findings] == [True, True]
    return peak


def test_memory_does_not_grow_with_the_scene(tmp_path, monkeypatch):
    low, high = (mapped(tmp_path, height, monkeypatch) for height in HEIGHTS)
    assert high - low < _LEAST_COLUMN * WIDTH * (HEIGHTS[1] - HEIGHTS[0])
