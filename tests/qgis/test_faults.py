# SPDX-License-Identifier: GPL-2.0-or-later
"""What goes wrong on a real machine, done for real: full disks, vanishing folders, changing inputs, odd paths."""

from __future__ import annotations

import resource
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from qgis.core import QgsProcessingException, QgsProcessingUtils
from scenes import CLASSIFY, EXTRACT, PRETRAIN, Log, make_scene, read_raster, run

pytestmark = pytest.mark.usefixtures("torch_python")

YESTERDAY = b"of yesterday"
NAMES = {"pretraindiffusion": "model.mtmsd", "extractfeatures": "features.tif", "classify": "map.tif"}


@pytest.fixture
def steps(scene, model, features):
    """Parameters of each step, without its output."""
    learning = {"TRAINING": str(scene.polygons), "CLASS_FIELD": "cover", **CLASSIFY, "CLASSIFIER": "linear"}
    return {
        "pretraindiffusion": {"INPUT": str(scene.raster), **PRETRAIN},
        "extractfeatures": {"INPUT": str(scene.raster), "MODEL": str(model), **EXTRACT},
        "classify": {"INPUT": str(features), **learning},
    }


class Meddler(Log):
    """Feedback that does something once, when a line of the log holds a word."""

    def __init__(self, word, act):
        super().__init__()
        self._word, self._act = word, act

    def _note(self, text):
        super()._note(text)
        if self._act is not None and self._word in text:
            act, self._act = self._act, None
            act()


