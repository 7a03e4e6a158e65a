# SPDX-License-Identifier: GPL-2.0-or-later
"""Output files that are complete or not there at all. A link is written through, as GDAL does."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from qgis.core import QgsProcessingException

from .old_rasters import PARTS, parts_of_raster

_FULL_BYTES = 1 << 16  # free on a disk that is full for all that is written here


@contextmanager
def replacing(path: Path, *, raster: bool = False) -> Iterator[Path]:
    """A partial file beside the path, put in its place when the block ends well and removed when it does not.

    Args:
        path: Of the output; where it is a link, the file that it leads to is replaced.
        raster: Whether it is one: then all that belongs to a raster of this name goes with the old file.

    Raises:
        QgsProcessingException: The place cannot be written.
    """
    partial = path
    try:
        place = link_target(path)
        partial = place.with_name(f"{place.name}.partial")
        place.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        _put_in_place(partial, path, place, raster=raster)
    except OSError as error:
        reason = _full(path.parent) or error.strerror or str(error) or "no reason is known"
        raise QgsProcessingException(
            f"{path} cannot be written: {reason}. Choose another place, or close what uses the file."
        ) from None
    finally:
        if partial != path:
            _remove_with_parts(partial)


@contextmanager
def removed_after(path: Path) -> Iterator[None]:
    """Remove a raster that is needed in the block only, with what belongs to it; there may be none."""
    try:
        yield
    finally:
        _remove_with_parts(path)


def _remove_with_parts(path: Path) -> None:
    for suffix in ("", *PARTS):
        with suppress(OSError):
            path.with_name(path.name + suffix).unlink()


def link_target(path: Path) -> Path:
    """The file that is written: the path, or what it leads to where it is a link.

    Raises:
        OSError: The link leads in a circle.
    """
    if not path.is_symlink():
        return path
    target = Path(os.path.realpath(path))
    if target.is_symlink():
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
    return target


def _put_in_place(partial: Path, path: Path, place: Path, *, raster: bool) -> None:
    """Move a file and its parts to their place; the old parts are set aside first, and come back where it fails."""
    old = sorted({*parts_of_raster(place), *parts_of_raster(path)}) if raster else []
    parts = [suffix for suffix in PARTS if partial.with_name(partial.name + suffix).exists()] if raster else []
    aside: list[tuple[Path, Path]] = []
    new: list[Path] = []
    try:
        for file in old:
            kept = file.with_name(f"{file.name}.partial")
            os.replace(file, kept)
            aside.append((kept, file))
        for suffix in parts:
            written = partial.with_name(partial.name + suffix)
            for goal in {place, path}:  # GDAL looks for them beside the name that it is given
                shutil.copyfile(written, goal.with_name(goal.name + suffix))
                new.append(goal.with_name(goal.name + suffix))
        os.replace(partial, place)
    except OSError:
        for file in new:
            file.unlink()
        for kept, file in aside:
            os.replace(kept, file)
        raise
    for kept, _ in aside:
        with suppress(OSError):
            kept.unlink()


def _full(folder: Path) -> str:
    """That the disk is full, where it is; GDAL tells of a line that it could not write."""
    with suppress(OSError):
        return "the disk is full" if shutil.disk_usage(folder).free < _FULL_BYTES else ""
    return ""


def write_text(text: str, path: Path) -> None:
    """A report."""
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_texts(texts: Mapping[Path, str]) -> None:
    """Several files that belong together: either all are put in their places, or none is.

    Raises:
        QgsProcessingException: A place cannot be written.
    """
    with ExitStack() as stack:
        for path, text in texts.items():
            stack.enter_context(replacing(path)).write_text(text, encoding="utf-8")


def copy_file(source: Path, path: Path) -> None:
    """A file that the worker wrote, in its place."""
    with replacing(path) as partial:
        shutil.copyfile(source, partial)
