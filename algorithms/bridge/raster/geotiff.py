# SPDX-License-Identifier: GPL-2.0-or-later
"""Raw rasters of the worker -> GeoTIFFs in the input's grid, or Cloud Optimized GeoTIFFs made of these."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from traceback import clear_frames
from typing import Callable

from osgeo import gdal
from qgis.core import QgsProcessingException

from ....mtmsd_qgis.jobs.data_model import Band, ClassEntry, CubeFile, FeatureLayout, layout_to_json
from ..feedback import ProgressRange
from ..files.atomic_write import removed_after, replacing
from .export import rows_at_once
from .formats.cog import copy_as_cog
from .formats.raster_format import RasterFormat
from .overviews import build_overviews
from .source import FEATURES_KEY, Grid

_GDAL_CODES = {
    "uint8": gdal.GDT_Byte,
    "int16": gdal.GDT_Int16,
    "uint16": gdal.GDT_UInt16,
    "int32": gdal.GDT_Int32,
    "uint32": gdal.GDT_UInt32,
    "float32": gdal.GDT_Float32,
    "float64": gdal.GDT_Float64,
}
_LARGEST_BYTE = 255
_STRIP_ROWS = 16  # of rasters with many bands, see write_many_bands
_BIG = "BIGTIFF=IF_SAFER"
_COMPRESSED = ("TILED=YES", "COMPRESS=DEFLATE", _BIG)


@dataclass(frozen=True)
class RawRaster:
    """A raster as the worker wrote it, where its pixels lie, and how it is to be stored.

    Attributes:
        cube: What the file holds.
        folder: Where the file lies.
        grid: Of the pixels.
        format: As the user wants it.
        items: That the file says of itself, beside what its kind says.
    """

    cube: CubeFile
    folder: Path
    grid: Grid
    format: RasterFormat = field(default_factory=RasterFormat)
    items: Mapping[str, str] = field(default_factory=dict)


def write_class_map(raster: RawRaster, path: Path, classes: Sequence[ClassEntry], progress: ProgressRange) -> None:
    """Class ids, nodata 0, with names and colours for every software that reads GDAL's category names or tables."""
    small = max((entry.id for entry in classes), default=0) <= _LARGEST_BYTE
    code = gdal.GDT_Byte if small else gdal.GDT_UInt16

    def describe(dataset: gdal.Dataset) -> None:
        describe_classes(dataset, classes)

    _write(raster, _Storage(code, _COMPRESSED, describe, "MODE"), path, progress)


def write_class_levels(raster: RawRaster, path: Path, progress: ProgressRange) -> None:
    """Ids of nested maps or of segments, one band each, nodata 0."""

    def describe(dataset: gdal.Dataset) -> None:
        _describe_bands(dataset, raster.cube.bands)

    _write(raster, _Storage(_GDAL_CODES[raster.cube.dtype], _COMPRESSED, describe, "MODE"), path, progress)


def describe_classes(dataset: gdal.Dataset, classes: Sequence[ClassEntry]) -> None:
    """Give the band of class ids its nodata, and names and colours of the classes."""
    band = dataset.GetRasterBand(1)
    band.SetDescription("class")
    band.SetNoDataValue(0)
    if max((entry.id for entry in classes), default=0) <= _LARGEST_BYTE:  # of 65536 colours each would be in the legend
        band.SetColorTable(_color_table(classes))
        names = {entry.id: entry.name for entry in classes}
        band.SetCategoryNames([names.get(value, "") for value in range(max(names, default=0) + 1)])
    band.SetDefaultRAT(_attribute_table(classes))


def write_floats(raster: RawRaster, path: Path, names: Sequence[str], progress: ProgressRange) -> None:
    """Confidence or probabilities: float bands with names."""
    bands = [Band(name=name, nodata=band.nodata) for name, band in zip(names, raster.cube.bands)]

    def describe(dataset: gdal.Dataset) -> None:
        _describe_bands(dataset, bands)

    options = (*_COMPRESSED, "PREDICTOR=3")
    _write(raster, _Storage(_GDAL_CODES[raster.cube.dtype], options, describe, "AVERAGE"), path, progress)


