# SPDX-License-Identifier: GPL-2.0-or-later
"""SAMPLE_WEIGHT_FIELD and CLASS_AREA_FIELD: numbers that the training layer has for its features."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qgis.core import QgsProcessingParameterField

from ..parameters import ParameterValues
from ..translation import tr

if TYPE_CHECKING:
    from ...bridge.choices.class_table import ChosenSamples
    from ...bridge.vector.labels import LabelLayer
    from ..algorithm import MtmsdAlgorithm

_WEIGHT, _AREA = "SAMPLE_WEIGHT_FIELD", "CLASS_AREA_FIELD"


class SampleWeightField:
    """SAMPLE_WEIGHT_FIELD."""

    def declare(self, algorithm: MtmsdAlgorithm) -> None:
        """Add it, for experts."""
        algorithm.declare(
            _field(_WEIGHT, tr("Sample weights")),
            tr(
                "A field of numbers: how much the samples of each feature count where the classes are learnt, for "
                "example by how sure you are of them. Twice the weight counts like two samples. 0: the feature is left "
                "out. Every classifier takes weights; in the accuracy all held-out samples count alike."
            ),
            advanced=True,
        )

    def apply(self, values: ParameterValues, chosen: ChosenSamples) -> ChosenSamples:
        """The training samples with their weights; as they are, where no field is given.

        Raises:
            QgsProcessingException: There is no such field of numbers, or a number cannot be a weight.
        """
        from ...bridge.choices.feature_numbers import read_numbers, with_weights

        field = values.field(_WEIGHT)
        if not field:
            return chosen
        return with_weights(chosen, read_numbers(values.source("TRAINING"), field, _WEIGHT), field)

    @staticmethod
    def named(values: ParameterValues) -> str | None:
        """The field; None where none is given."""
        return values.field(_WEIGHT) or None


class ClassAreaField:
    """CLASS_AREA_FIELD."""

    def declare(self, algorithm: MtmsdAlgorithm) -> None:
        """Add it, for experts."""
        algorithm.declare(
            _field(_AREA, tr("Field of class areas")),
            tr(
                "For the class weights 'area', in place of a class table: a field of numbers with the area of the "
                "feature's class, in any unit, the same for all features of a class."
            ),
            advanced=True,
        )

    def apply(self, values: ParameterValues, chosen: ChosenSamples, layer: LabelLayer) -> ChosenSamples:
        """The samples with the areas of their classes; as they are, where no field is given.

        Args:
            values: Of the run.
            chosen: With the classes of the map.
            layer: The training layer with its own classes.

        Raises:
            QgsProcessingException: There is no such field of numbers, or a number cannot be an area.
        """
        from ...bridge.choices.feature_numbers import read_numbers, with_areas

        field = values.field(_AREA)
        if not field or values.choice("CLASS_WEIGHTS") != "area":
            return chosen
        return with_areas(chosen, layer, read_numbers(values.source("TRAINING"), field, _AREA), field)


def _field(name: str, title: str) -> QgsProcessingParameterField:
    return QgsProcessingParameterField(
        name,
        title,
        parentLayerParameterName="TRAINING",
        type=QgsProcessingParameterField.DataType.Numeric,
        optional=True,
    )
