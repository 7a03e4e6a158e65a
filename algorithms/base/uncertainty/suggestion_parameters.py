# SPDX-License-Identifier: GPL-2.0-or-later
"""SUGGESTIONS, SUGGESTION_COUNT, REACHABLE, REACHABLE_DISTANCE: samples to take next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qgis.core import (
    QgsProcessing,
    QgsProcessingException,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterNumber,
    QgsWkbTypes,
)

from ....mtmsd_qgis.jobs.suggestions import MOST_SUGGESTIONS, USUAL_SUGGESTIONS, SuggestionSettings
from ..parameters import ParameterValues
from ..translation import tr

if TYPE_CHECKING:
    from ...bridge.raster.source import RasterSource
    from ...bridge.uncertainty.suggestion_points import WantedSuggestions
    from ..algorithm import MtmsdAlgorithm

OUTPUT = "SUGGESTIONS"
_COUNT, _REACHABLE, _DISTANCE = "SUGGESTION_COUNT", "REACHABLE", "REACHABLE_DISTANCE"
_USUAL_DISTANCE_M = 100.0


class SuggestionOutput:
    """SUGGESTIONS."""

    def declare(self, algorithm: MtmsdAlgorithm) -> None:
        """Add the layer of points."""
        algorithm.declare(
            QgsProcessingParameterFeatureSink(
                OUTPUT, tr("Suggested samples"), QgsProcessing.SourceType.TypeVectorPoint, None, True, False
            ),
            tr(
                "Points to label next, the most useful first: pixels of which the map is least sure, each typical of "
                "many such pixels, spread over the scene. Fields: rank, class (empty, to fill), map_class, runner_up, "
                "confidence, why."
            ),
        )


class SuggestionParameters:
    """SUGGESTION_COUNT, REACHABLE, REACHABLE_DISTANCE."""

    def declare(self, algorithm: MtmsdAlgorithm) -> None:
        """Add them, for experts."""
        kinds = QgsProcessingParameterNumber.Type
        algorithm.declare(
            QgsProcessingParameterNumber(
                _COUNT,
                tr("Number of suggested samples"),
                kinds.Integer,
                USUAL_SUGGESTIONS,
                minValue=1,
                maxValue=MOST_SUGGESTIONS,
            ),
            tr("How many points SUGGESTIONS has."),
            advanced=True,
        )
        algorithm.declare(
            QgsProcessingParameterFeatureSource(
                _REACHABLE, tr("Roads and paths"), [QgsProcessing.SourceType.TypeVectorLine], optional=True
            ),
            tr("Lines from which the suggested samples can be reached. Not set: they may lie anywhere."),
            advanced=True,
        )
        distance = QgsProcessingParameterNumber(
            _DISTANCE, tr("Distance from roads and paths (m)"), kinds.Double, _USUAL_DISTANCE_M, minValue=0
        )
        distance.setMetadata({"widget_wrapper": {"decimals": 1}})
        algorithm.declare(
            distance, tr("Suggested samples lie at most so far from the lines of REACHABLE."), advanced=True
        )

    def collect(self, values: ParameterValues, source: RasterSource) -> WantedSuggestions | None:
        """What is asked for; None where SUGGESTIONS is not.

        Raises:
            QgsProcessingException: No metres to measure a distance in, or a format that takes no such layer.
            SettingsError: The number is out of range.
        """
        from ...bridge.files.trial_layer import refuse_format
        from ...bridge.uncertainty.suggestion_points import Lines, WantedSuggestions, suggestion_fields

        if not values.is_given(OUTPUT):
            return None
        refuse_format(OUTPUT, values.destination(OUTPUT), suggestion_fields(), QgsWkbTypes.Type.Point)
        settings = SuggestionSettings(values.integer(_COUNT), within_reach=values.is_given(_REACHABLE))
        if not settings.within_reach:
            return WantedSuggestions(settings)
        if source.grid.pixel_area_m2 is None:
            raise QgsProcessingException(
                "REACHABLE_DISTANCE is in metres, so a raster whose pixels have a size in metres was expected; those "
                f"of {source.name} have none, as {source.grid.why_no_area}. Warp the raster to UTM, or leave REACHABLE "
                "empty."
            )
        return WantedSuggestions(settings, Lines.of(values.source(_REACHABLE)), values.number(_DISTANCE))
