# SPDX-License-Identifier: GPL-2.0-or-later
"""The default classifier: what is held out, which models count, calibration, importance."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from mtmsd_qgis.classification.auto.cross_validation import TrainingSet, cross_validate
from mtmsd_qgis.classification.auto.ensemble import Purpose, cross_validate_ensemble, log_prior, top_half
from mtmsd_qgis.classification.auto.feature_sets import FeatureSet
from mtmsd_qgis.classification.auto.model_library import (
    CONTEXTUAL,
    INTERPOLATION,
    OVERLAPPING,
    available_models,
    feature_sets_of,
)
from mtmsd_qgis.progress import silent
from mtmsd_qgis.sampling.held_out import hold_out

SPECTRA = [
    FeatureSet.SPECTRA,
    FeatureSet.SMOOTHED_SPECTRA,
    FeatureSet.STRONGLY_SMOOTHED_SPECTRA,
    FeatureSet.WHITENED_SPECTRA,
    FeatureSet.SMOOTHED_WHITENED_SPECTRA,
]
MEANS = [FeatureSet.COMPONENT_MEANS, FeatureSet.FEATURE_MEANS]


def samples(count=240, n_groups=12, seed=0):
    """Two classes in groups. Spectra tell the classes apart anywhere; box means name the group and nothing else."""
    rng = np.random.default_rng(seed)
    group = np.arange(count) % n_groups
    class_index = group % 2
    spectra = rng.normal(size=(count, 6))
    spectra[:, 0] += 1.6 * class_index
    means = rng.normal(0, 0.05, size=(count, 8)) + np.random.default_rng(99).normal(size=(n_groups, 8))[group]
    features = {**dict.fromkeys(SPECTRA, spectra), **dict.fromkeys(MEANS, means)}
    tensors = {feature_set: torch.from_numpy(values).float() for feature_set, values in features.items()}
    return TrainingSet(tensors, class_index, 2), group


def purpose_for(group, interpolates=False, **changes):
    purpose = Purpose(interpolates, True, {} if interpolates else {"groups": group}, 0)
    return replace(purpose, **changes)


def fitted(training, purpose):
    return cross_validate_ensemble(training, purpose, silent).fit(training, purpose.seed, silent)


def ensemble_for(interpolates=False, count=240, **changes):
    training, group = samples(count)
    return fitted(training, purpose_for(group, interpolates, **changes))


def weights(ensemble):
    return {score.name: score.weight for score in ensemble.scores}


def test_box_means_count_between_the_samples_and_cross_validation_says_what_is_held_out():
    near, far = ensemble_for(interpolates=True), ensemble_for()
    assert near.held_out == "samples"
    assert far.held_out == "groups"
    assert {FeatureSet.COMPONENT_MEANS, FeatureSet.FEATURE_MEANS} <= set(near.feature_sets)
    assert near.accuracy > 0.98
    assert 0.6 < far.accuracy < 0.95


@pytest.mark.parametrize(("reliable", "library"), [(True, CONTEXTUAL), (False, OVERLAPPING)])
def test_in_other_polygons_all_models_count_alike_and_the_context_decides_which_they_are(reliable, library):
    ensemble = ensemble_for(uses_context=reliable)
    assert weights(ensemble) == {spec.name: 1 / len(library) for spec in library}
    assert not reliable or FeatureSet.FEATURE_MEANS in ensemble.feature_sets
    assert reliable or ensemble.feature_sets == [FeatureSet.SPECTRA]


@pytest.mark.parametrize("with_extras", [True, False])
def test_with_extras_spatial_context_has_to_make_a_difference(with_extras):
    """Every held-out sample is told surely with spatial context and without."""
    training, group = samples()
    if with_extras:
        noise = torch.from_numpy(np.random.default_rng(1).normal(size=(len(training), 2))).float()
        training.features.update({each: noise.clone() for each in FeatureSet if each.is_extra})
    for values in training.features.values():
        values[:, 0] = 100.0 * torch.from_numpy(training.class_index)
    validated = cross_validate_ensemble(training, purpose_for(group, uses_context=None), silent)
    assert max(validated.briers.values()) < 0.0005
    assert validated.uses_context != with_extras


@pytest.mark.parametrize("helps", [True, False])
def test_held_out_samples_say_whether_spatial_context_is_used(helps):
    """Smoothing takes the noise away, or what tells the classes apart."""
    training, group = samples()
    for feature_set in FeatureSet:
        if feature_set.smoothing and feature_set in training.features:
            training.features[feature_set][:] = training.features[FeatureSet.SPECTRA].clone()
            training.features[feature_set][:, 1:] *= 0.1
            training.features[feature_set][:, 0] = 1.6 * torch.from_numpy(training.class_index) if helps else 0.0
    validated = cross_validate_ensemble(training, purpose_for(group, uses_context=None), silent)
    assert validated.uses_context == helps
    assert (validated.briers[True] < validated.briers[False]) == helps
    assert set(validated.briers) == {True, False}
    members = {model.spec.name for model in validated.chosen}
    assert members == {spec.name for spec in (CONTEXTUAL if helps else OVERLAPPING)}
    assert {model.spec.name for model in validated.models} == {spec.name for spec in (*CONTEXTUAL, *OVERLAPPING)}
    assert validated.context.reliable == helps
    fixed = cross_validate_ensemble(training, purpose_for(group, uses_context=not helps), silent)
    assert fixed.context is None
    assert fixed.uses_context != helps
    assert fixed.briers[not helps] == validated.briers[not helps]
    ensemble = validated.fit(training, 0, silent)
    assert {score.name for score in ensemble.scores if score.weight} == members


def test_the_brier_score_by_hand():
    """That of certainty is 0; of even odds between two classes, a half."""
    training, group = samples()
    validated = cross_validate_ensemble(training, purpose_for(group), silent)
    p = np.exp(validated.log_p)
    truth = np.eye(2)[validated.held_out.class_index]
    assert validated.briers == {True: pytest.approx(((p - truth) ** 2).sum(axis=1).mean())}


def test_between_the_samples_the_top_half_of_all_models_counts_alike():
    ensemble = ensemble_for(interpolates=True)
    library = (*INTERPOLATION, *CONTEXTUAL)
    assert set(weights(ensemble)) == {spec.name for spec in library}
    assert sorted(weights(ensemble).values()) == [0.0] * 4 + [1 / 5] * 5
    members = [score for score in ensemble.scores if score.weight]
    others = [score for score in ensemble.scores if not score.weight]
    assert np.mean([score.accuracy for score in members]) >= np.mean([score.accuracy for score in others])


def test_the_top_half_has_the_lower_brier_scores():
    training, _ = samples()
    held_out = hold_out(training.class_index, {}, 0)
    models = [cross_validate(spec, training, held_out) for spec in INTERPOLATION[:3]]
    names = [model.spec.name for model in top_half(models, held_out)]
    assert INTERPOLATION[0].name in names
    assert len(names) == 2


def test_accuracy_and_confidence_on_held_out_groups_hold_for_new_groups():
    """Box means, which name the group, would have promised 1."""
    ensemble = ensemble_for(count=600)
    test, _ = samples(count=600, seed=5)
    for feature_set in MEANS:
        test.features[feature_set][:] = torch.from_numpy(np.random.default_rng(7).normal(size=(600, 8))).float()
    probabilities = ensemble.predict(test.features)
    right = (probabilities.argmax(dim=1).numpy() == test.class_index).mean()
    assert right == pytest.approx(ensemble.accuracy, abs=0.1)
    assert torch.allclose(probabilities.sum(dim=1), torch.ones(600), atol=1e-5)


def test_shares_of_the_samples_are_trusted_by_the_number_of_their_groups():
    class_index = np.array([0] * 30 + [1] * 10)
    many, few = np.arange(40), np.array([0] * 30 + [1] * 10)
    shares = np.log([0.75, 0.25])
    assert log_prior(TrainingSet({}, class_index, 2), few) == pytest.approx(shares * 1 / 11)
    assert log_prior(TrainingSet({}, class_index, 2), many) == pytest.approx(shares * 20 / 30)
    training, group = samples(count=480, n_groups=24)
    rare = np.flatnonzero((training.class_index == 0) | (np.arange(480) % 3 == 0))
    ensemble = fitted(training.subset(rare), purpose_for(group[rare]))
    assert ensemble.log_prior.numpy() == pytest.approx(np.log([0.75, 0.25]) * 8 / 18, abs=0.01)  # 12 and 4 groups
    assert not ensemble_for(interpolates=True).log_prior.any()


def test_models_that_are_known_are_not_cross_validated_again():
    training, group = samples()
    purpose = purpose_for(group)
    first = cross_validate_ensemble(training, purpose, silent)
    told: list[float] = []
    second = cross_validate_ensemble(training, purpose, lambda fraction, _: told.append(fraction), first.models[:2])
    assert [one is other for one, other in zip(first.models, second.models)] == [True] * 2 + [False] * 3
    assert told[-1] == 1
    assert (first.log_p == second.log_p).all()


def test_models_that_learn_the_same_learn_it_once():
    """What differs is what they predict from: here smoothed spectra, which say less than the spectra."""
    training, _ = samples()
    training.features[FeatureSet.SMOOTHED_SPECTRA][:] *= 0.2
    held_out = hold_out(training.class_index, {}, 0)
    first, others = cross_validate(INTERPOLATION[2], training, held_out), CONTEXTUAL[1:3]
    for spec, shares in zip(others, (True, False)):
        found = cross_validate(spec, training, held_out, [first])
        assert (found.by_fold is first.by_fold) == shares
        assert (found.log_p == cross_validate(spec, training, held_out).log_p).all()
        assert not np.allclose(found.log_p, first.log_p) or not shares


def test_the_same_seed_gives_the_same_ensemble():
    training, _ = samples(seed=3)
    assert torch.equal(*(ensemble_for().predict(training.features) for _ in range(2)))


@pytest.mark.parametrize("interpolates", [True, False])
def test_two_samples_a_class_and_one_group_a_class_are_enough(interpolates, caplog):
    training, _ = samples(count=4, n_groups=2)
    one = np.zeros(4, dtype=np.int64)
    ensemble = fitted(training, purpose_for(one, interpolates))
    assert ensemble.held_out == "samples"
    assert torch.isfinite(ensemble.predict(training.features)).all()
    assert ("cannot be validated spatially" in caplog.text) != interpolates


def test_where_no_class_has_two_groups_blocks_are_held_out():
    class_index = samples()[0].class_index
    blocks = np.arange(len(class_index)) // 2 % 8
    assert hold_out(class_index, {"groups": class_index, "blocks": blocks}, 0).unit == "blocks"


def test_a_raster_of_plain_bands_has_the_models_that_it_allows():
    plain = [s for s in FeatureSet if not s.is_diffusion and not s.is_extra]
    contextual = available_models(CONTEXTUAL, plain)
    assert len(contextual) == len(CONTEXTUAL) - 1
    assert not any(feature_set.is_diffusion for spec in contextual for feature_set in spec.fit_on)
    assert {spec.fit_on for spec in available_models(INTERPOLATION[:2], plain)} == {(FeatureSet.COMPONENT_MEANS,)}
    assert FeatureSet.FEATURE_MEANS not in feature_sets_of(contextual)


def test_names_say_estimator_and_feature_sets():
    assert [spec.name for spec in CONTEXTUAL] == [
        "Kernel ridge on noise-whitened spectra",
        "Kernel ridge on spectra, applied to smoothed spectra",
        "Kernel ridge on strongly smoothed spectra",
        "LDA on noise-whitened spectra, applied to smoothed noise-whitened spectra",
        "LDA on box means of diffusion features",
    ]


def test_it_is_told_where_one_class_alone_can_be_held_out(caplog):
    class_index = np.repeat(np.arange(3), 8)
    groups = np.where(class_index == 0, np.arange(24) // 2, 100 + class_index)
    held_out = hold_out(class_index, {"groups": groups}, 0)
    assert set(held_out.class_index) == {0}
    assert "One class alone has samples in two polygons or blocks" in caplog.text
    caplog.clear()
    hold_out(class_index, {"groups": np.arange(24) // 2}, 0)
    assert not caplog.text
