# SPDX-License-Identifier: GPL-2.0-or-later
"""Files beside a raster that say what its bands are, where the raster itself does not.

- EnMAP products: "…-METADATA.XML" beside "…-SPECTRAL_IMAGE.TIF" (level 1C and 2A), in nanometres.
  Source: EnMAP product specification, element specific/bandCharacterisation/bandID.
- An ENVI header beside a raster of another format, "scene.hdr" or "scene.tif.hdr".
- PRISMA scenes as prismaread writes them: a table "….wvl" with the columns wl and fwhm, in nanometres.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

from qgis.PyQt.QtXml import QDomDocument, QDomElement

from .wavelengths import number_in, numbers_in

Lists = dict[str, list["float | None"]]

_LARGEST_BYTES = 64 << 20
_ENVI_ENTRY = re.compile(r"^\s*([\w ]+?)\s*=\s*(\{[^}]*\}|[^\n]*)", re.MULTILINE)
_KEYS = ("wavelength", "fwhm", "bbl")


def find_sidecar(path: Path, driver: str, count: int) -> tuple[Lists, str]:
    """Lists of wavelength, fwhm and bbl, as far as the files beside a raster have them, and the unit.

    Args:
        path: Of the raster; what is no file has nothing beside it.
        driver: Short name of its GDAL driver: an ENVI raster's own header is read by GDAL.
        count: Of its bands.
    """
    if not path.is_file():
        return {}, ""
    readers = [(_enmap_files(path), _read_enmap), (_beside(path, ".wvl"), _read_prisma)]
    if driver != "ENVI":
        readers.append((_beside(path, ".hdr"), partial(_read_envi, count=count)))
    for files, read in readers:
        for file in files:
            with suppress(OSError, ValueError):
                lists, unit = read(_text(file))
                if any(lists.values()):
                    return lists, unit
    return {}, ""


def sidecar_files(path: Path) -> Iterator[Path]:
    """The files beside a raster that find_sidecar may read."""
    yield from _enmap_files(path)
    yield from (file for suffix in (".wvl", ".hdr") for file in _beside(path, suffix))


def _beside(path: Path, suffix: str) -> Iterator[Path]:
    for candidate in (path.with_suffix(suffix), path.with_name(path.name + suffix)):
        if candidate.is_file():
            yield candidate


def _enmap_files(path: Path) -> Iterator[Path]:
    product, mark, _ = path.name.upper().partition("-SPECTRAL_IMAGE")
    if mark:
        yield from (file for file in path.parent.iterdir() if file.name.upper() == f"{product}-METADATA.XML")


def _text(file: Path) -> str:
    if file.stat().st_size > _LARGEST_BYTES:
        raise ValueError(file)
    return file.read_text(encoding="utf-8", errors="replace")


def _read_enmap(text: str) -> tuple[Lists, str]:
    document = QDomDocument()
    document.setContent(text)
    lists: Lists = {"wavelength": [], "fwhm": []}
    for parent in _elements(document, "bandCharacterisation"):
        for band in _elements(parent, "bandID"):
            for key, tag in (("wavelength", "wavelengthCenterOfBand"), ("fwhm", "FWHMOfBand")):
                lists[key].append(number_in(band.firstChildElement(tag).text()))
    return lists, "nm"


def _elements(parent: QDomDocument | QDomElement, tag: str) -> Iterator[QDomElement]:
    found = parent.elementsByTagName(tag)
    for index in range(found.count()):
        yield found.at(index).toElement()


def _read_prisma(text: str) -> tuple[Lists, str]:
    lines = [line.strip().replace('"', "") for line in text.splitlines() if line.strip()]
    # Where no comma parts the titles, one in a row belongs to a number.
    separator = r"[\s,;]+" if lines and "," in lines[0] else r"[\s;]+"
    rows = [re.split(separator, line) for line in lines]
    names = [name.lower() for name in rows[0]] if rows else []
    lists: Lists = {}
    for key, column in (("wavelength", "wl"), ("fwhm", "fwhm")):
        if column in names:
            # Counted from the right: R may put row names into a column without a title.
            place = names.index(column) - len(names)
            lists[key] = [number_in(row[place]) if len(row) >= len(names) else None for row in rows[1:]]
    return lists, "nm"


def _read_envi(text: str, count: int) -> tuple[Lists, str]:
    if not text.lstrip("\ufeff").startswith("ENVI"):
        return {}, ""
    entries = {key.strip().lower(): value.strip() for key, value in _ENVI_ENTRY.findall(text)}
    lists: Lists = {key: list(numbers_in(entries[key], count)) for key in _KEYS if key in entries}
    return lists, entries.get("wavelength units", "")
