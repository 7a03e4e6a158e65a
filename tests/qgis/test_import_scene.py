# SPDX-License-Identifier: GPL-2.0-or-later
"""Import of a benchmark scene from MATLAB files."""

from __future__ import annotations

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


def test_import_of_a_benchmark_scene(tmp_path, project, torch_python):
    import subprocess

    code = (
        "import sys, numpy as np, scipy.io as s; r = np.random.default_rng(0); g = np.zeros((9, 7)); g[2, 3] = 2;"
        "g[8, 0] = 1; s.savemat(sys.argv[1], {'cube': r.integers(0, 9, (9, 7, 5), dtype=np.int16)});"
        "s.savemat(sys.argv[2], {'gt': g})"
    )
    subprocess.run([torch_python, "-c", code, str(tmp_path / "s.mat"), str(tmp_path / "g.mat")], check=True)
    results = run(
        "importscene",
        {
            "INPUT": str(tmp_path / "s.mat"), "GROUND_TRUTH": str(tmp_path / "g.mat"), "PIXEL_SIZE": 20,
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
