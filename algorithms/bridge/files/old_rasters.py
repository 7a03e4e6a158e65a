# SPDX-License-Identifier: GPL-2.0-or-later
"""What lies beside a raster and is part of it: it goes when the raster is replaced, or it would change the new one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from .input_files import files_of_raster, own_files_of_raster

PARTS = (".aux.xml", ".ovr", ".msk", ".msk.ovr", ".ovr.msk", ".msk.aux.xml")  # behind the whole name of a raster
_WORLD_FILES = (".tfw", ".tifw", ".tiffw")


def parts_of_raster(path: Path) -> list[Path]:
    """The files beside a raster that GDAL reads with it, or would read with a new one of its name.

    GDAL's list of the raster that lies there, as far as it is of the same folder and stem, and what it looks for under
    the raster's name. A file that GDAL lists for another raster too, such as a world file, is not among them.
    """
    listed = {Path(text) for text in own_files_of_raster(str(path))} if path.is_file() else set()
    listed = {file for file in listed if file.parent == path.parent and file.name.startswith(path.stem)}
    named = {path.with_name(path.name + suffix) for suffix in PARTS}
    world = {path.with_suffix(suffix) for suffix in _WORLD_FILES}
    found = {file for file in listed | named | world if file.is_file()} - {path}
    shared = found - named
    for other in _others(path, found) if shared else ():
        shared_now = {Path(text) for text in files_of_raster(str(other))}
        found -= shared & shared_now
    return sorted(found)


def _others(path: Path, parts: set[Path]) -> Iterator[Path]:
    """Files of the same stem that may be rasters of their own."""
    for file in path.parent.iterdir():
        if file.stem == path.stem and file != path and file not in parts and file.is_file():
            yield file
