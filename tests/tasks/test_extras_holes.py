# SPDX-License-Identifier: GPL-2.0-or-later
"""Several extra rasters with holes: each pixel is mapped with those that have data there."""

from __future__ import annotations

import numpy as np
import pytest

from mtmsd_qgis.classification.extras.extras_rule import ExtendedEnsemble, ExtrasRule
from mtmsd_qgis.io.cube import Cube
from mtmsd_qgis.io.windows import whole
from mtmsd_qgis.jobs.extras.extra_rasters import ExtraInputs, ExtraRaster
from mtmsd_qgis.jobs.protocol import Job
from mtmsd_qgis.jobs.settings import ApplySettings, ClassificationSettings, to_json
from mtmsd_qgis.progress import silent
from mtmsd_qgis.tasks.run import run as run_task
from tests.scenes import CLASSES, cube_of

SIDE, FIELD, HOLE = 80, 8, 48  # pixels; the hole reaches from its column to the end


@pytest.fixture
def scene(tmp_path):
    """Folder, cube, class index, and two rasters: classes have one spectrum, each raster tells one of them apart."""
    rng = np.random.default_rng(1)
    index = np.kron(rng.integers(0, 3, size=(SIDE // FIELD,) * 2), np.ones((FIELD, FIELD), dtype=np.int64))
    rows, cols = np.mgrid[1:SIDE:4, 1:SIDE:4].reshape(2, -1)
    group = rows // FIELD * (SIDE // FIELD) + cols // FIELD
    table = np.stack([rows, cols, index[rows, cols], group], axis=1).astype(np.int64)
    np.save(tmp_path / "samples.npy", table[(rows // FIELD + cols // FIELD) % 2 == 0])
    heights, radar = (np.where(index == k, 9.0, 2.0) + rng.normal(0, 0.5, index.shape) for k in (1, 2))
    cube = cube_of(tmp_path, rng.normal(1000, 60, (4, SIDE, SIDE)).astype(np.int16))
    return tmp_path, cube, index, heights.astype(np.float32), radar.astype(np.float32)


def inputs(folder, use, **rasters):
    described = tuple(ExtraRaster(name, "values", (name,)) for name in rasters)
    return ExtraInputs(
        use, rasters=described, cube=cube_of(folder, np.stack([*rasters.values()]), name="x").description
    )


def classified(scene, extras, class_weights=None, **parts):
    folder, cube, *_ = scene
    settings = to_json(ClassificationSettings(split="spatial", class_weights=class_weights))
    options = {"uncertainty": True, "probabilities": True}
    job = Job("classify", settings, cube.description, "samples.npy", classes=CLASSES, extras=extras, options=options)
    result = run_task(Job(**{**vars(job), **parts}), folder, silent)
    return result, *map_of(folder, result)


def map_of(folder, result):
    """Class indices (H, W), and the bytes of all rasters."""
    ids = Cube(folder, result.map).read(whole(SIDE, SIDE))[0]
    content = b"".join(
        (folder / raster.file).read_bytes() for raster in (result.map, result.probabilities, result.uncertainty)
    )
    return np.searchsorted([entry.id for entry in CLASSES], ids), content


@pytest.mark.parametrize("use", ["auto", "always"])
@pytest.mark.parametrize("order", [("heights", "radar"), ("radar", "heights")])
def test_a_hole_in_one_raster_takes_no_other_one_away(scene, use, order):
    folder, _, index, heights, radar = scene
    holed = radar.copy()
    holed[:, HOLE:] = np.nan
    _, alone, _ = classified(scene, inputs(folder, use, heights=heights))
    both = {"heights": heights, "radar": holed}
    result, found, _ = classified(scene, inputs(folder, use, **{name: both[name] for name in order}))
    assert [finding.joined for finding in result.extras.findings] == [True, True]
    assert result.extras.share_without == pytest.approx((SIDE - HOLE) / SIDE)
    assert (found == index)[:, :HOLE].mean() > 0.95
    assert (found == index)[index == 1].mean() > 0.95  # by heights, that are there everywhere
    np.testing.assert_array_equal(found[:, HOLE:], alone[:, HOLE:])


@pytest.mark.parametrize("class_weights", [None, "even"])
def test_rasters_with_holes_at_different_places_are_kept_in_a_file(scene, tmp_path, class_weights):
    folder, cube, index, heights, radar = scene
    heights[:, :16], radar[:, HOLE:] = np.nan, np.nan
    extras, path = inputs(folder, "always", heights=heights, radar=radar), tmp_path / "c.mtmsdc"
    result, found, content = classified(scene, extras, class_weights, outputs={"classifier": str(path)})
    assert (found == index)[:, :16][index[:, :16] == 2].mean() > 0.95
    assert (found == index)[:, HOLE:][index[:, HOLE:] == 1].mean() > 0.95
    job = Job("applyclassifier", to_json(ApplySettings()), cube.description, inputs={"classifier": str(path)})
    job = Job(**{**vars(job), "extras": extras, "options": {"uncertainty": True, "probabilities": True}})
    again = run_task(job, folder, silent)
    assert map_of(folder, again)[1] == content
    assert again.transfer.share_without_extras == result.extras.share_without


def test_a_raster_that_helps_only_beside_another_one_is_not_used_without_it(scene):
    folder, _, _, heights, _ = scene
    offset = np.random.default_rng(2).normal(0, 4, heights.shape).astype(np.float32)
    raised = heights + offset
    raised[:, HOLE:] = np.nan
    _, without, _ = classified(scene, None)
    result, found, _ = classified(scene, inputs(folder, "auto", raised=raised, offset=offset))
    assert [finding.joined for finding in result.extras.findings] == [True, True]
    np.testing.assert_array_equal(found[:, HOLE:], without[:, HOLE:])


def test_a_few_pixels_have_no_classifier_of_their_own(scene):
    folder, _, _, heights, radar = scene
    _, without, _ = classified(scene, None)
    radar[:4, :4] = np.nan
    _, found, _ = classified(scene, inputs(folder, "always", heights=heights, radar=radar))
    np.testing.assert_array_equal(found[:4, :4], without[:4, :4])


@pytest.mark.parametrize("used", [[], [(0,)], [(0, 1), (0, 1)], [(0, 1), (2,)], [(0, 1), ()], [(1, 0)]])
def test_a_file_whose_ensembles_know_other_extras_is_refused(used):
    with pytest.raises(ValueError, match="an ensemble with all extras should come first"):
        ExtrasRule(None, tuple(ExtendedEnsemble(None, each) for each in used), (None, None))
