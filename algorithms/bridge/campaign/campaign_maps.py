# SPDX-License-Identifier: GPL-2.0-or-later
"""The maps of a campaign's scenes -> GeoTIFFs, and virtual mosaics over them.

Enters: a campaign folder whose maps are complete. Leaves: a GeoTIFF of each scene, and for each CRS one virtual raster
that shows the scenes as one, with the classes' names and colours.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from itertools import chain, count
from pathlib import Path

from osgeo import gdal
from qgis.core import QgsProcessingException

from ....mtmsd_qgis.campaign.folder import CAMPAIGN_FILE, Campaign, Scene, scene_folder
from ....mtmsd_qgis.jobs.data_model import ClassEntry, CubeFile
from ....mtmsd_qgis.jobs.results import CampaignResult
from ..feedback import ProgressRange
from ..files.atomic_write import replacing
from ..raster.geotiff import RawRaster, describe_classes, write_class_map, write_floats
from ..raster.source import Grid
from .scene_files import read_grid

_ITEM = "MTMSD_CAMPAIGN"  # of a map's metadata: the campaign that it is of
_UNSAFE = '<>:"/\\|?*'  # in the name of a file, on one system or another
_LONGEST_NAME = 100  # bytes of a layer's name in that of a file, which has 255, or 143 where it is encrypted
_SAME = 1e-6  # share by which the areas of pixels of one size may differ


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

    def scene_maps(self) -> list[SceneMap]:
        """Which files the maps become, in the order of the scenes.

        Raises:
            QgsProcessingException: A scene's grid cannot be read.
        """
        return [
            SceneMap(
                scene,
                read_grid(self.folder, scene),
                self.target / f"{name}_classes.tif",
                self.target / f"{name}_confidence.tif" if self.with_confidence else None,
            )
            for scene, name in zip(self.campaign.scenes, file_names(self.campaign.scenes))
        ]

    def refuse_foreign(self, paths: Iterable[Path]) -> None:
        """No map may take the place of a file that is not of this campaign: its name is ours, not the user's choice.

        Raises:
            QgsProcessingException: One would.
        """
        for path in paths:
            if path.exists() and _item_of(path) != self._items[_ITEM]:
                raise QgsProcessingException(
                    f"{path} would be replaced, and it is not a map of this campaign. Choose another folder for "
                    "OUTPUT, or move the file."
                )

    def write(self, maps: Sequence[SceneMap], progress: ProgressRange) -> None:
        """GeoTIFFs of all scenes.

        Raises:
            QgsProcessingException: A file cannot be written, or cancelled.
        """
        for number, each in enumerate(maps):
            part = progress.part(number / len(maps), (number + 1) / len(maps))
            write_class_map(self._raw(self.result.map, each), each.path, self.classes, part)
            if each.confidence is not None:
                write_floats(self._raw(self.result.confidence, each), each.confidence, ["confidence"], part)

    def write_mosaic(self, maps: Sequence[SceneMap], path: Path) -> None:
        """A virtual raster that shows maps of one CRS as one.

        Args:
            maps: In the order in which they count where they overlap.
            path: Of the mosaic.

        Raises:
            QgsProcessingException: GDAL cannot make it.
        """
        with replacing(path, raster=True) as partial:
            # What comes later covers what came before, and the first scene counts.
            sources = [str(each.path) for each in reversed(maps)]
            options = gdal.BuildVRTOptions(resolution="highest", srcNodata="0", VRTNodata="0")
            try:
                dataset = gdal.BuildVRT(str(partial), sources, options=options)
            except RuntimeError:  # where somebody called gdal.UseExceptions
                dataset = None
            if dataset is None:
                raise QgsProcessingException(
                    f"The virtual mosaic {path} cannot be made: {gdal.GetLastErrorMsg() or 'no reason given'}. The "
                    "maps of the scenes are complete."
                )
            for name, value in self._items.items():
                dataset.SetMetadataItem(name, value)
            describe_classes(dataset, self.classes)
            dataset.FlushCache()
            del dataset

    @cached_property
    def _items(self) -> dict[str, str]:
        """What each file says of itself: the campaign that it is of."""
        return {_ITEM: sha256((self.folder / CAMPAIGN_FILE).read_bytes()).hexdigest()}

    def _raw(self, cube: CubeFile, each: SceneMap) -> RawRaster:
        """A scene's raster: the result describes that of the whole mosaic."""
        own = replace(cube, height=each.scene.height, width=each.scene.width)
        return RawRaster(own, scene_folder(self.folder, each.scene), each.grid, items=self._items)


def _item_of(path: Path) -> str | None:
    """The campaign that a raster is of; None where it is of none, or is no raster."""
    gdal.PushErrorHandler("CPLQuietErrorHandler")
    try:
        dataset = gdal.OpenEx(str(path), gdal.OF_RASTER | gdal.OF_READONLY)
        return dataset.GetMetadataItem(_ITEM) if dataset is not None else None
    except RuntimeError:  # where somebody called gdal.UseExceptions
        return None
    finally:
        gdal.PopErrorHandler()


def pixel_area_m2(maps: Sequence[SceneMap]) -> float | None:
    """Area of a pixel of any scene; None where pixels have none, or those of the scenes differ."""
    areas = [each.grid.pixel_area_m2 for each in maps]
    first = areas[0]
    if first is None or any(area is None or abs(area - first) > _SAME * first for area in areas):
        return None
    return first


def file_names(scenes: Sequence[Scene]) -> list[str]:
    """A name for the files of each scene: of its raster, behind the scene's number where two are called alike."""
    stems = [_plain(scene.name) for scene in scenes]
    times = Counter(stem.casefold() for stem in stems)
    names: list[str] = []
    taken: set[str] = set()
    for scene, stem in zip(scenes, stems):
        own = stem if stem and times[stem.casefold()] == 1 else f"{scene.folder}_{stem}".rstrip("_")
        tries = chain([own], (f"{own}_{number}" for number in count(2)))  # a raster may be called so itself
        names.append(next(name for name in tries if name.casefold() not in taken))
        taken.add(names[-1].casefold())
    return names


def _plain(name: str) -> str:
    """A name that every file system takes."""
    plain = "".join("_" if sign in _UNSAFE or sign < " " else sign for sign in name).strip(". ")
    return plain.encode("utf-8")[:_LONGEST_NAME].decode("utf-8", "ignore").strip(". ")


def mosaics_of(maps: Sequence[SceneMap], path: Path) -> dict[Path, list[SceneMap]]:
    """The virtual rasters and the maps that each shows, one a CRS; the first one has most scenes.

    Args:
        maps: In the order in which they count where they overlap.
        path: Of the first mosaic; the second is called "…_2.vrt".

    Returns:
        Maps by the file of their mosaic; without those that lie nowhere on Earth, and those whose rows do not run from
        west to east and from north to south, as a virtual raster cannot hold them.
    """
    by_crs: dict[str, list[SceneMap]] = {}
    for each in maps:
        _, _, right, _, down, below = each.grid.transform
        if each.grid.georeferenced and right == down == 0 and below < 0:
            by_crs.setdefault(each.grid.wkt, []).append(each)
    groups = sorted(by_crs.values(), key=len, reverse=True)
    return {
        path if number == 1 else path.with_name(f"{path.stem}_{number}{path.suffix}"): group
        for number, group in enumerate(groups, 1)
    }
