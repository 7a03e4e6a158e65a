# SPDX-License-Identifier: GPL-2.0-or-later
"""The recipe of a cluster map: the same bytes from any windows, after an interruption, and with any reference."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from mtmsd_qgis.classification.clusters.pixel_view import PixelView
from mtmsd_qgis.errors import Cancelled
from mtmsd_qgis.io.cube import create_cube
from mtmsd_qgis.io.windows import Window
from mtmsd_qgis.jobs.data_model import Band, FeatureLayout
from mtmsd_qgis.jobs.extras.extra_rasters import ExtraInputs, ExtraRaster
from mtmsd_qgis.jobs.protocol import Job
from mtmsd_qgis.progress import silent
from mtmsd_qgis.report.cluster_report import cluster_json, cluster_report
from mtmsd_qgis.tasks.run import run

SIDE = 48
FIVE = {"cluster": {"clusters": 5, "levels": [2, 8], "features": "bands"}}
TWOFOLD = 2  # kind of fields that lie in both halves
HALVES = (lambda c: c < SIDE // 2, lambda c: c >= SIDE // 2)


@pytest.fixture(autouse=True)
def few_halvings(monkeypatch):
    """How stable the clusters are takes most of the time, and is not asked here."""
    monkeypatch.setattr("mtmsd_qgis.classification.clusters.stability.HALVINGS", 2)


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
    nearly = replace(judged, scores=replace(judged.scores, matched_oa=99.97, purity=99.98))
    page = cluster_report(nearly, {}, None)
    assert "99.97 %" in page
    assert "99.98 %" in page
    assert files_of(judged) == before
    whole = PixelView.windows
    monkeypatch.setattr(PixelView, "windows", lambda self: whole(self, 16))
    assert files_of(run(job, tmp_path, silent))[::2] == before[::2]


def test_features_without_spectra_have_a_map_and_a_report(job, tmp_path):
    names = ("s3 c000", "s3 c001", "s5 c000")
    layout = FeatureLayout(timesteps=(100, 200), features=3, names=names, stages=(3, 5))
    result = run(changed(job, layout=layout), tmp_path, silent)
    assert sum(result.mapped_pixels) == SIDE * SIDE - 12
    assert [band.number for band in result.bands] == [1, 2, 3]  # those of the lowest timestep stand for spectra
    assert [len(row) for row in result.spectra] == [3] * 4
    chart = cluster_report(result, {}, None).split("<h2>Mean spectra</h2>")[1].split("<h2>")[0]
    assert chart.count('stroke="#33424b"') == 4  # clusters may be as bright as the page


def test_another_seed_has_the_same_numbers_and_colours(job, tmp_path):
    one = run(job, tmp_path, silent)
    before = files_of(one)
    other = run(changed(job, settings={"cluster": {**job.settings["cluster"], "seed": 77}}), tmp_path, silent)
    assert files_of(other) == before
    assert other.classes == one.classes
    assert other.suggestions == one.suggestions


def interrupted(job, tmp_path, monkeypatch):
    """The job with a folder for its work, stopped at the fifth of nine windows."""
    whole = PixelView.windows
    monkeypatch.setattr(PixelView, "windows", lambda self: whole(self, 16))
    kept = changed(job, outputs={"checkpoint": str(tmp_path / "kept")})

    def until_half(fraction, text):
        if "window 5 of 9" in text:
            raise Cancelled

    with pytest.raises(Cancelled):
        run(kept, tmp_path, until_half)
    return kept


def test_an_interrupted_run_goes_on_to_the_same_bytes(job, tmp_path, monkeypatch):
    before = files_of(run(job, tmp_path, silent))
    kept = interrupted(job, tmp_path, monkeypatch)
    seen = []
    again = run(kept, tmp_path, lambda fraction, text: seen.append(text))
    assert "map: window 5 of 9" not in seen
    assert "map: window 9 of 9" in seen
    assert files_of(again)[::2] == before[::2]


def heights(tmp_path, job, made, kind="values", name="extras"):
    """The job with an extra raster, made of the kind of each pixel (H, W)."""
    kinds = np.full((SIDE, SIDE), -1)
    for row, col, index, _ in np.load(tmp_path / "reference.npy"):
        kinds[row // 12 * 12 : row // 12 * 12 + 12, col // 12 * 12 : col // 12 * 12 + 12] = index
    values = np.asarray(made(kinds), dtype=np.float32)
    cube = create_cube(tmp_path, name, (SIDE, SIDE), "float32", [Band(number=1)])
    cube.write(Window(0, 0, SIDE, SIDE), values[None])
    inputs = ExtraInputs("always", rasters=(ExtraRaster("heights", kind, ("heights",)),), cube=cube.description)
    return changed(job, extras=inputs)


def split_kind(kinds):
    """One kind is two: left and right halves of the scene differ by the extra alone."""
    rng = np.random.default_rng(5)
    side = np.where(np.arange(SIDE) < SIDE // 2, -8.0, 8.0)
    return np.where(kinds == TWOFOLD, side, 0.0) + rng.normal(0, 0.5, kinds.shape)


def with_hole(kinds):
    values = split_kind(kinds)
    values[:20, 5:43] = np.nan
    return values


def test_an_extra_parts_what_the_spectra_do_not(job, tmp_path):
    result = run(changed(heights(tmp_path, job, split_kind), settings=FIVE), tmp_path, silent)
    ids = np.fromfile(tmp_path / result.map.file, dtype=result.map.dtype).reshape(SIDE, SIDE)
    samples = np.load(tmp_path / "reference.npy")
    found = [{ids[r, c] for r, c, kind, _ in samples if kind == TWOFOLD and is_in(c)} for is_in in HALVES]
    assert all(found)
    assert not found[0] & found[1]
    assert result.extras.findings[0].joined
    assert result.extras.share_without == 0


def test_pixels_in_a_hole_of_an_extra_have_clusters_from_any_windows_and_after_an_interruption(
    job, tmp_path, monkeypatch
):
    job = changed(heights(tmp_path, job, with_hole), validation="reference.npy", settings=FIVE)
    result = run(job, tmp_path, silent)
    before = files_of(result)
    assert sum(result.mapped_pixels) == SIDE * SIDE - 12
    assert result.extras.share_without == pytest.approx(20 * 38 / (SIDE * SIDE - 12), abs=0.01)
    assert result.scores.purity > 95
    page = cluster_report(result, {}, None)
    assert "<h2>Extra rasters</h2>" in page
    assert "they have the cluster that is nearest by their other columns" in page
    assert json.loads(cluster_json(result, {}, None))["extras"]["findings"][0]["name"] == "heights"
    kept = interrupted(job, tmp_path, monkeypatch)
    assert files_of(run(kept, tmp_path, silent))[::2] == before[::2]


def test_extras_that_say_nothing_leave_the_same_bytes_and_a_warning(job, tmp_path, caplog):
    plain = run(job, tmp_path, silent)
    before = files_of(plain)
    assert "extras" not in json.loads(cluster_json(plain, {}, None))
    for made, why in (
        (lambda kinds: np.full(kinds.shape, 7.0), "the same everywhere"),
        (lambda kinds: np.full(kinds.shape, np.nan), "no data"),
        (lambda kinds: np.where(np.arange(kinds.size).reshape(kinds.shape) < 40, 1.0 * kinds, np.nan), "asked for"),
    ):
        caplog.clear()
        result = run(heights(tmp_path, job, made), tmp_path, silent)
        assert files_of(result) == before
        assert not result.extras.findings[0].joined
        assert [r for r in caplog.records if r.levelname == "WARNING" and why in r.getMessage()]
