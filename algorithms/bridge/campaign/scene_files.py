# SPDX-License-Identifier: GPL-2.0-or-later
"""What QGIS keeps of each scene in a campaign folder: where its pixels lie on Earth.

Enters: a scene's raster. Leaves: grid.json in the scene's folder, and the Grid from it.
"""

from __future__ import annotations

import json
from pathlib import Path

from qgis.core import QgsCoordinateReferenceSystem, QgsProcessingException

from ....mtmsd_qgis.campaign.folder import Scene, scene_folder
from ..raster.source import Grid

_FILE = "grid.json"
_NUMBERS = 6  # of a geotransform


def write_grid(grid: Grid, folder: Path) -> None:
    """Write a scene's grid into its folder."""
    values = {"transform": list(grid.transform), "wkt": grid.wkt, "georeferenced": grid.georeferenced}
    (folder / _FILE).write_text(json.dumps(values, ensure_ascii=False, indent=1), encoding="utf-8")


def read_grid(campaign_folder: Path, scene: Scene) -> Grid:
    """Read it again.

    Raises:
        QgsProcessingException: It cannot be read.
    """
    path = scene_folder(campaign_folder, scene) / _FILE
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        transform, wkt = tuple(float(number) for number in values["transform"]), str(values["wkt"])
        georeferenced = bool(values["georeferenced"])
        if len(transform) != _NUMBERS:
            raise ValueError(f"{_NUMBERS} numbers were expected, found {len(transform)}")
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise QgsProcessingException(
            f"{path} should say where the scene lies; it cannot be read ({error}). Prepare the campaign anew."
        ) from None
    crs = QgsCoordinateReferenceSystem.fromWkt(wkt) if wkt else QgsCoordinateReferenceSystem()
    return Grid(scene.height, scene.width, transform, wkt, crs, georeferenced)
