# SPDX-License-Identifier: GPL-2.0-or-later
"""Prototypes, their tree, the number of clusters, colours and places."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.cluster.hierarchy import fcluster, linkage

from mtmsd_qgis.classification.clusters.cluster_colors import cluster_colors, natural_bands
from mtmsd_qgis.classification.clusters.cluster_cut import ClusterCut
from mtmsd_qgis.classification.clusters.cluster_model import ClusterModel
from mtmsd_qgis.classification.clusters.pixel_view import PixelDraw
from mtmsd_qgis.classification.clusters.prototypes import k_means
from mtmsd_qgis.classification.clusters.scene_clusters import SceneClusters
from mtmsd_qgis.classification.clusters.stability import stability
from mtmsd_qgis.classification.clusters.suggestions import suggested_places
from mtmsd_qgis.classification.clusters.ward_tree import ward_tree
from mtmsd_qgis.errors import SceneError
from mtmsd_qgis.jobs.clusters.cluster_map import ClusterSettings
from mtmsd_qgis.jobs.data_model import Band
from mtmsd_qgis.progress import silent


def planted(kinds, seed=0, *, pixels=2000, columns=8):
    """A draw of so many kinds of fields, six of them in each of 40 windows, in noise; 0 kinds: noise alone."""
    rng = np.random.default_rng(seed)
    cells = np.repeat(np.arange(40), pixels // 40)
    values = rng.normal(size=(pixels, columns))
    truth = np.zeros(pixels, dtype=np.int64)
    if kinds:
        truth = rng.integers(kinds, size=(40, 6))[cells, rng.integers(6, size=pixels)]
        values += rng.normal(size=(kinds, columns))[truth] * 3
    rows, cols = np.divmod(np.arange(pixels), 50)
    return PixelDraw(torch.from_numpy(values).float(), values.astype(np.float32), rows, cols, cells), truth


def test_the_tree_is_that_of_scipy_where_each_point_stands_for_one_pixel():
    points = np.random.default_rng(0).normal(size=(60, 4))
    tree = ward_tree(points, np.ones(60), points[:, 0])
    merges = linkage(points, "ward")
    np.testing.assert_allclose(np.sqrt(2 * tree.costs), merges[:, 2], rtol=1e-9)
    for clusters in (2, 5, 17):
        pairs = set(zip(tree.cut(clusters), fcluster(merges, clusters, "maxclust")))
        assert len(pairs) == clusters


def test_a_point_of_weight_three_is_three_points():
    points = np.random.default_rng(1).normal(size=(12, 3))
    weights = np.array([3.0, 1, 2] * 4)
    heavy = ward_tree(points, weights, points[:, 0])
    each = np.repeat(np.arange(12), weights.astype(int))
    light = ward_tree(points[each], np.ones(len(each)), points[each, 0])
    np.testing.assert_allclose(heavy.costs, light.costs[-11:], rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(heavy.cut(4)[each], light.cut(4))


def test_clusters_are_numbered_from_dark_to_bright_branches_and_nested():
    points = np.array([[9.0], [1.0], [8.0], [0.0], [20.0]])
    tree = ward_tree(points, np.ones(5), points[:, 0])
    assert tree.cut(3).tolist() == [1, 0, 1, 0, 2]
    assert tree.cut(5).tolist() == [3, 1, 2, 0, 4]
    for clusters in range(1, 5):
        assert len(set(zip(tree.cut(clusters), tree.cut(clusters + 1)))) == clusters + 1


def test_pixels_that_differ_by_little_of_their_size_have_prototypes_of_their_own():
    """Spectra of one field lie close together and far from 0."""
    pixels = 1 + torch.arange(200)[:, None] * 1e-4 * torch.ones(1, 4)
    assert len(k_means(pixels, 30)[0]) > 20


def test_prototypes_are_the_same_twice_and_no_more_than_pixels_differ():
    draw, _ = planted(5)
    one, other = k_means(draw.values, 30), k_means(draw.values, 30)
    assert torch.equal(one[0], other[0])
    repeated = torch.tensor([[0.0], [1.0], [5.0]]).repeat(40, 1)
    prototypes, own = k_means(repeated, 30)
    assert sorted(prototypes.flatten().tolist()) == [0, 1, 5]
    assert len(set(own.tolist())) == 3


@pytest.mark.parametrize("kinds", [3, 6, 12])
def test_the_number_of_kinds_of_fields_is_proposed(kinds):
    draw, truth = planted(kinds)
    found = SceneClusters.find(draw, ClusterSettings(), silent)
    assert (found.choice, found.cut.clusters) == ("proposed", kinds)
    own, confidence = found.cut.find(draw.values)
    assert len(set(zip(found.cut.labels[own], truth))) < kinds * 2
    assert confidence.mean() == pytest.approx(min(found.agreement, 1.0), abs=0.02)


def test_white_noise_has_no_stable_clusters():
    draw, _ = planted(0)
    found = SceneClusters.find(draw, ClusterSettings(), silent)
    assert (found.choice, found.cut.clusters) == ("unstable", 8)
    assert "No stable clusters" in found.sentence


@pytest.mark.parametrize("side", [24, 40])  # one window, and four
def test_kinds_that_lie_apart_are_found_in_both_halves_of_a_small_scene(side):
    rows, cols = (part.ravel() for part in np.mgrid[:side, :side])
    kinds = 2 * (rows >= side // 2) + (cols >= side // 2)
    rng = np.random.default_rng(0)
    values = (rng.normal(size=(4, 5)) * 6)[kinds] + rng.normal(size=(side * side, 5))
    cells = rows // 32 * 2 + cols // 32
    draw = PixelDraw(torch.from_numpy(values).float(), values.astype(np.float32), rows, cols, cells)
    found = stability(draw, values[:, 0], range(2, 8), silent)
    assert (found.proposed, found.is_stable) == (4, True)
    assert found.agreements[4] > 0.9


def first_pixels(count):
    draw, _ = planted(0)
    parts = (draw.values, draw.spectra, draw.rows, draw.cols)
    return PixelDraw(*(part[:count] for part in parts), np.arange(count) // (count // 2))  # in two windows


@pytest.mark.parametrize(("pixels", "clusters", "choice"), [(64, 40, "given"), (2, 0, "unknown")])
def test_halves_that_cannot_be_compared_leave_the_agreement_unknown(pixels, clusters, choice):
    found = SceneClusters.find(first_pixels(pixels), ClusterSettings(clusters=clusters), silent)
    assert (found.choice, found.agreement) == (choice, None)
    assert "is not known" in found.sentence
    assert "too few different pixels to be compared" in found.sentence
    assert "%" not in found.sentence


def test_names_of_levels_say_what_is_part_of_what():
    draw, _ = planted(6)
    found = SceneClusters.find(draw, ClusterSettings(clusters=6, levels=(2, 3, 6)), silent)
    names = [[entry.name for entry in level.classes] for level in found.levels((2, 3, 6), [Band()] * 8)]
    assert names[0] == ["cluster 1", "cluster 2"]
    parted = names[1][0].endswith(".1")
    assert names[1] == (
        ["cluster 1.1", "cluster 1.2", "cluster 2"] if parted else ["cluster 1", "cluster 2.1", "cluster 2.2"]
    )
    assert len(set(names[2])) == 6
    assert [len(merge.left + merge.right) for merge in found.merges()][-1] == 6


def test_too_few_different_pixels_are_refused():
    draw, _ = planted(3)
    same = PixelDraw(draw.values[:1].repeat(50, 1), draw.spectra[:50], draw.rows[:50], draw.cols[:50], draw.cells[:50])
    with pytest.raises(SceneError, match="At least 2 pixels that differ"):
        SceneClusters.find(same, ClusterSettings(), silent)


def test_places_are_typical_apart_and_of_the_largest_cluster_first():
    draw, _ = planted(4)
    cut = ClusterCut.of(ClusterModel.fit(draw.values, draw.values[:, 0].double().numpy()), 4)
    places = suggested_places(draw, cut)
    sizes = np.bincount(cut.labels[cut.find(draw.values)[0]])
    assert [place.rank for place in places] == [1, 2, 3] * 4
    assert [place.cluster - 1 for place in places[::3]] == np.argsort(-sizes, kind="stable").tolist()
    for first, second in zip(places[::3], places[1::3]):
        assert max(abs(first.row - second.row), abs(first.col - second.col)) > 8


def test_colours_are_those_of_the_land_and_differ():
    bands = [Band(wavelength_nm=nm) for nm in (450.0, 550.0, 650.0, 850.0)]
    assert natural_bands(bands) == (2, 1, 0)
    assert natural_bands([Band(wavelength_nm=1000.0)] * 4) is None
    pixels = np.random.default_rng(0).random((500, 4)).astype(np.float32)
    means = np.array([[0.1, 0.1, 0.9, 0.5], [0.1, 0.9, 0.1, 0.5], [0.1, 0.9, 0.1, 0.5], [0.9, 0.1, 0.1, 0.5]])
    colors = [[int(color[i : i + 2], 16) for i in (1, 3, 5)] for color in cluster_colors(means, pixels, bands)]
    assert colors[0][0] > 2 * max(colors[0][1:])
    assert colors[3][2] > 2 * max(colors[3][:2])
    assert len({tuple(color) for color in colors}) == 4
    assert len(set(cluster_colors(means, pixels, [Band()] * 4))) == 4
    grey = cluster_colors(means[:, :1], pixels[:, :1], bands[:1])
    assert len(set(grey)) == 4
