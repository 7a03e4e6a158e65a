# SPDX-License-Identifier: GPL-2.0-or-later
"""Import of a benchmark scene from MATLAB files."""

from __future__ import annotations

import subprocess

import numpy as np
import pytest
from qgis.core import (
    QgsCategorizedSymbolRenderer,
    QgsRasterLayer,
    QgsVectorLayer,
)
from scenes import (
    legend,
    read_raster,
    run,
)

pytestmark = pytest.mark.usefixtures("torch_python")


@pytest.fixture(scope="module")
def matlab(tmp_path_factory, torch_python):
    """A scene of 9 x 7 pixels and its ground truth, which labels two of them."""
    folder = tmp_path_factory.mktemp("matlab")
    code = (
        "import sys, numpy as np, scipy.io as s; r = np.random.default_rng(0); g = np.zeros((9, 7)); g[2, 3] = 2;"
        "g[8, 0] = 1; s.savemat(sys.argv[1], {'cube': r.integers(0, 9, (9, 7, 5), dtype=np.int16)});"
        "s.savemat(sys.argv[2], {'gt': g})"
    )
    subprocess.run([torch_python, "-c", code, str(folder / "s.mat"), str(folder / "g.mat")], check=True)
    return {"INPUT": str(folder / "s.mat"), "GROUND_TRUTH": str(folder / "g.mat")}


def test_import_of_a_benchmark_scene(matlab, tmp_path, project):
    results = run(
        "importscene",
        {
            **matlab, "PIXEL_SIZE": 20,
            "OUTPUT": str(tmp_path / "scene.tif"), "OUTPUT_REFERENCE": str(tmp_path / "labels.tif"),
            "OUTPUT_SAMPLES": str(tmp_path / "labels.gpkg"),
        },
    )  # fmt: skip
    assert read_raster(results["OUTPUT"]).shape == (5, 9, 7)
    labels = read_raster(results["OUTPUT_REFERENCE"])[0]
    assert np.argwhere(labels).tolist() == [[2, 3], [8, 0]]
    raster = QgsRasterLayer(str(tmp_path / "scene.tif"), "scene")
    assert raster.crs().isValid()
    assert (raster.rasterUnitsPerPixelX(), raster.extent().yMinimum()) == (20, 0)
    points = QgsVectorLayer(str(tmp_path / "labels.gpkg"), "points", "ogr")
    found = [
        (f["class_id"], f["class"], f.geometry().asPoint().x(), f.geometry().asPoint().y())
        for f in points.getFeatures()
    ]
    assert found == [(2, "Class 2", 70.0, 130.0), (1, "Class 1", 10.0, 10.0)]
    assert isinstance(points.renderer(), QgsCategorizedSymbolRenderer)
    assert len(legend(QgsRasterLayer(str(tmp_path / "labels.tif"), "labels"))) == 2


def test_points_without_the_label_raster_as_the_dialog_offers_them(matlab, tmp_path):
    results = run(
        "importscene", {**matlab, "OUTPUT": str(tmp_path / "s.tif"), "OUTPUT_SAMPLES": str(tmp_path / "p.gpkg")}
    )
    assert results["OUTPUT_REFERENCE"] is None
    points = QgsVectorLayer(results["OUTPUT_SAMPLES"], "points", "ogr")
    assert [feature["class_id"] for feature in points.getFeatures()] == [2, 1]
