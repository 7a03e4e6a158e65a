# SPDX-License-Identifier: GPL-2.0-or-later
"""Raw rasters of the job folder, memory-mapped: open, read a window, write a window.

Stored line-interleaved (BIL), little endian: shape (H, bands, W). Enters: a CubeFile of the job. Leaves: windows
as (bands, h, w) float32 in physical values, NaN where there is no data; and files with an ENVI header that GDAL
opens. Pages of a mapped file count as memory of the process, so a cube drops its mapping after some bytes and maps the
file anew: what it takes does not grow with the raster.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import FileFormatError
from ..jobs.data_model import Band, CubeFile
from ..jobs.json_dataclasses import shown
from .nodata import nodata_range, within
from .windows import Window, clip, row_strips, whole, windows_with_margin

# Data types of the ENVI header, as GDAL's ENVI driver documents them.
_ENVI_TYPES = {
    "uint8": 1,
    "int16": 2,
    "int32": 3,
    "float32": 4,
    "float64": 5,
    "uint16": 12,
    "uint32": 13,
    "int64": 14,
    "uint64": 15,
}
_MAPPED_BYTES = 64 << 20  # of pages that may be in memory before the file is mapped anew
_WRITTEN_BYTES = 16 << 20  # of whole lines at once
_AROUND_BYTES = 2 << 20  # that the system may map with each piece that is touched: a large page of a file
_PIXELS_AT_ONCE = _MAPPED_BYTES // _AROUND_BYTES


class Raster(Protocol):
    """What is read by windows, whether it lies on disk or is computed where it is read.

    Attributes:
        height: Rows.
        width: Columns.
        costly: Whether a window costs far more than reading it from disk.
    """

    height: int
    width: int
    costly: bool

    @property
    def bands(self) -> int:
        """Number of bands."""

    def read(self, window: Window, bands: Sequence[int] | None = None) -> NDArray[np.float32]:
        """Physical values (bands, h, w) of a window, as Cube.read gives them."""

    def filled(self, bands: Sequence[int]) -> NDArray[np.bool_]:
        """(H, W): where all the given bands have data."""

    def expect(self, bands: Sequence[int]) -> None:
        """Hear which bands will be read from now on, so that they are computed together, and no others."""


class Cube:
    """A raw raster that is read by windows."""

    costly = False

    def __init__(self, folder: Path, description: CubeFile, *, writable: bool = False) -> None:
        """Map the file.

        Raises:
            FileFormatError: The file is missing, or its size is not that of the description.
        """
        self.description = description
        self.height = description.height
        self.width = description.width
        self._folder = folder
        self._writable = writable
        self._map()
        self._nodata = [nodata_range(band.nodata, description.dtype) for band in description.bands]
        with np.errstate(over="ignore"):  # an open end becomes infinite
            self._excluded = [
                np.asarray(band.excluded, dtype=np.float64).astype(np.float32) for band in description.bands
            ]
        self._scale = np.array([band.scale for band in description.bands], dtype=np.float32)
        self._offset = np.array([band.offset for band in description.bands], dtype=np.float32)
        self._scaled = bool(np.any(self._scale != 1) or np.any(self._offset != 0))

    def _map(self) -> None:
        """Map the files anew, which gives back the memory of the pages seen so far; nothing written is lost."""
        description = self.description
        shape = (description.height, len(description.bands), description.width)
        self._stored = _map_file(self._folder / description.file, description.dtype, shape, self._writable)
        self._mask = (
            None if description.mask is None else _map_file(self._folder / description.mask, "uint8", shape[::2], False)
        )
        self._touched_bytes = 0

    def _touch(self, rows: int, bands: int, cols: int) -> None:
        """Count what a window is about to bring into memory: a piece for each row and band, or all between them."""
        item = self._stored.dtype.itemsize
        if self._touched_bytes >= _MAPPED_BYTES:
            self._map()
        pieces = rows * bands * (cols * item + _AROUND_BYTES)
        self._touched_bytes += min(pieces, rows * self.bands * self.width * item + _AROUND_BYTES)

    @property
    def bands(self) -> int:
        """Number of bands."""
        return len(self.description.bands)

    @property
    def files(self) -> list[Path]:
        """What the raster is stored in: values and, where it has one, mask."""
        return [self._folder / name for name in (self.description.file, self.description.mask) if name]

    def read(self, window: Window, bands: Sequence[int] | None = None) -> NDArray[np.float32]:
        """Physical values of a window.

        Args:
            window: May reach outside the raster.
            bands: 0-based bands in the wanted order; all where None.

        Returns:
            (bands, h, w) float32; NaN where the raster has no data, the mask excludes the pixel, or the window
            lies outside the raster.
        """
        chosen = np.arange(self.bands) if bands is None else np.asarray(bands, dtype=np.intp)
        inside = clip(window, self.height, self.width)
        out = np.full((len(chosen), window.height, window.width), np.nan, dtype=np.float32)
        if inside.height == 0 or inside.width == 0:
            return out
        self._touch(inside.height, len(chosen), inside.width)
        rows, cols = inside.slices
        block = self._stored[rows, :, cols]
        stored = np.asarray(block if bands is None else block[:, chosen]).transpose(1, 0, 2)
        values = self._physical(stored, chosen)
        if self._mask is not None:
            values[:, np.asarray(self._mask[rows, cols]) == 0] = np.nan
        top, left = inside.row - window.row, inside.col - window.col
        out[:, top : top + inside.height, left : left + inside.width] = values
        return out

    def stored(self, window: Window) -> NDArray[Any]:
        """Values (bands, h, w) of a window inside the raster as they are stored, also where they stand for no data."""
        self._touch(window.height, self.bands, window.width)
        rows, cols = window.slices
        return np.asarray(self._stored[rows, :, cols]).transpose(1, 0, 2)

    def pixels(
        self, rows: NDArray[np.int64], cols: NDArray[np.int64], at_once: int = _PIXELS_AT_ONCE
    ) -> NDArray[np.float32]:
        """Physical values of single pixels.

        Args:
            rows: (N,), inside the raster.
            cols: The same.
            at_once: Pixels that are mapped into memory together.

        Returns:
            (bands, N) float32, NaN where there is no data.
        """
        parts = []
        for start in range(0, len(rows), at_once):
            r, c = rows[start : start + at_once], cols[start : start + at_once]
            self._touch(len(r), self.bands, 1)
            stored = np.asarray(self._stored[r, :, c]).T[:, :, None]  # (bands, n, 1)
            values = self._physical(stored, np.arange(self.bands))[:, :, 0]
            if self._mask is not None:
                values[:, np.asarray(self._mask[r, c]) == 0] = np.nan
            parts.append(values)
        return np.concatenate(parts, axis=1) if parts else np.zeros((self.bands, 0), dtype=np.float32)

    def write(self, window: Window, values: NDArray[np.generic]) -> None:
        """Store values.

        Args:
            window: Inside the raster.
            values: (bands, h, w), already in the stored type's range.
        """
        if window.width == self.width:  # whole lines lie together; as pages of the mapping they would count as memory
            self._write_lines(window.row, values.transpose(1, 0, 2))
            return
        self._touch(window.height, self.bands, window.width)
        rows, cols = window.slices
        self._stored[rows, :, cols] = values.transpose(1, 0, 2)

    def _write_lines(self, row: int, lines: NDArray[np.generic]) -> None:
        line_bytes = self.bands * self.width * self._stored.dtype.itemsize
        at_once = max(1, _WRITTEN_BYTES // line_bytes)
        with (self._folder / self.description.file).open("r+b") as file:
            file.seek(row * line_bytes)
            for first in range(0, len(lines), at_once):
                file.write(np.ascontiguousarray(lines[first : first + at_once], dtype=self._stored.dtype).data)

    def filled(self, bands: Sequence[int]) -> NDArray[np.bool_]:
        """(H, W): where all the given bands have data."""
        return valid_pixels(self, bands)

    def expect(self, bands: Sequence[int]) -> None:
        """Do nothing: what lies on disk costs the same whatever is read."""

    def flush(self) -> None:
        """Hand what was written to the disk, through the mapping and as whole lines."""
        self._stored.flush()
        with (self._folder / self.description.file).open("r+b") as file:
            os.fsync(file.fileno())

    def _physical(self, stored: NDArray[np.generic], chosen: NDArray[np.intp]) -> NDArray[np.float32]:
        with np.errstate(over="ignore", invalid="ignore"):
            values = stored.astype(np.float32)
        if self._scaled:
            values *= self._scale[chosen, None, None]
            values += self._offset[chosen, None, None]
        for position, band in enumerate(chosen):
            ends = self._nodata[band]
            if ends is not None:
                values[position][within(stored[position], ends)] = np.nan
            for low, high in self._excluded[band]:
                values[position][(values[position] >= low) & (values[position] <= high)] = np.nan
        if stored.dtype.kind == "f":
            values[~np.isfinite(values)] = np.nan
        return values


def create_cube(folder: Path, name: str, size: tuple[int, int], dtype: str, bands: Sequence[Band]) -> Cube:
    """Create a writable raw raster of zeros with its ENVI header.

    Args:
        folder: The job folder.
        name: Of the file, without suffix.
        size: Height and width.
        dtype: numpy name of the stored type.
        bands: One entry a band.

    Raises:
        OSError: There is no room for it. Found out here: a page that cannot be stored later would end the process.
    """
    description = CubeFile(f"{name}.raw", size[0], size[1], dtype, tuple(bands))
    path = folder / description.file
    with path.open("wb") as file:
        _reserve(file, size[0] * size[1] * len(bands) * np.dtype(dtype).itemsize)
    write_envi_header(path.with_suffix(".hdr"), description)
    return Cube(folder, description, writable=True)


def _reserve(file: BinaryIO, length_bytes: int) -> None:
    """Make the file so long, with room on the disk for all of it where the system can promise that."""
    if length_bytes and hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(file.fileno(), 0, length_bytes)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):  # a file system that cannot promise
                raise
    file.truncate(length_bytes)


def valid_pixels(cube: Cube, bands: Sequence[int] | None = None) -> NDArray[np.bool_]:
    """(H, W) bool: where all the given bands have data."""
    valid = np.zeros((cube.height, cube.width), dtype=bool)
    for strip in row_strips(*whole_size(cube), 4 * cube.bands):
        valid[strip.slices] = np.isfinite(cube.read(strip, bands)).all(axis=0)
    return valid


def whole_size(cube: Raster) -> tuple[int, int]:
    """Height and width of the raster."""
    window = whole(cube.height, cube.width)
    return window.height, window.width


def _map_file(path: Path, dtype: str, shape: tuple[int, ...], writable: bool) -> np.memmap[Any, np.dtype[Any]]:
    if dtype not in _ENVI_TYPES or min(shape) < 1:
        raise FileFormatError(
            f"{shown(path.name)}: data type {shown(dtype)} with shape {shape} cannot be a raster of numbers."
        )
    expected_bytes = int(np.prod([int(n) for n in shape], dtype=object)) * np.dtype(dtype).itemsize
    found_bytes = path.stat().st_size if path.is_file() else None
    if found_bytes != expected_bytes:
        raise FileFormatError(
            f"{shown(path.name)} should have {expected_bytes} bytes for shape {shape} and type {dtype}; "
            + ("it is missing." if found_bytes is None else f"it has {found_bytes}.")
        )
    stored_type = np.dtype(dtype).newbyteorder("<")
    return np.memmap(path, dtype=stored_type, mode="r+" if writable else "r", shape=shape)


def write_envi_header(path: Path, description: CubeFile) -> None:
    """Write the header with which GDAL opens a raw raster."""
    names = ", ".join(band.name.replace(",", " ").replace("{", "(").replace("}", ")") for band in description.bands)
    lines = [
        "ENVI",
        f"samples = {description.width}",
        f"lines = {description.height}",
        f"bands = {len(description.bands)}",
        "header offset = 0",
        "file type = ENVI Standard",
        f"data type = {_ENVI_TYPES[description.dtype]}",
        "interleave = bil",
        "byte order = 0",
        f"band names = {{{names}}}",
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def spread_windows(raster: Raster, band: int, side: int, count: int) -> list[Window]:
    """At most so many windows with data in a band, side x side pixels, spread evenly over those of the raster."""
    valid = raster.filled([band])
    cores = (tile.core for tile in windows_with_margin(raster.height, raster.width, side, 0, 0))
    windows = [core for core in cores if valid[core.slices].any()]
    chosen = np.unique(np.linspace(0, len(windows) - 1, min(count, len(windows))).round().astype(int))
    return [windows[i] for i in chosen]
