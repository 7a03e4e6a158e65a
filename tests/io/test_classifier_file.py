# SPDX-License-Identifier: GPL-2.0-or-later
"""The header of a classifier file: read without torch, refused with one sentence where it is not what it should be."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mtmsd_qgis.errors import FileFormatError
from mtmsd_qgis.io.array_file import KIND_CLASSIFIER, KIND_MODEL, read_arrays, write_file
from mtmsd_qgis.io.classifier_file import read_classifier_description
from mtmsd_qgis.jobs.classifier_description import ClassifierDescription
from mtmsd_qgis.jobs.feature_gain import FeatureGain
from mtmsd_qgis.jobs.json_dataclasses import to_json
from tests.classifier_descriptions import a_description
from tests.report.test_reports import ENSEMBLE

ARRAYS = {"predictor.weight": np.arange(6, dtype=np.float32).reshape(2, 3)}


@pytest.fixture
def path(tmp_path):
    write_file(tmp_path / "c.mtmsdc", KIND_CLASSIFIER, {"classifier": to_json(a_description())}, ARRAYS)
    return tmp_path / "c.mtmsdc"


def test_what_is_written_is_read(path):
    assert read_classifier_description(path) == a_description()


def test_timesteps_and_stages_are_read_as_their_numbers_ascend(tmp_path):
    cells = {timestep: {"3": 0.1, "10": 0.1} for timestep in ("50", "100", "500")}
    shares = {"spectra": 0.4, "50": 0.3, "100": 0.3}
    made = a_description(
        cell_weights=cells, timestep_weights=shares, stage_weights={"spectra": 0.4, "3": 0.3, "10": 0.3}
    )
    write_file(tmp_path / "c.mtmsdc", KIND_CLASSIFIER, {"classifier": to_json(made)}, ARRAYS)
    read = read_classifier_description(tmp_path / "c.mtmsdc")
    assert read == made
    assert (list(read.cell_weights), list(read.cell_weights["50"])) == (["50", "100", "500"], ["3", "10"])
    assert list(read.timestep_weights) == ["spectra", "50", "100"]
    assert list(read.stage_weights) == ["spectra", "3", "10"]


def test_it_is_read_without_torch_or_scipy(path):
    code = (
        "import sys; from mtmsd_qgis.io.classifier_file import read_classifier_description as read; read(sys.argv[1]);"
        "print([m for m in ('torch', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_model_in_its_place_and_a_truncated_file_are_refused(path, tmp_path):
    write_file(tmp_path / "m.mtmsd", KIND_MODEL, {}, {})
    with pytest.raises(FileFormatError, match="should be a classifier, it is a model"):
        read_classifier_description(tmp_path / "m.mtmsd")
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(FileFormatError, match="incomplete or damaged: 24 bytes of arrays were expected, found 20"):
        read_classifier_description(path)


def test_a_newer_version_is_refused(path):
    path.write_bytes(path.read_bytes().replace(b'"version": "1"', b'"version": "2"'))
    with pytest.raises(FileFormatError, match="is of version 2, this plugin reads up to 1"):
        read_classifier_description(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"input": "music"}, "input should be one of scene, features, bands, found music"),
        ({"classes": [{"id": 1, "name": "a"}]}, "two or more classes"),
        ({"classes": [{"id": 1, "name": "a"}, {"id": 1, "name": "b"}]}, "ids of their own"),
        ({"classes": [{"id": 0, "name": "a"}, {"id": 1, "name": "b"}]}, "1 to 65535"),
        ({"classes": 5}, "ClassifierDescription.classes should be of type"),
        ({"bands": []}, "4 bands of the source cannot hold"),
        ({"source_band_count": 1}, "1 bands of the source cannot hold"),
        ({"settings": {"classifier": "oracle"}}, "The classifier must be one of"),
        ({"layout": {"version": 9}}, "is of version 9"),
        ({"extraction": None}, "should name its extraction"),
        ({"colour": "red"}, "no field colour"),
        ({"split": {**to_json(a_description().split), "training_samples": [1]}}, "figures of 2 classes"),
        ({"accuracy": {**to_json(a_description().accuracy), "matrix": [[1, 2]]}}, "figures of 2 classes"),
        ({"accuracy": {**to_json(a_description().accuracy), "oa_interval": [1.0]}}, "intervals of two ends"),
        ({"cell_weights": {"50": {"3": 0.1}, "100": {"5": 0.1}}}, "a share of each timestep and stage"),
        ({"cell_weights": {"50": {"3": -0.1}}}, "shares of timesteps and stages of 0 or more"),
    ],
)
def test_a_header_that_is_not_what_it_should_be_is_refused(tmp_path, change, message):
    description = {**json.loads(json.dumps(to_json(a_description()))), **change}
    write_file(tmp_path / "c.mtmsdc", KIND_CLASSIFIER, {"classifier": description}, {})
    with pytest.raises(FileFormatError, match=message):
        read_classifier_description(tmp_path / "c.mtmsdc")


def test_figures_on_features_that_are_no_numbers_are_refused():
    """Such files are not ours, but JSON readers take NaN and 1e999."""
    gain = FeatureGain(math.nan, 60.0, 0.0, None, 1000, "groups", used=True)
    values = json.loads(json.dumps(to_json(a_description(ensemble=replace(ENSEMBLE, feature_gain=gain)))))
    with pytest.raises(ValueError, match="finite figures of what the diffusion features add"):
        ClassifierDescription.from_json(values)
    for share in (math.nan, math.inf):
        values = json.loads(json.dumps(to_json(a_description(cell_weights={"50": {"3": share}}))))
        with pytest.raises(ValueError, match="shares of timesteps and stages of 0 or more"):
            ClassifierDescription.from_json(values)


def test_a_file_without_its_main_part_is_refused(tmp_path):
    write_file(tmp_path / "c.mtmsdc", KIND_CLASSIFIER, {}, {})
    with pytest.raises(FileFormatError, match="is not a complete classifier"):
        read_classifier_description(tmp_path / "c.mtmsdc")


@given(st.data())
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_damage_is_an_error_of_ours_or_harmless(path, data):
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    damaged = path.with_name("damaged.mtmsdc")
    damaged.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        description = read_classifier_description(damaged)
        read_arrays(damaged, KIND_CLASSIFIER)
    except FileFormatError as error:
        str(error).encode("utf-8")
        return
    assert len(description.classes) >= 2
