# SPDX-License-Identifier: GPL-2.0-or-later
"""How the user wants a raster stored: its format, and creation options in GDAL's words, "COMPRESS=ZSTD|TILED=YES"."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from osgeo import gdal
from qgis.core import QgsProcessingException

from .option_list import OptionList

FORMATS = {"GTiff": "GeoTIFF", "COG": "Cloud Optimized GeoTIFF"}

# Class ids, probabilities and features mean nothing when they are changed a little.
_LOSSY_COMPRESSION = ("JPEG", "WEBP", "CCITTRLE", "CCITTFAX3", "CCITTFAX4")
_LOSSY_OPTIONS = (
    "NBITS", "PIXELTYPE", "DISCARD_LSB", "MAX_Z_ERROR", "MAX_Z_ERROR_OVERVIEW", "JXL_LOSSLESS", "JXL_DISTANCE",
    "JXL_ALPHA_DISTANCE", "JPEG_QUALITY", "WEBP_LOSSLESS", "WEBP_LEVEL", "QUALITY", "OVERVIEW_QUALITY",
)  # fmt: skip
_BESIDE = ("TFW", "RPB", "RPCTXT")  # files that would not go with the raster when it is replaced
_MOVES_PIXELS = ("TILING_SCHEME", "TARGET_SRS", "EXTENT", "RES", "ADD_ALPHA")  # of COG: it would warp the raster
_SIDE = 32  # pixels, of a raster to try options on
_PREDICTED = ("DEFLATE", "LZW", "ZSTD")  # compressions that have a predictor


def writable_formats() -> list[str]:
    """The drivers of FORMATS that this GDAL has."""
    return [driver for driver in FORMATS if gdal.GetDriverByName(driver) is not None]


@dataclass(frozen=True)
class RasterFormat:
    """The format of a raster.

    Attributes:
        driver: GDAL's name of it, one of FORMATS.
        options: Names in capitals and values, as the user gave them.
    """

    driver: str = "GTiff"
    options: tuple[tuple[str, str], ...] = ()

    @classmethod
    def read(cls, driver: str, text: str) -> RasterFormat:
        """A format, checked by what GDAL says of it.

        Args:
            driver: As QGIS has it for the output.
            text: "NAME=VALUE" with "|" between several; may be empty.

        Raises:
            QgsProcessingException: We do not write the format, or an option is none of it or would change values.
        """
        if driver not in FORMATS:
            raise QgsProcessingException(
                f"Rasters are written as {' or '.join(FORMATS.values())}; found the format {driver}. Choose one of "
                "these, and convert the result with GDAL's 'Translate' where another is needed."
            )
        listed = OptionList.of_driver(driver)
        if listed is None:
            raise QgsProcessingException(
                f"This GDAL cannot write a {FORMATS[driver]}. Choose {FORMATS['GTiff']} as the format."
            )
        pairs = dict(_pairs(text))
        for name, value in pairs.items():
            trouble = listed.trouble(name, value) or _changes_values(name, value)
            if trouble:
                raise QgsProcessingException(f"CREATION_OPTIONS of a {FORMATS[driver]}: {trouble}")
        wanted = cls(driver, tuple(pairs.items()))
        if pairs:
            wanted.rehearse()
        return wanted

    def rehearse(self) -> None:
        """Write a raster of whole numbers and one of others with the options, in memory: GDAL knows what goes together.

        Raises:
            QgsProcessingException: GDAL cannot; with its reason.
        """
        for code in (gdal.GDT_Byte, gdal.GDT_Float32):
            reason = _failure(self, code)
            if reason:
                kind = "whole numbers, such as class ids" if code == gdal.GDT_Byte else "fractions"
                raise QgsProcessingException(
                    f"CREATION_OPTIONS of a {FORMATS[self.driver]}: {self.text} cannot be used for {kind}. GDAL says: "
                    f"{reason} Leave out what it names."
                )

    @property
    def text(self) -> str:
        """The options as they are given."""
        return "|".join(f"{name}={value}" for name, value in self.options)

    def over(self, usual: Sequence[str]) -> list[str]:
        """The user's options, and before them the usual ones that they do not replace, as GDAL takes them."""
        given = dict(self.options)
        kept = [option for option in usual if not self._replaces(given, option.partition("=")[0])]
        return [*kept, *(f"{name}={value}" for name, value in self.options)]

    @staticmethod
    def _replaces(given: dict[str, str], name: str) -> bool:
        if name == "PREDICTOR" and given.get("COMPRESS", _PREDICTED[0]).upper() not in _PREDICTED:
            return True
        if name in ("BLOCKXSIZE", "BLOCKYSIZE") and "TILED" in given:  # strips have other sizes than tiles
            return True
        return name in given


def _failure(wanted: RasterFormat, code: int) -> str:
    """What GDAL says where it cannot write a small raster so; empty where it can."""
    path = f"/vsimem/mtmsd_rehearsal_{id(wanted)}.tif"
    source = gdal.GetDriverByName("MEM").Create("", _SIDE, _SIDE, 2, code)
    reasons: list[str] = []
    gdal.PushErrorHandler(lambda kind, _number, text: reasons.append(text) if kind >= gdal.CE_Failure else None)
    try:
        written = gdal.GetDriverByName(wanted.driver).CreateCopy(path, source, options=wanted.over(()))
        del written  # writes what is left
    except RuntimeError as error:  # where somebody called gdal.UseExceptions
        reasons.append(str(error))
    finally:
        gdal.PopErrorHandler()
        if gdal.VSIStatL(path) is not None:
            gdal.Unlink(path)
    return f"{reasons[0].rstrip('.')}." if reasons else ""


def _pairs(text: str) -> Iterable[tuple[str, str]]:
    for part in filter(None, (part.strip() for part in text.split("|"))):
        name, mark, value = (word.strip() for word in part.partition("="))
        if not (name and mark and value):
            raise QgsProcessingException(
                "CREATION_OPTIONS should be NAME=VALUE, with | between several, such as COMPRESS=LZW|TILED=YES; found "
                f"'{part}'. Give each option a name and a value."
            )
        yield name.upper(), value


def _changes_values(name: str, value: str) -> str:
    compression = name in ("COMPRESS", "OVERVIEW_COMPRESS") and value.upper() in _LOSSY_COMPRESSION
    if name in _BESIDE:
        return f"{name} would write a file beside the raster, which has its place inside. Leave it out."
    if name in _MOVES_PIXELS:
        return f"{name} would move the pixels off the grid of the input, on which they lie. Leave it out."
    if compression or name in _LOSSY_OPTIONS:
        return f"{name}={value} may change values, such as class ids. Leave it out, or use COMPRESS=DEFLATE."
    return ""
