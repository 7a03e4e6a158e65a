# SPDX-License-Identifier: GPL-2.0-or-later
"""The parts of training polygons sum to what the classifier says of a pixel."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from mtmsd_qgis.classification.auto.cross_validation import TrainingSet, side_by_side
from mtmsd_qgis.classification.auto.ensemble import Purpose, cross_validate_ensemble
from mtmsd_qgis.classification.auto.feature_sets import FeatureSet
from mtmsd_qgis.classification.auto.kernel_ridge import KernelScores
from mtmsd_qgis.classification.explanation.explained_pixel import LearntSamples, explain_pixel
from mtmsd_qgis.classification.explanation.sample_parts import sample_parts
from mtmsd_qgis.jobs.data_model import ClassEntry
from mtmsd_qgis.jobs.explanation.pixel_explanation import PointToExplain
from mtmsd_qgis.progress import silent
from mtmsd_qgis.sampling.sample_table import SampleTable

CLASSES = tuple(ClassEntry(10 * k + 10, f"class {k}") for k in range(4))
SETS = [s for s in FeatureSet if not s.is_extra and s is not FeatureSet.GUIDE]
COUNT, GROUPS = 160, 24


def learnt(columns=6, seed=0, *, weighted=False):
    """Samples of four classes in groups, and their table."""
    rng = np.random.default_rng(seed)
    group = np.arange(COUNT) % GROUPS
    class_index = group % 4
    values = rng.normal(size=(COUNT, columns)) + 0.7 * rng.normal(size=(GROUPS, columns))[group]
    values[np.arange(COUNT), class_index % columns] += 2.5
    features = {s: torch.from_numpy(values + 0.01 * i).float() for i, s in enumerate(SETS)}
    rows = np.arange(COUNT) // 16
    table = SampleTable(rows, np.arange(COUNT) % 16, class_index.astype(np.int64), group.astype(np.int64))
    weight = rng.uniform(0.2, 3, COUNT) if weighted else None
    return TrainingSet(features, class_index, 4, weight=weight), table


def ensemble_of(training, table, interpolates):
    groupings = {} if interpolates else {"groups": table.group}
    purpose = Purpose(interpolates, True, groupings, 0)
    return cross_validate_ensemble(training, purpose, silent).fit(training, 0, silent)


def pixel(seed, columns=6):
    values = torch.from_numpy(np.random.default_rng(seed).normal(0.8, 1.5, size=(1, columns))).float()
    return {s: values + 0.01 * i for i, s in enumerate(SETS)}


def in_double(scorer):
    """The same model with its numbers in double precision."""
    return replace(scorer, **{name: v.double() for name, v in vars(scorer).items() if isinstance(v, torch.Tensor)})


@pytest.mark.parametrize("interpolates", [True, False])
@pytest.mark.parametrize("columns", [6, 300])  # more features than samples: the discriminant works in their space
@pytest.mark.parametrize("weighted", [False, True])
def test_parts_of_samples_and_start_are_the_score_of_each_model(interpolates, columns, weighted):
    training, table = learnt(columns, weighted=weighted)
    ensemble = ensemble_of(training, table, interpolates)
    kinds = set()
    for seed in range(4):
        features = pixel(seed, columns)
        for model in ensemble.members:
            x = side_by_side(features, model.spec.predict_on)
            columns_of = x if model.standardizer is None else model.standardizer(x)
            exact = in_double(model.scorer)(columns_of.double())[0, 0]
            single = model.scorer(columns_of)[0, 0].double()
            for pair in ((0, 1), (3, 2)):
                found = sample_parts(model, x, training, pair, 0)
                total = found.start + found.parts.sum()
                assert total == pytest.approx(float(exact[pair[0]] - exact[pair[1]]), abs=1e-5)  # units of the score
                size = max(1.0, float(np.abs(found.parts).sum()))  # of what the map rounds in single precision
                assert total == pytest.approx(float(single[pair[0]] - single[pair[1]]), abs=1e-7 * size + 1e-5)
                assert np.abs(found.parts).sum() > 1e-3
                kinds.add(isinstance(model.scorer, KernelScores))
                if not isinstance(model.scorer, KernelScores):
                    assert not found.parts[~np.isin(training.class_index, pair)].any()
    assert kinds == {True, False} or interpolates


@pytest.mark.parametrize("interpolates", [True, False])
def test_parts_of_polygons_sum_to_the_log_odds_of_the_ensemble(interpolates):
    training, table = learnt()
    ensemble = ensemble_of(training, table, interpolates)
    samples = LearntSamples.of(training, table, ensemble, 0)
    for seed in range(6):
        features = pixel(seed)
        found = explain_pixel(ensemble, samples, features, PointToExplain(3, 4, "a"), CLASSES)
        p = ensemble.predict(features)[0].double()
        first, second = p.argsort(descending=True)[:2].tolist()
        assert (found.class_id, found.runner_up_id) == (CLASSES[first].id, CLASSES[second].id)
        assert found.log_odds == pytest.approx(float((p[first] / p[second]).log()), rel=1e-4, abs=1e-4)
        groups = [*found.supporting, *found.opposing]
        total = found.start + found.prior + found.cut + found.others + sum(group.part for group in groups)
        assert total == pytest.approx(found.log_odds, abs=2e-5)
        assert sum(model.part for model in found.models) + found.prior == pytest.approx(found.log_odds, abs=1e-5)
        assert found.groups == GROUPS
        assert [g.part for g in found.supporting] == sorted((g.part for g in found.supporting), reverse=True)
        assert all(g.part < 0 for g in found.opposing)
        assert len(found.models) == len(ensemble.members)


def test_the_polygon_that_the_pixel_lies_in_speaks_most_for_it():
    training, table = learnt()
    ensemble = ensemble_of(training, table, interpolates=False)
    samples = LearntSamples.of(training, table, ensemble, 0)
    features = {name: values[[5]] for name, values in training.features.items()}  # sample 5: group 5, class 1
    found = explain_pixel(ensemble, samples, features, PointToExplain(0, 5, "a"), CLASSES)
    assert found.class_id == CLASSES[1].id
    best = found.supporting[0]
    assert (best.feature, best.class_id) == (5, CLASSES[1].id)
    assert best.samples == int((table.group == 5).sum())
    own = np.stack([table.rows, table.cols], 1)[table.group == 5].tolist()
    assert [best.row, best.col] in own


def test_what_the_floor_cuts_off_is_a_row_of_its_own():
    training, table = learnt()
    ensemble = ensemble_of(training, table, interpolates=False)
    sharp = replace(ensemble, members=tuple(replace(m, temperature=30 * m.temperature) for m in ensemble.members))
    features = pixel(1)
    samples = LearntSamples.of(training, table, sharp, 0)
    found = explain_pixel(sharp, samples, features, PointToExplain(0, 0, ""), CLASSES)
    assert abs(found.cut) > 0.1
    parts = sum(group.part for group in (*found.supporting, *found.opposing)) + found.others
    assert found.start + found.prior + found.cut + parts == pytest.approx(found.log_odds, abs=1e-4)


def test_only_what_discriminants_learn_from_is_kept():
    training, table = learnt()
    ensemble = ensemble_of(training, table, interpolates=False)
    kept = LearntSamples.of(training, table, ensemble, 0).training.features
    assert set(kept) == {FeatureSet.WHITENED_SPECTRA, FeatureSet.FEATURE_MEANS}
