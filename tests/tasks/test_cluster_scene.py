# SPDX-License-Identifier: GPL-2.0-or-later
"""The recipe of a cluster map: the same bytes from any windows, after an interruption, and with any reference."""

from __future__ import annotations

import numpy as np
import pytest

from mtmsd_qgis.classification.clusters.pixel_view import PixelView
from mtmsd_qgis.errors import Cancelled
from mtmsd_qgis.io.cube import create_cube
from mtmsd_qgis.io.windows import Window
from mtmsd_qgis.jobs.data_model import Band
from mtmsd_qgis.jobs.protocol import Job
from mtmsd_qgis.progress import silent
from mtmsd_qgis.tasks.run import run

SIDE = 48


@pytest.fixture
def job(tmp_path):
    """A scene of four kinds of fields of 12 x 12 pixels in noise, with a hole, and its job."""
    rng = np.random.default_rng(0)
    kinds = np.kron(rng.permutation(np.arange(16) % 4).reshape(4, 4), np.ones((12, 12), dtype=int))
    values = (rng.normal(size=(4, 6)) * 4)[kinds].transpose(2, 0, 1) + rng.normal(size=(6, SIDE, SIDE))
    values[:, 20:23, 30:34] = np.nan
    bands = [Band(number=i + 1, wavelength_nm=450.0 + 50 * i) for i in range(6)]
    cube = create_cube(tmp_path, "scene", (SIDE, SIDE), "float32", bands)
    cube.write(Window(0, 0, SIDE, SIDE), values.astype(np.float32))
    table = np.array([(r, c, kinds[r, c], 0) for r in range(0, SIDE, 5) for c in range(0, SIDE, 5)], dtype=np.int64)
    np.save(tmp_path / "reference.npy", table)
    return Job("clusterscene", {"cluster": {"clusters": 4, "levels": [2, 8], "features": "bands"}}, cube.description)


def files_of(result):
    """Bytes of the rasters of a run."""
    from pathlib import Path

    rasters = (result.map, result.confidence, result.levels_map)
    return [(Path(result.folder) / raster.file).read_bytes() for raster in rasters]


def changed(job, **changes):
    """The job with other parts."""
    return Job(**{**vars(job), **changes})


def test_the_map_finds_the_kinds_and_no_reference_or_window_changes_it(job, tmp_path, monkeypatch):
    plain = run(job, tmp_path, silent)
    assert plain.scores is None
    assert sum(plain.mapped_pixels) == SIDE * SIDE - 12
    before = files_of(plain)
    judged = run(changed(job, validation="reference.npy"), tmp_path, silent)
    assert judged.scores.matched_oa > 95
    assert files_of(judged) == before
    whole = PixelView.windows
    monkeypatch.setattr(PixelView, "windows", lambda self: whole(self, 16))
    assert files_of(run(job, tmp_path, silent))[::2] == before[::2]


def test_an_interrupted_run_goes_on_to_the_same_bytes(job, tmp_path, monkeypatch):
    before = files_of(run(job, tmp_path, silent))
    whole = PixelView.windows
    monkeypatch.setattr(PixelView, "windows", lambda self: whole(self, 16))
    kept = changed(job, outputs={"checkpoint": str(tmp_path / "kept")})

    def until_half(fraction, text):
        if "window 5 of 9" in text:
            raise Cancelled

    with pytest.raises(Cancelled):
        run(kept, tmp_path, until_half)
    seen = []
    again = run(kept, tmp_path, lambda fraction, text: seen.append(text))
    assert "map: window 5 of 9" not in seen
    assert "map: window 9 of 9" in seen
    assert files_of(again)[::2] == before[::2]
