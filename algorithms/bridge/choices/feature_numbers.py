# SPDX-License-Identifier: GPL-2.0-or-later
"""Numbers that fields of the training layer hold: the weight of each feature's samples, the area of each class.

Enters: a layer and the name of a field. Leaves: label layers with weights, areas of classes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import isfinite, nan

from qgis.core import NULL, QgsFeatureRequest, QgsProcessingException, QgsProcessingFeatureSource

from ....mtmsd_qgis.sampling.class_values import Key
from ..vector.exclusion_counts import ExclusionCounts
from ..vector.labels import LabelLayer
from .class_table import ChosenSamples

WEIGHT_FIELD, AREA_FIELD = "SAMPLE_WEIGHT_FIELD", "CLASS_AREA_FIELD"  # parameters


def read_numbers(source: QgsProcessingFeatureSource, field: str, parameter: str) -> dict[int, float]:
    """The number of each feature, by its id; NaN where there is none.

    Args:
        source: The features to use.
        field: Of numbers.
        parameter: That names the field, for messages.

    Raises:
        QgsProcessingException: No such field, or it holds no numbers.
    """
    name, fields = source.sourceName(), source.fields()
    numeric = [each.name() for each in fields if each.isNumeric()]
    index = fields.lookupField(field)
    if index < 0 or not fields.at(index).isNumeric():
        found = "has no field" if index < 0 else "has no numbers in the field"
        raise QgsProcessingException(
            f"{parameter} should be a field of numbers; the layer {name} {found} '{field}'. Its fields of numbers: "
            f"{', '.join(numeric) or 'none'}. Choose one of them, or change the field's type."
        )
    request = QgsFeatureRequest().setFlags(QgsFeatureRequest.Flag.NoGeometry).setSubsetOfAttributes([index])
    features = source.getFeatures(request, QgsProcessingFeatureSource.Flag.FlagSkipGeometryValidityChecks)
    values = ((feature.id(), feature.attribute(index)) for feature in features)
    return {number: nan if value is None or value == NULL else float(value) for number, value in values}


def with_weights(chosen: ChosenSamples, numbers: Mapping[int, float], field: str) -> ChosenSamples:
    """The training samples with a weight for each feature; those of weight 0 are left out.

    Args:
        chosen: With the classes of the map.
        numbers: Weights by the feature's id.
        field: That holds them.

    Raises:
        QgsProcessingException: A weight is negative or missing, or all are 0.
    """
    training = _weighted(chosen.training, numbers, field)
    gone = len(chosen.training.shapes) - len(training.shapes)
    sentences = [f"{_counted(gone)} of weight 0 (field {field}): neither learnt from nor judged with."] if gone else []
    warnings = []
    if len(set(training.weights.values())) == 1:
        warnings.append(f"All features have the same weight in the field {field}, so their samples count alike.")
    return replace(
        chosen,
        training=training,
        weight_sentences=(*chosen.weight_sentences, *sentences),
        warnings=(*chosen.warnings, *warnings),
    )


def _weighted(labels: LabelLayer, numbers: Mapping[int, float], field: str) -> LabelLayer:
    """With the weights of its features, and without those of weight 0."""
    _refuse(labels, numbers, field, lambda weight: isfinite(weight) and weight >= 0)
    stays = [numbers[number] > 0 for number in labels.ids]
    if not any(stays):
        raise QgsProcessingException(
            f"{WEIGHT_FIELD} should be above 0 for some features; in the field {field} of the layer {labels.name} it "
            "is 0 for all. Give the features to learn from a positive weight."
        )
    skipped = ExclusionCounts(labels.skipped)
    gone = [number for number, stay in zip(labels.ids, stays) if not stay]
    if gone:
        skipped.note("of weight 0", gone)
    ids = tuple(number for number, stay in zip(labels.ids, stays) if stay)
    shapes = tuple(shape for shape, stay in zip(labels.shapes, stays) if stay)
    weights = {number: numbers[number] for number in ids}
    return replace(labels, shapes=shapes, ids=ids, skipped=skipped, weights=weights)


def with_areas(chosen: ChosenSamples, layer: LabelLayer, numbers: Mapping[int, float], field: str) -> ChosenSamples:
    """The samples with the areas of their classes; those of classes that were merged add up.

    Args:
        chosen: With the classes of the map.
        layer: The training layer with its own classes.
        numbers: Areas by the feature's id: that of its class, which may be missing where another feature tells it.
        field: That holds them.

    Raises:
        QgsProcessingException: An area is not positive, a class has several, or the class table has areas too.
    """
    if chosen.table_areas:
        raise QgsProcessingException(
            f"Areas of classes should come from one place; CLASS_TABLE has a column 'area', and {AREA_FIELD} is given. "
            "Take one of them out."
        )
    becomes = dict(zip(chosen.training.ids, (key for _, key in chosen.training.shapes)))
    told = {number: area for number, area in numbers.items() if number in becomes and area == area}  # others are NaN
    known = [number for number in layer.ids if number in told]
    _refuse(replace(layer, ids=tuple(known)), told, field, lambda area: isfinite(area) and area > 0)
    of_value: dict[Key, float] = {}
    end: dict[Key, Key] = {}
    for number, (_, key) in zip(layer.ids, layer.shapes):
        if number in told and of_value.setdefault(key, told[number]) != told[number]:
            raise QgsProcessingException(
                f"{AREA_FIELD} should have one area a class, the same for all its features; class '{key}' of the layer "
                f"{layer.name} has {of_value[key]:g} and {told[number]:g} in the field {field}. Correct them, or give "
                "the areas by CLASS_TABLE."
            )
        if number in becomes:
            end[key] = becomes[number]
    areas: dict[Key, float] = {}
    for key in end:
        areas[end[key]] = areas.get(end[key], 0.0) + of_value.get(key, nan)
    return replace(chosen, areas={key: area for key, area in areas.items() if area == area})


def _refuse(labels: LabelLayer, numbers: Mapping[int, float], field: str, is_right: Callable[[float], bool]) -> None:
    """Name features whose number cannot be used.

    Raises:
        QgsProcessingException: There are such features.
    """
    wrong = ExclusionCounts()
    for number in labels.ids:
        value = numbers.get(number, nan)
        if not is_right(value):
            wrong.note(
                "without a number" if value != value else "below 0" if value < 0 else f"with {value:g}", [number]
            )
    if wrong:
        weights = "0 or more" if is_right(0.0) else "above 0"
        raise QgsProcessingException(
            f"Numbers, {weights}, were expected in the field {field} of the layer {labels.name}; found {wrong.text}. "
            "Correct them."
        )


def _counted(count: int) -> str:
    return f"{count} training feature{'s are' if count > 1 else ' is'} left out, being" if count else ""