def write_pictures(raster: RawRaster, path: Path, progress: ProgressRange) -> None:
    """Many bands of bytes, three of them a picture, nodata 0: compressed strips, one band after the other."""

    def describe(dataset: gdal.Dataset) -> None:
        _describe_bands(dataset, raster.cube.bands)

    options = ("INTERLEAVE=BAND", f"BLOCKYSIZE={_STRIP_ROWS}", "COMPRESS=DEFLATE", _BIG)
    _write(raster, _Storage(_GDAL_CODES[raster.cube.dtype], options, describe), path, progress)


def write_features(raster: RawRaster, path: Path, features: FeatureLayout, progress: ProgressRange) -> None:
    """The feature raster, which says in its metadata what its bands are."""

    def describe(dataset: gdal.Dataset) -> None:
        dataset.SetMetadataItem(FEATURES_KEY, layout_to_json(features))
        _describe_bands(dataset, raster.cube.bands)

    write_many_bands(raster, path, progress, describe)


def write_many_bands(
    raster: RawRaster, path: Path, progress: ProgressRange, describe: Callable[[gdal.Dataset], None] | None = None
) -> None:
    """A raster with hundreds or thousands of bands, as it is.

    Uncompressed strips of 16 lines, one band after the other: such a file is written and read by whole lines of all
    bands (as the worker's cubes are) and still shown band by band in a moment. Square tiles of 256 pixels took three
    times the disk on a small scene and ten times as long to write.
    """
    options = ("INTERLEAVE=BAND", f"BLOCKYSIZE={_STRIP_ROWS}", _BIG)
    described = describe or (lambda dataset: _describe_bands(dataset, raster.cube.bands))
    code = _GDAL_CODES.get(raster.cube.dtype, gdal.GDT_Float64)
    _write(raster, _Storage(code, options, described), path, progress)


def classes_from(values: Mapping[str, str]) -> list[ClassEntry]:
    """Classes from ids (as JSON keys, text) and names, in the order of the ids, with colours."""
    from .palette import palette

    ids = sorted(int(key) for key in values)
    return [ClassEntry(i, values[str(i)], color) for i, color in zip(ids, palette(len(ids)))]


@dataclass(frozen=True)
class _Storage:
    """How a GeoTIFF is stored.

    Attributes:
        code: GDAL's data type.
        options: For its creation, where the user says nothing else.
        describe: Sets what the file says of itself.
        overviews: How they are resampled; empty for none.
    """

    code: int
    options: tuple[str, ...]
    describe: Callable[[gdal.Dataset], None]
    overviews: str = ""


def _write(raster: RawRaster, storage: _Storage, path: Path, progress: ProgressRange) -> None:
    with replacing(path, raster=True) as partial, removed_after(_plain(partial)), _every_error():
        try:
            if raster.format.driver == "COG":
                _write_cog(raster, storage, partial, progress)
            else:
                _write_geotiff(raster, storage, partial, progress)
        except BaseException as error:
            clear_frames(error.__traceback__)  # they hold the open file, which GDAL would write after the clean-up
            if isinstance(error, RuntimeError):  # where somebody called gdal.UseExceptions
                raise OSError(str(error)) from None
            raise


def _write_geotiff(raster: RawRaster, storage: _Storage, path: Path, progress: ProgressRange) -> None:
    _create(raster, storage, path, progress)
    if storage.overviews:
        build_overviews(path, storage.overviews, progress)


def _write_cog(raster: RawRaster, storage: _Storage, path: Path, progress: ProgressRange) -> None:
    """By way of a plain GeoTIFF beside it: the order of a COG's parts is known only when all are there."""
    plain = _plain(path)
    _write_geotiff(replace(raster, format=RasterFormat()), storage, plain, progress)
    copy_as_cog(plain, path, raster.format, progress)


def _plain(path: Path) -> Path:
    """The plain GeoTIFF that a COG is made of."""
    return path.with_name(f"{path.name}.plain")


def _create(raster: RawRaster, storage: _Storage, path: Path, progress: ProgressRange) -> None:
    cube, grid = raster.cube, raster.grid
    options = raster.format.over(storage.options)
    dataset = gdal.GetDriverByName("GTiff").Create(
        str(path), cube.width, cube.height, len(cube.bands), storage.code, options
    )
    if dataset is None:
        raise OSError(gdal.GetLastErrorMsg())
    if grid.georeferenced:
        dataset.SetGeoTransform(grid.transform)
    if grid.wkt:
        dataset.SetProjection(grid.wkt)
    for name, value in raster.items.items():
        dataset.SetMetadataItem(name, value)
    storage.describe(dataset)  # a colour table must come before the pixels
    _copy_lines(raster, dataset, progress)
    dataset.FlushCache()
    del dataset  # closes the file


