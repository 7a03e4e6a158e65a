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


def test_clusters_without_a_name_or_a_colour_can_be_told_apart(clusters, tmp_path):
    """As those of other software, whose maps have no colours."""
    run("nameclusters", {"INPUT": str(clusters), "TABLE": [2, "water"], "OUTPUT": str(tmp_path / "map.tif")})
    colors = [color for _, _, color in legend(QgsRasterLayer(str(tmp_path / "map.tif")))]
    assert len(set(colors)) == len(colors) == 4


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
        ({"TABLE": [1, "a", 2]}, "3 cells, the last one without a name"),
        (
            {"SAMPLES": points((1, 1, "Forest"), (3, 15, "forest ")), "CLASS_FIELD": "cover"},
            r"several: 'Forest', 'forest'\. Write them alike\.",
        ),
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


@pytest.mark.parametrize("first", [16777216, 2**31 - 4])
def test_large_ids_are_read_as_whole_numbers(tmp_path, first):
    values = np.full((20, 40), 7, np.int64)
    ids = [first, first + 1, first + 2, first + 3]
    raster = write_raster(tmp_path / "large.tif", values[None].astype(np.float32), code=gdal.GDT_Int32)
    dataset = gdal.Open(str(raster), gdal.GA_Update)
    dataset.GetRasterBand(1).WriteArray(np.repeat(ids, 10)[None].repeat(20, axis=0).astype(np.int32))
    dataset = None
    table = [cell for number, name in zip(ids, ("water", "forest", "urban", "bare")) for cell in (number, name)]
    out = tmp_path / "map.tif"
    assert run("nameclusters", {"INPUT": str(raster), "TABLE": table, "OUTPUT": str(out)})["NAMED_SHARE"] == 100
    assert read_raster(out)[0][5, ::10].tolist() == [1, 2, 3, 4]


def test_ids_are_what_is_stored_whatever_scale_the_band_has(clusters, tmp_path):
    dataset = gdal.Open(str(clusters), gdal.GA_Update)
    dataset.GetRasterBand(1).SetScale(0.1)
    dataset = None
    parameters = {"INPUT": str(clusters), "TABLE": [1, "water", 2, "forest"], "UNNAMED": "nodata"}
    assert run("nameclusters", {**parameters, "OUTPUT": str(tmp_path / "map.tif")})["NAMED_SHARE"] == 50
    assert read_raster(tmp_path / "map.tif")[0][5, ::10].tolist() == [1, 2, 0, 0]


def test_labels_that_do_not_count_are_told_of(clusters, tmp_path):
    log = Log()
    layer = points((1, 1, "a"), (500, 3, "b"), (5, 15, "a"), (5, 15, "b"), (0, 7, "a"))
    parameters = {"INPUT": str(clusters), "SAMPLES": layer, "CLASS_FIELD": "cover", "OUTPUT": str(tmp_path / "m.tif")}
    run("nameclusters", parameters, log)
    told = "\n".join(log.warnings)
    assert "1 outside the raster (feature 2)" in told
    assert "1 pixels with labels of different classes (features 3 and 4)" in told
    assert "Labelled pixels where the map has no data, which do not count: 1." in told


def test_two_classes_that_are_equally_many_leave_a_cluster_mixed(clusters, tmp_path):
    log = Log()
    parameters = {"SAMPLES": points((1, 1, "a"), (3, 3, "b")), "CLASS_FIELD": "cover"}
    run("nameclusters", {"INPUT": str(clusters), **parameters, "OUTPUT": str(tmp_path / "m.tif")}, log)
    assert "Cluster 1: (mixed), 2 labelled pixels." in log.text


def test_a_table_may_give_the_value_of_a_class_instead_of_its_name(clusters, tmp_path):
    layer = categorize(points((5, 2, "water"), (5, 12, "forest")))
    parameters = {"INPUT": str(clusters), "SAMPLES": layer, "CLASS_FIELD": "cover", "TABLE": [3, "water", 4, "FOREST"]}
    out = tmp_path / "map.tif"
    assert run("nameclusters", {**parameters, "OUTPUT": str(out)})["NAMED_SHARE"] == 100
    assert [label for _, label, _ in legend(QgsRasterLayer(str(out)))] == ["FOREST", "WATER"]
    named = read_raster(out)[0][5]
    assert (named[2], named[12]) == (named[22], named[32])


def test_a_table_may_spell_numbers_as_it_likes_and_new_ones_are_ids(clusters, tmp_path):
    layer = vector_layer([(point_in_pixel(5, 2), 7), (point_in_pixel(5, 12), 9)], "Point", field_type="integer")
    parameters = {"INPUT": str(clusters), "SAMPLES": layer, "CLASS_FIELD": "cover", "OUTPUT": str(tmp_path / "m.tif")}
    run("nameclusters", {**parameters, "TABLE": [3, "07", 4, 9.0]})
    assert read_raster(tmp_path / "m.tif")[0][5, ::10].tolist() == [7, 9, 7, 9]
    names = {"INPUT": str(clusters), "TABLE": [1, "5", 2, "wet  land", 3, "1", 4, "Wet land"]}
    run("nameclusters", {**names, "OUTPUT": str(tmp_path / "n.tif")})
    assert [(id_, label) for id_, label, _ in legend(QgsRasterLayer(str(tmp_path / "n.tif")))] == [
        (1, "1"),
        (2, "wet  land"),
        (5, "5"),
    ]
    assert read_raster(tmp_path / "n.tif")[0][5, ::10].tolist() == [5, 2, 1, 2]


def test_a_map_on_which_no_cluster_would_be_left_is_refused(clusters, tmp_path):
    parameters = {"SAMPLES": points((1, 1, "a"), (3, 3, "b")), "CLASS_FIELD": "cover", "UNNAMED": "nodata"}
    with pytest.raises(QgsProcessingException, match=r"none has one, so the map would have no data"):
        run("nameclusters", {"INPUT": str(clusters), **parameters, "OUTPUT": str(tmp_path / "m.tif")})
    assert not (tmp_path / "m.tif").exists()
