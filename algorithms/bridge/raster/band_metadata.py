# SPDX-License-Identifier: GPL-2.0-or-later
"""What a raster says about its bands, in the places where the field writes it: name, wavelength, width, bad bands.

Places, those that come first win:
1. custom properties of the QGIS layer, "QGISPAM/band/7//wavelength" and so on, as EnMAP-Box writes them;
2. the band's own metadata: GDAL's IMAGERY domain, then "wavelength", "fwhm", "bbl" (ENVI driver, EnMAP-Box);
3. lists at the data set: ENVI headers, also kept by GeoTIFFs made from them;
4. files beside the raster (sidecars.py): EnMAP's METADATA.XML, an ENVI header, PRISMA's table of wavelengths;
5. names such as "Band 7 (456.2 nm)".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from osgeo import gdal
from qgis.core import QgsMapLayer

from ....mtmsd_qgis.jobs.data_model import Band
from .sidecars import find_sidecar

_NM_PER_UNIT = {"n": 1.0, "u": 1000.0, "µ": 1000.0, "μ": 1000.0, "mi": 1000.0, "m": 1e9}
_LARGEST_MICROMETRES = 100.0  # a number without unit below this is taken as micrometres
_IN_NAME = re.compile(r"(\d+(?:\.\d+)?)\s*(nm|nanomet\w*|[uµμ]m|micromet\w*)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Spectral:
    """What one place says about a band; None where it says nothing.

    Attributes:
        wavelength_nm: Of the band's centre.
        fwhm_nm: Full width at half of the maximum of its response.
        good: False where the band is marked as bad.
    """

    wavelength_nm: float | None = None
    fwhm_nm: float | None = None
    good: bool | None = None

    def or_else(self, other: Spectral) -> Spectral:
        """What this place does not say, from another."""
        return Spectral(
            self.wavelength_nm if self.wavelength_nm is not None else other.wavelength_nm,
            self.fwhm_nm if self.fwhm_nm is not None else other.fwhm_nm,
            self.good if self.good is not None else other.good,
        )


def describe_bands(
    dataset: gdal.Dataset, uri: str = "", layer: QgsMapLayer | None = None
) -> tuple[tuple[Band, ...], set[int]]:
    """All bands of a data set, in order, and the numbers (from 1) of those that are marked as bad.

    Args:
        dataset: Of GDAL.
        uri: Where it lies, for files beside it.
        layer: Of QGIS, for its custom properties.
    """
    count = dataset.RasterCount
    unit = dataset.GetMetadataItem("wavelength_units", "ENVI") or dataset.GetMetadataItem("wavelength_units") or ""
    at_dataset = {key: _list_of(dataset, key) for key in ("wavelength", "fwhm", "bbl")}
    sources = [
        [_from_layer(layer, number) for number in range(1, count + 1)],
        [_from_band(dataset.GetRasterBand(number)) for number in range(1, count + 1)],
        _from_lists(at_dataset, unit, count),
        _from_lists(*find_sidecar(Path(uri), dataset.GetDriver().ShortName), count) if uri else [],
        [_from_name(dataset.GetRasterBand(number).GetDescription()) for number in range(1, count + 1)],
    ]
    bands, bad = [], set()
    for index in range(count):
        found = Spectral()
        for source in filter(None, sources):
            found = found.or_else(source[index])
        bands.append(_describe(dataset.GetRasterBand(index + 1), index + 1, found))
        if found.good is False:
            bad.add(index + 1)
    return tuple(bands), bad


def spectral_sentence(bands: Sequence[Band]) -> str:
    """For example "Wavelengths: 418 to 2445 nm, width 6.5 to 11.9 nm."; empty where nothing is known."""
    centres = [band.wavelength_nm for band in bands if band.wavelength_nm is not None]
    widths = [band.fwhm_nm for band in bands if band.fwhm_nm is not None]
    if not centres:
        return ""
    of_bands = "" if len(centres) == len(bands) else f" of {len(centres)} bands"
    width = f", width {min(widths):.3g} to {max(widths):.3g} nm" if widths else ""
    return f"Wavelengths{of_bands}: {min(centres):.4g} to {max(centres):.4g} nm{width}."


def _describe(band: gdal.Band, number: int, spectral: Spectral) -> Band:
    scale, offset, nodata = band.GetScale(), band.GetOffset(), band.GetNoDataValue()
    return Band(
        name=band.GetDescription() or "",
        wavelength_nm=spectral.wavelength_nm,
        fwhm_nm=spectral.fwhm_nm,
        nodata=None if nodata is None else float(nodata),  # of 64-bit types it is a whole number, maybe a huge one
        scale=1.0 if scale in (None, 0.0) else scale,
        offset=0.0 if offset is None else offset,
        number=number,
    )


def _from_layer(layer: QgsMapLayer | None, number: int) -> Spectral:
    if layer is None:
        return Spectral()

    def value(key: str) -> str | None:
        found = layer.customProperty(f"QGISPAM/band/{number}//{key}")
        return None if found is None else str(found)

    return _from_texts({key: value(key) for key in ("wavelength", "fwhm", "bbl")}, value("wavelength_units") or "")


def _from_band(band: gdal.Band) -> Spectral:
    imagery = [_number(band.GetMetadataItem(f"{key}_UM", "IMAGERY")) for key in ("CENTRAL_WAVELENGTH", "FWHM")]
    own = {key: band.GetMetadataItem(key) for key in ("wavelength", "fwhm", "bbl")}
    return Spectral(*(1000 * um if um else None for um in imagery)).or_else(
        _from_texts(own, band.GetMetadataItem("wavelength_units") or "")
    )


def _from_texts(texts: Mapping[str, str | None], unit: str) -> Spectral:
    values = {key: _number(text) for key, text in texts.items()}
    return _spectral(values["wavelength"], values["fwhm"], values["bbl"], unit)


def _from_lists(lists: Mapping[str, Sequence[float | None]], unit: str, count: int) -> list[Spectral]:
    """Of lists with as many entries as there are bands; others belong to something else."""
    fitting = {key: values for key, values in lists.items() if len(values) == count and None not in values}
    if not fitting:
        return []
    empty = [None] * count
    columns = (fitting.get(key, empty) for key in ("wavelength", "fwhm", "bbl"))
    return [_spectral(*values, unit) for values in zip(*columns)]


def _from_name(name: str | None) -> Spectral:
    found = _IN_NAME.search(name or "")
    return Spectral(_to_nm(float(found.group(1)), found.group(2))) if found else Spectral()


def _spectral(wavelength: float | None, fwhm: float | None, good: float | None, unit: str) -> Spectral:
    centre = _to_nm(wavelength, unit) if wavelength else None
    width = None
    if centre and wavelength and fwhm:
        width = fwhm * centre / wavelength  # a width has the unit of its wavelength
    return Spectral(centre, width, None if good is None else good != 0)


def _list_of(dataset: gdal.Dataset, key: str) -> list[float | None]:
    text = dataset.GetMetadataItem(key, "ENVI") or dataset.GetMetadataItem(key) or ""
    return [_number(part) for part in text.strip("{} \n").split(",")] if text else []


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
