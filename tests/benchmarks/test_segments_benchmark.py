# SPDX-License-Identifier: GPL-2.0-or-later
"""The benchmark of segments takes the class of their mean, finds edges, and measures maps of the shipped classifier."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks import segments
from benchmarks.features import Features
from benchmarks.scenes import Scene
from benchmarks.splits import Draw
from mtmsd_qgis.classification.segments.size_choice import SIZES
from mtmsd_qgis.jobs.data_model import Band, FeatureLayout
from mtmsd_qgis.sampling.sample_table import SampleTable
from tests.scenes import CLASSES, cube_of

SIDE, FIELD = 48, 12  # pixels


@pytest.fixture
def scene(tmp_path) -> Scene:
    """Five bands in square fields of three classes, in noise."""
    rng = np.random.default_rng(0)
    index = np.kron(rng.permutation(np.arange(16) % 3).reshape(4, 4), np.ones((FIELD, FIELD), dtype=np.int64))
    spectra = np.array([[9, 4, 3, 2, 5], [15, 18, 26, 24, 5], [12, 9, 16, 11, 9]], dtype=float)
    values = spectra[index].transpose(2, 0, 1) + rng.normal(0, 2, size=(5, SIDE, SIDE))
    bands = tuple(Band(f"band {i}", number=i + 1) for i in range(5))
    cube = replace(cube_of(tmp_path, values.astype(np.float32)).description, bands=bands)
    rows, cols = np.indices((SIDE, SIDE)).reshape(2, -1)
    samples = SampleTable(rows, cols, index[rows, cols], rows // FIELD * SIDE + cols // FIELD)
    return Scene("made up", tmp_path, cube, CLASSES, bands, samples, len(rows))


def test_the_class_of_a_segment_is_that_of_its_mean():
    one_sure_pixel = np.array([[[0.99, 0.4, 0.4]], [[0.01, 0.6, 0.6]]], dtype=np.float32)
    segment = np.array([[1, 1, 1]])
    assert segments.by_segments(one_sure_pixel, segment, "arithmetic").tolist() == [[0, 0, 0]]
    one_excluding_pixel = np.array([[[0.6, 0.6, 0.001]], [[0.4, 0.4, 0.999]]], dtype=np.float32)
    assert segments.by_segments(one_excluding_pixel, segment, "geometric").tolist() == [[1, 1, 1]]
    alone = segments.by_segments(one_sure_pixel, np.array([[0, 1, 1]]), "arithmetic")
    assert alone.tolist() == [[0, 1, 1]]


def test_recall_of_borders_and_edges_inside_fields():
    samples = SampleTable(*(part.ravel() for part in np.indices((8, 16))), np.arange(128) % 16 // 8, np.arange(128))
    borders = segments.Borders.of(samples, (8, 16))
    truth = samples.class_index.reshape(8, 16)
    assert borders.of_map(truth) == {"recall": 100, "inside": 0}
    assert borders.of_map(np.zeros_like(truth)) == {"recall": 0, "inside": 0}
    elsewhere = np.roll(truth, 4, axis=1)
    assert borders.of_map(elsewhere)["recall"] == 0
    assert borders.of_map(elsewhere)["inside"] == pytest.approx(100 * 4 / 10)


def test_segments_are_measured_beside_pixels_and_turned_off_where_samples_go_astray(scene, tmp_path):
    place = tmp_path / "segments"
    place.mkdir()
    cut = segments.SegmentedScene(scene, place)
    features = Features(scene.folder, scene.cube, FeatureLayout(features=len(scene.cube.bands)), {})
    rows, cols = scene.samples.rows, scene.samples.cols
    left = (rows // FIELD + cols // FIELD) % 2 == 0
    trains = left & (rows % 3 == 1) & (cols % 3 == 1)
    draw = Draw(scene.samples.subset(trains), scene.samples.subset(~left), by_group=True, seed=20)
    ((name, entry),) = cut.maps(features, {"made up/groups/20/bands": draw})
    assert name == "made up/groups/20/bands"
    assert set(entry) == {"astray", "pixels"} | {f"{s}/{m}" for s in SIZES for m in segments.MEANS}
    assert entry["pixels"]["oa"] > 80
    assert entry["pixels"]["recall"] > 80
    assert segments.chosen(entry, limit=1.0) == SIZES[0]
    assert segments.chosen({**entry, "astray": [0.5] * len(SIZES)}, limit=0.4) == 0
    ((_, gated),) = cut.gate({name: draw})
    assert gated["astray"] == entry["astray"]
    assert f"{SIZES[1]} in 1" in segments.table("made up", [entry])  # the largest joins fields of 144 pixels
    assert segments.gate_line("made up", [gated]).startswith("made up")
