# SPDX-License-Identifier: GPL-2.0-or-later
"""The maps of a campaign's scenes -> GeoTIFFs, and virtual mosaics over them.

Enters: a campaign folder whose maps are complete. Leaves: a GeoTIFF of each scene, and for each CRS one virtual raster
that shows the scenes as one, with the classes' names and colours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from osgeo import gdal
from qgis.core import QgsProcessingException

from ....mtmsd_qgis.campaign.folder import Campaign, Scene, scene_folder
from ....mtmsd_qgis.jobs.data_model import ClassEntry, CubeFile
from ....mtmsd_qgis.jobs.results import CampaignResult
from ..feedback import ProgressRange
from ..files.atomic_write import replacing
from ..raster.geotiff import RawRaster, describe_classes, write_class_map, write_floats
from ..raster.source import Grid
from .scene_files import read_grid

_UNSAFE = '<>:"/\\|?*'  # in the name of a file, on one system or another


@dataclass(frozen=True)
class SceneMap:
    """A scene's map as a file.

    Attributes:
        scene: The scene.
        grid: Of the map.
        path: Of the class map.
        confidence: Of the confidence; None where it is not wanted.
    """

    scene: Scene
    grid: Grid
    path: Path
    confidence: Path | None


@dataclass(frozen=True)
class CampaignMaps:
    """Where the maps of a campaign come from and go to.

    Attributes:
        campaign: The campaign.
        folder: Of the campaign.
        result: What its last step has found.
        classes: Rows of the legend.
        target: Folder of the GeoTIFFs.
        with_confidence: Whether a raster of confidence is wanted for each scene.
    """

    campaign: Campaign
    folder: Path
    result: CampaignResult
    classes: Sequence[ClassEntry]
    target: Path
    with_confidence: bool

    def write(self, progress: ProgressRange) -> list[SceneMap]:
        """GeoTIFFs of all scenes, in their order.

        Raises:
            QgsProcessingException: A file cannot be written, or cancelled.
        """
        maps = []
        count = len(self.campaign.scenes)
        for number, (scene, name) in enumerate(zip(self.campaign.scenes, file_names(self.campaign.scenes))):
            part = progress.part(number / count, (number + 1) / count)
            grid = read_grid(self.folder, scene)
            path = self.target / f"{name}_classes.tif"
            write_class_map(self._raw(self.result.map, scene, grid), path, self.classes, part)
            confidence = self.target / f"{name}_confidence.tif" if self.with_confidence else None
            if confidence is not None:
                write_floats(self._raw(self.result.confidence, scene, grid), confidence, ["confidence"], part)
            maps.append(SceneMap(scene, grid, path, confidence))
        return maps

    def _raw(self, cube: CubeFile, scene: Scene, grid: Grid) -> RawRaster:
        """A scene's raster: the result describes that of the whole mosaic."""
        own = replace(cube, height=scene.height, width=scene.width)
        return RawRaster(own, scene_folder(self.folder, scene), grid)


def file_names(scenes: Sequence[Scene]) -> list[str]:
    """A name for the files of each scene: of its raster, behind the scene's number where two are called alike."""
    stems = [_plain(scene.name) for scene in scenes]
    folded = [stem.casefold() for stem in stems]
    return [
        f"{scene.folder}_{stem}".rstrip("_") if not stem or folded.count(stem.casefold()) > 1 else stem
        for scene, stem in zip(scenes, stems)
    ]


def _plain(name: str) -> str:
    """A name that every file system takes."""
    return "".join("_" if sign in _UNSAFE or sign < " " else sign for sign in name).strip(". ")


def write_mosaics(maps: Sequence[SceneMap], path: Path, classes: Sequence[ClassEntry]) -> list[Path]:
    """Virtual rasters that show the maps of one CRS as one; the first one has most scenes.

    Args:
        maps: In the order in which they count where they overlap.
        path: Of the first mosaic; the second is called "…_2.vrt".
        classes: Rows of the legend.

    Returns:
        The files; none where no scene lies on Earth.

    Raises:
        QgsProcessingException: GDAL cannot make one of them.
    """
    by_crs: dict[str, list[SceneMap]] = {}
    for scene_map in maps:
        if scene_map.grid.georeferenced:
            by_crs.setdefault(scene_map.grid.wkt, []).append(scene_map)
    written = []
    for number, group in enumerate(sorted(by_crs.values(), key=len, reverse=True), 1):
        place = path if number == 1 else path.with_name(f"{path.stem}_{number}{path.suffix}")
        _write_mosaic([scene_map.path for scene_map in group], place, classes)
        written.append(place)
    return written


def _write_mosaic(maps: Sequence[Path], path: Path, classes: Sequence[ClassEntry]) -> None:
    with replacing(path, raster=True) as partial:
        # What comes later covers what came before, and the first scene counts.
        sources = [str(each) for each in reversed(maps)]
        options = gdal.BuildVRTOptions(resolution="highest", srcNodata="0", VRTNodata="0")
        try:
            dataset = gdal.BuildVRT(str(partial), sources, options=options)
        except RuntimeError:  # where somebody called gdal.UseExceptions
            dataset = None
        if dataset is None:
            raise QgsProcessingException(
                f"The virtual mosaic {path} cannot be made: {gdal.GetLastErrorMsg() or 'no reason given'}. The maps "
                "of the scenes are complete."
            )
        describe_classes(dataset, classes)
        dataset.FlushCache()
        del dataset
