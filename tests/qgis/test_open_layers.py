# SPDX-License-Identifier: GPL-2.0-or-later
"""Layers that lie in the project when a run writes their files anew."""

from __future__ import annotations

import numpy as np
import pytest
from qgis.core import QgsProject, QgsRasterLayer, QgsVectorLayer
from scenes import legend, run, write_raster
from split_layers import points


@pytest.fixture
def project():
    yield QgsProject.instance()
    QgsProject.instance().clear()


def values_shown(layer):
    block = layer.dataProvider().block(1, layer.extent(), layer.width(), layer.height())
    return {block.value(i) for i in range(layer.width() * layer.height())}


def name_clusters(folder, table, *, columns=40):
    """Clusters 1 and 2 side by side, named."""
    values = np.broadcast_to(np.arange(columns) * 2 // columns + 1, (20, columns)).astype(np.uint8)
    clusters = write_raster(folder / f"clusters_{columns}.tif", values[None], nodata=0)
    run("nameclusters", {"INPUT": str(clusters), "TABLE": table, "OUTPUT": str(folder / "named.tif")})
    return folder / "named.tif"


def test_a_map_that_is_made_again_shows_its_new_classes(tmp_path, project):
    """It showed the old pixels under the new legend."""
    path = name_clusters(tmp_path, [1, "7", 2, "9"])
    layer = project.addMapLayer(QgsRasterLayer(str(path), "map"))
    other = project.addMapLayer(QgsRasterLayer(str(tmp_path / "clusters_40.tif"), "clusters"))
    assert values_shown(layer) == {7, 9}
    name_clusters(tmp_path, [1, "water", 2, "forest"], columns=60)
    assert values_shown(layer) == {1, 2}
    assert layer.width() == 60
    assert layer.extent() == layer.dataProvider().extent()
    assert sorted(label for _, label, _ in legend(layer)) == ["forest", "water"]
    assert values_shown(other) == {1, 2}
    assert layer.name() == "map"


def test_samples_that_are_split_again(tmp_path, project):
    names = {"OUTPUT_TRAINING": str(tmp_path / "training.gpkg"), "OUTPUT_VALIDATION": str(tmp_path / "validation.gpkg")}
    shared = {"INPUT": points(20), "CLASS_FIELD": "cover", "METHOD": "random", **names}
    run("splitsamples", {**shared, "SHARE": 0.5})
    layer = project.addMapLayer(QgsVectorLayer(names["OUTPUT_TRAINING"], "training", "ogr"))
    assert layer.featureCount() == 20
    run("splitsamples", {**shared, "SHARE": 0.25})
    assert len(list(layer.getFeatures())) == layer.featureCount() == 30