@contextmanager
def file_size_limit(limit_bytes):
    """No process started meanwhile, nor this one, can make a file longer than that: as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def small_disk(folder, size="1m", options=""):
    """A file system of its own."""
    folder.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}{options}", "mtmsd", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("a file system cannot be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def refused(name, parameters, log=None):
    with pytest.raises(QgsProcessingException) as caught:
        run(name, parameters, log)
    return str(caught.value)


def job_folders():
    return list(Path(QgsProcessingUtils.tempFolder()).glob("mtmsd_*"))


@pytest.mark.parametrize("limit_bytes", [120_000, 2_000], ids=["in the worker", "in QGIS"])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.usefixtures("real_worker")  # a fork would not have this process's limit
def test_a_file_that_cannot_grow(steps, tmp_path, name, limit_bytes):
    output = tmp_path / NAMES[name]
    output.write_bytes(YESTERDAY)
    with file_size_limit(limit_bytes if name != "classify" else 2_000):
        words = refused(name, {**steps[name], "OUTPUT": str(output)})
    assert "File too large" in words or "space" in words
    assert output.read_bytes() == YESTERDAY
    kept = f"{output.name}.checkpoint"  # of the statistics pass, which is completed work
    assert [path.name for path in tmp_path.iterdir() if path.name != kept] == [output.name]
    assert job_folders() == []


@pytest.mark.parametrize(
    ("name", "size"), [("pretraindiffusion", "4m"), ("extractfeatures", "128k"), ("classify", "4k")]
)
def test_a_disk_of_outputs_that_is_full(steps, tmp_path, name, size):
    with small_disk(tmp_path / "disk", size) as disk:
        output = disk / NAMES[name]
        output.write_bytes(YESTERDAY[:4])
        words = refused(name, {**steps[name], "OUTPUT": str(output)})
        assert "space" in words.lower() or "disk is full" in words
        assert output.read_bytes() == YESTERDAY[:4]
        kept = f"{output.name}.checkpoint"  # of the statistics pass, which did fit
        assert [path.name for path in disk.iterdir() if path.name != kept] == [output.name]


@pytest.mark.parametrize("size", ["64k", "232k"], ids=["QGIS notices", "the worker notices"])
def test_a_temporary_folder_that_is_full(steps, tmp_path, monkeypatch, size):
    from mtmsd.algorithms.bridge.worker import worker_process

    with small_disk(tmp_path / "disk", size) as disk:
        elsewhere = type("Elsewhere", (), {"tempFolder": staticmethod(lambda: str(disk))})
        monkeypatch.setattr(worker_process, "QgsProcessingUtils", elsewhere)
        features = {**steps["classify"], "OUTPUT": str(tmp_path / "map.tif")}
        words = refused("classify", features)
        assert "space" in words.lower() or "disk is full" in words
        assert list(disk.iterdir()) == []
    assert not (tmp_path / "map.tif").exists()


def test_an_output_folder_that_cannot_be_written(steps, tmp_path):
    with small_disk(tmp_path / "disk", options=",ro") as disk:
        for name, output in NAMES.items():
            assert "Read-only" in refused(name, {**steps[name], "OUTPUT": str(disk / output)})


@pytest.mark.parametrize("name", NAMES)
def test_an_output_folder_that_is_deleted_meanwhile_is_made_again(steps, tmp_path, name):
    folder = tmp_path / "out"
    folder.mkdir()
    log = Meddler("Device: ", lambda: shutil.rmtree(folder))
    run(name, {**steps[name], "OUTPUT": str(folder / NAMES[name])}, log)
    run(name, {**steps[name], "OUTPUT": str(tmp_path / NAMES[name])})
    assert (folder / NAMES[name]).read_bytes() == (tmp_path / NAMES[name]).read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_an_output_folder_that_becomes_a_file(steps, tmp_path, name):
    folder = tmp_path / "out"
    folder.mkdir()

    def replace():
        shutil.rmtree(folder)
        folder.write_bytes(YESTERDAY)

    words = refused(name, {**steps[name], "OUTPUT": str(folder / NAMES[name])}, Meddler("Device: ", replace))
    assert "cannot be written" in words or "could not be read or written" in words
    assert folder.read_bytes() == YESTERDAY


def test_a_raster_that_is_cut_off_meanwhile(scene, tmp_path):
    raster = tmp_path / "in.tif"
    shutil.copy(scene.raster, raster)
    cut = Meddler("Raster: ", lambda: raster.write_bytes(raster.read_bytes()[:20_000]))
    words = refused("pretraindiffusion", {"INPUT": str(raster), "OUTPUT": str(tmp_path / "m.mtmsd"), **PRETRAIN}, cut)
    assert "cannot be read" in words
    assert not (tmp_path / "m.mtmsd").exists()


def test_a_raster_that_is_written_to_while_it_is_read(scene, tmp_path, monkeypatch):
    from mtmsd.algorithms.bridge.raster import export

    raster = tmp_path / "in.tif"
    shutil.copy(scene.raster, raster)
    read = export._lines

    def lines(*arguments):
        with raster.open("ab") as file:
            file.write(b"more")
        return read(*arguments)

    monkeypatch.setattr(export, "_lines", lines)
    words = refused("pretraindiffusion", {"INPUT": str(raster), "OUTPUT": str(tmp_path / "m.mtmsd"), **PRETRAIN})
    assert "The raster in was changed while it was read" in words


def test_a_raster_of_another_size_meanwhile(scene, tmp_path):
    from scenes import spectra, write_raster

    raster = write_raster(tmp_path / "in.tif", spectra())
    other = Meddler("Raster: ", lambda: write_raster(raster, spectra(bands=5)))
    words = refused("pretraindiffusion", {"INPUT": str(raster), "OUTPUT": str(tmp_path / "m.mtmsd"), **PRETRAIN}, other)
    assert "has changed its size" in words


def test_a_model_that_vanishes_meanwhile(steps, model, tmp_path):
    copy = tmp_path / "x.mtmsd"
    shutil.copy(model, copy)
    parameters = {**steps["extractfeatures"], "MODEL": str(copy), "OUTPUT": str(tmp_path / "f.tif")}
    assert "cannot be opened" in refused("extractfeatures", parameters, Meddler("Raster: ", copy.unlink))
    assert not (tmp_path / "f.tif").exists()


@pytest.mark.parametrize("name", NAMES)
def test_two_runs_to_one_output(steps, tmp_path, name):
    from mtmsd.algorithms.bridge.files.output_locks import lock_outputs

    output = tmp_path / NAMES[name]
    with lock_outputs([output]):  # as the other run holds it, in this or in another QGIS
        assert "Another run is writing" in refused(name, {**steps[name], "OUTPUT": str(output)})
    assert list(tmp_path.iterdir()) == []
    run(name, {**steps[name], "OUTPUT": str(output)})
    assert output.exists()


LONG = "x" * 200


@pytest.mark.parametrize("folder", ['it\'s "quoted" & $HOME; äöü 谷 مَنظر', LONG])
def test_paths_as_people_have_them(tmp_path, folder):
    place = tmp_path / folder
    place.mkdir()
    scene = make_scene(place)
    model, features, output = place / f"{folder[:60]}.mtmsd", place / "f.tif", place / f"{folder[:60]}.tif"
    run("pretraindiffusion", {"INPUT": str(scene.raster), "OUTPUT": str(model), **PRETRAIN})
    run("extractfeatures", {"INPUT": str(scene.raster), "MODEL": str(model), "OUTPUT": str(features), **EXTRACT})
    learning = {"TRAINING": str(scene.polygons), "CLASS_FIELD": "cover", **CLASSIFY, "CLASSIFIER": "linear"}
    run("classify", {"INPUT": str(features), "OUTPUT": str(output), "REPORT": str(place / "r.html"), **learning})
    assert np.isin(read_raster(output), (1, 2, 3)).all()
