# SPDX-License-Identifier: GPL-2.0-or-later
"""What a raster says about its bands, in the places where the field writes it: name, wavelength, width, bad bands.

Places, those that come first win:
1. custom properties of the QGIS layer, "QGISPAM/band/7//wavelength" and so on, as EnMAP-Box writes them;
2. the band's own metadata: GDAL's IMAGERY domain, then "wavelength", "fwhm", "bbl" (ENVI driver, EnMAP-Box). For ENVI
   files GDAL 3.10 and later rounds what it writes there to nanometres: a value that rounds to it is taken in its place;
3. lists at the data set: ENVI headers, also kept by GeoTIFFs made from them;
4. files beside the raster (sidecars.py): EnMAP's METADATA.XML, an ENVI header, PRISMA's table of wavelengths;
5. names such as "Band 7 (456.2 nm)".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from osgeo import gdal
from qgis.core import QgsMapLayer

from ....mtmsd_qgis.jobs.data_model import Band
from .no_data.layer_nodata import declared_nodata
from .sidecars import find_sidecar
from .wavelengths import check_wavelengths, nm_in_name, number_in, numbers_in, to_nm

_IN_NAME = re.compile(r"(\d+(?:[.,]\d+)?)\s*(nm|nanomet\w*|[uµμ]m|micromet\w*)\b", re.IGNORECASE)

_ROUNDED_NM = 0.501  # half a nanometre, and what binary fractions add


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


@dataclass(frozen=True)
class DescribedBands:
    """What the places say together.

    Attributes:
        bands: All bands of a data set, in order.
        bad: Numbers (from 1) of those that are marked as bad.
        notes: Of wavelengths that were mended, or left out as they cannot be; for the log.
    """

    bands: tuple[Band, ...]
    bad: frozenset[int]
    notes: tuple[str, ...]


def describe_bands(dataset: gdal.Dataset, uri: str = "", layer: QgsMapLayer | None = None) -> DescribedBands:
    """All bands of a data set.

    Args:
        dataset: Of GDAL.
        uri: Where it lies, for files beside it.
        layer: Of QGIS, for its custom properties.
    """
    count = dataset.RasterCount
    unit = dataset.GetMetadataItem("wavelength_units", "ENVI") or dataset.GetMetadataItem("wavelength_units") or ""
    at_dataset = {key: _list_of(dataset, key, count) for key in ("wavelength", "fwhm", "bbl")}
    listed = _from_lists(at_dataset, unit, count)
    beside_bands = listed or [Spectral()] * count
    sources = [
        [_from_layer(layer, number) for number in range(1, count + 1)],
        [_from_band(dataset.GetRasterBand(number), found, unit) for number, found in enumerate(beside_bands, 1)],
        listed,
        _from_lists(*find_sidecar(Path(uri), dataset.GetDriver().ShortName, count), count) if uri else [],
        [_from_name(dataset.GetRasterBand(number).GetDescription()) for number in range(1, count + 1)],
    ]
    checked = [(source, check_wavelengths([found.wavelength_nm for found in source])) for source in sources if source]
    merged = [Spectral()] * count
    for source, wavelengths in checked:
        pairs = zip(merged, source, wavelengths.values)
        merged = [known.or_else(_with_wavelength(found, centre)) for known, found, centre in pairs]
    notes = [wavelengths.mended for _, wavelengths in checked]
    if any(found.wavelength_nm is None for found in merged):  # no other place tells them all
        notes += [wavelengths.refused for _, wavelengths in checked]
    return DescribedBands(
        bands=tuple(_describe(dataset.GetRasterBand(i), i, found) for i, found in enumerate(merged, 1)),
        bad=frozenset(i for i, found in enumerate(merged, 1) if found.good is False),
        notes=tuple(dict.fromkeys(filter(None, notes))),
    )


def _with_wavelength(found: Spectral, centre: float | None) -> Spectral:
    """With another wavelength, and the width in the same unit."""
    if centre is None or not found.wavelength_nm:
        return replace(found, wavelength_nm=None, fwhm_nm=None)
    width = None if found.fwhm_nm is None else found.fwhm_nm * (centre / found.wavelength_nm)
    return replace(found, wavelength_nm=centre, fwhm_nm=width)


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
        nodata=declared_nodata(nodata),
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


def _from_band(band: gdal.Band, listed: Spectral, unit: str) -> Spectral:
    """What its own metadata say.

    Args:
        band: Of GDAL.
        listed: What the data set says of it.
        unit: Of the data set's wavelengths, for a band that names none: GDAL keeps units of ENVI headers that are no
            lengths from the bands.
    """
    imagery = [number_in(band.GetMetadataItem(f"{key}_UM", "IMAGERY")) for key in ("CENTRAL_WAVELENGTH", "FWHM")]
    texts = {key: band.GetMetadataItem(key) for key in ("wavelength", "fwhm", "bbl")}
    own = _from_texts(texts, band.GetMetadataItem("wavelength_units") or unit)
    exact = own.or_else(listed)
    centre, width = (1000 * um if um else None for um in imagery)
    return Spectral(_unrounded(centre, exact.wavelength_nm), _unrounded(width, exact.fwhm_nm)).or_else(own)


def _unrounded(nm: float | None, exact: float | None) -> float | None:
    """The exact number, where the other one is that number rounded to nanometres."""
    return exact if nm is not None and exact is not None and abs(nm - exact) < _ROUNDED_NM else nm


def _from_texts(texts: Mapping[str, str | None], unit: str) -> Spectral:
    values = {key: number_in(text) for key, text in texts.items()}
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
    return Spectral(nm_in_name(found.group(1), found.group(2))) if found else Spectral()


def _spectral(wavelength: float | None, fwhm: float | None, good: float | None, unit: str) -> Spectral:
    centre = to_nm(wavelength, unit) if wavelength else None
    width = None
    if centre and wavelength and fwhm:
        width = fwhm * centre / wavelength  # a width has the unit of its wavelength
    return Spectral(centre, width, None if good is None else good != 0)


def _list_of(dataset: gdal.Dataset, key: str, count: int) -> list[float]:
    """As many numbers as there are bands; others belong to something else."""
    text = dataset.GetMetadataItem(key, "ENVI") or dataset.GetMetadataItem(key) or ""
    return numbers_in(text, count)
