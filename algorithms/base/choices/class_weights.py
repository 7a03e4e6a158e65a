# SPDX-License-Identifier: GPL-2.0-or-later
"""CLASS_WEIGHTS: how probable classes are before a pixel is seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qgis.core import QgsProcessingParameterEnum

from ....mtmsd_qgis.jobs.settings import CLASS_WEIGHTS
from ..parameters import ParameterValues
from ..translation import tr

if TYPE_CHECKING:
    from ..algorithm import MtmsdAlgorithm

_NAME, _OWN = "CLASS_WEIGHTS", "classifier"


class ClassWeights:
    """CLASS_WEIGHTS."""

    def declare(self, algorithm: MtmsdAlgorithm) -> None:
        """Add it, for experts."""
        algorithm.declare(
            QgsProcessingParameterEnum(
                _NAME, tr("Class weights"), [_OWN, *CLASS_WEIGHTS], False, _OWN, usesStaticStrings=True
            ),
            tr(
                "How probable the classes are before a pixel is seen. classifier: as the classifier has it. even: all "
                "alike. samples: by their shares of the training samples. area: by the column 'area' of CLASS_TABLE, "
                "in any unit. The probabilities are corrected by Bayes' rule; nothing else changes."
            ),
            advanced=True,
        )

    def read(self, values: ParameterValues) -> str | None:
        """A word of settings.CLASS_WEIGHTS; None for the classifier's own."""
        word = values.choice(_NAME)
        return None if word in ("", _OWN) else word  # "": not declared
