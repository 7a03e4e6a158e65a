# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from mtmsd_qgis.classification.auto import scene_scaling
from mtmsd_qgis.classification.auto.feature_reader import FeatureSetReader
from mtmsd_qgis.classification.auto.feature_sets import MARGIN, FeatureSet
from mtmsd_qgis.classification.feature_value.column_sources import column_sources
from mtmsd_qgis.io.windows import Tile, Window, expand, whole
from mtmsd_qgis.jobs.data_model import FeatureLayout
from mtmsd_qgis.progress import silent
from mtmsd_qgis.sampling.sample_table import SampleTable
from tests.scenes import cube_of, fields

CPU = torch.device("cpu")
LAYOUT = FeatureLayout(timesteps=(50, 200), features=4, names=("s3 c000", "s3 c001", "s5 c000", "s5 c001"), spectra=6)


@pytest.fixture(scope="module")
def values():
    """Two timesteps of four features and six bands, with a strip of no data."""
    spectra, index = fields(60, 70, bands=6)
    rng = np.random.default_rng(1)
    features = index[None] * np.arange(1, 9)[:, None, None] + rng.normal(0, 0.2, size=(8, 60, 70))
    array = np.concatenate([features, spectra]).astype(np.float32)
    array[:, :, :5] = np.nan
    return array


@pytest.fixture(scope="module")
def reader(values, tmp_path_factory):
    return FeatureSetReader.fit(cube_of(tmp_path_factory.mktemp("features"), values), LAYOUT, CPU)


def of_window(reader, window, wanted):
    return reader.read(Tile(window, expand(window, MARGIN, MARGIN)), wanted)


def test_every_feature_set_has_a_source_for_each_column_and_is_finite(reader):
    assert reader.available == [feature_set for feature_set in FeatureSet if not feature_set.is_extra]
    tile = reader.windows(reader.available)[0]
    features, valid = reader.read(tile, reader.available)
    assert not valid[:, :5].any()
    assert valid[:, 5:].all()
    for feature_set, columns in features.items():
        assert columns.shape == (reader.columns(feature_set), *valid.shape), feature_set
        assert len(column_sources(reader, feature_set)) == len(columns), feature_set
        assert torch.isfinite(columns).all(), feature_set


def test_feature_sets_do_not_depend_on_the_window(reader):
    large, _ = of_window(reader, whole(60, 70), reader.available)
    small, _ = of_window(reader, Window(20, 30, 16, 16), reader.available)
    for feature_set in reader.available:
        assert torch.allclose(large[feature_set][:, 20:36, 30:46], small[feature_set], atol=2e-4), feature_set


def test_features_at_samples_are_those_of_their_pixels(reader):
    whole_scene, _ = of_window(reader, whole(60, 70), [FeatureSet.SPECTRA])
    rows, cols = np.array([50, 3, 20]), np.array([60, 2, 33])  # the second has no data
    table = SampleTable(rows, cols, np.array([0, 1, 0]), np.array([0, 1, 2]))
    features, order = reader.at_samples(table, [FeatureSet.SPECTRA], silent)
    assert sorted(order) == [0, 2]
    expected = whole_scene[FeatureSet.SPECTRA][:, rows[order], cols[order]].T
    assert torch.allclose(features[FeatureSet.SPECTRA], expected, atol=1e-5)


def test_sources_tell_timesteps_stages_and_spectra_apart(reader):
    assert set(column_sources(reader, FeatureSet.SPECTRA)) == {("spectra", "spectra")}
    sources = set(column_sources(reader, FeatureSet.FEATURE_MEANS))
    assert sources == {("50", "3"), ("50", "5"), ("200", "3"), ("200", "5")}
    assert column_sources(reader, FeatureSet.FEATURE_MEANS)[0] == ("50", "3")


def test_components_of_features_of_several_stages_are_of_no_stage_in_particular(values, tmp_path, monkeypatch):
    monkeypatch.setattr(scene_scaling, "MOST_BANDS", 3)
    without_spectra = replace(LAYOUT, spectra=0)
    reader = FeatureSetReader.fit(cube_of(tmp_path, values[:8]), without_spectra, CPU)
    for feature_set in (FeatureSet.SPECTRA, FeatureSet.COMPONENT_MEANS):
        assert set(column_sources(reader, feature_set)) == {("50", "all stages")}
    one_stage = replace(without_spectra, names=("s3 c000", "s3 c001", "s3 c002", "s3 c003"))
    assert set(column_sources(replace(reader, layout=one_stage), FeatureSet.SPECTRA)) == {("50", "3")}


