# SPDX-License-Identifier: GPL-2.0-or-later
"""What the log says of the values of a raster without features that a classifier of plain bands is applied to."""

from __future__ import annotations

import numpy as np
import pytest

from mtmsd_qgis.jobs.protocol import Job
from mtmsd_qgis.jobs.settings import ApplySettings, ClassificationSettings, to_json
from mtmsd_qgis.progress import silent
from mtmsd_qgis.tasks.run import run
from tests.scenes import CLASSES, cube_of, fields, sample_table


@pytest.fixture
def warnings_of(tmp_path, caplog):
    """A function that applies the classifier of a scene to the scene as it changes it."""
    values, index = fields(32, 32, bands=6)
    cube = cube_of(tmp_path, values)
    np.save(tmp_path / "samples.npy", sample_table(index))
    settings = to_json(ClassificationSettings(classifier="linear", split="random"))
    outputs = {"classifier": str(tmp_path / "c.mtmsdc")}
    parts = {"samples": "samples.npy", "classes": CLASSES, "outputs": outputs}
    run(Job("classify", settings, cube.description, **parts), tmp_path, silent)
    caplog.clear()

    def applied(change):
        changed = values.copy()
        change(changed)
        cube = cube_of(tmp_path, changed, name="other", nodata=-1)
        job = Job("applyclassifier", to_json(ApplySettings()), cube.description, inputs=outputs)
        run(job, tmp_path, silent)
        return [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]

    return applied


def test_nothing_is_said_of_the_scene_itself(warnings_of):
    assert warnings_of(lambda values: None) == []


def test_a_fill_value_that_nobody_declared_is_told_of(warnings_of):
    """With features the components say that they are far from the source's."""

    def change(values):
        values[:, :4, :5] = -9999

    (line,) = warnings_of(change)
    assert "20 of 1024 pixels have the value -9999 in all bands" in line
    assert "These pixels are mapped all the same." in line


def test_bands_that_tell_little_of_another_scene_are_told_of(warnings_of):
    def change(values):
        values[1] = 7
        values[4, 3:] = -1

    (line,) = warnings_of(change)
    assert "tell little of this raster: 2 constant (7), 5 data at only 96 of 1024 pixels. Pixels without" in line
