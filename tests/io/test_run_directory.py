# SPDX-License-Identifier: GPL-2.0-or-later
"""What an interrupted run left is taken up by the same run alone."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import pytest

from mtmsd_qgis.errors import FileFormatError
from mtmsd_qgis.io import run_directory
from mtmsd_qgis.io.run_directory import RunDirectory, open_run_directory
from mtmsd_qgis.jobs.data_model import ClassEntry
from mtmsd_qgis.jobs.extras.extra_rasters import ExtraInputs
from mtmsd_qgis.jobs.protocol import Job


def test_a_run_of_an_earlier_version_is_begun_anew_and_refused_where_it_was_asked_for(tmp_path, monkeypatch):
    job = Job("mapscene", outputs={"checkpoint": str(tmp_path / "run")})
    folder = open_run_directory(job, tmp_path).folder
    (folder / "mapped.part").touch()
    open_run_directory(job, tmp_path)
    assert (folder / "mapped.part").exists()
    monkeypatch.setattr(run_directory, "REVISION", "another")
    with pytest.raises(FileFormatError, match="differs from this one in: version of the plugin"):
        open_run_directory(replace(job, inputs={"resume": str(folder)}), tmp_path)
    assert (folder / "mapped.part").exists()
    open_run_directory(job, tmp_path)
    assert not (folder / "mapped.part").exists()


def test_other_colours_of_the_classes_are_the_same_run(tmp_path):
    job = Job("mapscene", outputs={"checkpoint": str(tmp_path / "run")}, classes=(ClassEntry(1, "water", "#0000ff"),))
    folder = open_run_directory(job, tmp_path).folder
    (folder / "mapped.part").touch()
    open_run_directory(replace(job, classes=(ClassEntry(1, "water", "#1f78b4"),)), tmp_path)
    assert (folder / "mapped.part").exists()
    open_run_directory(replace(job, classes=(ClassEntry(1, "lake", "#1f78b4"),)), tmp_path)
    assert not (folder / "mapped.part").exists()


@pytest.mark.parametrize("name", ["extras", "sample_weights", "inputs"])
def test_a_run_without_what_the_other_had_is_another_run(tmp_path, name):
    (tmp_path / "weights.npy").touch()
    parts = {"extras": ExtraInputs(texture=True), "sample_weights": "weights.npy"}
    parts["inputs"] = {"classifier": str(tmp_path / "weights.npy")}
    job = Job("mapscene", outputs={"checkpoint": str(tmp_path / "run")})
    for earlier, later in ((replace(job, **{name: parts[name]}), job), (job, replace(job, **{name: parts[name]}))):
        folder = open_run_directory(earlier, tmp_path).folder
        (folder / "mapped.part").touch()
        with pytest.raises(FileFormatError, match=r"differs from this one in: \w"):
            open_run_directory(replace(later, inputs={**later.inputs, "resume": str(folder)}), tmp_path)
        open_run_directory(later, tmp_path)
        assert not (folder / "mapped.part").exists()


def test_work_of_which_nothing_is_known_is_not_gone_on_with(tmp_path):
    """As after a power failure that left an empty list of fingerprints."""
    job = Job("mapscene", outputs={"checkpoint": str(tmp_path / "run")})
    folder = open_run_directory(job, tmp_path).folder
    (folder / "mapped.part").touch()
    (folder / run_directory.RUN_FILE).write_text("")
    open_run_directory(replace(job, options={"other": 1}), tmp_path)
    assert not (folder / "mapped.part").exists()
    assert (folder / run_directory.RUN_FILE).read_text() != ""


def test_two_workers_save_to_one_directory_at_the_same_time(tmp_path, monkeypatch):
    """As two that are at the same strip of a campaign: the second saves while the first does."""
    directory, arrays, fsync = RunDirectory(tmp_path, persistent=True), {"windows": np.arange(4)}, os.fsync

    def while_another_saves(file):
        monkeypatch.setattr(os, "fsync", fsync)
        directory.save_arrays("mapped", arrays)
        fsync(file)

    monkeypatch.setattr(os, "fsync", while_another_saves)
    directory.save_arrays("mapped", arrays)
    assert [path.name for path in tmp_path.iterdir()] == ["mapped.part"]
    assert directory.saved_arrays("mapped")["windows"].tolist() == [0, 1, 2, 3]
