# SPDX-License-Identifier: GPL-2.0-or-later
"""What a QGIS layer says about "no data" in its properties: whether the file's value counts, and further ranges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import isnan
from sys import float_info

from qgis.core import QgsRasterDataProvider, QgsRasterRange

from .....mtmsd_qgis.jobs.data_model import Band


def with_layer_nodata(bands: Sequence[Band], provider: QgsRasterDataProvider) -> tuple[Band, ...]:
    """The bands as the user set the layer's transparency: "No data value" unticked, "Additional no data value".

    Args:
        bands: As the file describes them.
        provider: Of the layer.
    """
    return tuple(
        replace(
            band,
            nodata=None if _switched_off(provider, band.number) else band.nodata,
            excluded=tuple(_ends(part) for part in provider.userNoDataValues(band.number)),
        )
        for band in bands
    )


def declared_nodata(value: float | None) -> float | None:
    """A nodata value as a job can hold it: NaN means "no data" in any case, and JSON has no infinity."""
    if value is None or isnan(value):
        return None
    return max(-float_info.max, min(float_info.max, float(value)))  # of 64-bit types it may be a huge whole number


def _switched_off(provider: QgsRasterDataProvider, number: int) -> bool:
    """Whether the user does not want the file's value.

    What QGIS did not take from the file cannot be switched off: with a GDAL before 3.7 signed bytes are bytes to it,
    and -128 none of their values.
    """
    return provider.sourceHasNoDataValue(number) and not provider.useSourceNoDataValue(number)


def _ends(part: QgsRasterRange) -> tuple[float, float]:
    """Lowest and highest value of a range; JSON has no infinity, so the largest numbers stand for an open end."""
    low = -float_info.max if isnan(part.min()) else part.min()
    high = float_info.max if isnan(part.max()) else part.max()
    return max(low, -float_info.max), min(high, float_info.max)
