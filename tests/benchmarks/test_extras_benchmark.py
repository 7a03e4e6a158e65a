# SPDX-License-Identifier: GPL-2.0-or-later
"""The benchmark of extra rasters asks what the classifier asks, and scores the maps that it makes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.extras import (
    Beside,
    Parted,
    accuracy,
    asked,
    inputs_of,
    parts,
    said_nothing,
    task_of,
    with_extras,
    without_extras,
)
from benchmarks.features import Features
from benchmarks.scenes import Scene
from benchmarks.splits import Draw
from mtmsd_qgis.classification.auto.default_classifier import fit_default
from mtmsd_qgis.io.windows import Window
from mtmsd_qgis.jobs.data_model import Band, FeatureLayout
from mtmsd_qgis.progress import silent
from mtmsd_qgis.sampling.sample_table import SampleTable
from tests.scenes import CLASSES, cube_of

SIDE, FIELD = 48, 8  # pixels


@pytest.fixture
def scene(tmp_path) -> Scene:
    """Four bands and a temperature in fields; classes 1 and 2 have one spectrum, and a temperature each."""
    rng = np.random.default_rng(0)
    index = np.kron(rng.integers(0, 3, size=(SIDE // FIELD,) * 2), np.ones((FIELD, FIELD), dtype=np.int64))
    spectra = np.array([[9, 4, 3, 2, 5], [15, 18, 26, 24, 5], [15, 18, 26, 24, 12]], dtype=float)
    values = spectra[index].transpose(2, 0, 1) + rng.normal(0, 1, size=(5, SIDE, SIDE))
    described = cube_of(tmp_path, values.astype(np.float32)).description
    bands = tuple(Band(f"band {i}" if i < 4 else "temperature", number=i + 1) for i in range(5))
    rows, cols = np.mgrid[1:SIDE:4, 1:SIDE:4].reshape(2, -1)
    group = rows // FIELD * SIDE + cols // FIELD
    samples = SampleTable(rows, cols, index[rows, cols], group)
    cube = replace(described, bands=bands)
    return Scene("landsat7_chiapas", tmp_path, cube, CLASSES, bands, samples, len(rows))


@pytest.fixture
def draw(scene) -> Draw:
    trains = (scene.samples.rows // FIELD + scene.samples.cols // FIELD) % 2 == 0
    return Draw(scene.samples.subset(trains), scene.samples.subset(~trains), by_group=True, seed=20)


def test_a_band_that_tells_classes_apart_is_as_good_as_in_one_raster(scene, draw):
    found = {str(line["way"]): line for line in parts(scene, draw, Parted.of(scene))}
    assert list(found) == ["part alone", "late fusion", "late fusion, always", "early fusion"]
    assert found["late fusion"]["joined"]
    assert found["late fusion"]["accuracy"] == found["late fusion, always"]["accuracy"]
    assert found["late fusion"]["accuracy"] > found["part alone"]["accuracy"] + 10
    assert found["early fusion"]["accuracy"] > found["part alone"]["accuracy"] + 10


def test_models_are_trained_on_the_other_bands_and_on_all(scene, tmp_path, monkeypatch):
    seen = []

    def made(scene, training, folder):
        seen.append((folder.name, training.seed, len(scene.source_bands)))
        return Features(scene.folder, scene.cube, FeatureLayout(features=len(scene.cube.bands)), {})

    monkeypatch.setattr("benchmarks.extras.make_features", made)
    inputs = inputs_of(scene, 2, tmp_path)
    assert seen == [("rest", 0, 4), ("together", 0, 5), ("rest", 1, 4), ("together", 1, 5)]
    window, bands = Window(0, 0, SIDE, SIDE), Parted.of(scene)
    for parted in inputs:
        np.testing.assert_array_equal(parted.rest.read(window), bands.rest.read(window))
        np.testing.assert_array_equal(parted.together.read(window), bands.together.read(window))


def test_noise_is_asked_first_and_classified_only_where_it_is_let_in(scene, draw, monkeypatch):
    (line,) = said_nothing(scene, draw, "noise", 1)
    assert not line["joined"]
    assert line["accuracy"] == 0
    monkeypatch.setattr("mtmsd_qgis.classification.extras.gate.Comparison.earns_its_place", True)
    lines = list(said_nothing(scene, draw, "noise", 1))
    assert [line["way"] for line in lines] == ["late fusion less without", "early fusion less without"]


def test_a_plane_is_left_out(scene, draw):
    (line,) = said_nothing(scene, draw, "ramp", 1)
    assert not line["joined"]


def test_what_is_asked_is_what_the_classifier_asks(scene, draw):
    from mtmsd_qgis.io.band_subset import BandSubset
    from mtmsd_qgis.io.cube import Cube

    cube = Cube(scene.folder, scene.cube)
    task = task_of(scene, BandSubset(cube, range(4)), draw, Beside("temperature", BandSubset(cube, [4])))
    answer, fitted = asked(task), fit_default(task, silent)
    (finding,) = fitted.extras
    assert (finding.joined, finding.gain, finding.shifted_below) == (answer.earns_its_place, answer.gain, answer.below)
    assert accuracy(with_extras(fitted), draw) > accuracy(without_extras(fitted), draw)
