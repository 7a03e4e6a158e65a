# SPDX-License-Identifier: GPL-2.0-or-later
"""What a raster says about its bands, in the places where the field writes it: name, wavelength, nodata, bad bands.

Places: the band's own metadata (GDAL's ENVI driver, EnMAP-Box), GDAL's IMAGERY domain, lists at the data set (ENVI
headers, also kept by converted GeoTIFFs), and names such as "Band 7 (456.2 nm)".
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from osgeo import gdal

from ...mtmsd_qgis.protocol import Band

_NM_PER_UNIT = {"n": 1.0, "u": 1000.0, "µ": 1000.0, "μ": 1000.0, "mi": 1000.0, "m": 1e9}
_LARGEST_MICROMETRES = 100.0  # a number without unit below this is taken as micrometres
_IN_NAME = re.compile(r"(\d+(?:\.\d+)?)\s*(nm|nanomet\w*|[uµμ]m|micromet\w*)\b", re.IGNORECASE)


def describe_bands(dataset: gdal.Dataset) -> tuple[Band, ...]:
    """All bands of a data set, in order."""
    listed = _listed_wavelengths(dataset)
    return tuple(
        _describe(dataset.GetRasterBand(number), number, listed[number - 1] if listed else None)
        for number in range(1, dataset.RasterCount + 1)
    )


def bad_bands(dataset: gdal.Dataset) -> set[int]:
    """Numbers (from 1) of the bands that the metadata marks as bad: 0 in the list "bbl" or in the band's "bbl"."""
    flags = _list_of(dataset, "bbl")
    marked = {number for number, flag in enumerate(flags, 1) if flag == 0} if _fits(flags, dataset) else set()
    for number in range(1, dataset.RasterCount + 1):
        own = _number(dataset.GetRasterBand(number).GetMetadataItem("bbl"))
        if own is not None:
            (marked.add if own == 0 else marked.discard)(number)
    return marked


def _describe(band: gdal.Band, number: int, listed_nm: float | None) -> Band:
    name = band.GetDescription() or ""
    scale, offset = band.GetScale(), band.GetOffset()
    wavelength = _own_wavelength(band)
    if wavelength is None:
        wavelength = listed_nm
    if wavelength is None:
        found = _IN_NAME.search(name)
        wavelength = _to_nm(float(found.group(1)), found.group(2)) if found else None
    return Band(
        name=name,
        wavelength_nm=wavelength,
        nodata=band.GetNoDataValue(),
        scale=1.0 if scale in (None, 0.0) else scale,
        offset=0.0 if offset is None else offset,
        number=number,
    )


def _own_wavelength(band: gdal.Band) -> float | None:
    micrometres = _number(band.GetMetadataItem("CENTRAL_WAVELENGTH_UM", "IMAGERY"))
    if micrometres:
        return micrometres * 1000
    value = _number(band.GetMetadataItem("wavelength"))
    return _to_nm(value, band.GetMetadataItem("wavelength_units") or "") if value else None


def _listed_wavelengths(dataset: gdal.Dataset) -> list[float | None]:
    values = _list_of(dataset, "wavelength")
    if not _fits(values, dataset):
        return []
    unit = dataset.GetMetadataItem("wavelength_units", "ENVI") or dataset.GetMetadataItem("wavelength_units") or ""
    return [_to_nm(value, unit) if value else None for value in values]


def _list_of(dataset: gdal.Dataset, key: str) -> list[float | None]:
    text = dataset.GetMetadataItem(key, "ENVI") or dataset.GetMetadataItem(key) or ""
    return [_number(part) for part in text.strip("{} \n").split(",")] if text else []


def _fits(values: Sequence[float | None], dataset: gdal.Dataset) -> bool:
    return len(values) == dataset.RasterCount and None not in values


def _to_nm(value: float, unit: str) -> float | None:
    unit = unit.strip().lower()
    if unit in ("wavenumber", "index", "ghz", "mhz"):
        return None
    for prefix in ("mi", "n", "u", "µ", "μ", "m"):  # "micrometers" before "m"
        if unit.startswith(prefix):
            return value * _NM_PER_UNIT[prefix]
    return value * 1000 if value < _LARGEST_MICROMETRES else value


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text is not None else None
    except ValueError:
        return None