def test_spectra_are_standardised_smoothed_within_fields_and_means_are_means(reader):
    wanted = [FeatureSet.SPECTRA, FeatureSet.STRONGLY_SMOOTHED_SPECTRA, FeatureSet.COMPONENT_MEANS]
    features, valid = of_window(reader, whole(60, 70), wanted)
    spectra, smoothed = (features[s][:, torch.from_numpy(valid)] for s in wanted[:2])
    assert spectra.mean(dim=1).abs().max() < 0.1
    assert torch.allclose(spectra.std(dim=1), torch.ones(6), atol=0.1)
    field = np.s_[:, 5:25, 10:30]
    assert (features[wanted[1]][field].std(dim=(1, 2)) < 0.5 * features[wanted[0]][field].std(dim=(1, 2))).all()
    assert torch.allclose(smoothed.mean(dim=1), spectra.mean(dim=1), atol=0.1)
    means = features[FeatureSet.COMPONENT_MEANS].view(1 + len(FeatureSet.COMPONENT_MEANS.boxes), -1, 60, 70)
    assert means[1, 0, 30, 40] == pytest.approx(float(means[0, 0, 28:33, 38:43].mean()), abs=1e-4)


def test_whitened_spectra_have_even_noise_and_more_signal(tmp_path):
    """Two bands with the same noise, one with a broad pattern too, and a loud band of noise alone."""
    rng = np.random.default_rng(3)
    pattern = 5 * np.sin(np.arange(60) / 9)[:, None] * np.cos(np.arange(70) / 11)
    array = rng.normal(size=(3, 60, 70)) * np.array([1, 1, 20])[:, None, None]
    array[0] += pattern
    reader = FeatureSetReader.fit(cube_of(tmp_path, array.astype(np.float32)), FeatureLayout(features=3), CPU)
    features, _ = of_window(reader, whole(60, 70), [FeatureSet.WHITENED_SPECTRA, FeatureSet.SPECTRA])
    noise = [(columns[:, :, 1:] - columns[:, :, :-1]).std(dim=(1, 2)) for columns in features.values()]
    assert noise[0].max() / noise[0].min() < 0.5 * noise[1].max() / noise[1].min()
    share = [columns[0].var() / columns.var(dim=(1, 2)).sum() for columns in features.values()]
    assert share[0] > 1.5 * share[1]


def test_plain_bands_have_no_diffusion_features(tmp_path, values):
    array = np.nan_to_num(values[8:], nan=-1.0)
    reader = FeatureSetReader.fit(cube_of(tmp_path, array, nodata=-1.0), FeatureLayout(features=6), CPU)
    assert FeatureSet.FEATURE_MEANS not in reader.available
    features, _ = reader.read(reader.windows(reader.available)[0], reader.available)
    assert all(torch.isfinite(columns).all() for columns in features.values())
    assert len(features[FeatureSet.GUIDE]) == reader.guide_channels


def test_a_scene_without_variance_gives_finite_features(tmp_path):
    array = np.full((3, 40, 40), 7.0, dtype=np.float32)
    reader = FeatureSetReader.fit(cube_of(tmp_path, array), FeatureLayout(features=3), CPU)
    features, _ = reader.read(reader.windows(reader.available)[0], reader.available)
    assert all(torch.isfinite(columns).all() for columns in features.values())


def test_very_many_bands_are_reduced(tmp_path):
    array = np.random.default_rng(0).normal(size=(320, 40, 40)).astype(np.float32)
    reader = FeatureSetReader.fit(cube_of(tmp_path, array), FeatureLayout(features=320), CPU)
    for feature_set in (FeatureSet.SPECTRA, FeatureSet.WHITENED_SPECTRA):
        assert reader.columns(feature_set) == 300
        features, _ = reader.read(reader.windows([feature_set])[0], [feature_set])
        assert features[feature_set].shape[0] == 300


def test_the_guide_and_the_bands_it_reads(reader):
    features, _ = of_window(reader, Window(10, 12, 20, 24), [FeatureSet.GUIDE])
    assert features[FeatureSet.GUIDE].shape == (reader.guide_channels, 20, 24)
    assert 0.3 < float(features[FeatureSet.GUIDE].square().mean().sqrt()) < 2
    assert reader.plan.bands_of([FeatureSet.GUIDE]) == sorted({*reader.plan.base, *reader.plan.guide})
    assert reader.plan.bands_of([FeatureSet.SPECTRA]) == list(reader.plan.base)
