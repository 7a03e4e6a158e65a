# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import numpy as np
import pytest
import torch
from scenes import cube_of, fields

from mtmsd_qgis.classification.auto.feature_sets import BOXES, GUIDE, MARGIN, ViewReader
from mtmsd_qgis.classification.context.joint_bilateral import neighbour_weights, smooth
from mtmsd_qgis.io.windows import Tile, Window, expand, whole
from mtmsd_qgis.jobs.data_model import FeatureLayout

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
    return ViewReader(cube_of(tmp_path_factory.mktemp("views"), values), LAYOUT, CPU)


def test_every_view_has_a_source_for_each_column_and_is_finite(reader):
    tile = reader.windows(reader.names)[0]
    views, valid = reader.read(tile, reader.names)
    assert set(views) == set(reader.names)
    assert not valid[:, :5].any()
    assert valid[:, 5:].all()
    for name, view in views.items():
        assert view.shape == (len(reader.sources(name)), *valid.shape), name
        assert torch.isfinite(view).all(), name


def test_views_do_not_depend_on_the_window(reader):
    names = reader.names
    large = whole(60, 70)
    views, _ = reader.read(Tile(large, expand(large, MARGIN, MARGIN)), names)
    core = Window(20, 30, 16, 16)
    parts, _ = reader.read(Tile(core, expand(core, MARGIN, MARGIN)), names)
    for name in names:
        assert torch.allclose(views[name][:, 20:36, 30:46], parts[name], atol=2e-4), name


def test_sources_tell_timesteps_stages_and_spectra_apart(reader):
    assert {s.kind for s in reader.sources("spectra")} == {"spectra"}
    assert {(s.timestep, s.stage) for s in reader.sources("fine")} == {(50, 5)}
    assert {(s.timestep, s.stage) for s in reader.sources("wide")} == {(50, 3), (50, 5), (200, 3), (200, 5)}


def test_the_spectra_are_standardised_and_the_boxes_are_means(reader, values):
    core = whole(60, 70)
    views, valid = reader.read(Tile(core, expand(core, MARGIN, MARGIN)), ["spectra", "boxes"])
    spectra = views["spectra"][:, torch.from_numpy(valid)]
    assert spectra.mean(dim=1).abs().max() < 0.1
    assert torch.allclose(spectra.std(dim=1), torch.ones(6), atol=0.1)
    boxes = views["boxes"].view(1 + len(BOXES), -1, 60, 70)
    around = boxes[0, 0, 29:32, 39:42].mean()
    assert boxes[1, 0, 30, 40] == pytest.approx(float(around), abs=1e-4)


def test_plain_bands_have_no_diffusion_views(tmp_path, values):
    array = np.nan_to_num(values[8:], nan=-1.0)
    reader = ViewReader(cube_of(tmp_path, array, nodata=-1.0), FeatureLayout(features=6), CPU)
    assert "wide" not in reader.names
    assert "fine" not in reader.names
    tile = reader.windows(reader.names)[0]
    views, _ = reader.read(tile, reader.names)
    assert all(torch.isfinite(view).all() for view in views.values())


def test_a_scene_without_variance_gives_finite_views(tmp_path):
    array = np.full((3, 40, 40), 7.0, dtype=np.float32)
    reader = ViewReader(cube_of(tmp_path, array), FeatureLayout(features=3), CPU)
    views, _ = reader.read(reader.windows(reader.names)[0], reader.names)
    assert all(torch.isfinite(view).all() for view in views.values())


def test_very_many_bands_are_reduced(tmp_path):
    rng = np.random.default_rng(0)
    array = rng.normal(size=(320, 40, 40)).astype(np.float32)
    reader = ViewReader(cube_of(tmp_path, array), FeatureLayout(features=320), CPU)
    assert len(reader.sources("spectra")) == 300
    views, _ = reader.read(reader.windows(["spectra"])[0], ["spectra"])
    assert views["spectra"].shape[0] == 300


def test_noise_fractions_have_most_signal_first_and_variance_one(tmp_path):
    """Two bands with the same noise, one with a broad pattern too, and a loud band of noise alone."""
    rng = np.random.default_rng(3)
    pattern = 5 * np.sin(np.arange(60) / 9)[:, None] * np.cos(np.arange(70) / 11)
    array = rng.normal(size=(3, 60, 70)) * np.array([1, 1, 20])[:, None, None]
    array[0] += pattern
    reader = ViewReader(cube_of(tmp_path, array.astype(np.float32)), FeatureLayout(features=3), CPU)
    core = whole(60, 70)
    views, _ = reader.read(Tile(core, expand(core, MARGIN, MARGIN)), ["fractions", "spectra"])
    flat = views["fractions"].flatten(1)
    assert torch.allclose(torch.cov(flat), torch.eye(3), atol=0.1)
    correlation = np.corrcoef(flat[0].numpy(), pattern.reshape(-1))[0, 1]
    assert abs(correlation) > 0.9
    assert abs(np.corrcoef(flat[2].numpy(), pattern.reshape(-1))[0, 1]) < 0.2


def test_the_guide_is_a_view_and_the_bands_it_reads_are_said(reader):
    core = Window(10, 12, 20, 24)
    views, _ = reader.read(Tile(core, expand(core, MARGIN, MARGIN)), [GUIDE])
    assert views[GUIDE].shape == (len(reader.sources(GUIDE)), 20, 24)
    assert 0.3 < float(views[GUIDE].square().mean().sqrt()) < 2
    assert reader.bands_of([GUIDE]) == sorted({*reader.plan.base, *reader.plan.guide})


@pytest.mark.parametrize("step", [1, 2])
def test_neighbours_some_steps_apart_are_weighed_as_a_naive_loop_does(step):
    guide, values = torch.randn(2, 2, 23, 21, generator=torch.Generator().manual_seed(1))
    known = torch.ones(23, 21, dtype=torch.bool)
    known[::5, ::3] = False
    found = smooth(values, neighbour_weights(guide, known, 0.8, step), step)
    for row, col in ((11, 10), (0, 0), (22, 4)):
        total, weight = torch.zeros(2), 0.0
        for r in range(row - 4 * step, row + 4 * step + 1, step):
            for c in range(col - 4 * step, col + 4 * step + 1, step):
                if 0 <= r < 23 and 0 <= c < 21 and known[r, c]:
                    distance = (guide[:, r, c] - guide[:, row, col]).square().mean()
                    share = float(torch.exp(-distance / (2 * 0.8**2)))
                    total, weight = total + share * values[:, r, c], weight + share
        assert torch.allclose(found[:, row, col], total / weight, atol=1e-4)


def test_smoothing_stops_at_a_border_and_leaves_out_what_is_unknown():
    guide = torch.zeros(1, 20, 20)
    guide[:, :, 10:] = 3.0
    known = torch.ones(20, 20, dtype=torch.bool)
    known[5, 5] = False
    weights = neighbour_weights(guide, known)
    assert torch.allclose(weights.sum(dim=0), torch.ones(20, 20), atol=1e-5)
    noise = torch.randn(1, 20, 20, generator=torch.Generator().manual_seed(0))
    values = guide + noise
    values[0, 5, 5] = 1e6
    smoothed = smooth(values, weights)
    assert (smoothed[0, 2:-2, 2:9] - 0.0).abs().max() < 0.8
    assert (smoothed[0, 2:-2, 11:-2] - 3.0).abs().max() < 0.8
