# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import pytest

from mtmsd_qgis.errors import FileFormatError
from mtmsd_qgis.io.array_file import KIND_MODEL, write_file
from mtmsd_qgis.io.model_file import base_width, last_trained_timestep, read_model_header

GOOD = {"preset": "quick", "source_band_count": 2, "bands": [{"name": "a", "wavelength_nm": 500.0, "number": 1}]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"preset": None}, "preset should be one of quick"),
        ({"preset": ["quick"]}, "preset should be one of quick"),
        ({"source_band_count": "2"}, "source_band_count"),
        ({"source_band_count": 0}, "source_band_count"),
        ({"bands": 5}, "a list of bands"),
        ({"bands": []}, "a list of bands"),
        ({"bands": [5]}, "Band should be an object, found 5"),
        ({"bands": [{"name": 7}]}, "Band.name should be of type str, found 7"),
        ({"bands": [{"wavelength_nm": "red"}]}, "wavelength_nm should be of type float"),
        ({"bands": [{"number": True}]}, "number should be of type int, found True"),
        ({"bands": [{"colour": "red"}]}, "no field colour"),
        ({"settings": 7}, "settings should be names with values, found 7"),
        ({"settings": {"train_up_to": "all"}}, "train_up_to should be a timestep from 1 to 999, found all"),
        ({"settings": {"train_up_to": 1000}}, "train_up_to"),
        ({"settings": {"base_width": 0}}, "base_width should be 1 or more, found 0"),
        ({"components": "4"}, "components should be 1 or more, found 4"),
    ],
)
def test_a_header_that_qgis_could_stumble_over_is_refused(tmp_path, change, message):
    write_file(tmp_path / "x.mtmsd", KIND_MODEL, {**GOOD, **change}, {})
    with pytest.raises(FileFormatError, match=message):
        read_model_header(tmp_path / "x.mtmsd")


def test_a_wavelength_that_is_no_number_is_refused(tmp_path):
    """JSON as we write it has no NaN, but a file may hold one."""
    path = tmp_path / "x.mtmsd"
    write_file(path, KIND_MODEL, {**GOOD, "bands": [{"wavelength_nm": 512.25}]}, {})
    path.write_bytes(path.read_bytes().replace(b"512.25", b"NaN   "))
    with pytest.raises(FileFormatError, match="no finite wavelength"):
        read_model_header(path)


def test_a_right_header_is_read(tmp_path):
    write_file(tmp_path / "x.mtmsd", KIND_MODEL, GOOD, {})
    assert read_model_header(tmp_path / "x.mtmsd")["bands"] == GOOD["bands"]


def test_what_a_file_does_not_say_is_as_usual(tmp_path):
    write_file(tmp_path / "x.mtmsd", KIND_MODEL, GOOD, {})
    header = read_model_header(tmp_path / "x.mtmsd")
    assert (last_trained_timestep(header), base_width(header)) == (999, 32)
    said = {**GOOD, "settings": {"train_up_to": 300, "base_width": 64}}
    assert (last_trained_timestep(said), base_width(said)) == (300, 64)
