# SPDX-License-Identifier: GPL-2.0-or-later
"""SIEVE, SIEVE_UNIT, LEAST_CONFIDENCE: what is done with a map after the classification."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from qgis.core import QgsProcessingException, QgsProcessingParameterEnum, QgsProcessingParameterNumber

from ....mtmsd_qgis.jobs.map_choices import MapFinish
from ..parameters import ParameterValues
from ..translation import tr

if TYPE_CHECKING:
    from ...bridge.raster.source import RasterSource
    from ..algorithm import MtmsdAlgorithm

_SIEVE, _UNIT = "SIEVE", "SIEVE_UNIT"
_UNITS = ("pixels", "m2")
_LEAST = "LEAST_CONFIDENCE"


class FinishParameters:
    """SIEVE, SIEVE_UNIT, LEAST_CONFIDENCE."""

    def declare(self, algorithm: MtmsdAlgorithm) -> None:
        """Add them, for experts."""
        kind = QgsProcessingParameterNumber.Type.Double
        algorithm.declare(
            QgsProcessingParameterNumber(_SIEVE, tr("Smallest patch"), kind, 0.0, minValue=0),
            tr(
                "The minimum mapping unit: patches that are smaller get, as a whole, the most probable class of the "
                "patches that they touch. Pixels belong to one patch where their sides meet. Accuracy and areas are "
                "those of the map after this. 0: every patch stays."
            ),
            advanced=True,
        )
        algorithm.declare(
            QgsProcessingParameterEnum(
                _UNIT, tr("Unit of the smallest patch"), list(_UNITS), False, _UNITS[0], usesStaticStrings=True
            ),
            tr("pixels, or m2: square metres, for a raster whose coordinate system has a unit of length."),
            advanced=True,
        )
        least = QgsProcessingParameterNumber(
            _LEAST,
            tr("Least confidence"),
            kind,
            0.0,
            minValue=0,
            maxValue=0.99,
        )
        least.setMetadata({"widget_wrapper": {"decimals": 2}})
        algorithm.declare(
            least,
            tr(
                "Pixels whose class is less probable than this are 'not sure', a row of the legend of their own (id "
                "255 where it is free). The report gives accuracy and areas with and without them. 0: every pixel has "
                "a class."
            ),
            advanced=True,
        )

    def read(self, values: ParameterValues, source: RasterSource | None = None) -> MapFinish | None:
        """What is to be done; None for nothing.

        Args:
            values: Of the run.
            source: The raster, for the area of its pixels; None where it is not known yet: square metres are left out.

        Raises:
            SettingsError: A value is out of range.
            QgsProcessingException: Square metres are asked for, and the raster's pixels have no area.
        """
        smallest = values.number(_SIEVE)
        if values.choice(_UNIT) == "m2" and smallest > 0:
            smallest = 0.0 if source is None else smallest / _pixel_area(source)
        finish = MapFinish(sieve=ceil(smallest - 1e-9), least_confidence=values.number(_LEAST))
        return finish if finish.changes_map else None


def _pixel_area(source: RasterSource) -> float:
    """Square metres of a pixel.

    Raises:
        QgsProcessingException: Pixels have none.
    """
    area = source.grid.pixel_area_m2
    if area is None:
        raise QgsProcessingException(
            f"{_UNIT} 'm2' needs a raster whose pixels have an area in square metres; those of {source.name} have "
            f"none, as {source.grid.why_no_area}. Give {_SIEVE} in pixels, or warp the raster to UTM or an equal-area "
            "CRS."
        )
    return area


def finish_rows(finish: MapFinish | None, source: RasterSource) -> dict[str, str]:
    """What the report's table of circumstances says of it."""
    if finish is None or finish.sieve <= 1:
        return {}
    area = source.grid.pixel_area_m2
    return {"Smallest patch": f"{finish.sieve} pixels" + (f", {finish.sieve * area:g} m2" if area is not None else "")}
