# SPDX-License-Identifier: GPL-2.0-or-later
"""What a map rests on: shares by timestep, stage and cell, whatever the classifier."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mtmsd_qgis.classification.auto.cross_validation import TrainingSet
from mtmsd_qgis.classification.auto.ensemble import Purpose, cross_validate_ensemble
from mtmsd_qgis.classification.auto.feature_sets import FeatureSet
from mtmsd_qgis.classification.estimator import LabelledFeatures
from mtmsd_qgis.classification.feature_value.column_sources import Source
from mtmsd_qgis.classification.feature_value.feature_importance import cell_table, permuted_shares, source_shares
from mtmsd_qgis.classification.fusion.cell_importance import cell_shares
from mtmsd_qgis.classification.fusion.reader import FusionRule, Purified
from mtmsd_qgis.classification.logistic_regression import LogisticRegression
from mtmsd_qgis.jobs.data_model import FeatureLayout
from mtmsd_qgis.progress import silent

LAYOUT = FeatureLayout(timesteps=(50, 100), features=4, names=("s0 c000", "s0 c001", "s5 c000", "s5 c001"))
CELLS = [Source(str(t), name[1]) for t in LAYOUT.timesteps for name in LAYOUT.names]
SPECTRA = [s for s in FeatureSet if not s.is_diffusion and not s.is_extra and s is not FeatureSet.GUIDE]


def ensemble_of(values, spectra, class_index):
    """An ensemble for fields without samples, from columns of cells and from spectra."""
    features = {**dict.fromkeys(SPECTRA, spectra), FeatureSet.FEATURE_MEANS: values}
    tensors = {feature_set: torch.from_numpy(part).float() for feature_set, part in features.items()}
    training = TrainingSet(tensors, class_index, 2)
    purpose = Purpose(False, True, {"groups": np.arange(len(class_index)) % 12}, 0)
    ensemble = cross_validate_ensemble(training, purpose, silent).fit(training, 0, silent)
    sources = {s: [Source("spectra", "spectra")] * spectra.shape[1] for s in SPECTRA}
    return ensemble, training.features, {**sources, FeatureSet.FEATURE_MEANS: CELLS}


def test_an_ensemble_that_reads_one_planted_cell_rests_on_it():
    rng = np.random.default_rng(0)
    class_index = np.arange(240) % 2
    values = rng.normal(size=(240, 8))
    values[:, 6:] += 8 * class_index[:, None]  # t = 100, stage 5
    shares = source_shares(*ensemble_of(values, np.zeros((240, 3)), class_index), LAYOUT, 0)
    assert shares.cells["100"]["5"] >= 0.9
    assert shares.timesteps["100"] >= 0.9
    assert shares.stages["5"] >= 0.9
    total = sum(sum(row.values()) for row in shares.cells.values())
    assert 0.99 < total <= 1 + 1e-9


def test_models_that_do_not_see_a_source_keep_their_answer():
    """The shares are those of predicting anew with all models."""
    rng = np.random.default_rng(3)
    class_index = np.arange(240) % 2
    values, spectra = rng.normal(size=(240, 8)), rng.normal(size=(240, 3))
    values[:, 2] += 2 * class_index
    spectra[:, 0] += class_index
    ensemble, features, sources = ensemble_of(values, spectra, class_index)
    used = {feature_set: features[feature_set] for feature_set in ensemble.feature_sets}

    def predict(name, order):
        permuted = {s: columns.clone() for s, columns in used.items()}
        for feature_set, columns in permuted.items():
            chosen = [i for i, source in enumerate(sources[feature_set]) if source.timestep == name]
            columns[:, chosen] = columns[order][:, chosen] if chosen else columns[:, chosen]
        return ensemble.predict(permuted)

    expected = permuted_shares(predict, ["spectra", "50", "100"], 0)
    assert min(expected.values()) > 0.01
    assert source_shares(ensemble, features, sources, LAYOUT, 0).timesteps == pytest.approx(expected, abs=1e-6)


def test_spectra_alone_leave_all_cells_at_zero():
    rng = np.random.default_rng(1)
    class_index = np.arange(240) % 2
    spectra = rng.normal(size=(240, 3)) + 4 * class_index[:, None]
    shares = source_shares(*ensemble_of(np.zeros((240, 8)), spectra, class_index), LAYOUT, 0)
    assert shares.cells == {t: {"0": 0.0, "5": 0.0} for t in ("50", "100")}
    assert shares.timesteps["spectra"] == pytest.approx(1)
    assert list(shares.timesteps) == ["spectra", "50", "100"]


def test_a_model_that_sees_components_of_several_stages_has_no_table_of_cells():
    rng = np.random.default_rng(2)
    class_index = np.arange(240) % 2
    spectra = rng.normal(size=(240, 3)) + 4 * class_index[:, None]
    ensemble, features, sources = ensemble_of(np.zeros((240, 8)), spectra, class_index)
    mixed = {s: [Source("50", "all stages")] * 3 if s in SPECTRA else each for s, each in sources.items()}
    shares = source_shares(ensemble, features, mixed, LAYOUT, 0)
    assert shares.stages["all stages"] == pytest.approx(1)
    assert shares.cells == {}


def test_shuffling_nothing_counts_nothing_and_shuffling_all_counts_most():
    x = torch.randn(60, 3, generator=torch.Generator().manual_seed(0))
    columns = {"nothing": [], "one": [0], "all": [0, 1, 2]}

    def predict(name, order):
        values = x.clone()
        if name is not None:
            values[:, columns[name]] = x[order][:, columns[name]]
        return (3 * values).softmax(dim=1)

    shares = permuted_shares(predict, columns, 0)
    assert shares["nothing"] == 0
    assert shares["all"] == max(shares.values())
    assert sum(shares.values()) == pytest.approx(1)
    constant = permuted_shares(lambda _name, _order: torch.full((60, 2), 0.5), ["a", "b"], 0)
    assert constant == {"a": 0.0, "b": 0.0}


def test_a_raster_without_timesteps_has_no_cells():
    assert cell_table(FeatureLayout(features=6), {}) == {}
    assert cell_table(LAYOUT, {Source("50", "5"): 0.25})["50"] == {"0": 0.0, "5": 0.25}


def test_a_classifier_of_all_timesteps_rests_on_the_planted_cell_and_purified_columns_keep_their_stage():
    generator = torch.Generator().manual_seed(0)
    classes = torch.arange(150) % 2
    local = torch.randn(150, 2, 4, generator=generator)
    local[:, 1, 2:] += 6.0 * classes[:, None]
    around = torch.zeros(150, 2, 1)
    purified = Purified(torch.tensor([3, 0, 2, 1]), torch.tensor([1]))
    samples = LabelledFeatures(local[:, :, purified.local], around, classes)
    fitted = LogisticRegression(2, seed=0).fit(samples, silent)
    told = []
    cells = cell_shares(FusionRule(fitted, purified, 2), samples, LAYOUT, 0, lambda share, _: told.append(share))
    assert cells["100"]["5"] >= 0.9
    assert sum(sum(row.values()) for row in cells.values()) == pytest.approx(1)
    assert told == [0.25, 0.5, 0.75, 1.0]
