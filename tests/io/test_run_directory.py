# SPDX-License-Identifier: GPL-2.0-or-later
"""What an interrupted run left is taken up by the same run alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mtmsd_qgis.errors import FileFormatError
from mtmsd_qgis.io import run_directory
from mtmsd_qgis.io.run_directory import open_run_directory
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
