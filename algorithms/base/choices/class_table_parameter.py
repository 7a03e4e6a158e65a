# SPDX-License-Identifier: GPL-2.0-or-later
"""CLASS_TABLE: names and colours of classes, which are merged, which are left out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from qgis.core import QgsProcessing, QgsProcessingParameterFeatureSource

from ..parameters import ParameterValues
from ..translation import tr

if TYPE_CHECKING:
    from ...bridge.choices.class_table import ChosenSamples
    from ...bridge.vector.labels import LabelLayer
    from ..algorithm import MtmsdAlgorithm

_NAME = "CLASS_TABLE"


class ClassTableParameter:
    """CLASS_TABLE."""

    def declare(self, algorithm: MtmsdAlgorithm) -> None:
        """Add it, for experts."""
        kinds = [QgsProcessing.SourceType.TypeVector]
        algorithm.declare(
            QgsProcessingParameterFeatureSource(_NAME, tr("Class table"), kinds, optional=True),
            tr(
                "A table, such as a CSV file, with a row for each class that is to be changed. Columns: value (of the "
                "class field), name, colour, merged_into (the value of another class, or of a new one with a row of "
                "its own) and left_out (yes: its samples are not used). Classes without a row stay as they are."
            ),
            advanced=True,
        )

    def apply(self, values: ParameterValues, training: LabelLayer, reference: LabelLayer | None) -> ChosenSamples:
        """The samples with the classes of the table; as they are, where there is none.

        Raises:
            QgsProcessingException: The table cannot be read.
            SamplesError: It contradicts itself, or does not fit the training layer.
        """
        from ...bridge.choices.class_table import ChosenSamples, apply_class_table, read_class_table

        if not values.is_given(_NAME):
            return ChosenSamples(training, reference)
        chosen = apply_class_table(read_class_table(values.source(_NAME)), training, reference)
        if not chosen.table_areas or values.choice("CLASS_WEIGHTS") == "area":
            return chosen
        unused = f"The column 'area' of {_NAME} is used with CLASS_WEIGHTS 'area' alone; it is not used here."
        return replace(chosen, warnings=(*chosen.warnings, unused))
