# SPDX-License-Identifier: GPL-2.0-or-later
"""The accuracy benchmark at the labelled pixels alone: the figures are those of the whole map."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.accuracy.labelled_pixels import LabelledPixels, ReadOnce
from benchmarks.accuracy.methods import our_entry
from benchmarks.accuracy.replacement import replaced
from benchmarks.features import Features
from benchmarks.scenes import Scene
from benchmarks.splits import SPLITS
from mtmsd_qgis.classification.auto.feature_reader import FeatureSetReader
from mtmsd_qgis.classification.auto.feature_sets import FeatureSet
from mtmsd_qgis.io.cube import Cube
from mtmsd_qgis.jobs.data_model import FeatureLayout
from mtmsd_qgis.jobs.settings import ClassificationSettings
from mtmsd_qgis.progress import silent
from mtmsd_qgis.sampling.sample_table import SampleTable
from tests.scenes import CLASSES, cube_of, fields

LAYOUT = FeatureLayout(timesteps=(100, 200), features=3, names=("s3 c000", "s4 c000", "s5 c000"), spectra=4)


@pytest.fixture
def measured(tmp_path):
    """A scene whose classes overlap, a pixel in nine of it labelled in fields of 12 x 12, and its features."""
    values, index = fields(48, 60, bands=10)
    values = (values + np.random.default_rng(1).normal(0, 900, values.shape)).astype(np.float32)
    values[:, 18:30, 24:40] = np.nan  # labelled pixels without data
    cube = cube_of(tmp_path, values, nodata=float("nan"))
    rows, cols = np.mgrid[0:48:3, 0:60:3].reshape(2, -1)
    samples = SampleTable(rows, cols, index[rows, cols], rows // 12 * 5 + cols // 12)
    scene = Scene("small", tmp_path, cube.description, CLASSES, cube.description.bands, samples, len(samples))
    return scene, Features(tmp_path, cube.description, LAYOUT, {})


@pytest.mark.parametrize("split", ["random5", "groups"])
def test_accuracy_is_that_of_the_whole_map(measured, split):
    scene, features = measured
    draw = SPLITS[split].draw(scene.samples, 0)
    settings = ClassificationSettings(classifier="auto", split=draw.generalise, device="cpu")
    whole = our_entry(scene, features, settings, draw)
    with replaced(LabelledPixels.of(features, scene.samples, "cpu").instead_of_raster()):
        alone = our_entry(scene, features, settings, draw)
    assert 34 < whole["oa"] < 100
    assert whole["test_off_map"] > 0
    assert {**alone, "seconds": 0} == {**whole, "seconds": 0}


def test_feature_sets_and_their_order_are_those_of_the_raster(measured):
    scene, features = measured
    pixels = LabelledPixels.of(features, scene.samples, "cpu")
    reader = FeatureSetReader.fit(Cube(features.folder, features.cube), LAYOUT, pixels.device)
    compare(pixels, reader, scene, [FeatureSet.SMOOTHED_SPECTRA, FeatureSet.FEATURE_MEANS])
    compare(
        pixels.without_features(), reader.without_features(), scene, [FeatureSet.SMOOTHED_SPECTRA, FeatureSet.GUIDE]
    )


def compare(pixels: LabelledPixels, reader: FeatureSetReader, scene: Scene, wanted: list[FeatureSet]) -> None:
    """At some samples, from last to first."""
    some = scene.samples.subset(np.arange(len(scene.samples))[::-7])
    (mine, my_order), (values, order) = (each.at_samples(some, wanted, silent) for each in (pixels, reader))
    np.testing.assert_array_equal(my_order, order)
    assert len(order) < len(some)
    for feature_set in wanted:
        np.testing.assert_array_equal(mine[feature_set], values[feature_set])


def test_only_auto_is_read_at_labelled_pixels_and_not_if_the_whole_map_is_wanted(measured):
    scene, features = measured
    options = SimpleNamespace(device="cpu", whole_map=False)
    pixels = ReadOnce(scene, [features], options)
    assert pixels.instead_of_raster("linear", 0) == []
    assert len(pixels.instead_of_raster("auto", 0)) == 1
    options.whole_map = True
    assert pixels.instead_of_raster("auto", 0) == []
