# SPDX-License-Identifier: GPL-2.0-or-later
"""The benchmark of suggested samples runs with the shipped classifier, and counts samples between rounds."""

from __future__ import annotations

import json

import numpy as np
import pytest

from benchmarks import suggestions
from benchmarks.clusters.numbers import BANDS, SIDE, made_up
from mtmsd_qgis.jobs import json_dataclasses
from mtmsd_qgis.jobs.data_model import FeatureLayout


def test_samples_needed_are_counted_along_a_line_between_rounds():
    curve = np.array([0.5, 0.7, 0.9])
    assert suggestions.samples_needed(curve, 0.8) == pytest.approx(15)
    assert suggestions.samples_needed(curve, 0.4) == 0
    assert suggestions.samples_needed(curve, 0.95) == float("inf")


@pytest.mark.parametrize("suggested", [False, True])
def test_a_round_with_the_shipped_classifier(tmp_path, monkeypatch, suggested):
    cube, kinds = made_up(tmp_path, 3, 0)
    layout = FeatureLayout(features=BANDS)
    document = {
        key: json_dataclasses.to_json(value) for key, value in (("raster", cube.description), ("layout", layout))
    }
    (tmp_path / "features.json").write_text(json.dumps(document), encoding="utf-8")
    rows, cols = np.mgrid[4:SIDE:8, 4:SIDE:8].reshape(2, -1)
    monkeypatch.setattr(suggestions, "ROUNDS", 1)
    samples = np.stack([rows, cols, kinds[rows, cols], np.zeros(len(rows), dtype=np.int64)], axis=1)
    pixels = suggestions.Pixels.read(tmp_path, samples)
    found = suggestions.accuracies(pixels, 0, suggested=suggested)
    assert len(found) == 2
    assert found[-1] > 0.6
