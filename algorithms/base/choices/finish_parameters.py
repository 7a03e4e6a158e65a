# SPDX-License-Identifier: GPL-2.0-or-later
"""LEAST_CONFIDENCE: what is done with a map after the classification."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qgis.core import QgsProcessingParameterNumber

from ....mtmsd_qgis.jobs.map_choices import MapFinish
from ..parameters import ParameterValues
from ..translation import tr

if TYPE_CHECKING:
    from ..algorithm import MtmsdAlgorithm

_LEAST = "LEAST_CONFIDENCE"


class FinishParameters:
    """LEAST_CONFIDENCE."""

    def declare(self, algorithm: MtmsdAlgorithm) -> None:
        """Add it, for experts."""
        least = QgsProcessingParameterNumber(
            _LEAST,
            tr("Least confidence"),
            QgsProcessingParameterNumber.Type.Double,
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

    def read(self, values: ParameterValues) -> MapFinish | None:
        """What is to be done; None for nothing.

        Raises:
            SettingsError: A value is out of range.
        """
        finish = MapFinish(least_confidence=values.number(_LEAST))
        return finish if finish.changes_map else None
