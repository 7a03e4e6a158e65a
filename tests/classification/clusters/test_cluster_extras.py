# SPDX-License-Identifier: GPL-2.0-or-later
"""Pixels with and without extra rasters have clusters of the same tree."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from mtmsd_qgis.classification.clusters.cluster_cut import ClusterCut
from mtmsd_qgis.classification.clusters.cluster_model import ClusterModel
from mtmsd_qgis.classification.clusters.extra_columns import filled_from_alike
from mtmsd_qgis.classification.clusters.pixel_view import PixelDraw
from mtmsd_qgis.classification.clusters.scene_clusters import SceneClusters
from mtmsd_qgis.classification.clusters.suggestions import suggested_places
from mtmsd_qgis.jobs.clusters.cluster_map import ClusterSettings
from mtmsd_qgis.progress import silent


def test_pixels_without_extras_take_those_of_the_pixel_most_like_them():
    values = torch.tensor([[0.0, 0.0, 7.0], [5.0, 5.0, 9.0], [4.0, 6.0, 0.0], [0.0, 1.0, 0.0]])
    filled = filled_from_alike(values, np.array([True, True, False, False]), 2)
    assert filled[:, 2].tolist() == [7.0, 9.0, 9.0, 7.0]
    assert torch.equal(filled[:, :2], values[:, :2])
    assert torch.equal(values[2:, 2], torch.zeros(2))  # the view itself is as it was


@pytest.mark.parametrize("known", [True, False])
def test_where_all_or_none_are_known_nothing_is_taken_over(known):
    values = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    assert filled_from_alike(values, np.full(5, known), 2) is values


def planted(count=1200, seed=0):
    """Three groups by their first two columns; the first of them two by the third column, which is the extra."""
    rng = np.random.default_rng(seed)
    kind = np.arange(count) % 4
    values = rng.normal(0, 0.2, size=(count, 3))
    values[:, 0] += np.array([0, 0, 6, 12])[kind]
    values[:, 2] += np.array([-3, 3, 0, 0])[kind]
    spectra = values.astype(np.float32)
    cells = rng.integers(0, 40, count)
    return PixelDraw(torch.from_numpy(spectra), spectra, np.arange(count), np.zeros(count, np.int64), cells, 2), kind


def test_pixels_of_which_the_extra_is_not_known_get_the_cluster_of_their_other_columns():
    draw, kind = planted()
    found = SceneClusters.find(draw, ClusterSettings(clusters=4), silent)
    known = np.arange(len(draw)) % 3 > 0
    values = torch.where(torch.from_numpy(known)[:, None] | (torch.arange(3) < 2), draw.values, 0.0)
    own, confidence = found.cut.find_each(values, known)
    cluster = found.cut.labels[own]
    complete = found.cut.labels[found.cut.find(draw.values)[0]]
    assert np.array_equal(cluster[known], complete[known])
    alone = kind >= 2  # kinds that their own columns tell apart
    assert (cluster == complete)[~known & alone].all()
    alike = [set(complete[kind == k]) for k in (0, 1)]
    assert alike[0] != alike[1]
    assert set(cluster[~known & ~alone]) <= alike[0] | alike[1]
    assert confidence[~known & ~alone].mean() < confidence[known & ~alone].mean()


def test_places_and_mean_spectra_are_of_the_clusters_that_the_map_has_where_the_extra_is_not_known():
    draw, _ = planted()
    known = np.random.default_rng(1).random(len(draw)) < 0.6
    draw = replace(draw, values=filled_from_alike(draw.values, known, 2), known=known)
    found = SceneClusters.find(draw, ClusterSettings(clusters=4), silent)
    mapped = torch.where(torch.from_numpy(known)[:, None] | (torch.arange(3) < 2), draw.values, 0.0)
    own, confidence = found.cut.find_each(mapped, known)
    cluster = found.cut.labels[own]
    assert (cluster != found.cut.labels[found.cut.find(draw.values)[0]]).mean() > 0.05
    places = suggested_places(draw, found.cut)
    assert len(places) == 12
    assert not known[[place.row for place in places]].all()
    for place in places:
        assert (place.cluster, place.confidence) == (cluster[place.row] + 1, pytest.approx(confidence[place.row]))
    expected = [draw.spectra[cluster == number].mean(axis=0) for number in range(4)]
    np.testing.assert_allclose(found.spectra(4), expected, rtol=1e-4)


def test_a_model_of_the_first_columns_has_the_means_of_its_prototypes():
    draw, _ = planted(300)
    model = ClusterModel.fit(draw.values, np.arange(300.0))
    plain = model.of_first_columns(draw.values, 2)
    own, _ = model.nearest(draw.values)
    expected = torch.stack([draw.values[own == n][:, :2].mean(dim=0) for n in range(model.most_clusters)])
    assert torch.allclose(plain.prototypes, expected @ plain.metric, atol=1e-3)
    assert plain.tree is model.tree
    assert ClusterCut.of(plain, 4).labels.tolist() == ClusterCut.of(model, 4).labels.tolist()
