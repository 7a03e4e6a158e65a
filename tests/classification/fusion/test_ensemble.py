# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import pytest
import torch

from mtmsd_qgis.classification.estimator import LabelledFeatures
from mtmsd_qgis.classification.fusion.fusion_ensemble import FusionEnsemble
from mtmsd_qgis.classification.logistic_regression import LogisticRegression
from mtmsd_qgis.classification.standardizer import Standardizer
from mtmsd_qgis.jobs.settings import ClassificationSettings
from mtmsd_qgis.progress import silent

SETTINGS = ClassificationSettings(ensemble=2, epochs=15, batch_size=16)


def samples(count=60, timesteps=3, features=6, classes=3, seed=0) -> LabelledFeatures:
    """Clusters that are told apart by a feature each, at one timestep; everything else is noise."""
    generator = torch.Generator().manual_seed(seed)
    index = torch.arange(count) % classes
    local = torch.randn(count, timesteps, features, generator=generator)
    local[torch.arange(count), 1, index] += 8.0
    return LabelledFeatures(local, torch.randn(count, timesteps, features, generator=generator), index)


LEARNING = ClassificationSettings(ensemble=2, epochs=40, batch_size=16)


@pytest.mark.parametrize("classifier", [FusionEnsemble(LEARNING, 3), LogisticRegression(3, seed=0)])
def test_it_learns_and_gives_probabilities(classifier):
    fitted = classifier.fit(samples(count=150), silent)
    test = samples(seed=1)
    probabilities = fitted.predict(test.local, test.around)
    assert probabilities.shape == (60, 3)
    assert torch.allclose(probabilities.sum(dim=1), torch.ones(60), atol=1e-5)
    assert (probabilities.argmax(dim=1) == test.classes).float().mean() > 0.85
    weights = fitted.timestep_weights(test)
    assert weights.shape == (3,)
    assert weights.sum().item() == pytest.approx(1.0, abs=1e-5)
    assert weights.argmax() == 1 or isinstance(classifier, FusionEnsemble)


def test_the_vote_is_the_mean_of_the_probabilities():
    ensemble = FusionEnsemble(SETTINGS, 3).fit(samples(), silent)
    test = samples(seed=1)
    x, g = ensemble.local_scaler(test.local), ensemble.around_scaler(test.around)
    single = [network(x, g)[0].softmax(dim=1).detach() for network in ensemble.networks]
    assert not torch.allclose(single[0], single[1])
    assert torch.allclose(ensemble.predict(test.local, test.around), (single[0] + single[1]) / 2, atol=1e-6)


def test_the_same_seed_gives_the_same_map():
    test = samples(seed=1)
    one, two = (FusionEnsemble(SETTINGS, 3).fit(samples(), silent).predict(test.local, test.around) for _ in range(2))
    assert torch.equal(one, two)


def test_prediction_does_not_depend_on_the_batch():
    ensemble = FusionEnsemble(SETTINGS, 3).fit(samples(), silent)
    test = samples(seed=1)
    whole = ensemble.predict(test.local, test.around)
    parts = [ensemble.predict(test.local[i : i + 7], test.around[i : i + 7]) for i in range(0, 60, 7)]
    assert torch.allclose(whole, torch.cat(parts), atol=1e-6)


@pytest.mark.parametrize("count", [4, 17, 33])
def test_no_batch_has_a_single_sample(count):
    """Batch normalisation cannot train on one sample; the last batch is shared out."""
    settings = ClassificationSettings(ensemble=1, epochs=1, batch_size=16)
    FusionEnsemble(settings, 2).fit(samples(count, classes=2), silent)


def test_features_without_variance_become_0_and_do_no_harm():
    data = samples()
    data.local[:, :, 0] = 1e6
    data.local[:, 0, 1] = 0.0
    scaled = Standardizer.fit(data.local)(data.local)
    assert torch.isfinite(scaled).all()
    assert (scaled[:, :, 0] == 0).all()
    assert (scaled[:, 0, 1] == 0).all()
    assert torch.allclose(scaled[:, 2].std(dim=0, correction=0), torch.tensor([0.0, 1, 1, 1, 1, 1]), atol=1e-4)
