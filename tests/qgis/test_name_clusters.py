# SPDX-License-Identifier: GPL-2.0-or-later
"""Clusters that get names from a few points, or from a table."""

from __future__ import annotations

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import QgsProcessingException, QgsRasterLayer
from scenes import COLORS, Log, categorize, legend, point_in_pixel, read_raster, run, vector_layer, write_raster


@pytest.fixture
def clusters(tmp_path):
    """Four clusters in stripes of ten columns; no data in the first row."""
    values = np.broadcast_to(np.arange(40) // 10 + 1, (20, 40)).astype(np.uint8).copy()
    values[0] = 0
    return write_raster(tmp_path / "clusters.tif", values[None], nodata=0)


def points(*places):
    """A layer of (row, column, class)."""
    return vector_layer([(point_in_pixel(row, column), name) for row, column, name in places], "Point")


def test_one_point_in_a_cluster_names_it(clusters, tmp_path):
    layer = categorize(points((5, 2, "water"), (5, 12, "forest"), (6, 33, "water"), (7, 3, "")))
    log = Log()
    parameters = {"INPUT": str(clusters), "SAMPLES": layer, "CLASS_FIELD": "cover"}
    results = run("nameclusters", {**parameters, "OUTPUT": str(tmp_path / "map.tif")}, log)
    named = read_raster(tmp_path / "map.tif")[0]
    assert (results["CLASSES"], results["NAMED_SHARE"]) == (3, 75)
    assert set(named[0]) == {0}
    assert [len(set(named[1:, 10 * i : 10 * i + 10].ravel())) for i in range(4)] == [1, 1, 1, 1]
    first, second, third, fourth = named[5, [0, 10, 20, 30]]
    assert first == fourth
    assert len({first, second, third}) == 3
    shown = {label: color for _, label, color in legend(QgsRasterLayer(str(tmp_path / "map.tif")))}
    assert sorted(shown) == ["FOREST", "WATER", "cluster 3 (no sample)"]
    assert (shown["WATER"], shown["FOREST"]) == (COLORS["water"], COLORS["forest"])
    assert "Cluster 3: (no sample), 0 labelled pixels." in log.text
    results = run("nameclusters", {**parameters, "UNNAMED": "nodata", "OUTPUT": str(tmp_path / "less.tif")})
    assert results["CLASSES"] == 2
    assert set(read_raster(tmp_path / "less.tif")[0][:, 20:30].ravel()) == {0}


def test_a_mixed_cluster_has_no_name_until_a_table_gives_one(clusters, tmp_path):
    mixed = points(*((row, column, name) for row in (3, 9) for column, name in ((1, "a"), (4, "b"), (7, "c"))))
    log = Log()
    parameters = {"INPUT": str(clusters), "SAMPLES": mixed, "CLASS_FIELD": "cover", "OUTPUT": str(tmp_path / "m.tif")}
    assert run("nameclusters", parameters, log)["NAMED_SHARE"] == 0
    assert "Cluster 1: (mixed), 6 labelled pixels." in log.text
    table = {"INPUT": str(clusters), "TABLE": [1, "Water", 2, "land", 3, "Land", 4, "water"]}
    results = run("nameclusters", {**table, "OUTPUT": str(tmp_path / "t.tif")})
    assert (results["CLASSES"], results["NAMED_SHARE"]) == (2, 100)
    named = read_raster(tmp_path / "t.tif")[0]
    assert (named[5, 0], named[5, 10]) == (named[5, 39], named[5, 20])


def test_what_gives_no_name_is_refused_with_one_sentence(clusters, tmp_path):
    far = points((500, 500, "water"))
    for changes, words in (
        ({}, "Names were expected"),
        ({"SAMPLES": points((5, 2, "a"))}, "SAMPLES needs CLASS_FIELD"),
        ({"SAMPLES": far, "CLASS_FIELD": "cover"}, "no feature of the layer training lies on a pixel"),
        ({"TABLE": [1, "a", 9, "b"]}, "TABLE names cluster 9"),
        ({"TABLE": ["x", "a"]}, "TABLE should have"),
        ({"TABLE": [1, "a", 1, "b"]}, "cluster 1 twice"),
    ):
        with pytest.raises(QgsProcessingException, match=words):
            run("nameclusters", {"INPUT": str(clusters), **changes, "OUTPUT": str(tmp_path / "map.tif")})
        assert not (tmp_path / "map.tif").exists()
    empty = write_raster(tmp_path / "empty.tif", np.zeros((1, 20, 40), np.uint8), nodata=0)
    with pytest.raises(QgsProcessingException, match="which the map empty has not; it has no data at all"):
        run("nameclusters", {"INPUT": str(empty), "TABLE": [1, "a"], "OUTPUT": str(tmp_path / "map.tif")})


def test_a_table_names_clusters_of_any_whole_numbers(tmp_path):
    values = np.where(np.arange(20)[:, None] < 10, -3, 70000) * np.ones((1, 20), dtype=int)
    raster = write_raster(tmp_path / "odd.tif", values[None].astype(np.float32), code=gdal.GDT_Int32)
    parameters = {"INPUT": str(raster), "TABLE": ["-3", "water", 70000.0, "land"], "OUTPUT": str(tmp_path / "m.tif")}
    assert run("nameclusters", parameters)["NAMED_SHARE"] == 100
    assert [label for _, label, _ in legend(QgsRasterLayer(parameters["OUTPUT"]))] == ["water", "land"]
