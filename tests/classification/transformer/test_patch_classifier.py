# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import numpy as np
import pytest
import torch

from mtmsd_qgis.classification.transformer.patch_classifier import (
    MOST_COMPONENTS,
    FeatureProjection,
    PatchClassifier,
    _turned,
    cut_patches,
)
from mtmsd_qgis.errors import Cancelled, SettingsError
from mtmsd_qgis.jobs.settings import ClassificationSettings
from mtmsd_qgis.progress import silent

SETTINGS = ClassificationSettings(ensemble=2, epochs=2, batch_size=16)


def textures(count=64, depth=3, side=5, seed=0):
    """Even patches against chequered ones, in one plane; any single pixel is 1 or -1 as often in both classes."""
    generator = torch.Generator().manual_seed(seed)
    row, col = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    pattern = torch.stack([torch.ones(side, side), 1.0 - 2 * ((row + col) % 2)])
    classes = torch.arange(count) % 2
    sign = torch.where(torch.rand(count, 1, 1, generator=generator) < 0.5, -1.0, 1.0)
    patches = 0.3 * torch.randn(count, depth, side, side, generator=generator)
    patches[:, 1] += pattern[classes] * sign
    return patches, classes


def correlated(count, bands, seed=0):
    """Features (N, B) with a few strong directions, far from 0."""
    generator = torch.Generator().manual_seed(seed)
    hidden = torch.randn(count, 4, generator=generator)
    noise = torch.randn(count, bands, generator=generator)
    return 100 + hidden @ torch.randn(4, bands, generator=generator) + 0.1 * noise


def test_it_learns_a_texture_that_single_pixels_do_not_show():
    settings = ClassificationSettings(ensemble=2, epochs=15, batch_size=16)
    fitted = PatchClassifier(settings, 2).fit(*textures(), silent)
    patches, classes = textures(seed=1)
    probabilities = fitted.predict(patches)
    assert probabilities.shape == (64, 2)
    assert torch.allclose(probabilities.sum(dim=1), torch.ones(64), atol=1e-5)
    assert (probabilities.argmax(dim=1) == classes).float().mean() > 0.95
    variance = patches.var(dim=(0, 2, 3))
    assert (fitted.sensitivity(patches).diagonal() * variance).argmax() == 1


def test_the_same_seed_gives_the_same_map_and_another_one_another():
    patches, classes = textures(count=40)
    seeds = (3, 3, 4)
    settings = [ClassificationSettings(ensemble=1, epochs=2, batch_size=16, seed=seed) for seed in seeds]
    one, two, other = (PatchClassifier(s, 2).fit(patches, classes, silent).predict(patches) for s in settings)
    assert torch.equal(one, two)
    assert not torch.equal(one, other)


def test_the_vote_is_the_mean_of_the_probabilities():
    patches, classes = textures(count=40)
    fitted = PatchClassifier(SETTINGS, 2).fit(patches, classes, silent)
    single = [network(patches).softmax(dim=1).detach() for network in fitted.networks]
    assert not torch.allclose(single[0], single[1])
    assert torch.allclose(fitted.predict(patches), (single[0] + single[1]) / 2, atol=1e-6)


def test_prediction_does_not_depend_on_the_batch():
    patches, classes = textures(count=40)
    fitted = PatchClassifier(SETTINGS, 2).fit(patches, classes, silent)
    whole, sensitivity = fitted.predict(patches), fitted.sensitivity(patches)
    few = 7 * 3 * 25
    assert torch.allclose(fitted.predict(patches, few), whole, atol=1e-5)
    assert torch.allclose(fitted.sensitivity(patches, few), sensitivity, rtol=1e-3)


@pytest.mark.parametrize("count", [1, 2, 17, 33])
def test_any_number_of_samples_can_be_trained_on_and_predicted(count):
    patches, classes = textures(count=count)
    fitted = PatchClassifier(ClassificationSettings(ensemble=1, epochs=1), 2).fit(patches, classes, silent)
    assert torch.isfinite(fitted.predict(patches)).all()
    assert fitted.predict(patches[:1]).shape == (1, 2)
    assert fitted.predict(patches[:0]).shape == (0, 2)


def test_progress_tells_every_epoch_and_can_cancel():
    told = []
    PatchClassifier(SETTINGS, 2).fit(*textures(count=16), lambda fraction, text: told.append((fraction, text)))
    assert told[-1] == (1.0, "training: network 2 of 2, epoch 2")
    assert [fraction for fraction, _ in told] == [0.25, 0.5, 0.75, 1.0]

    def cancel(fraction, text):
        raise Cancelled

    with pytest.raises(Cancelled):
        PatchClassifier(SETTINGS, 2).fit(*textures(count=16), cancel)


def test_augmentation_draws_all_eight_turns_and_nothing_else():
    patch = torch.arange(18.0).reshape(1, 2, 3, 3)
    torch.manual_seed(0)
    drawn = {tuple(p.flatten().tolist()) for p in _turned(patch.expand(400, -1, -1, -1))}
    turned = [torch.rot90(p, quarter, (2, 3)) for p in (patch, patch.flip(3)) for quarter in range(4)]
    assert drawn == {tuple(p.flatten().tolist()) for p in turned}


