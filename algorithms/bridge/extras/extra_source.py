# SPDX-License-Identifier: GPL-2.0-or-later
"""What an extra raster is: measurements, heights, or categories.

Enters: a raster layer. Leaves: an ExtraSource, which may cross threads; and once its pixels may be read, its kind.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from osgeo import gdal
from qgis.core import QgsProcessingException, QgsRasterLayer

from ....mtmsd_qgis.jobs.extras.extra_rasters import CATEGORIES, ELEVATION, VALUES
from ..raster.source import RasterSource, describe_raster

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_CATEGORIES = 32
_METRES = ("m", "metre", "metres", "meter", "meters")
_FEET = re.compile(r"(us[ -]?(\w+ )?)?(ft|foot|feet)")
_METRES_OF_A_FOOT = 0.3048
# Heights above a datum by the usual names. A radar satellite is called ALOS too, so that alone is none.
_HEIGHT_NAMES = re.compile(
    r"(?<![a-z])(c?dem|dsm|dtm|dhm|dgm|dom|srtm|nasadem|aw3d\w*|elevation|altitude|altitud|h(oe|ö)hen?)(?![a-z])"
)
# Other quantities, whatever unit they have and whatever they were derived from: those above the ground are no position.
_NO_HEIGHT = re.compile(
    r"(?<![a-z])(n-?dsm|ndom|chm|twi|tpi|tri|trees?|tiefe)(?![a-z])|canopy|vegetation|baumh|above.?ground"
    r"|(ü|ue)ber.?(dem.?)?(grund|boden|gel(ä|ae)nde)|(?<![a-z])(dsm|dom|dem)\W*(minus)?\W*(dtm|dgm)(?![a-z])"
    r"|slope|aspect|direction|azimut|hill.?shad|shaded.?relief|roughness|ruggedness|curvature|distance|depth"
    r"|neigung|exposition|schummerung|rauh?igkeit|kr(ü|ue)mmung|w(ö|oe)lbung|entfernung|abstand|richtung"
)
_DIRECTION_NAMES = re.compile(r"(?<![a-z])aspect(?![a-z])|exposition|azimuth?(?![a-z])|direction|richtung")
_FEW_BANDS = 15  # in all of which a value is looked for
_FULL_CIRCLE = 360.0  # degrees
_RADIANS = 6.3  # of a full circle, rounded up; what has no larger values is a cosine, or is in radians
_LOOKS, _LOOK_SIDE = 8, 128  # windows down and across, and their sides in pixels, that categories are looked for in


@dataclass(frozen=True)
class ExtraSource:
    """An extra raster as it is given.

    Attributes:
        source: The raster.
        is_elevation: Whether its unit or its name says that it holds heights above a datum.
        is_other: Whether its name says that it holds something else.
    """

    source: RasterSource
    is_elevation: bool
    is_other: bool

    @property
    def name(self) -> str:
        """Of the layer."""
        return self.source.name


@dataclass(frozen=True)
class ExtraKind:
    """What the pixels are.

    Attributes:
        word: VALUES, ELEVATION or CATEGORIES.
        categories: Their values, ascending.
        with_table: Whether a palette or a table of classes says so; else the pixels alone do.
    """

    word: str
    categories: tuple[float, ...] = ()
    with_table: bool = False


def describe_extra(layer: QgsRasterLayer) -> ExtraSource:
    """Look at a layer, on the thread that owns it.

    Raises:
        QgsProcessingException: As describe_raster.
    """
    source = describe_raster(layer)
    unit = ""
    if source.uri:
        dataset = source.open()  # a band does not keep it open
        unit = _unit(dataset, 1)
    texts = f"{source.name} {source.bands[0].name}".lower().replace("_", " ")
    says_so = unit in _METRES or bool(_FEET.fullmatch(unit) or _HEIGHT_NAMES.search(texts))
    is_other = bool(_NO_HEIGHT.search(texts))
    return ExtraSource(source, len(source.bands) == 1 and says_so and not is_other, is_other)


def direction_bands(source: RasterSource, numbers: Sequence[int]) -> set[int]:
    """Which of the bands hold directions in degrees, by their names and values; a single one also by the layer's name.

    Raises:
        QgsProcessingException: It cannot be read.
    """
    layer = source.name if len(numbers) == 1 else ""
    found = set()
    for number in numbers:
        if not _DIRECTION_NAMES.search(f"{layer} {source.bands[number - 1].name}".lower().replace("_", " ")):
            continue
        ends = [(values.min(), values.max()) for values in _looks(source.open(), source, number) if len(values)]
        if ends and min(low for low, _ in ends) >= -1 and _RADIANS < max(high for _, high in ends) <= _FULL_CIRCLE:
            found.add(number)
    return found


def metres_per_unit(dataset: gdal.Dataset, number: int) -> float:
    """What values of a band are multiplied by: feet become metres, as scenes have heights in both."""
    return _METRES_OF_A_FOOT if _FEET.fullmatch(_unit(dataset, number)) else 1.0


def _unit(dataset: gdal.Dataset, number: int) -> str:
    """Of a band (from 1), in small letters; empty where it has none."""
    return str(dataset.GetRasterBand(number).GetUnitType() or "").strip().lower()


def kind_of(extra: ExtraSource, exported: RasterSource) -> ExtraKind:
    """Look at the pixels.

    Args:
        extra: As it was described.
        exported: The same as something that GDAL opens.

    Raises:
        QgsProcessingException: It cannot be read.
    """
    numbers = data_bands(exported)
    if len(numbers) > 1:
        return ExtraKind(VALUES)
    dataset = exported.open()
    band = dataset.GetRasterBand(numbers[0])
    has_table = band.GetRasterColorTable() is not None or bool(band.GetCategoryNames()) or _has_classes(band)
    if has_table or not extra.is_elevation:
        categories = _categories(dataset, exported, numbers[0], with_table=has_table)
        if categories:
            return ExtraKind(CATEGORIES, categories, has_table)
    return ExtraKind(ELEVATION if extra.is_elevation else VALUES)


def bands_on_a_grid(extra: ExtraSource) -> int:
    """Bands that become of it, at most: mean and deviation of each of its own, or one a category.

    Raises:
        QgsProcessingException: It cannot be read.
    """
    bands = 2 * len(extra.source.bands)
    if not extra.source.uri:  # of another provider than GDAL, whose pixels are not known yet
        return bands
    return len(kind_of(extra, extra.source).categories) or bands


def data_bands(source: RasterSource) -> list[int]:
    """Numbers of the bands that hold data: neither transparency, nor marked as bad.

    Raises:
        QgsProcessingException: It cannot be opened, or all are marked as bad.
    """
    if not source.measured:
        raise QgsProcessingException(
            f"An extra raster with at least one usable band was expected; of {source.name} ({source.size_text}) none "
            "would be used, as all are marked as bad. Choose another raster, or correct its list of bad bands."
        )
    return list(source.measured)


def _has_classes(band: gdal.Band) -> bool:
    """Whether an attribute table has names or numbers of classes; that of an ERDAS .img may be a mere histogram."""
    table = band.GetDefaultRAT()
    if table is None or not table.GetRowCount():
        return False
    columns = range(table.GetColumnCount())
    named = any(table.GetNameOfCol(column).strip().lower() == "value" for column in columns)
    return named or any(table.GetUsageOfCol(column) in (gdal.GFU_Name, gdal.GFU_MinMax) for column in columns)


def _categories(dataset: gdal.Dataset, source: RasterSource, number: int, *, with_table: bool) -> tuple[float, ...]:
    """Values of the categories, whole numbers, in windows spread over the raster; none where these are measurements.

    Args:
        dataset: Of the raster.
        source: The same.
        number: Of the band.
        with_table: Whether a table says that these are categories; the most frequent are taken then.
    """
    import numpy as np

    counts: dict[float, int] = {}
    for values in _looks(dataset, source, number):
        found, numbers = np.unique(values, return_counts=True)
        if (found != np.rint(found)).any() or (not with_table and len(found) > MOST_CATEGORIES):
            return ()
        for value, count in zip(found.tolist(), numbers.tolist()):
            counts[value] = counts.get(value, 0) + count
        if not with_table and len(counts) > MOST_CATEGORIES:
            return ()
    usual = sorted(counts, key=lambda value: (-counts[value], value))[:MOST_CATEGORIES]
    return tuple(sorted(usual))


def fill_sentence(source: RasterSource, number: int) -> str:
    """That a band of measurements has a value that looks like no data, in windows spread over it; empty without one.

    Raises:
        QgsProcessingException: It cannot be read.
    """
    import numpy as np

    from ....mtmsd_qgis.io.fill_values import fill_value_of

    found = fill_value_of(np.concatenate(list(_looks(source.open(), source, number))))
    return found.sentence if found is not None else ""


def shared_fill_sentence(source: RasterSource, numbers: Sequence[int]) -> str:
    """That pixels have one value in all of a few bands that looks like no data; errors as fill_sentence."""
    import numpy as np

    from ....mtmsd_qgis.io.fill_values import fill_value_in_all

    if not 1 < len(numbers) <= _FEW_BANDS:
        return ""
    dataset = source.open()
    looks = zip(*(_looks(dataset, source, number, with_holes=True) for number in numbers))
    values = np.concatenate([np.stack(bands).astype(np.float32) for bands in looks], axis=1)
    found = fill_value_in_all(values[:, np.isfinite(values).all(axis=0)])
    return found.sentence if found is not None else ""


def _looks(
    dataset: gdal.Dataset, source: RasterSource, number: int, *, with_holes: bool = False
) -> Iterator[NDArray[Any]]:
    """(n,) float64 values of a band in each of the windows, those without data left out or as NaN."""
    import numpy as np

    from .pixel_reader import read_values

    for row in _starts(source.grid.height):
        for col in _starts(source.grid.width):
            height, width = min(_LOOK_SIDE, source.grid.height - row), min(_LOOK_SIDE, source.grid.width - col)
            values = read_values(dataset, source, number, (col, row, width, height))
            yield values.ravel() if with_holes else values[np.isfinite(values)]


def _starts(length: int) -> list[int]:
    """First rows or columns of the windows, which never overlap; of a small raster they leave nothing out."""
    if length <= _LOOKS * _LOOK_SIDE:
        return list(range(0, length, _LOOK_SIDE))
    return [round((length - _LOOK_SIDE) * i / (_LOOKS - 1)) for i in range(_LOOKS)]
