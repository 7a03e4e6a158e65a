# SPDX-License-Identifier: GPL-2.0-or-later
"""Maps finished as the analyst chose, on rasters that can be counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from mtmsd_qgis.classification.choices.finished_map import finish_map, not_sure_entry
from mtmsd_qgis.classification.predict_map import MapFiles
from mtmsd_qgis.classification.predictor import MapGrid
from mtmsd_qgis.errors import SettingsError
from mtmsd_qgis.io.run_directory import RunDirectory
from mtmsd_qgis.io.windows import whole
from mtmsd_qgis.jobs.data_model import ClassEntry
from mtmsd_qgis.jobs.map_choices import MapFinish
from mtmsd_qgis.progress import silent
from mtmsd_qgis.sampling.sample_table import SampleTable
from tests.scenes import CLASSES, cube_of

IDS = np.array([[1, 1, 2, 0], [1, 5, 2, 0]], np.uint16)
CONFIDENCE = np.array([[0.9, 0.6, 0.59, -1], [0.4, 0.8, 0.9, -1]], np.float32)


def finished(folder, finish, size=(2, 4)):
    rasters = [
        cube_of(folder, values[None], nodata=nodata, name=name)
        for name, values, nodata in (("map", IDS, 0), ("confidence", CONFIDENCE, -1))
    ]
    grid = MapGrid((2, 4), CLASSES, RunDirectory(folder))
    return finish_map(MapFiles(*rasters, None), grid, finish, size, silent)


def ids_of(cube):
    return np.nan_to_num(cube.read(whole(cube.height, cube.width))[0]).astype(int).tolist()


def samples(*rows):
    return SampleTable.from_array(np.array(rows, np.int64))


def test_nothing_chosen_leaves_the_very_rasters(tmp_path):
    result = finished(tmp_path, None)
    assert result.files is result.decided
    assert result.facts(samples([0, 0, 0, 0])) is None


def test_pixels_below_the_least_confidence_have_a_row_of_their_own(tmp_path):
    result = finished(tmp_path, MapFinish(least_confidence=0.6))
    assert ids_of(result.files.classes) == [[1, 1, 255, 0], [255, 5, 2, 0]]
    assert ids_of(result.decided.classes) == IDS.tolist()
    reference = samples([0, 0, 0, 0], [0, 2, 1, 1], [1, 0, 1, 2], [1, 1, 0, 3], [0, 3, 0, 4])
    assert result.is_sure(reference).positions.tolist() == [[0, 0], [1, 1], [0, 3]]
    reject = result.facts(reference).reject
    assert (reject.entry, reject.pixels, reject.mapped_pixels) == (
        ClassEntry(255, "not sure", "#c8c8c8"),
        2,
        (3, 2, 1),
    )
    assert (reject.samples, reject.samples_right) == (2, 1)
    assert (reject.accuracy.samples, reject.accuracy.oa) == (4, 50.0)


def test_pixels_of_other_rasters_do_not_count(tmp_path):
    result = finished(tmp_path, MapFinish(least_confidence=0.6), size=(1, 4))
    assert result.facts(samples([0, 0, 0, 0])).reject.pixels == 1


@pytest.mark.parametrize(
    ("ids", "expected"), [((1, 7), 255), ((1, 255), 65535), ((1, 300), 255), ((255, 65535), 65534)]
)
def test_the_id_of_not_sure_is_free(ids, expected):
    assert not_sure_entry([ClassEntry(number, str(number)) for number in ids]).id == expected


def test_a_class_of_that_name_keeps_it():
    assert not_sure_entry([ClassEntry(1, "not sure")]).name == "not sure (LEAST_CONFIDENCE)"


@pytest.mark.parametrize("value", [-0.1, 1.0, float("nan")])
def test_a_least_confidence_beyond_its_range_is_refused(value):
    with pytest.raises(SettingsError, match="least confidence"):
        MapFinish(least_confidence=value)
