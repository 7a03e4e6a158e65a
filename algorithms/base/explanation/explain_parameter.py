# SPDX-License-Identifier: GPL-2.0-or-later
"""EXPLAIN: points whose classes the report explains."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qgis.core import QgsProcessing, QgsProcessingException, QgsProcessingParameterFeatureSource

from ....mtmsd_qgis.jobs.explanation.pixel_explanation import MOST_POINTS
from ..parameters import ParameterValues
from ..translation import tr

if TYPE_CHECKING:
    from ...bridge.explanation.explained_points import ExplainedPoints
    from ...bridge.raster.source import RasterSource
    from ..algorithm import MtmsdAlgorithm

_NAME = "EXPLAIN"


class ExplainParameter:
    """EXPLAIN."""

    def declare(self, algorithm: MtmsdAlgorithm) -> None:
        """Add it, for experts."""
        algorithm.declare(
            QgsProcessingParameterFeatureSource(
                _NAME, tr("Points to explain"), [QgsProcessing.SourceType.TypeVectorPoint], optional=True
            ),
            tr(
                "Points whose classes the report explains: which training polygons speak for the class there and "
                "which against it, and what each model says. Up to 100 points; needs a report, the classifier auto, "
                "one raster and no extra rasters."
            ),
            advanced=True,
        )

    def check(self, values: ParameterValues) -> None:
        """Only what is a sum over training samples can be explained, and the report is where it is said.

        Raises:
            QgsProcessingException: The classifier, or what it may know beside the raster, is not such a sum; or there
                is no report.
        """
        if not values.is_given(_NAME):
            return
        others = [name for name in ("EXTRA", "EXTRA_INPUTS") if values.raw(name)]
        others += ["TEXTURE"] if values.boolean("TEXTURE") else []
        classifier = values.choice("CLASSIFIER")
        others += [] if classifier == "auto" else [f"CLASSIFIER '{classifier}'"]
        if others:
            raise QgsProcessingException(
                f"EXPLAIN needs the classifier 'auto' on one raster alone; found {', '.join(others)}. Leave EXPLAIN "
                "empty, or these."
            )
        if not values.is_given("REPORT"):
            raise QgsProcessingException("EXPLAIN is answered in the report, and REPORT is empty. Name a file for it.")

    def read(self, values: ParameterValues, source: RasterSource) -> ExplainedPoints | None:
        """The pixels; None where nothing is asked for.

        Raises:
            QgsProcessingException: No point lies on the raster, or there are too many.
        """
        from ...bridge.explanation.explained_points import pixels_of

        if not values.is_given(_NAME):
            return None
        points = values.source(_NAME)
        found = pixels_of(points, source.grid, values.transforms)
        if not found.pixels:
            reasons = f" ({found.skipped.text})" if found.skipped else ""
            raise QgsProcessingException(
                f"EXPLAIN should have points on the raster {source.name}; {found.name} has none there{reasons}. "
                "Choose another layer."
            )
        if len(found.pixels) > MOST_POINTS:
            raise QgsProcessingException(
                f"EXPLAIN takes up to {MOST_POINTS} points, {found.name} has {len(found.pixels)} on the raster. "
                "Select some of them."
            )
        return found
