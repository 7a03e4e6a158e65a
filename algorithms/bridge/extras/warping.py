# SPDX-License-Identifier: GPL-2.0-or-later
"""A raster of any grid brought to another grid, block by block.

Enters: a raster, the wanted grid. Leaves: float32 values of blocks of that grid, NaN where the raster has no data:
means over the area of the pixel, and deviations within it, where the raster is finer; else bilinear.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Callable

from osgeo import gdal
from qgis.core import QgsProcessingException

from ..raster.source import Grid, RasterSource
from .pixel_reader import read_values

if TYPE_CHECKING:
    from numpy.typing import NDArray

FINER = 2.0  # pixels of the raster across one of the grid, from which they are averaged over its area
_SIDE = 256  # pixels of the grid, of a block
_LEAST_SIDE = 8
_MOST_PIXELS = 4 << 20  # of the raster, that are read for a block
_STEPS = 16  # into which a block's sides are parted, to find what it covers
_MARGIN = 3  # pixels of the raster, read around that
_ALIKE = 1e-6  # pixels

Quantities = Callable[["NDArray[Any]"], "list[NDArray[Any]]"]
"""Layers (h, w) float64 that are averaged, of the values (h, w) of a band."""


@dataclass(frozen=True)
class GridBlock:
    """Pixels of the wanted grid.

    Attributes:
        row: First row.
        col: First column.
        height: Rows.
        width: Columns.
    """

    row: int
    col: int
    height: int
    width: int


@dataclass(frozen=True)
class Warper:
    """Brings a raster to a grid.

    Attributes:
        source: The raster.
        grid: That is wanted.
    """

    source: RasterSource
    grid: Grid

    @cached_property
    def dataset(self) -> gdal.Dataset:
        """Of the raster."""
        return self.source.open()

    @cached_property
    def is_same_grid(self) -> bool:
        """Whether the pixels lie on each other."""
        own, wanted = self.source.grid, self.grid
        if (own.height, own.width) != (wanted.height, wanted.width):
            return False
        if not own.georeferenced and not wanted.georeferenced:
            return True
        if self._with_crs and own.crs != wanted.crs:
            return False
        pixel = min(abs(n) for n in (wanted.transform[1], wanted.transform[2], wanted.transform[5]) if n)
        offsets = [abs(a - b) for a, b in zip(own.transform, wanted.transform)]
        across = max(own.height, own.width)
        return max(offsets[0], offsets[3], *(across * offsets[i] for i in (1, 2, 4, 5))) < _ALIKE * pixel * across

    @cached_property
    def finer_by(self) -> float:
        """How many pixels of the raster lie across one of the grid, near its middle.

        Raises:
            QgsProcessingException: The two CRS cannot be brought together.
        """
        middle = self.grid.width / 2, self.grid.height / 2
        found = self._to_source([middle, (middle[0] + 1, middle[1]), (middle[0], middle[1] + 1)])
        if len(found) < 3:
            return 1.0
        (x, y), (x1, y1), (x2, y2) = found
        return abs((x1 - x) * (y2 - y) - (x2 - x) * (y1 - y)) ** 0.5

    @property
    def is_finer(self) -> bool:
        """Whether pixels of the raster are averaged."""
        return not self.is_same_grid and self.finer_by >= FINER

    def read(self, number: int, block: GridBlock, quantities: Quantities) -> NDArray[Any]:
        """(Q, h, w) float64 of a block, NaN where there is no data.

        Args:
            number: Of the band, from 1.
            block: Of the grid.
            quantities: That are wanted of the band's values.

        Raises:
            QgsProcessingException: It cannot be read, or not be warped.
        """
        import numpy as np

        window = self._window(block)
        if window is None:
            nothing = np.full((block.height, block.width), np.nan)
            return np.stack([np.full_like(nothing, np.nan) for _ in quantities(nothing)])
        values = read_values(self.dataset, self.source, number, window)
        layers = quantities(values)
        if self.is_same_grid:
            return np.stack(layers)
        return self._warped(layers, window, block)

    def _warped(self, layers: list[NDArray[Any]], window: tuple[int, int, int, int], block: GridBlock) -> NDArray[Any]:
        import numpy as np

        nan = float("nan")
        near = _in_memory(layers, _moved(self.source.grid, window[1], window[0]), self._with_crs)
        wanted = replace(_moved(self.grid, block.row, block.col), height=block.height, width=block.width)
        empty = [np.full((block.height, block.width), nan)] * len(layers)
        target = _in_memory(empty, wanted, self._with_crs)
        how = "average" if self.is_finer else "bilinear"
        try:
            done = gdal.Warp(
                target, near, resampleAlg=how, srcNodata=nan, dstNodata=nan, warpOptions=["UNIFIED_SRC_NODATA=NO"]
            )
        except RuntimeError:  # where somebody called gdal.UseExceptions
            done = None
        if not done:
            raise self._trouble()
        return target.ReadAsArray().reshape(len(layers), block.height, block.width)

    @property
    def _with_crs(self) -> bool:
        """Whether the CRS of both are known, so that they count."""
        return bool(self.source.grid.wkt and self.grid.wkt)

    def _window(self, block: GridBlock) -> tuple[int, int, int, int] | None:
        """What a block covers of the raster, with a margin; None where it covers nothing."""
        if self.is_same_grid:
            return block.col, block.row, block.width, block.height
        steps = [i / _STEPS for i in range(_STEPS + 1)]
        corners = [(block.col + block.width * x, block.row + block.height * y) for x in steps for y in steps]
        found = self._to_source(corners)
        if not found:
            return None
        own, margin = self.source.grid, _MARGIN + round(self.finer_by)
        left = max(0, int(min(x for x, _ in found)) - margin)
        top = max(0, int(min(y for _, y in found)) - margin)
        right = min(own.width, int(max(x for x, _ in found)) + margin + 1)
        bottom = min(own.height, int(max(y for _, y in found)) + margin + 1)
        return (left, top, right - left, bottom - top) if left < right and top < bottom else None

    @cached_property
    def _transformer(self) -> gdal.Transformer:
        own = _in_memory([], self.source.grid, self._with_crs)
        wanted = _in_memory([], self.grid, self._with_crs)
        try:
            transformer = gdal.Transformer(own, wanted, [])
        except RuntimeError:  # GDAL's Python raises where there is no way between two CRS, in some versions
            transformer = None
        if transformer is None:
            raise self._trouble()
        return transformer

    def _to_source(self, positions: list[tuple[float, float]]) -> list[tuple[float, float]]:
        """Columns and rows of the raster at columns and rows of the grid; those that have a place."""
        points, fine = self._transformer.TransformPoints(1, [(x, y, 0.0) for x, y in positions])
        return [(point[0], point[1]) for point, ok in zip(points, fine) if ok]

    def _trouble(self) -> QgsProcessingException:
        return QgsProcessingException(
            f"The extra raster {self.source.name} cannot be brought to the raster's grid: {gdal.GetLastErrorMsg()}. "
            "Warp it to the raster's CRS first."
        )


def grid_blocks(grid: Grid, finer_by: float) -> Iterator[GridBlock]:
    """Blocks that cover the grid once, small enough for what is read of rasters that are so much finer."""
    side = _SIDE
    while side > _LEAST_SIDE and (side * max(1.0, finer_by)) ** 2 > _MOST_PIXELS:
        side //= 2
    for row in range(0, grid.height, side):
        for col in range(0, grid.width, side):
            yield GridBlock(row, col, min(side, grid.height - row), min(side, grid.width - col))


def _moved(grid: Grid, row: int, col: int) -> Grid:
    """The grid that begins at a row and a column of another."""
    t = grid.transform
    left, top = t[0] + col * t[1] + row * t[2], t[3] + col * t[4] + row * t[5]
    return replace(grid, transform=(left, t[1], t[2], top, t[4], t[5]))


def _in_memory(layers: list[NDArray[Any]], grid: Grid, with_crs: bool) -> gdal.Dataset:
    """A raster of float64 layers; without layers, one that has a grid alone."""
    height, width = layers[0].shape if layers else (grid.height, grid.width)
    dataset = gdal.GetDriverByName("MEM").Create("", width, height, len(layers), gdal.GDT_Float64)
    dataset.SetGeoTransform(grid.transform)
    if with_crs:
        dataset.SetProjection(grid.wkt)
    for number, layer in enumerate(layers, 1):
        band = dataset.GetRasterBand(number)
        band.SetNoDataValue(float("nan"))
        band.WriteArray(layer)
    return dataset
