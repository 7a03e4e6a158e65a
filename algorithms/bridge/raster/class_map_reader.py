# SPDX-License-Identifier: GPL-2.0-or-later
"""A class map of any program: what it is, what its classes are called, how many pixels each has.

Enters: a raster layer with one band of whole numbers. Leaves: names and colours by id, counts, and the classes at given
pixels; the map is read window by window, once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from osgeo import gdal
from qgis.core import Qgis, QgsPalettedRasterRenderer, QgsProcessingException, QgsRasterLayer

from ....mtmsd_qgis.io.windows import Window
from ..feedback import ProgressRange
from .masks import has_own_mask
from .source import Grid, RasterSource, describe_raster

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ....mtmsd_qgis.sampling.sample_table import SampleTable

MOST_CLASSES = 500
_PIXELS_AT_ONCE = 1 << 22
_SPREAD = 1 << 20  # of values that are counted by place; wider ones are sorted
_WHOLE = ("Byte", "Int8", "UInt16", "Int16", "UInt32", "Int32", "UInt64", "Int64")
_SIGN_BIT = 128
_SAME_PLACE = 1e-3  # of a pixel


@dataclass(frozen=True)
class ClassMap:
    """A class map.

    Attributes:
        source: The raster.
        names: Of its ids, where the legend, an attribute table or category names tell, in this order.
        file_names: What the file alone tells, an attribute table or category names.
        colors: Of its ids, #rrggbb, where one of these tells.
    """

    source: RasterSource
    names: Mapping[int, str]
    file_names: Mapping[int, str]
    colors: Mapping[int, str]


@dataclass(frozen=True)
class Reading:
    """What a walk over a class map found.

    Attributes:
        pixels: Id -> number of pixels, where map and strata have data.
        mapped: (N,) int64 id at each sample; meaningless on nodata.
        has_data: (N,) bool: the map has data at the sample.
        strata_pixels: Id of the stratum -> number of pixels, where there are strata.
        strata: (N,) int64 id of the stratum at each sample.
        in_strata: (N,) bool: the strata have data at the sample.
        beyond_strata: Pixels of the map where the strata have no data.
    """

    pixels: Mapping[int, int]
    mapped: NDArray
    has_data: NDArray
    strata_pixels: Mapping[int, int]
    strata: NDArray
    in_strata: NDArray
    beyond_strata: int


def describe_class_map(layer: QgsRasterLayer, parameter: str) -> ClassMap:
    """Look at a layer, on the thread that owns it.

    Args:
        layer: Of any provider.
        parameter: What it is given for, for messages.

    Raises:
        QgsProcessingException: It is no raster of whole numbers in one band.
    """
    source = describe_raster(layer)
    if len(source.bands) != 1:
        raise QgsProcessingException(
            f"{parameter} should have one band, with a class id in every pixel; the raster {source.name} has "
            f"{len(source.bands)}. Choose a class map, or take out the band that holds the classes "
            "(Raster > Conversion > Translate)."
        )
    dataset = source.open() if source.pipe is None else None
    kind = _kind_of_provider(layer) if dataset is None else gdal.GetDataTypeName(dataset.GetRasterBand(1).DataType)
    if kind not in _WHOLE:
        raise QgsProcessingException(
            f"{parameter} should hold class ids as whole numbers; the raster {source.name} holds numbers of the type "
            f"{kind}. Choose a class map. Where the numbers are ids all the same, save them as Int32 "
            "(Raster > Conversion > Translate)."
        )
    names, colors = _from_file(dataset) if dataset is not None else ({}, {})
    shown, drawn = _from_legend(layer)
    return ClassMap(source, {**names, **shown}, names, {**colors, **drawn})


def refuse_other_grid(strata: RasterSource, classes: RasterSource) -> None:
    """Strata are counted and looked up pixel by pixel beside the map.

    Raises:
        QgsProcessingException: Their pixels are not those of the map.
    """
    strata_grid, map_grid = strata.grid, classes.grid
    across = max(abs(map_grid.transform[1]), abs(map_grid.transform[2]))
    near = all(abs(a - b) <= _SAME_PLACE * across for a, b in zip(_corners(strata_grid), _corners(map_grid)))
    same_crs = strata_grid.crs == map_grid.crs or not strata_grid.crs.isValid() or not map_grid.crs.isValid()
    if (strata_grid.height, strata_grid.width) != (map_grid.height, map_grid.width) or not near or not same_crs:
        raise QgsProcessingException(
            f"STRATA should have the pixels of the map {classes.name} ({classes.size_text}, {map_grid.crs.authid()}); "
            f"the raster {strata.name} has {strata.size_text}, {strata_grid.crs.authid()}, or lies elsewhere. Warp it "
            "to the map's grid first (Raster > Projections > Warp, nearest neighbour)."
        )


def walk(classes: RasterSource, strata: RasterSource | None, samples: SampleTable, progress: ProgressRange) -> Reading:
    """Count every class, and look up samples.

    Args:
        classes: The map, of GDAL.
        strata: A raster of the same grid, of GDAL.
        samples: Sorted by row.
        progress: Told after every window.

    Raises:
        QgsProcessingException: More values than classes can be, unreadable, or cancelled.
    """
    import numpy as np

    bands = [IdBand(source) for source in (classes, strata) if source is not None]
    counts: list[Counter[int]] = [Counter() for _ in bands]
    values = np.zeros((2, len(samples)), dtype=np.int64)
    valid = np.zeros((2, len(samples)), dtype=bool)
    beyond = done = 0
    for window in windows_of_blocks(classes.grid, bands[0].block):
        read = [band.read(window) for band in bands]
        common = np.logical_and.reduce([has_data for _, has_data in read])
        beyond += int(read[0][1].sum() - common.sum())
        for (array, _), counted, band in zip(read, counts, bands):
            _count(array[common], counted)
            if len(counted) > MOST_CLASSES:
                raise QgsProcessingException(
                    f"A class map has some dozens of values; the raster {band.name} has more than {MOST_CLASSES}. "
                    "Choose a class map."
                )
        first, last = np.searchsorted(samples.rows, [window.row, window.stop_row])
        columns = samples.cols[first:last]
        at_samples = first + np.flatnonzero((columns >= window.col) & (columns < window.stop_col))
        rows, cols = samples.rows[at_samples] - window.row, samples.cols[at_samples] - window.col
        for layer, (array, has_data) in enumerate(read):
            values[layer, at_samples], valid[layer, at_samples] = array[rows, cols], has_data[rows, cols]
        done += window.height * window.width
        progress.advance(done / (classes.grid.height * classes.grid.width))
    return Reading(counts[0], values[0], valid[0], counts[1] if strata is not None else {}, values[1], valid[1], beyond)


class IdBand:
    """The only band of a raster: values and where there are any, by the file and by the layer's own settings."""

    def __init__(self, source: RasterSource) -> None:
        """Open it."""
        self.name = source.name
        self._description = source.bands[0]
        self._dataset = source.open()
        self._band = self._dataset.GetRasterBand(1)
        self._masked = has_own_mask(self._band)  # a value for nodata is the layer's to say; masks are the file's
        self._signed = self._band.GetMetadataItem("PIXELTYPE", "IMAGE_STRUCTURE") == "SIGNEDBYTE"  # GDAL before 3.7
        self.block: tuple[int, int] = tuple(self._band.GetBlockSize())

    def read(self, window: Window) -> tuple[NDArray, NDArray]:
        """(h, w) int64 values, and (h, w) bool.

        Raises:
            QgsProcessingException: It cannot be read.
        """
        import numpy as np

        box = (window.col, window.row, window.width, window.height)
        try:
            values = self._band.ReadAsArray(*box)
            mask = self._band.GetMaskBand().ReadAsArray(*box) if self._masked else None
        except RuntimeError:  # where somebody called gdal.UseExceptions
            values = None
        if values is None:
            raise QgsProcessingException(f"The raster {self.name} cannot be read: {gdal.GetLastErrorMsg()}")
        values = values.astype(np.int64)
        if self._signed:
            values[values >= _SIGN_BIT] -= 2 * _SIGN_BIT
        has_data = np.ones(values.shape, dtype=bool) if mask is None else mask > 0
        if self._description.nodata is not None:
            has_data &= values != self._description.nodata
        for low, high in self._description.excluded:
            has_data &= (values < low) | (values > high)
        return values, has_data


