# SPDX-License-Identifier: GPL-2.0-or-later
"""Disk is estimated, said and checked before the work starts."""

from __future__ import annotations

from types import SimpleNamespace

import processing
import pytest
from mtmsd.algorithms.bridge.raster import disk_space
from mtmsd.algorithms.bridge.raster.source import describe_raster
from mtmsd.mtmsd_qgis.jobs.settings import ExtractionSettings
from qgis.core import QgsProcessingException, QgsRasterLayer
from scenes import PRETRAIN, Log, spectra, write_raster

HEADER = {"components": 25, "settings": {"base_width": 32}}


@pytest.fixture
def source(tmp_path):
    return describe_raster(QgsRasterLayer(str(write_raster(tmp_path / "in.tif", spectra())), "scene"))


@pytest.fixture
def free(monkeypatch):
    """Says how much disk is free."""

    def set_free(count):
        monkeypatch.setattr(disk_space.shutil, "disk_usage", lambda place: SimpleNamespace(free=count))

    return set_free


def asked(monkeypatch, check, *arguments):
    """The bytes that a check asks for: scratch, outputs."""
    found = []
    monkeypatch.setattr(disk_space, "check_space", lambda scratch, outputs, _: found.append((scratch, outputs)))
    check(*arguments, Log())
    return found[0]


def test_features_dominate_an_extraction(source, tmp_path, monkeypatch):
    output = tmp_path / "f.tif"
    settings = ExtractionSettings(keep=192)
    scratch_bytes, outputs = asked(
        monkeypatch, disk_space.check_extraction_space, source, range(1, 13), HEADER, settings, output
    )
    pixels, features = 64 * 64, 2 * (19 * 192 + 12)
    assert outputs == {output: 2 * pixels * features}
    assert scratch_bytes == pixels * (12 * 2 + 25 * 4)


def test_keeping_all_counts_all(source, tmp_path, monkeypatch):
    settings = ExtractionSettings(timesteps=(50,), stages=(5, 8), keep=0, spectra=False)
    arguments = source, range(1, 13), HEADER, settings, tmp_path / "f.tif"
    _, outputs = asked(monkeypatch, disk_space.check_extraction_space, *arguments)
    assert list(outputs.values()) == [2 * 64 * 64 * 2 * (64 + 32)]


def test_a_map_in_one_step_needs_no_feature_raster(source, tmp_path, monkeypatch):
    output = tmp_path / "map.tif"
    scratch_bytes, outputs = asked(monkeypatch, disk_space.check_mapping_space, source, range(1, 13), 25, 3, 0, output)
    assert scratch_bytes == 64 * 64 * (12 * 2 + 12 * 4)
    assert outputs == {output: 2 * 64 * 64 * (6 + 3 * 4)}
    _, outputs = asked(monkeypatch, disk_space.check_mapping_space, source, range(1, 13), 25, 0, 3, output)
    assert outputs == {output: 64 * 64 * (2 * 6 + 2 * (3 + 16))}  # and the opinions


def test_probabilities_count(source, tmp_path, monkeypatch):
    arguments = source, 7, 5, [tmp_path / "map.tif", None]
    scratch_bytes, outputs = asked(monkeypatch, disk_space.check_classification_space, *arguments)
    assert scratch_bytes == 64 * 64 * (12 * 2 + 6 + 7 * 4 + 2 * (5 + 16))
    assert list(outputs.values()) == [64 * 64 * (6 + 28)]


def test_the_figures_are_said(source, tmp_path, free):
    free(9 << 30)
    log = Log()
    disk_space.check_space(3 << 30, {tmp_path / "new" / "f.tif": 2 << 30}, log)
    assert log.lines[0].startswith("Disk: about 3.0 GiB for temporary files in ")
    assert log.lines[0].endswith("and 2.0 GiB beside the output; 9.0 GiB are free.")


def test_temporary_files_and_output_on_one_disk_add_up(tmp_path, free):
    free(4 << 30)
    with pytest.raises(QgsProcessingException, match=r"About 5\.1 GiB of free disk .* found 4\.0 GiB"):
        disk_space.check_space(3 << 30, {tmp_path / "f.tif": 2 << 30}, Log())


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
