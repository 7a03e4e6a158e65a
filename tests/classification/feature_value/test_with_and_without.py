# SPDX-License-Identifier: GPL-2.0-or-later
"""The default classifier with and without diffusion features: what is read for each, and that both see the same."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mtmsd_qgis.classification.auto.feature_reader import FeatureSetReader
from mtmsd_qgis.classification.auto.feature_sets import FeatureSet
from mtmsd_qgis.classification.feature_value.candidate import cross_validated, feature_sets_for
from mtmsd_qgis.classification.feature_value.with_and_without import with_and_without
from mtmsd_qgis.classification.training_task import TrainingTask
from mtmsd_qgis.jobs.data_model import ClassEntry, FeatureLayout
from mtmsd_qgis.jobs.settings import ClassificationSettings
from mtmsd_qgis.progress import silent
from mtmsd_qgis.sampling.sample_table import SampleTable
from tests.scenes import cube_of, fields

LAYOUT = FeatureLayout(timesteps=(50, 200), features=2, names=("s3 c000", "s5 c000"), spectra=6)
CPU = torch.device("cpu")
GUIDED = [FeatureSet.SMOOTHED_SPECTRA, FeatureSet.STRONGLY_SMOOTHED_SPECTRA, FeatureSet.SMOOTHED_WHITENED_SPECTRA]


@pytest.fixture(scope="module")
def task(tmp_path_factory):
    spectra, index = fields(60, 70, bands=6)
    noise = np.random.default_rng(2).normal(0, 1.5, size=(10, 60, 70))
    values = np.concatenate([index[None] * np.arange(1, 5)[:, None, None], spectra]) + noise
    cube = cube_of(tmp_path_factory.mktemp("features"), values.astype(np.float32))
    rows, cols = (grid.ravel() for grid in np.mgrid[2:60:6, 2:70:6])
    table = SampleTable(rows, cols, index[rows, cols].astype(np.int64), np.arange(len(rows)))
    classes = tuple(ClassEntry(i + 1, f"class {i}") for i in range(int(index.max()) + 1))
    return TrainingTask(cube, LAYOUT, table, classes, ClassificationSettings(split="random"), CPU)


def test_without_features_only_what_their_guidance_shaped_is_read_again(task):
    read = []

    def reading(of, samples, wanted, progress):
        read.append((of.available, list(wanted)))
        return of.at_samples(samples, wanted, progress)

    reader = FeatureSetReader.fit(task.cube, task.layout, task.device)
    _, gain = with_and_without(task, reader, reading, silent)
    (_, first), (available, again) = read
    assert first == feature_sets_for(reader, "random")
    assert again == GUIDED
    assert FeatureSet.FEATURE_MEANS not in available

    plain = reader.without_features()
    features, order = plain.at_samples(task.training, feature_sets_for(plain, "random"), silent)
    assert (order == np.arange(len(order))).all()
    alone = cross_validated(plain, features, task, silent)
    assert gain.without_features == pytest.approx(100 * alone.validated.right.mean())
    assert gain.samples == len(task.training)
