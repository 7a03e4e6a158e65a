# SPDX-License-Identifier: GPL-2.0-or-later
"""Which file a text names: two texts may name one file, and one file may hold several tables.

Files are compared by resolved path (no links, no "..") and, where they are there, by device and inode.
"""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from qgis.core import QgsDataSourceUri, QgsProviderRegistry
from qgis.PyQt.QtCore import QUrl

TEMPORARY_OUTPUT = "TEMPORARY_OUTPUT"  # the value of QgsProcessing.TEMPORARY_OUTPUT, in QGIS 3 and 4
_IN_FILE = ("ogr", "spatialite")  # providers of destinations whose tables lie in a file
_PROVIDER = re.compile(r"^(\w{3,}):(.*)$", re.DOTALL)  # a drive of Windows has one letter
_VIRTUAL_FILE = re.compile(r"^/vsi(\w+)/")
_FOLDS_CASE = sys.platform in ("win32", "darwin")


@dataclass(frozen=True)
class FilePlace:
    """A file, or a table in one.

    Attributes:
        path: Resolved.
        key: Device and inode; None where there is no such file yet.
        table: In a database file; empty for the whole file.
    """

    path: Path
    key: tuple[int, int] | None
    table: str = ""

    @classmethod
    def of(cls, path: Path | str, table: str = "") -> FilePlace:
        """The place that a path names, whether there is a file or not."""
        resolved = os.path.realpath(path)
        try:
            found = os.stat(resolved)
        except (OSError, ValueError):
            return cls(Path(resolved), None, table)
        return cls(Path(resolved), (found.st_dev, found.st_ino), table)

    def overlaps(self, other: FilePlace) -> bool:
        """Whether whoever writes the one writes the other: one file, unless both are tables and differ."""
        same_file = (self.key is not None and self.key == other.key) or _folded(self.path) == _folded(other.path)
        both_tables = bool(self.table and other.table)
        return same_file and (not both_tables or self.table.lower() == other.table.lower())

    def lies_in(self, folder: FilePlace) -> bool:
        """Whether it lies in a folder, at any depth."""
        return _folded(folder.path) in map(_folded, self.path.parents)

    @property
    def text(self) -> str:
        """For a sentence."""
        return f"the table {self.table} of {self.path}" if self.table else str(self.path)


def place_of_destination(text: str) -> FilePlace | None:
    """The place that the value of an output names; None for what is temporary, in memory, or in a database server."""
    if text in ("", TEMPORARY_OUTPUT):
        return None
    if text.lower().startswith("file:"):
        return FilePlace.of(QUrl(text).toLocalFile())
    provider = _PROVIDER.match(text)
    if provider is None:
        parts = QgsProviderRegistry.instance().decodeUri("ogr", text)
        return FilePlace.of(parts.get("path") or text, parts.get("layerName") or "")
    if provider[1].lower() not in _IN_FILE:
        return None
    database = QgsDataSourceUri(provider[2])
    return FilePlace.of(database.database() or provider[2].split("|")[0], database.table())


def place_of_folder(text: str) -> FilePlace | None:
    """The place that the value of an output of a folder names; None for a temporary one."""
    return None if text in ("", TEMPORARY_OUTPUT) else FilePlace.of(text)


def real_file(text: str) -> Path | None:
    """The file that a path of GDAL leads to, such as the archive of /vsizip/...; None where there is none."""
    path = text
    while prefix := _VIRTUAL_FILE.match(path):
        path = path[prefix.end() :].partition(",")[2] if prefix[1] == "subfile" else path[prefix.end() :]
    for spelled in (path, path.replace("{", "").replace("}", "")):
        for candidate in (Path(spelled), *Path(spelled).parents):
            if os.path.isfile(candidate):  # Path.is_file raises where the text is no path, as an inline virtual raster
                return candidate
    return None


def _folded(path: Path) -> str:
    text = os.path.normcase(path)
    return text.casefold() if _FOLDS_CASE else text