def windows_of_blocks(grid: Grid, block: tuple[int, int]) -> Iterator[Window]:
    """Windows of whole blocks, some million pixels each."""
    across, down = block
    width = min(grid.width, max(across, (1 << 13) // across * across))
    height = min(grid.height, max(down, _PIXELS_AT_ONCE // width // down * down))
    for row in range(0, grid.height, height):
        for col in range(0, grid.width, width):
            yield Window(row, col, min(height, grid.height - row), min(width, grid.width - col))


def _count(values: NDArray, into: Counter[int]) -> None:
    import numpy as np

    if not len(values):
        return
    least, most = int(values.min()), int(values.max())
    if most - least < _SPREAD:
        by_place = np.bincount(values - least)
        ids = np.flatnonzero(by_place)
        into.update(dict(zip((ids + least).tolist(), by_place[ids].tolist())))
    else:
        ids, found = np.unique(values, return_counts=True)
        into.update(dict(zip(ids.tolist(), found.tolist())))


def _corners(grid: Grid) -> list[float]:
    """Upper left and lower right, in map coordinates."""
    return [
        value
        for column, row in ((0, 0), (grid.width, grid.height))
        for value in gdal.ApplyGeoTransform(grid.transform, column, row)
    ]


def _kind_of_provider(layer: QgsRasterLayer) -> str:
    """The type of a foreign layer's numbers by GDAL's name."""
    return {
        Qgis.DataType.Byte: "Byte",
        Qgis.DataType.UInt16: "UInt16",
        Qgis.DataType.Int16: "Int16",
        Qgis.DataType.UInt32: "UInt32",
        Qgis.DataType.Int32: "Int32",
        Qgis.DataType.Float32: "Float32",
        Qgis.DataType.Float64: "Float64",
    }.get(layer.dataProvider().dataType(1), "unknown")


def _from_file(dataset: gdal.Dataset) -> tuple[dict[int, str], dict[int, str]]:
    """Names and colours from category names, colour table and raster attribute table; the last one wins."""
    band = dataset.GetRasterBand(1)
    band.GetMetadata()  # GDAL 3.6 reads the names of a GeoTIFF only after this
    names = {number: name for number, name in enumerate(band.GetCategoryNames() or []) if name}
    colors = {}
    drawn = band.GetColorTable()
    if drawn is not None:
        colors = {number: _hex(drawn.GetColorEntry(number)) for number in range(drawn.GetCount())}
    table = band.GetDefaultRAT()
    columns = {} if table is None else {table.GetUsageOfCol(i): i for i in reversed(range(table.GetColumnCount()))}
    value = columns.get(gdal.GFU_MinMax, columns.get(gdal.GFU_Min))
    if table is None or value is None:
        return names, colors
    paint = [columns.get(usage) for usage in (gdal.GFU_Red, gdal.GFU_Green, gdal.GFU_Blue)]
    for row in range(table.GetRowCount()):
        number = table.GetValueAsInt(row, value)
        if gdal.GFU_Name in columns and table.GetValueAsString(row, columns[gdal.GFU_Name]):
            names[number] = table.GetValueAsString(row, columns[gdal.GFU_Name])
        if None not in paint:
            colors[number] = _hex([table.GetValueAsInt(row, column) for column in paint])
    return names, colors


def _from_legend(layer: QgsRasterLayer) -> tuple[dict[int, str], dict[int, str]]:
    """Names and colours from a legend of unique values.

    A layer that Processing has just loaded from a file is plain; what QGIS would load with it lies beside the file.
    """
    renderer, beside = layer.renderer(), layer.styleURI()
    if not isinstance(renderer, QgsPalettedRasterRenderer) and Path(beside).is_file():
        styled = layer.clone()
        styled.loadNamedStyle(beside)  # loadDefaultStyle would write statistics beside a raster that has no style
        renderer = styled.renderer()
    if not isinstance(renderer, QgsPalettedRasterRenderer):
        return {}, {}
    rows = [(int(row.value), row.label.strip(), row.color.name()) for row in renderer.classes()]
    names = {number: label for number, label, _ in rows if label and label != str(number)}
    return names, {number: color for number, _, color in rows}


def _hex(color: tuple[int, ...] | list[int]) -> str:
    return "#" + "".join(f"{max(0, min(255, part)):02x}" for part in color[:3])
