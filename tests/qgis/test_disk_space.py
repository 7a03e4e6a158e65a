# SPDX-License-Identifier: GPL-2.0-or-later
"""Disk is estimated, said and checked before the work starts."""

from __future__ import annotations

import shutil
from types import SimpleNamespace

import processing
import pytest
from mtmsd.algorithms.bridge.raster import disk_space
from mtmsd.algorithms.bridge.raster.disk_space import DiskNeed, SceneNeed
from mtmsd.algorithms.bridge.raster.formats.raster_format import RasterFormat
from mtmsd.algorithms.bridge.raster.source import describe_raster
from mtmsd.mtmsd_qgis.jobs.settings import ExtractionSettings
from qgis.core import QgsProcessingException, QgsRasterLayer
from scenes import PRETRAIN, Log, run, spectra, write_raster


@pytest.fixture
def source(tmp_path):
    return describe_raster(QgsRasterLayer(str(write_raster(tmp_path / "in.tif", spectra())), "scene"))


@pytest.fixture
def free(monkeypatch):
    """Says how much disk is free."""

    def set_free(count):
        monkeypatch.setattr(shutil, "disk_usage", lambda place: SimpleNamespace(free=count))

    return set_free


def test_features_dominate_an_extraction(source, tmp_path):
    output = tmp_path / "f.tif"
    scene = SceneNeed(source, range(1, 13), 9)
    need = disk_space.extraction_need(scene, ExtractionSettings(keep=192), 32, output)
    pixels, features = 64 * 64, 2 * (19 * 192 + 12)
    assert need.output_bytes == {output: 2 * pixels * features}
    assert need.temporary_bytes == pixels * (12 * 2 + 9 * 4)


def test_keeping_all_counts_all(source, tmp_path):
    settings = ExtractionSettings(timesteps=(50,), stages=(5, 8), keep=0, spectra=False)
    need = disk_space.extraction_need(SceneNeed(source, range(1, 13), 25), settings, 32, tmp_path / "f.tif")
    assert list(need.output_bytes.values()) == [2 * 64 * 64 * 2 * (64 + 32)]


def test_a_map_in_one_step_needs_no_feature_raster(source, tmp_path):
    output = tmp_path / "map.tif"
    scene = SceneNeed(source, range(1, 13), 25)  # more components than bands
    need = disk_space.mapping_need(scene, 3, output)
    assert need.temporary_bytes == 64 * 64 * (12 * 2 + 12 * 4)
    assert need.output_bytes == {output: 2 * 64 * 64 * (6 + 3 * 4)}
    need = disk_space.mapping_need(scene, 0, output)
    assert need.output_bytes == {output: 64 * 64 * 2 * 6}


def test_probabilities_count(source, tmp_path):
    need = disk_space.classification_need(source, 7, tmp_path / "map.tif")
    assert need.temporary_bytes == 64 * 64 * (12 * 2 + 6 + 7 * 4)
    assert list(need.output_bytes.values()) == [64 * 64 * (6 + 28)]


@pytest.mark.parametrize(("copies", "expected"), [(2, 9000), (1, 12000)])
def test_a_cog_is_made_of_a_geotiff_that_counts_too(tmp_path, copies, expected):
    need = DiskNeed(5, {tmp_path / "f.tif": 6000}, copies)
    assert need.with_format(RasterFormat()) == need
    assert need.with_format(RasterFormat("COG")).output_bytes == {tmp_path / "f.tif": expected}


def test_the_figures_are_logged(source, tmp_path, free):
    free(9 << 30)
    log = Log()
    disk_space.check_space(DiskNeed(3 << 30, {tmp_path / "new" / "f.tif": 2 << 30}), log)
    assert log.lines[0].startswith("Disk: about 3.0 GiB for temporary files in ")
    assert log.lines[0].endswith("and 2.0 GiB beside the output; 9.0 GiB are free.")


def test_temporary_files_and_output_on_one_disk_add_up(tmp_path, free):
    free(4 << 30)
    with pytest.raises(QgsProcessingException, match=r"About 5\.1 GiB of free disk .* found 4\.0 GiB"):
        disk_space.check_space(DiskNeed(3 << 30, {tmp_path / "f.tif": 2 << 30}), Log())


def test_what_an_interrupted_run_has_written_need_not_be_free_again(tmp_path, free):
    work = tmp_path / "f.tif.checkpoint"
    work.mkdir()
    need = DiskNeed(0, {tmp_path / "f.tif": 6 << 20})
    free((4 << 20) + (64 << 20))  # models, reports and samples take 64 MiB
    with (work / "features.raw").open("wb") as file:
        file.truncate(5 << 20)  # of which nothing is written
    with pytest.raises(QgsProcessingException, match=r"About 70 MiB of free disk .* found 68 MiB"):
        disk_space.check_space(need, Log(), work)
    (work / "features.raw").write_bytes(bytes(3 << 20))
    with pytest.raises(QgsProcessingException, match="free disk"):
        disk_space.check_space(need, Log())
    disk_space.check_space(need, Log(), work)


@pytest.mark.usefixtures("torch_python")
@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize(("algorithm", "output"), [("extractfeatures", "OUTPUT"), ("explorefeatures", "REPORT")])
def test_a_run_that_goes_on_names_the_folder_of_its_work(scene, model, tmp_path, monkeypatch, algorithm, output, named):
    found = []

    def check(need, feedback, work=None):
        found.append(work)
        raise QgsProcessingException("enough")

    monkeypatch.setattr(disk_space, "check_space", check)
    target, other = tmp_path / ("f.tif" if output == "OUTPUT" else "f.html"), tmp_path / "other"
    other.mkdir()
    parameters = {"INPUT": str(scene.raster), "MODEL": str(model), output: str(target)}
    with pytest.raises(QgsProcessingException, match="enough"):
        run(algorithm, {**parameters, **({"RESUME": str(other)} if named else {})})
    assert found == [other if named else tmp_path / f"{target.name}.checkpoint"]


def test_settings_that_take_less_are_named_where_there_are_some(source, tmp_path, free):
    free(1 << 10)
    scene, output = SceneNeed(source, range(1, 13)), tmp_path / "f.tif"
    needs = (
        disk_space.extraction_need(scene, ExtractionSettings(), 32, output),
        disk_space.pretraining_need([scene], output),
    )
    for need, words in zip(
        needs, ("a smaller part of the raster, fewer TIMESTEPS or a smaller KEEP, or let", "the raster, or let")
    ):
        with pytest.raises(QgsProcessingException, match=words):
            disk_space.check_space(need, Log())


def test_a_full_disk_is_refused_before_the_work_starts(tmp_path, free, fake_worker):
    fake_worker("sys.exit(9)")
    raster = write_raster(tmp_path / "in.tif", spectra())
    free(1 << 20)
    with pytest.raises(QgsProcessingException, match="free disk are needed"):
        processing.run(
            "mtmsd:pretraindiffusion",
            {"INPUT": str(raster), "OUTPUT": str(tmp_path / "m.mtmsd"), **PRETRAIN},
            feedback=Log(),
        )
    assert not (tmp_path / "m.mtmsd").exists()