@pytest.mark.parametrize(
    ("count", "bands", "depth"),
    [(300, 70, MOST_COMPONENTS), (300, 6, 6), (30, 70, 29), (2, 9, 1), (1, 9, 1)],
)
def test_as_many_components_as_bands_and_pixels_allow(count, bands, depth):
    values = correlated(count, bands)
    projection = FeatureProjection.fit(values)
    assert projection.depth == depth
    projected = projection(values.T[:, :, None])
    assert projected.shape == (depth, count, 1)
    assert torch.isfinite(projected).all()


@pytest.mark.parametrize(("count", "bands"), [(300, 20), (20, 300)])
def test_components_are_those_of_the_singular_values(count, bands):
    """By bands or by pixels: deviations are those of a decomposition, and scores are uncorrelated, of variance 1."""
    values = correlated(count, bands)
    projection = FeatureProjection.fit(values)
    scaled = ((values - values.mean(dim=0)) / values.std(dim=0, correction=0)).double()
    singular = torch.linalg.svdvals(scaled)[: projection.depth]
    assert torch.allclose(projection.deviation, (singular / count**0.5).float(), rtol=1e-3)
    scores = projection(values.T[:, :, None])[:, :, 0]
    assert torch.allclose(scores @ scores.T / count, torch.eye(projection.depth), atol=1e-3)
    assert torch.allclose(projection.directions.T @ projection.directions, torch.eye(projection.depth), atol=1e-5)


def test_constant_bands_do_no_harm_and_count_nothing():
    values = correlated(200, 12)
    with_constants = torch.cat([values, torch.full((200, 1), 1e6), torch.zeros(200, 1)], dim=1)
    projection = FeatureProjection.fit(with_constants)
    assert projection.depth == 12
    scores = projection(with_constants.T[:, :, None])
    assert torch.allclose(scores.abs(), FeatureProjection.fit(values)(values.T[:, :, None]).abs(), atol=1e-2)
    weights = projection.band_weights(torch.eye(12))
    assert weights.sum().item() == pytest.approx(1.0, abs=1e-5)
    assert (weights[:12] > 0).all()
    assert (weights[12:] == 0).all()


@pytest.mark.parametrize(("count", "bands"), [(10, 5), (5, 10), (1, 4)])
def test_a_scene_without_variance_projects_to_0_and_no_band_counts(count, bands):
    projection = FeatureProjection.fit(torch.full((count, bands), 3.0))
    assert (projection(torch.randn(bands, 2, 2)) == 0).all()
    assert (projection.band_weights(torch.eye(projection.depth)) == 0).all()


def test_invalid_pixels_become_the_mean():
    values = correlated(200, 12)
    projection = FeatureProjection.fit(values)
    window = values.T.reshape(12, 10, 20).clone()
    expected = projection(window)
    window[3, 4, 5] = torch.nan
    expected[:, 4, 5] = 0
    assert torch.allclose(projection(window), expected, atol=1e-5)


def test_band_weights_find_the_band_that_decides():
    """Independent bands, of different units: the one whose gradient is asked for gets the weight."""
    values = torch.randn(5000, 6, generator=torch.Generator().manual_seed(0)) * torch.tensor([1, 9, 1e3, 1, 1e-3, 1])
    projection = FeatureProjection.fit(values)
    gradient = projection.directions[2] * projection.deviation  # of a score that is band 2, standardised
    weights = projection.band_weights(torch.outer(gradient, gradient))
    assert weights.argmax() == 2
    assert weights[2] > 0.95


def test_duplicates_of_a_band_share_its_weight():
    values = torch.randn(2000, 3, generator=torch.Generator().manual_seed(0))
    projection = FeatureProjection.fit(torch.cat([values, values[:, :1]], dim=1))
    weights = projection.band_weights(torch.eye(projection.depth))
    assert weights[0].item() == pytest.approx(weights[3].item(), rel=1e-3)


@pytest.mark.parametrize("side", [1, 3, 5])
def test_patches_equal_those_of_a_loop(side):
    window = torch.randn(4, 9, 11)
    half = side // 2
    rows, cols = np.array([half, 4, 8 - half, 4]), np.array([half, 7, 10 - half, 7])
    expected = [window[:, r - half : r + half + 1, c - half : c + half + 1] for r, c in zip(rows, cols)]
    assert torch.equal(cut_patches(window, rows, cols, side), torch.stack(expected))


def test_no_pixel_gives_no_patch():
    none = np.empty(0, dtype=np.int64)
    assert cut_patches(torch.randn(4, 3, 3), none, none, 5).shape == (0, 4, 5, 5)


@pytest.mark.parametrize(("row", "col", "side"), [(1, 4, 5), (4, 1, 5), (7, 4, 5), (4, 7, 5), (-1, 4, 1), (4, 4, 4)])
def test_a_patch_that_reaches_out_or_has_no_middle_is_refused(row, col, side):
    with pytest.raises(SettingsError):
        cut_patches(torch.randn(2, 9, 9), np.array([row]), np.array([col]), side)
