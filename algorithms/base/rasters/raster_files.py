# SPDX-License-Identifier: GPL-2.0-or-later
"""Parameter group of the algorithms that write rasters: how these are stored."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qgis.core import (
    QgsProcessingException,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterString,
)

from ..parameters import ParameterValues
from ..translation import tr

if TYPE_CHECKING:
    from ...bridge.raster.formats.raster_format import RasterFormat
    from ..algorithm import MtmsdAlgorithm

OPTIONS = "CREATION_OPTIONS"
_SUFFIXES = (".tif", ".tiff")


class RasterStorage:
    """CREATION_OPTIONS; from QGIS 4.0 on, each output has a format as well."""

    def declare(self, algorithm: MtmsdAlgorithm) -> None:
        """Add them, for experts; from QGIS 3.40 on with the table of options that QGIS's own algorithms have."""
        options = QgsProcessingParameterString(OPTIONS, tr("Creation options"), optional=True)
        options.setMetadata({"widget_wrapper": {"widget_type": "rasteroptions"}})
        algorithm.declare(
            options,
            tr(
                "How the rasters are stored, in GDAL's words for GeoTIFF: NAME=VALUE, with | between several, such as "
                "COMPRESS=ZSTD|ZSTD_LEVEL=15. Not set: maps are compressed and tiled, scenes and features lie plain, "
                "band by band. Options that would change values are refused."
            ),
            advanced=True,
        )

    @staticmethod
    def read(values: ParameterValues, output: str) -> RasterFormat:
        """How an output is stored.

        Raises:
            QgsProcessingException: It cannot be stored so.
        """
        from ...bridge.raster.formats.raster_format import RasterFormat

        return RasterFormat.read(values.output_format(output), values.text(OPTIONS))

    @classmethod
    def check(cls, algorithm: MtmsdAlgorithm, values: ParameterValues) -> None:
        """Read it for every raster that is wanted, before any work is done.

        Raises:
            QgsProcessingException: One of them cannot be stored so.
        """
        optional = QgsProcessingParameterDefinition.Flag.FlagOptional
        for definition in algorithm.destinationParameterDefinitions():
            name, needed = definition.name(), not definition.flags() & optional
            if isinstance(definition, QgsProcessingParameterRasterDestination) and (needed or values.is_given(name)):
                cls.read(values, name)

    @staticmethod
    def refuse_other_suffixes(algorithm: MtmsdAlgorithm, values: ParameterValues) -> None:
        """Check the names of all rasters, before any work is done.

        Raises:
            QgsProcessingException: One of them is not to be a GeoTIFF.
        """
        from ...bridge.files.file_places import TEMPORARY_OUTPUT

        for definition in algorithm.destinationParameterDefinitions():
            name = definition.name()
            text = values.destination(name)
            if not isinstance(definition, QgsProcessingParameterRasterDestination):
                continue
            if text not in ("", TEMPORARY_OUTPUT) and Path(text).suffix.lower() not in _SUFFIXES:
                raise QgsProcessingException(
                    f"{name} should be a GeoTIFF (.tif); found {text}. Choose a name that ends so."
                )
