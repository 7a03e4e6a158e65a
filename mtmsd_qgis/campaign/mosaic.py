# SPDX-License-Identifier: GPL-2.0-or-later
"""Rasters with their places, read as the one raster that they are cut from.

Enters: places in the mosaic and what opens the raster at each. Leaves: a Raster of the mosaic's size. Nothing of that
size is ever in memory: a window is put together from the rasters that it touches, and few of them are open.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Callable

import numpy as np
from numpy.typing import NDArray

from ..errors import FileFormatError, SceneError
from ..io.cube import Cube
from ..io.windows import Window, clip
from ..jobs.data_model import CubeFile
from .folder import Campaign, read_scene, scene_folder

_MOST_OPEN = 32


class Mosaic:
    """Rasters of the same bands at their places; where two overlap, the later one fills what the earlier one lacks.

    Attributes:
        height: Rows.
        width: Columns.
        places: Of the rasters.
    """

    costly = False

    def __init__(self, size: tuple[int, int], places: Sequence[Window], opened: Callable[[int], Cube]) -> None:
        """Read nothing yet.

        Args:
            size: Height and width of the mosaic.
            places: (S,) windows of the mosaic.
            opened: Opens the raster of a number.
        """
        self.height, self.width = size
        self.places = places
        self._open_raster = opened
        self._first = np.array([(place.row, place.col) for place in places])
        self._stop = np.array([(place.stop_row, place.stop_col) for place in places])
        self._open: OrderedDict[int, Cube] = OrderedDict()
        self._bands: int | None = None

    @classmethod
    def of_scenes(cls, campaign: Campaign, folder: Path) -> Mosaic:
        """Of the scenes of a campaign."""

        def opened(number: int) -> Cube:
            scene = campaign.scenes[number]
            description = read_scene(folder, scene).scene
            if description is None:
                raise SceneError(f"Scene {scene.folder} should have a raster; it has none. Prepare the campaign anew.")
            try:
                return Cube(scene_folder(folder, scene), description)
            except FileFormatError as error:
                raise FileFormatError(
                    f"Scene {scene.folder} ({scene.name}): {error} Copy {scene_folder(folder, scene)} anew from where "
                    "the campaign was prepared, or prepare it anew."
                ) from None

        return cls(campaign.size, places_of(campaign), opened)

    @classmethod
    def of_maps(cls, campaign: Campaign, folder: Path, whole: CubeFile) -> Mosaic:
        """Of a raster that each scene has in its folder.

        Args:
            campaign: With the places.
            folder: Of the campaign.
            whole: What it would be in one file.
        """

        def opened(number: int) -> Cube:
            scene = campaign.scenes[number]
            return Cube(scene_folder(folder, scene), replace(whole, height=scene.height, width=scene.width))

        return cls(campaign.size, places_of(campaign), opened)

    @property
    def bands(self) -> int:
        """Of each raster."""
        if self._bands is None:
            self._bands = self.raster(0).bands
        return self._bands

    def raster(self, number: int) -> Cube:
        """The raster of a number.

        Raises:
            SceneError: It has other bands than the first.
        """
        if number not in self._open:
            cube = self._open_raster(number)
            if number and cube.bands != self.bands:
                raise SceneError(
                    f"All scenes of a campaign should have {self.bands} bands as the first has, number {number + 1} "
                    f"has {cube.bands}. Prepare the campaign anew, with the same bands of each raster."
                )
            self._open[number] = cube
            while len(self._open) > _MOST_OPEN:
                self._open.popitem(last=False)
        self._open.move_to_end(number)
        return self._open[number]

    def read(self, window: Window, bands: Sequence[int] | None = None) -> NDArray[np.float32]:
        """Physical values (bands, h, w) of a window, as Cube.read gives them; NaN where no raster lies."""
        count = self.bands if bands is None else len(bands)
        out = np.full((count, window.height, window.width), np.nan, dtype=np.float32)
        below_first = (self._first < (window.stop_row, window.stop_col)).all(axis=1)
        touched = np.flatnonzero(below_first & (self._stop > (window.row, window.col)).all(axis=1))
        for number in touched.tolist():
            place = self.places[number]
            local = Window(window.row - place.row, window.col - place.col, window.height, window.width)
            inside = clip(local, place.height, place.width)
            row, col = inside.row - local.row, inside.col - local.col
            part = out[:, row : row + inside.height, col : col + inside.width]
            part[...] = np.where(np.isnan(part), self.raster(number).read(inside, bands), part)
        return out

    def filled(self, bands: Sequence[int]) -> NDArray[np.bool_]:
        """(H, W): where all the given bands have data; of the mosaic's size, so only for small ones."""
        return np.asarray(np.isfinite(self.read(Window(0, 0, self.height, self.width), bands)).all(axis=0))

    def expect(self, bands: Sequence[int]) -> None:
        """Do nothing: what lies on disk costs the same whatever is read."""


class MosaicMask:
    """Where a mosaic has data in some bands, looked up where it is asked for."""

    def __init__(self, mosaic: Mosaic, bands: Sequence[int]) -> None:
        """Keep both; read nothing yet."""
        self._mosaic, self._bands = mosaic, bands

    def __getitem__(self, place: tuple[slice, slice]) -> NDArray[np.bool_]:
        rows, cols = place
        window = Window(rows.start, cols.start, rows.stop - rows.start, cols.stop - cols.start)
        return np.asarray(np.isfinite(self._mosaic.read(window, self._bands)).all(axis=0))


def places_of(campaign: Campaign) -> list[Window]:
    """Where the scenes lie in the mosaic."""
    return [Window(scene.row, scene.col, scene.height, scene.width) for scene in campaign.scenes]
