# SPDX-License-Identifier: GPL-2.0-or-later
"""Tiles without data, tiles of one class, bands without variance: every classifier gives a map all the same, twice."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from mtmsd_qgis.io.cube import Cube
from mtmsd_qgis.io.windows import whole
from mtmsd_qgis.jobs.protocol import Job
from mtmsd_qgis.jobs.settings import CLASSIFIERS, ClassificationSettings, to_json
from mtmsd_qgis.progress import silent
from mtmsd_qgis.tasks.run import run as run_task
from tests.scenes import CLASSES, cube_of, fields, sample_table

SIZE = 40  # fields of 20 x 20 pixels: whole windows are of one class
NOTHING = slice(24, 40)  # columns without data


def mapped(folder, classifier):
    folder.mkdir()
    values, index = fields(SIZE, SIZE, bands=6)
    values[2], values[4] = 7, 0  # no variance
    values[:, :, NOTHING] = -9999
    values[1, 3, 3] = -9999  # a pixel that misses one band
    samples = sample_table(index, step=2)
    np.save(folder / "samples.npy", samples[samples[:, 1] < NOTHING.start])
    cube = cube_of(folder, values, nodata=-9999)
    settings = ClassificationSettings(classifier=classifier, split="none", ensemble=1, epochs=2, device="cpu")
    job = Job("classify", to_json(settings), cube.description, samples="samples.npy", classes=CLASSES)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "(invalid value|divide by zero|overflow)", RuntimeWarning)
        result = run_task(job, folder, silent)
    found = Cube(folder, result.map)
    confidence = Cube(folder, result.confidence).read(whole(SIZE, SIZE))[0]
    return np.nan_to_num(found.read(whole(SIZE, SIZE))[0]), confidence


@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_the_map_is_defined_everywhere(tmp_path, classifier):
    ids, confidence = mapped(tmp_path / "one", classifier)
    assert (ids[:, NOTHING] == 0).all()
    assert np.isnan(confidence[:, NOTHING]).all()
    inside = np.ones((SIZE, SIZE), bool)
    inside[:, NOTHING] = False
    inside[3, 3] = False
    assert np.isin(ids[inside], [entry.id for entry in CLASSES]).all()
    assert ((confidence[inside] > 0) & (confidence[inside] <= 1)).all()
    again, _ = mapped(tmp_path / "two", classifier)
    assert np.array_equal(ids, again)
