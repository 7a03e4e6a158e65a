# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from mtmsd_qgis.errors import FileFormatError
from mtmsd_qgis.io.array_file import KIND_CHECKPOINT, KIND_CLASSIFIER, KIND_MODEL, write_file
from mtmsd_qgis.jobs.feature_gain import FeatureGain
from mtmsd_qgis.jobs.json_dataclasses import to_json
from mtmsd_qgis.report.file_report import DescribedFile
from tests.classifier_descriptions import a_description
from tests.report.test_reports import ENSEMBLE

MODEL = {
    "preset": "quick",
    "settings": {"base_width": 32, "patch_size": 16, "iterations": 40},
    "source_band_count": 3,
    "components": 2,
    "iterations": 40,
    "loss_curve": [[1, 1.0], [20, 0.5], [40, 0.4]],
    "statistics": {"timesteps": [50, 100]},
    "bands": [{"name": "a <b>", "wavelength_nm": 500.0, "number": 1}, {"name": "c", "number": 3}],
}


@pytest.fixture
def described(tmp_path):
    """A function that writes a file and describes it."""

    def write(kind, description, arrays=None):
        write_file(tmp_path / "x.mtmsd", kind, description, arrays or {"w": np.zeros((2, 3))})
        return DescribedFile.read(tmp_path / "x.mtmsd")

    return write


def test_a_model_is_described(described):
    file = described(KIND_MODEL, MODEL)
    page = file.report({"QGIS": "3.40"})
    assert (file.summary.kind, len(file.bands), file.classes, file.overall_accuracy) == ("model", 2, (), None)
    for words in ("<h1>Diffusion model</h1>", "a &lt;b&gt;", "500.0", "2, 500 to 500 nm", "50, 100", "<svg", "3.40"):
        assert words in page
    assert file.summary.sha256 in page
    document = json.loads(file.document())
    assert (document["format"], document["kind"], document["arrays"]) == (
        "mtmsd-file", "model", {"w": {"type": "F64", "shape": [2, 3]}},
    )  # fmt: skip
    assert document["description"]["loss_curve"] == MODEL["loss_curve"]


def test_a_checkpoint_says_how_far_it_is(described):
    facts = described(KIND_CHECKPOINT, {**MODEL, "iterations": 12}).facts
    assert (facts["Kind"], facts["Iterations"], facts["Iterations planned"]) == ("checkpoint", "12", "40")


@pytest.mark.parametrize("curve", [None, 5, [], [[1, 2]], [[1], [2]], [[1, "x"], [2, 3]], [[1, -1.0], [2, 3.0]]])
def test_a_loss_curve_that_cannot_be_drawn_is_left_out(described, curve):
    assert "<svg" not in described(KIND_MODEL, {**MODEL, "loss_curve": curve}).report({})


def test_a_classifier_is_described_with_classes_accuracy_and_models(described):
    file = described(KIND_CLASSIFIER, {"classifier": to_json(a_description(ensemble=ENSEMBLE))})
    page = file.report({})
    assert (len(file.bands), len(file.classes), file.overall_accuracy) == (2, 2, 70.0)
    for words in ("water &lt;deep&gt;", "#0000ff", "Whole polygons were held out.", "70.0", "LDA on spectra"):
        assert words in page
    assert "ab" * 32 in page
    assert "2, 550 to 650 nm" in page


def test_a_classifier_says_what_features_add_where_it_was_learnt_and_which_count(described):
    gain = FeatureGain(60.0, 62.7, -2.7, 0.6, 1000, "groups", used=False)
    cells = {"50": {"3": 0.0, "5": 0.05}, "100": {"3": 0.004, "5": 0.31}}
    known = a_description(ensemble=replace(ENSEMBLE, feature_gain=gain), cell_weights=cells)
    file = described(KIND_CLASSIFIER, {"classifier": to_json(known)})
    page = file.report({})
    assert "In the scene that was learnt from, the diffusion features cost 2.7 ± 0.6 percentage points" in page
    assert "the classifier does not use them." in page
    assert "In the scene that was learnt from, of all cells, t = 100 at stage 5 counts most, with 31 %" in page
    classifier = json.loads(file.document())["description"]["classifier"]
    assert (classifier["ensemble"]["feature_gain"]["gain"], classifier["cell_weights"]) == (-2.7, cells)
    page = described(KIND_CLASSIFIER, {"classifier": to_json(a_description(cell_weights=cells))}).report({})
    assert "timestep and stage together" in page  # of a classifier of one model
    assert "diffusion features add" not in page
    assert "timestep and stage" not in described(KIND_CLASSIFIER, {"classifier": to_json(a_description())}).report({})


def test_a_classifier_without_held_out_samples_still_shows_its_classes(described):
    page = described(KIND_CLASSIFIER, {"classifier": to_json(a_description(accuracy=None))}).report({})
    assert "water &lt;deep&gt;" in page
    assert "#008800" in page


@pytest.mark.parametrize(
    ("kind", "description", "message"),
    [
        ("unfinished", {}, "should be a model or classifier or checkpoint, it is a unfinished"),
        (KIND_MODEL, {"preset": "quick"}, "is not a complete model"),
        (KIND_CLASSIFIER, {}, "is not a complete classifier"),
    ],
)
def test_other_files_are_refused(described, kind, description, message):
    with pytest.raises(FileFormatError, match=message):
        described(kind, description)


def test_no_torch_is_needed(described, tmp_path):
    described(KIND_CLASSIFIER, {"classifier": to_json(a_description())})
    code = (
        "import sys; from pathlib import Path; from mtmsd_qgis.report.file_report import DescribedFile;"
        "DescribedFile.read(Path(sys.argv[1])).report({});"
        "print([m for m in ('torch', 'scipy') if m in sys.modules])"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "x.mtmsd")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == "[]"