@contextmanager
def _every_error() -> Iterator[None]:
    """GDAL's errors inside the block as an exception: on a full disk it reports them in passing, as when it closes.

    Raises:
        OSError: There was one.
    """
    errors: list[str] = []

    def note(kind: int, _number: int, text: str) -> None:
        if kind >= gdal.CE_Failure:
            errors.append(text)

    gdal.PushErrorHandler(note)
    try:
        yield
    except OSError as error:
        raise error if str(error) or not errors else OSError(errors[0]) from None
    finally:
        gdal.PopErrorHandler()
    if errors:
        raise OSError(errors[0])


def _copy_lines(raster: RawRaster, dataset: gdal.Dataset, progress: ProgressRange) -> None:
    cube = raster.cube
    count = len(cube.bands)
    code = _GDAL_CODES.get(cube.dtype)
    itemsize = 8 if code is None else gdal.GetDataTypeSize(code) // 8
    line_bytes = count * cube.width * itemsize
    _, block_rows = dataset.GetRasterBand(1).GetBlockSize()
    rows = rows_at_once(cube.height, line_bytes, block_rows)
    numbers = list(range(1, count + 1))
    with (raster.folder / cube.file).open("rb") as file:
        for row in range(0, cube.height, rows):
            lines = min(rows, cube.height - row)
            content = file.read(lines * line_bytes)
            if len(content) < lines * line_bytes:
                raise QgsProcessingException(
                    f"{raster.folder / cube.file} should hold {cube.height} lines of {cube.width} pixels; it ends at "
                    f"line {row + len(content) // line_bytes}. Compute it again."
                )
            if code is None:
                content = _as_float64(content, cube.dtype)
            failure = dataset.WriteRaster(
                0, row, cube.width, lines, content, cube.width, lines, code or gdal.GDT_Float64, numbers,
                itemsize, line_bytes, cube.width * itemsize,
            )  # fmt: skip
            if failure:
                raise OSError(gdal.GetLastErrorMsg())
            progress.advance((row + lines) / cube.height)


def _as_float64(content: bytes, dtype: str) -> bytes:
    """64-bit integers, which GDAL before 3.5 cannot store."""
    import numpy as np

    return np.frombuffer(content, np.dtype(dtype).newbyteorder("<")).astype(np.float64).tobytes()


def _describe_bands(dataset: gdal.Dataset, bands: Sequence[Band]) -> None:
    for number, description in enumerate(bands, 1):
        band = dataset.GetRasterBand(number)
        if description.name:
            band.SetDescription(description.name)
        if description.nodata is not None:
            band.SetNoDataValue(description.nodata)
        if description.wavelength_nm is not None:
            band.SetMetadataItem("CENTRAL_WAVELENGTH_UM", f"{description.wavelength_nm / 1000:.6g}", "IMAGERY")
        if description.fwhm_nm is not None:
            band.SetMetadataItem("FWHM_UM", f"{description.fwhm_nm / 1000:.6g}", "IMAGERY")
        if (description.scale, description.offset) != (1.0, 0.0):
            band.SetScale(description.scale)
            band.SetOffset(description.offset)


def _rgb(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def _color_table(classes: Sequence[ClassEntry]) -> gdal.ColorTable:
    table = gdal.ColorTable()
    table.SetColorEntry(0, (0, 0, 0, 0))
    for entry in classes:
        table.SetColorEntry(entry.id, (*_rgb(entry.color), 255))
    return table


def _attribute_table(classes: Sequence[ClassEntry]) -> gdal.RasterAttributeTable:
    table = gdal.RasterAttributeTable()
    table.CreateColumn("Value", gdal.GFT_Integer, gdal.GFU_MinMax)
    table.CreateColumn("Class", gdal.GFT_String, gdal.GFU_Name)
    for name, usage in (("Red", gdal.GFU_Red), ("Green", gdal.GFU_Green), ("Blue", gdal.GFU_Blue)):
        table.CreateColumn(name, gdal.GFT_Integer, usage)
    table.SetRowCount(len(classes))
    for row, entry in enumerate(classes):
        table.SetValueAsInt(row, 0, entry.id)
        table.SetValueAsString(row, 1, entry.name)
        for column, value in enumerate(_rgb(entry.color), 2):
            table.SetValueAsInt(row, column, value)
    return table
