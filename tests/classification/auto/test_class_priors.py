# SPDX-License-Identifier: GPL-2.0-or-later
"""How common each class is, asked of the scene: what is found, and what a map gains from it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
import torch

from mtmsd_qgis.classification.auto.class_priors import expecting, scene_shares
from mtmsd_qgis.classification.auto.feature_sets import ViewReader
from mtmsd_qgis.classification.fit import Task, learn
from mtmsd_qgis.io.windows import Tile, whole
from mtmsd_qgis.jobs.data_model import ClassEntry, FeatureLayout
from mtmsd_qgis.jobs.settings import ClassificationSettings
from mtmsd_qgis.progress import silent
from mtmsd_qgis.sampling.sample_table import SampleTable
from tests.scenes import cube_of

CPU = torch.device("cpu")
SIZE = 96
CLASSES = (ClassEntry(1, "common", "#00aa00"), ClassEntry(2, "rare", "#aa0000"))


@dataclass(frozen=True)
class Stub:
    """A pool that reads the probability of the second class off the first band."""

    prior: torch.Tensor = field(default_factory=lambda: torch.zeros(2))
    views: tuple[str, ...] = ("spectra",)

    def predict(self, views):
        second = torch.sigmoid(views["spectra"][:, :1])
        return torch.cat([1 - second, second], dim=1)


def mosaic(share=0.15, seed=0):
    """Bands (6, H, W) and class index of pixels, each by itself common or rare; the two overlap."""
    rng = np.random.default_rng(seed)
    index = (rng.random((SIZE, SIZE)) < share).astype(np.int64)
    bands = rng.normal(size=(6, SIZE, SIZE)) + 1.2 * index * np.array([1, 1, 1, 0, 0, 0])[:, None, None]
    return bands.astype(np.float32), index


def test_the_share_is_the_mean_of_what_the_pool_says_of_valid_pixels(tmp_path, monkeypatch):
    bands, _ = mosaic()
    bands[:, :40, :50] = np.nan
    reader = ViewReader(cube_of(tmp_path, bands), FeatureLayout(), CPU)
    monkeypatch.setattr("mtmsd_qgis.classification.auto.class_priors._PIXELS", SIZE * SIZE)
    everywhere = Tile(whole(SIZE, SIZE), whole(SIZE, SIZE))
    views, valid = reader.read(everywhere, ["spectra"])
    expected = Stub().predict({"spectra": views["spectra"][:, torch.from_numpy(valid)].T}).mean(dim=0)
    told = []
    found = scene_shares(reader, Stub(), 0, lambda share, text: told.append((share, text)))
    assert found.tolist() == pytest.approx(expected.tolist(), abs=1e-5)
    assert told[-1] == (1.0, "looking at the scene: 8 of 8 windows")  # one of nine is void
    monkeypatch.setattr("mtmsd_qgis.classification.auto.class_priors._PIXELS", 2000)
    few = scene_shares(reader, Stub(), 0, silent)
    assert few.tolist() == pytest.approx(expected.tolist(), abs=0.02)
    assert few.tolist() != found.tolist()


def test_scene_and_samples_have_the_same_say():
    shares = torch.tensor([0.8, 0.2])
    found = expecting(Stub(prior=torch.tensor([0.0, 1.0])), shares).prior
    assert found.tolist() == pytest.approx([0.5 * np.log(0.8), 0.5 + 0.5 * np.log(0.2)])


def sampled(index, seed=1):
    """60 samples a class, each a place of its own."""
    rng = np.random.default_rng(seed)
    rows, cols = np.concatenate([rng.permutation(np.argwhere(index == k))[:60] for k in (0, 1)]).T
    return SampleTable(rows, cols, index[rows, cols], np.arange(len(rows)))


def mapped(tmp_path, split):
    bands, index = mosaic()
    cube = cube_of(tmp_path, bands)
    settings = ClassificationSettings(classifier="auto", split=split)
    learnt = learn(Task(cube, FeatureLayout(), sampled(index), CLASSES, settings, CPU), silent)
    guess = np.zeros((SIZE, SIZE), dtype=np.int64)
    for tile in learnt.mapper.windows():
        guess[tile.core.slices] = learnt.mapper.probabilities(tile)[0].argmax(axis=0)
    return learnt, guess, index


def test_a_rare_class_is_not_mapped_as_often_as_it_was_sampled(tmp_path, monkeypatch):
    """Pixels of both classes side by side, as many samples of either: the map knows which one is common."""
    learnt, guess, index = mapped(tmp_path, "spatial")
    common, rare = learnt.ensemble.class_shares
    assert learnt.mapper.pool.several
    assert common.share + rare.share == pytest.approx(1, abs=1e-3)
    assert (common.name, rare.name) == ("common", "rare")
    assert rare.share < 0.45
    monkeypatch.setattr("mtmsd_qgis.classification.fit.expecting", lambda pool, shares: pool)
    _, blind, _ = mapped(tmp_path, "spatial")
    assert (guess == index).mean() > (blind == index).mean() + 0.02
    assert 0.05 < guess.mean() < blind.mean()


def test_known_fields_are_not_asked(tmp_path):
    learnt, _, _ = mapped(tmp_path, "random")
    assert not learnt.mapper.pool.several
    assert learnt.ensemble.class_shares is None
