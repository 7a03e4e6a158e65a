# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import pytest
import torch

from mtmsd_qgis.classification.fusion.ensemble import FusionEnsemble, Samples, fit_classifier
from mtmsd_qgis.classification.standardizer import Standardizer
from mtmsd_qgis.jobs.settings import ClassificationSettings
from mtmsd_qgis.progress import silent

SETTINGS = ClassificationSettings(ensemble=2, epochs=15, batch_size=16)


def samples(count=60, timesteps=3, features=6, classes=3, seed=0) -> Samples:
    """Clusters that are told apart by a feature each, at one timestep; everything else is noise."""
    generator = torch.Generator().manual_seed(seed)
    index = torch.arange(count) % classes
    local = torch.randn(count, timesteps, features, generator=generator)
    local[torch.arange(count), 1, index] += 8.0
    return Samples(local, torch.randn(count, timesteps, features, generator=generator), index)


@pytest.mark.parametrize("name", ["mtmsd", "linear"])
def test_it_learns_and_gives_probabilities(name):
    settings = ClassificationSettings(classifier=name, ensemble=2, epochs=40, batch_size=16)
    fitted = fit_classifier(samples(count=150), 3, settings, silent)
    test = samples(seed=1)
    probabilities = fitted.predict(test.local, test.around)
    assert probabilities.shape == (60, 3)
    assert torch.allclose(probabilities.sum(dim=1), torch.ones(60), atol=1e-5)
    assert (probabilities.argmax(dim=1) == test.classes).float().mean() > 0.85
    weights = fitted.timestep_weights(test)
    assert weights.shape == (3,)
    assert weights.sum().item() == pytest.approx(1.0, abs=1e-5)
    assert weights.argmax() == 1 or name == "mtmsd"


def test_the_vote_is_the_mean_of_the_probabilities():
    ensemble = FusionEnsemble(samples(), 3, SETTINGS, silent)
    test = samples(seed=1)
    x, g = ensemble._local(test.local), ensemble._around(test.around)
    single = [network(x, g)[0].softmax(dim=1).detach() for network in ensemble._networks]
    assert not torch.allclose(single[0], single[1])
    assert torch.allclose(ensemble.predict(test.local, test.around), (single[0] + single[1]) / 2, atol=1e-6)


def test_the_same_seed_gives_the_same_map():
    test = samples(seed=1)
    one, two = (FusionEnsemble(samples(), 3, SETTINGS, silent).predict(test.local, test.around) for _ in range(2))
    assert torch.equal(one, two)


def test_prediction_does_not_depend_on_the_batch():
    ensemble = FusionEnsemble(samples(), 3, SETTINGS, silent)
    test = samples(seed=1)
    whole = ensemble.predict(test.local, test.around)
    parts = [ensemble.predict(test.local[i : i + 7], test.around[i : i + 7]) for i in range(0, 60, 7)]
    assert torch.allclose(whole, torch.cat(parts), atol=1e-6)


@pytest.mark.parametrize("count", [4, 17, 33])
def test_no_batch_has_a_single_sample(count):
    """Batch normalisation cannot train on one sample; the last batch is shared out."""
    settings = ClassificationSettings(ensemble=1, epochs=1, batch_size=16)
    fit_classifier(samples(count, classes=2), 2, settings, silent)


def test_features_without_variance_become_0_and_do_no_harm():
    data = samples()
    data.local[:, :, 0] = 1e6
    data.local[:, 0, 1] = 0.0
    scaled = Standardizer.fit(data.local)(data.local)
    assert torch.isfinite(scaled).all()
    assert (scaled[:, :, 0] == 0).all()
    assert (scaled[:, 0, 1] == 0).all()
    assert torch.allclose(scaled[:, 2].std(dim=0, correction=0), torch.tensor([0.0, 1, 1, 1, 1, 1]), atol=1e-4)


def test_the_linear_classifier_equals_a_fit_in_all_features():
    """Where features outnumber samples it works in the samples' span, which must not change the result."""
    from mtmsd_qgis.classification.fusion.ensemble import LinearClassifier, _fit_logistic

    data = samples(count=20, features=12)
    fitted = LinearClassifier(data, 3, SETTINGS, silent)
    flat = fitted._flat(data.local, data.around)
    weight, bias = _fit_logistic(flat, data.classes, 3, fitted.penalty)
    test = samples(count=9, features=12, seed=4)
    expected = torch.softmax(fitted._flat(test.local, test.around) @ weight + bias, dim=1)
    assert torch.allclose(fitted.predict(test.local, test.around), expected, atol=2e-3)
