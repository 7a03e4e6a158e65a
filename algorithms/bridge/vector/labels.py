# SPDX-License-Identifier: GPL-2.0-or-later
"""Vector layer + class field -> labelled geometries in the raster's CRS, and the classes with names and colours.

Enters: a point or polygon layer (only its selected features, where the user asked for that). Leaves: a LabelLayer,
which holds no layer and may cross threads.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import Any

from qgis.core import (
    NULL,
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCoordinateTransformContext,
    QgsFeature,
    QgsFeatureRequest,
    QgsGeometry,
    QgsProcessingException,
    QgsProcessingFeatureSource,
    QgsVectorLayer,
    QgsWkbTypes,
)
from qgis.PyQt.QtCore import QDate, QDateTime, Qt, QTime

from ....mtmsd_qgis.jobs.data_model import ClassEntry
from ....mtmsd_qgis.sampling.class_values import Key, in_order, matching_values, plain_text, with_unseen
from ..raster.palette import palette
from ..raster.source import is_local_grid
from .class_categories import categories_by
from .clean_geometry import OUTSIDE_CRS, clean_sample, moved
from .exclusion_counts import ExclusionCounts

LARGEST_ID = 65535  # class maps hold 16 bits, 0 is nodata
_WHOLE = re.compile(r"([+-]?\d+)\.0*")  # "1.0", as of a table of reals, is the class "1"


@dataclass(frozen=True)
class LabelLayer:
    """Labelled geometries.

    Attributes:
        name: Of the layer.
        field: The class field.
        points: Points, else polygons.
        shapes: Geometry in the raster's CRS and class of every usable feature.
        styles: Name and colour (#rrggbb) of a class, where the layer's categories tell.
        skipped: Reason -> number of features that are not used, and which.
        ids: The feature's id of each shape.
        notes: What else the log has to say of the layer.
        overlaps: What is done with pixels of several classes, see overlaps.py.
        weights: How much the samples of a feature count, by its id; empty where nothing is said of it.
    """

    name: str
    field: str
    points: bool
    shapes: tuple[tuple[QgsGeometry, Key], ...]
    styles: Mapping[Key, tuple[str, str]]
    skipped: ExclusionCounts
    ids: tuple[int, ...]
    notes: tuple[str, ...] = ()
    overlaps: str = "refuse"
    weights: Mapping[int, float] = field(default_factory=dict)


def read_labels(
    source: QgsProcessingFeatureSource,
    layer: QgsVectorLayer | None,
    field: str,
    target: QgsCoordinateReferenceSystem,
    context: QgsCoordinateTransformContext,
) -> LabelLayer:
    """Read all features.

    Args:
        source: The features to use.
        layer: Where they come from, for its categories.
        field: Class field.
        target: The raster's CRS.
        context: Of the project, for datum shifts.

    Raises:
        QgsProcessingException: No such field, neither points nor polygons, or no usable feature.
    """
    name = source.sourceName()
    index = source.fields().lookupField(field)
    if index < 0:
        fields = ", ".join(f.name() for f in source.fields()) or "none"
        raise QgsProcessingException(
            f"The layer {name} has no field '{field}'. Its fields are: {fields}. Choose one of them as CLASS_FIELD."
        )
    refuse_other_shapes(source)
    skipped = ExclusionCounts()
    request = QgsFeatureRequest().setSubsetOfAttributes([index])
    features = source.getFeatures(request, QgsProcessingFeatureSource.Flag.FlagSkipGeometryValidityChecks)
    transform = _transform(source.sourceCrs(), target, context)
    # Sorted, because a layer in memory hands out its selected features in another order each time.
    labelled = sorted(_labelled(features, index, transform, skipped), key=lambda found: by_age(found[0]))
    if not labelled:
        reasons = f"; {skipped.text}" if skipped else ""
        remedy = "Choose a layer with features and a filled class field; with 'Selected features only', select some."
        if OUTSIDE_CRS in skipped:
            remedy = f"Check that the layer's CRS, {source.sourceCrs().description()}, is the one of its coordinates."
        raise QgsProcessingException(
            f"Labelled points or polygons were expected in the layer {name}; no usable feature was found{reasons}. "
            f"{remedy}"
        )
    points = QgsWkbTypes.geometryType(source.wkbType()) == QgsWkbTypes.GeometryType.PointGeometry
    ids = tuple(number for number, *_ in labelled)
    shapes = tuple((geometry, key) for _, geometry, key in labelled)
    styles = _styles(layer, field, [key for _, key in shapes])
    return LabelLayer(name, field, points, shapes, styles, skipped, ids, layer_notes(layer))


def refuse_other_shapes(source: QgsProcessingFeatureSource) -> None:
    """Samples are points or polygons.

    Raises:
        QgsProcessingException: The layer holds something else.
    """
    kinds = QgsWkbTypes.GeometryType
    kind = QgsWkbTypes.geometryType(source.wkbType())
    if kind in (kinds.PointGeometry, kinds.PolygonGeometry):
        return
    remedy = "choose such a layer."
    if kind == kinds.NullGeometry:
        remedy = (
            "it is a table without places. Where it has columns of coordinates, load it as points first (Layer > Add "
            "Layer > Add Delimited Text Layer) and choose that layer."
        )
    raise QgsProcessingException(f"The layer {source.sourceName()} should hold points or polygons; {remedy}")


def make_classes(labels: LabelLayer) -> dict[Key, ClassEntry]:
    """The classes of a training layer, in the order of their ids.

    A field of whole numbers from 1 to 65535 keeps its values as ids. Otherwise the classes are numbered from 1, in
    the order of their values.
    """
    keys = in_order(key for _, key in labels.shapes)
    keep = all(isinstance(key, int) and 1 <= key <= LARGEST_ID for key in keys)
    colors = _free_colors(labels, len(keys))
    entries = {}
    for number, key in enumerate(keys, 1):
        name, color = labels.styles.get(key, ("", ""))
        entries[key] = ClassEntry(int(key) if keep else number, name or str(key), color or colors[number - 1])
    return _with_different_names(entries)


def refuse_two_spellings(labels: LabelLayer, remedy: str = "Write them alike, or merge them with CLASS_TABLE.") -> None:
    """Values that differ in capitals, blanks and zeros behind a point alone would be classes of their own.

    Args:
        labels: Of a layer.
        remedy: What the user can do.

    Raises:
        QgsProcessingException: There are such.
    """
    spellings: defaultdict[str, set[str]] = defaultdict(set)
    for _, key in labels.shapes:
        if isinstance(key, str):
            whole = _WHOLE.fullmatch(key)
            spellings[whole[1] if whole else plain_text(key)].add(key)
    several = [
        ", ".join(f"'{with_unseen(key)}'" for key in sorted(keys)) for keys in spellings.values() if len(keys) > 1
    ]
    if several:
        raise QgsProcessingException(
            f"One spelling of each class was expected, the field {labels.field} of the layer {labels.name} has "
            f"several: {'; '.join(several)}. {remedy}"
        )


def as_classes_of(training: LabelLayer, reference: LabelLayer) -> LabelLayer:
    """The reference samples with the values that the training layer's field has for their classes.

    Raises:
        QgsProcessingException: The two have no class in common.
    """
    known, found = ({key: None for _, key in labels.shapes} for labels in (training, reference))
    matched = matching_values(found, known)
    if not matched:
        raise QgsProcessingException(
            f"Classes of the training layer were expected in the validation layer. The field {reference.field} of the "
            f"layer {reference.name} has the values {names_of(list(found), {})}; in the layer {training.name} it has "
            f"{names_of(list(known), {})}. Use a layer with the same classes, or rename them."
        )
    alone = [key for key in found if key not in matched]
    notes = reference.notes
    if alone:
        notes += (f"Classes of the layer {reference.name} that the training layer lacks: {names_of(alone, {})}.",)
    shapes = tuple((shape, matched.get(key, key)) for shape, key in reference.shapes)
    return replace(reference, shapes=shapes, notes=notes)


def not_judged(training: LabelLayer, reference: LabelLayer, classes: Sequence[ClassEntry]) -> str:
    """That reference samples of classes that the map does not have count in no figure; empty where there are none.

    Args:
        training: What the map was learnt from.
        reference: With the values of the training layer.
        classes: Of the map.
    """
    ids = {entry.id for entry in classes}
    known = {key for key, entry in make_classes(training).items() if entry.id in ids}
    alone = [key for _, key in reference.shapes if key not in known]
    if not alone:
        return ""
    names, plural = names_of(list(dict.fromkeys(alone)), {}), "s" if len(alone) > 1 else ""
    return (
        f"Left out of the validation layer, as the map does not have their class: {len(alone)} feature{plural} of "
        f"{names}. The map gives such places other classes, and the accuracy does not count that as wrong."
    )


def _free_colors(labels: LabelLayer, count: int) -> list[str]:
    """A colour for each of so many classes, none of which a category has."""
    taken = {color.lower() for _, color in labels.styles.values()}
    return [color for color in palette(count + len(taken)) if color not in taken][:count] if taken else palette(count)


def class_key(value: Any) -> Key | None:  # noqa: ANN401 - an attribute of any type
    """A field's value as a class; None for NULL, empty text and numbers that are none."""
    if value is None or value == NULL:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return int(value) if value.is_integer() else (repr(value) if isfinite(value) else None)
    text = _moment(value) if hasattr(value, "toString") else str(value).strip()
    return text if plain_text(text) else None


def _moment(value: QDate | QTime | QDateTime) -> str:
    """Such as 2024-05-01, 08:30:00 or 2024-05-01T08:30:00; a midnight is a date: some formats write dates so."""
    if isinstance(value, QDateTime) and value.isValid() and not value.time().msecsSinceStartOfDay():
        value = value.date()
    return value.toString(Qt.DateFormat.ISODate)


def by_age(feature_id: int) -> tuple[bool, int]:
    """To sort features by: those added later come later. Until they are saved, new ones count down from -1."""
    return feature_id < 0, abs(feature_id)


def layer_notes(layer: QgsVectorLayer | None) -> tuple[str, ...]:
    """That the layer has edits which are not saved, or is the first of several in a file, where it is."""
    if layer is None:
        return ()
    notes = []
    if layer.isEditable() and layer.isModified():
        notes.append(f"The layer {layer.name()} has edits that are not saved; they are used as they are now.")
    found = _layers_of_file(layer)
    if len(found) > 1:
        notes.append(
            f"The file of the layer {layer.name()} holds several layers: {', '.join(found)}. The first one, "
            f"'{found[0]}', is used. For another one, write |layername= and its name behind the file's name."
        )
    return tuple(notes)


def _layers_of_file(layer: QgsVectorLayer) -> list[str]:
    """Names of the layers in the layer's file, where its address does not say which of them it is."""
    provider = layer.dataProvider()
    if layer.providerType() != "ogr" or provider.subLayerCount() < 2 or "|layer" in layer.source():
        return []
    return list(dict.fromkeys(parts.split(provider.sublayerSeparator())[1] for parts in provider.subLayers()))


def skipped_sentence(labels: LabelLayer) -> str:
    """What was not used, for the log; empty where all was."""
    return f"Not used in the layer {labels.name}: {labels.skipped.text}." if labels.skipped else ""


def _labelled(
    features: Iterable[QgsFeature], index: int, transform: QgsCoordinateTransform | None, skipped: ExclusionCounts
) -> Iterable[tuple[int, QgsGeometry, Key]]:
    """Id, geometry and class of the usable features."""
    for feature in features:
        key = class_key(feature.attribute(index))
        if key is None:
            skipped.note("without a class", [feature.id()])
            continue
        geometry = clean_sample(feature, skipped)
        if geometry is not None and transform is not None and not moved(geometry, transform):
            skipped.note(OUTSIDE_CRS, [feature.id()])
        elif geometry is not None:
            yield feature.id(), geometry, key


def _transform(
    source: QgsCoordinateReferenceSystem,
    target: QgsCoordinateReferenceSystem,
    context: QgsCoordinateTransformContext,
) -> QgsCoordinateTransform | None:
    """None where nothing is to be done, or one of the two is unknown.

    Raises:
        QgsProcessingException: There is no way from one to the other, as between a local grid and the Earth.
    """
    if not source.isValid() or not target.isValid() or source == target:
        return None
    if source.description() == target.description() and is_local_grid(source) and is_local_grid(target):
        return None  # two files tell the same grid in different words
    transform = QgsCoordinateTransform(source, target, context)
    if transform.isValid():
        return transform
    raise QgsProcessingException(
        f"The training layer should be in a CRS that leads to the raster's ({target.description()}); none is known "
        f"from {source.description()}. Choose a layer that lies where the raster lies."
    )


def _styles(layer: QgsVectorLayer | None, field: str, keys: Iterable[Key]) -> dict[Key, tuple[str, str]]:
    """Name and colour by class, where the layer is categorized by this field."""
    styles = {}
    for category in categories_by(layer, field):
        for key in map(class_key, category.values):
            if key is not None:
                styles[key] = (category.label.strip(), category.color.name())
    matched = matching_values(keys, styles)
    return {**styles, **{key: styles[value] for key, value in matched.items()}}


def _with_different_names(entries: Mapping[Key, ClassEntry]) -> dict[Key, ClassEntry]:
    """Two classes of one name could not be told apart in a legend: they get their value behind it."""
    names = Counter(entry.name for entry in entries.values())
    return {
        key: ClassEntry(entry.id, f"{entry.name} ({key})", entry.color) if names[entry.name] > 1 else entry
        for key, entry in entries.items()
    }


def names_of(keys: Sequence[Key], classes: Mapping[Key, ClassEntry]) -> str:
    """Classes by name, for a sentence; at most ten."""
    names = [classes[key].name if key in classes else str(key) for key in keys]
    return ", ".join(f"'{name}'" for name in names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
