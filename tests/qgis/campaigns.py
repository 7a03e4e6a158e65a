# SPDX-License-Identifier: GPL-2.0-or-later
"""Tiles cut from one made-up scene, and a campaign of them."""

from __future__ import annotations

from pathlib import Path

from osgeo import gdal
from scenes import PRETRAIN, Log, Scene, run

SETTINGS = {**PRETRAIN, "CLASS_FIELD": "cover", "TIMESTEPS": "100,200", "SPLIT": "spatial"}


def tiles_of(scene: Scene, folder: Path, columns: int = 2) -> list[str]:
    """The scene cut into so many tiles side by side, as files."""
    folder.mkdir(parents=True, exist_ok=True)
    dataset = gdal.Open(str(scene.raster))
    width, height = dataset.RasterXSize, dataset.RasterYSize
    cuts = [round(width * i / columns) for i in range(columns + 1)]
    paths = []
    for number, (start, stop) in enumerate(zip(cuts, cuts[1:])):
        path = folder / f"tile{number}.tif"
        gdal.Translate(str(path), dataset, srcWin=[start, 0, stop - start, height])
        paths.append(str(path))
    return paths


def prepared(
    scene: Scene, rasters: list[str], folder: Path, log: Log | None = None, **changes: object
) -> dict[str, object]:
    """What 'Prepare campaign' gives."""
    parameters = {"INPUTS": rasters, "TRAINING": str(scene.polygons), "OUTPUT": str(folder), **SETTINGS, **changes}
    return run("preparecampaign", parameters, log)
