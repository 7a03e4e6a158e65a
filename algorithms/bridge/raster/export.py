# SPDX-License-Identifier: GPL-2.0-or-later
"""Raster to raw cube: chosen bands of a source, copied line-interleaved into the job folder, with a mask.

The bytes of the cube are those of the source (same type, no scaling); the bands' nodata, scale and offset travel in
the CubeFile.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from osgeo import gdal
from qgis.core import QgsProcessingException

from ....mtmsd_qgis.jobs.data_model import Band, CubeFile
from ..feedback import ProgressRange
from .source import RasterSource

CHUNK_BYTES = 64 << 20  # read at once; a whole number of lines

# GDAL's name of a type -> numpy's; types that raw cubes lack are widened.
_NUMPY_NAMES = {
    "Byte": "uint8",
    "UInt16": "uint16",
    "Int16": "int16",
    "UInt32": "uint32",
    "Int32": "int32",
    "Float32": "float32",
    "Float64": "float64",
}
_WIDENED = {
    "Int8": gdal.GDT_Int16,
    "Int64": gdal.GDT_Float64,
    "UInt64": gdal.GDT_Float64,
    "Float16": gdal.GDT_Float32,
}
_SIGN_BIT = 128
_ENVI_TYPES = {"uint8": 1, "int16": 2, "int32": 3, "float32": 4, "float64": 5, "uint16": 12, "uint32": 13}


def copy_cube(
    source: RasterSource, numbers: Sequence[int], folder: Path, name: str, progress: ProgressRange
) -> CubeFile:
    """Copy bands of a raster into the job folder.

    Args:
        source: The raster.
        numbers: Bands (from 1), in the order wanted.
        folder: The job folder.
        name: Of the cube's file, without suffix.
        progress: Told how far the copy is.

    Raises:
        QgsProcessingException: The raster cannot be read, or the user cancelled.
    """
    reader = _Reader(source, numbers)
    height, (block_width, block_height) = source.grid.height, reader.dataset.GetRasterBand(1).GetBlockSize()
    rows = rows_at_once(height, reader.line_bytes, block_height)
    if rows < min(block_height, height) and block_width < reader.width:
        return _copy_blocks(reader, (block_height, block_width), folder, name, progress)
    parts = [(row, min(rows, height - row)) for row in range(0, height, rows)]
    return _copy(reader, parts, folder, name, progress)


def copy_rows(
    source: RasterSource, numbers: Sequence[int], rows: Sequence[int], folder: Path, progress: ProgressRange
) -> CubeFile:
    """Copy some rows of a raster's bands into the job folder: a cube with as many rows.

    Raises:
        QgsProcessingException: The raster cannot be read, or the user cancelled.
    """
    return _copy(_Reader(source, numbers), [(row, 1) for row in rows], folder, "rows", progress)


def rows_at_once(height: int, line_bytes: int, block_height: int) -> int:
    """Lines to copy at once: about CHUNK_BYTES, in whole blocks where that many fit."""
    rows = max(1, min(height, CHUNK_BYTES // line_bytes))
    return rows - rows % block_height if rows > block_height else rows


def cube_code(dataset: gdal.Dataset, numbers: Sequence[int]) -> int:
    """The smallest GDAL type that holds all the bands and that a raw cube can have."""
    bands = [dataset.GetRasterBand(number) for number in numbers]
    union = bands[0].DataType
    for band in bands:
        union = gdal.DataTypeUnion(union, gdal.GDT_Int16 if _is_signed_byte(band) else band.DataType)
    return _WIDENED.get(gdal.GetDataTypeName(union), union)


def write_envi_header(folder: Path, cube: CubeFile) -> None:
    """The header that lets GDAL open the raw file."""
    names = ", ".join(_plain(band.name or f"Band {band.number or i}") for i, band in enumerate(cube.bands, 1))
    lines = (
        "ENVI",
        f"samples = {cube.width}",
        f"lines = {cube.height}",
        f"bands = {len(cube.bands)}",
        "header offset = 0",
        "file type = ENVI Standard",
        f"data type = {_ENVI_TYPES[cube.dtype]}",
        "interleave = bil",
        "byte order = 0",
        f"band names = {{{names}}}",
    )
    (folder / cube.file).with_suffix(".hdr").write_text("\n".join(lines) + "\n", encoding="utf-8")


def with_mask(cube: CubeFile, usable: bytes, folder: Path, name: str = "mask") -> CubeFile:
    """The cube with a mask file.

    Args:
        cube: Without mask.
        usable: One byte a pixel, row by row: 1 where it may be used.
        folder: The job folder.
        name: Of the mask's file, without suffix.
    """
    mask = CubeFile(f"{name}.raw", cube.height, cube.width, "uint8", (Band("usable", number=1),))
    (folder / mask.file).write_bytes(usable)
    write_envi_header(folder, mask)
    return replace(cube, mask=mask.file)


class _Reader:
    """Reads lines of some bands of a raster, line-interleaved, in the smallest type that holds them all."""

    def __init__(self, source: RasterSource, numbers: Sequence[int]) -> None:
        """Open the raster.

        Raises:
            QgsProcessingException: It cannot be opened, or is not what it was.
        """
        self._source, self._stamp = source, _stamp(source.uri)
        self.dataset = source.open()
        self.numbers = list(numbers)
        self.bands = tuple(_readable(source.bands[number - 1]) for number in numbers)
        self.width = source.grid.width
        self._signed = [i for i, number in enumerate(numbers) if _is_signed_byte(self.dataset.GetRasterBand(number))]
        self.code = cube_code(self.dataset, numbers)
        self.dtype = _NUMPY_NAMES[gdal.GetDataTypeName(self.code)]
        self.line_bytes = len(self.numbers) * self.width * gdal.GetDataTypeSize(self.code) // 8

    def lines(self, row: int, rows: int) -> bytes:
        """Lines row to row + rows.

        Raises:
            QgsProcessingException: They cannot be read.
        """
        return self.window(row, rows, 0, self.width)

    def window(self, row: int, rows: int, col: int, cols: int) -> bytes:
        """The same of columns col to col + cols alone."""
        content = _lines(self.dataset, (col, row, cols, rows), self.numbers, self.code)
        return self._with_signs(content, rows, cols) if self._signed else content

    def refuse_change(self) -> None:
        """After the last line.

        Raises:
            QgsProcessingException: The file was written to meanwhile, so that the lines may be of two rasters.
        """
        if _stamp(self._source.uri) != self._stamp:
            raise QgsProcessingException(
                f"The raster {self._source.name} was changed while it was read. Wait until it is complete, then run "
                "again."
            )

    def _with_signs(self, content: bytes, rows: int, cols: int) -> bytes:
        """Signed bytes, which GDAL before 3.7 reads as if they had no sign."""
        import numpy as np

        values = np.frombuffer(content, self.dtype).reshape(rows, len(self.numbers), cols).copy()
        part = values[:, self._signed]
        values[:, self._signed] = np.where(part >= _SIGN_BIT, part - 2 * _SIGN_BIT, part)
        return values.tobytes()


def _copy(
    reader: _Reader, parts: Sequence[tuple[int, int]], folder: Path, name: str, progress: ProgressRange
) -> CubeFile:
    """Parts (first row, rows) of a raster, one after the other, with an ENVI header."""
    height = sum(rows for _, rows in parts)
    cube = CubeFile(f"{name}.raw", height, reader.width, reader.dtype, reader.bands)
    with (folder / cube.file).open("wb") as file:
        for done, (row, rows) in enumerate(parts, 1):
            file.write(reader.lines(row, rows))
            progress.advance(done / len(parts))
    reader.refuse_change()
    write_envi_header(folder, cube)
    return cube


def _copy_blocks(reader: _Reader, block: tuple[int, int], folder: Path, name: str, progress: ProgressRange) -> CubeFile:
    """The raster by its own blocks, each read (and decompressed) once, where whole lines of blocks are too large.

    Args:
        reader: Of the raster.
        block: Height and width of its blocks.
        folder: The job folder.
        name: Of the cube's file, without suffix.
        progress: Told how far the copy is.
    """
    cube = CubeFile(f"{name}.raw", reader.dataset.RasterYSize, reader.width, reader.dtype, reader.bands)
    count, item = len(reader.bands), reader.line_bytes // (len(reader.bands) * reader.width)
    height, width = block
    step = width * max(1, CHUNK_BYTES // (count * item * height * width))
    windows = [
        (row, min(height, cube.height - row), col, min(step, cube.width - col))
        for row in range(0, cube.height, height)
        for col in range(0, cube.width, step)
    ]
    with (folder / cube.file).open("wb") as file:
        file.truncate(cube.height * reader.line_bytes)
        for done, (row, rows, col, cols) in enumerate(windows, 1):
            content = memoryview(reader.window(row, rows, col, cols))
            for line in range(rows * count):  # of a band
                file.seek((row * count + line) * cube.width * item + col * item)
                file.write(content[line * cols * item : (line + 1) * cols * item])
            progress.advance(done / len(windows))
    reader.refuse_change()
    write_envi_header(folder, cube)
    return cube


def _stamp(uri: str) -> tuple[int, int] | None:
    """Time of the last change and length of a file; None where it is no plain file."""
    try:
        found = os.stat(uri)
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_size


def _is_signed_byte(band: gdal.Band) -> bool:
    return band.GetMetadataItem("PIXELTYPE", "IMAGE_STRUCTURE") == "SIGNEDBYTE"


def _lines(dataset: gdal.Dataset, window: tuple[int, int, int, int], numbers: Sequence[int], code: int) -> bytes:
    """A window (column, row, columns, rows) of the bands, line-interleaved."""
    col, row, width, rows = window
    itemsize = gdal.GetDataTypeSize(code) // 8
    try:
        content = dataset.ReadRaster(
            col, row, width, rows, width, rows, code, list(numbers), itemsize, len(numbers) * width * itemsize,
            width * itemsize,
        )  # fmt: skip
    except RuntimeError:  # where somebody called gdal.UseExceptions
        content = None
    if content is None:
        raise QgsProcessingException(
            f"Lines {row} to {row + rows} of {dataset.GetDescription()} cannot be read: {gdal.GetLastErrorMsg()}. "
            "The file may be incomplete."
        )
    return content


def _readable(band: Band) -> Band:
    """The band with a name that is never empty, so that the worker's messages can name it."""
    return band if band.name else replace(band, name=f"Band {band.number}")


def _plain(name: str) -> str:
    return name.replace(",", " ").replace("{", "(").replace("}", ")").replace("\n", " ")
