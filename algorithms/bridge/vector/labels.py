# SPDX-License-Identifier: GPL-2.0-or-later
"""Vector layer + class field -> labelled geometries in the raster's CRS, and the classes with names and colours.

Enters: a point or polygon layer (only its selected features, where the user asked for that). Leaves: a LabelLayer,
which holds no layer and may cross threads.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Union

from qgis.core import (
    NULL,
    QgsCategorizedSymbolRenderer,
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCoordinateTransformContext,
    QgsCsException,
    QgsFeature,
    QgsFeatureRequest,
    QgsGeometry,
    QgsProcessingException,
    QgsProcessingFeatureSource,
    QgsVectorLayer,
    QgsWkbTypes,
)

from ....mtmsd_qgis.jobs.data_model import ClassEntry
from ..raster.palette import palette
from ..raster.source import is_local_grid
from .exclusion_counts import ExclusionCounts

LARGEST_ID = 65535  # class maps hold 16 bits, 0 is nodata

Key = Union[int, str]  # a class as the field has it: a whole number, or text


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
        overlaps: What is done with pixels of several classes, see overlaps.py.
    """

    name: str
    field: str
    points: bool
    shapes: tuple[tuple[QgsGeometry, Key], ...]
    styles: Mapping[Key, tuple[str, str]]
    skipped: ExclusionCounts
    ids: tuple[int, ...]
    overlaps: str = "refuse"


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
    kind = QgsWkbTypes.geometryType(source.wkbType())
    if kind not in (QgsWkbTypes.GeometryType.PointGeometry, QgsWkbTypes.GeometryType.PolygonGeometry):
        raise QgsProcessingException(f"The layer {name} should hold points or polygons; choose such a layer.")
    skipped = ExclusionCounts()
    request = QgsFeatureRequest().setSubsetOfAttributes([index])
    features = source.getFeatures(request, QgsProcessingFeatureSource.Flag.FlagSkipGeometryValidityChecks)
    transform = _transform(source.sourceCrs(), target, context)
    # Sorted, because a layer in memory hands out its selected features in another order each time.
    labelled = sorted(_labelled(features, index, transform, skipped), key=lambda found: found[0])
    if not labelled:
        reasons = f"; {skipped.text}" if skipped else ""
        raise QgsProcessingException(
            f"Labelled points or polygons were expected in the layer {name}; no usable feature was found{reasons}. "
            "Choose a layer with features and a filled class field."
        )
    points = kind == QgsWkbTypes.GeometryType.PointGeometry
    ids = tuple(number for number, *_ in labelled)
    shapes = tuple((geometry, key) for _, geometry, key in labelled)
    return LabelLayer(name, field, points, shapes, _styles(layer, field), skipped, ids)


def make_classes(labels: LabelLayer) -> dict[Key, ClassEntry]:
    """The classes of a training layer, in the order of their ids.

    A field of whole numbers from 1 to 65535 keeps its values as ids. Otherwise the classes are numbered from 1, in
    the order of their values.
    """
    keys = sorted({key for _, key in labels.shapes}, key=lambda key: (isinstance(key, str), key))
    keep = all(isinstance(key, int) and 1 <= key <= LARGEST_ID for key in keys)
    colors = _free_colors(labels, len(keys))
    entries = {}
    for number, key in enumerate(keys, 1):
        name, color = labels.styles.get(key, ("", ""))
        entries[key] = ClassEntry(int(key) if keep else number, name or str(key), color or colors[number - 1])
    return _with_different_names(entries)


def _free_colors(labels: LabelLayer, count: int) -> list[str]:
    """A colour for each of so many classes, none of which a category has."""
    taken = {color.lower() for _, color in labels.styles.values()}
    return [color for color in palette(count + len(taken)) if color not in taken][:count] if taken else palette(count)


def class_key(value: Any) -> Key | None:  # noqa: ANN401 - an attribute of any type
    """A field's value as a class; None for NULL, empty text and numbers that are none."""
    if value is None or value == NULL:
        return None
    if isinstance(value, (bool, int)):
        return int(value)
    if isinstance(value, float):
        return int(value) if value.is_integer() else (None if value != value else repr(value))
    text = value.toString("yyyy-MM-dd") if hasattr(value, "toString") else str(value).strip()
    return text or None


def skipped_sentence(labels: LabelLayer) -> str:
    """What was not used, for the log; empty where all was."""
    return f"Not used in the layer {labels.name}: {labels.skipped.text}." if labels.skipped else ""


def _labelled(
    features: Iterable[QgsFeature], index: int, transform: QgsCoordinateTransform | None, skipped: ExclusionCounts
) -> Iterable[tuple[int, QgsGeometry, Key]]:
    """Id, geometry and class of the usable features."""
    for feature in features:
        geometry = feature.geometry()
        key = class_key(feature.attribute(index))
        if key is None:
            skipped.note("without a class", [feature.id()])
        elif geometry.isNull() or geometry.isEmpty():
            skipped.note("without a geometry", [feature.id()])
        elif transform is not None and not _moved(geometry, transform):
            skipped.note("outside the area of the raster's CRS", [feature.id()])
        else:
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


def _moved(geometry: QgsGeometry, transform: QgsCoordinateTransform) -> bool:
    try:
        geometry.transform(transform)
    except QgsCsException:
        return False
    return True


def _styles(layer: QgsVectorLayer | None, field: str) -> dict[Key, tuple[str, str]]:
    """Name and colour by class, where the layer is categorized by this field.

    A layer that Processing has just loaded from a file is plain; what QGIS would load with it lies beside the file.
    """
    renderer = layer.renderer() if layer is not None else None
    if layer is not None and not isinstance(renderer, QgsCategorizedSymbolRenderer):
        styled = layer.clone()
        styled.loadDefaultStyle()
        renderer = styled.renderer()
    if not isinstance(renderer, QgsCategorizedSymbolRenderer) or renderer.classAttribute().strip('"') != field:
        return {}
    styles = {}
    for category in renderer.categories():
        values = category.value() if isinstance(category.value(), list) else [category.value()]
        for key in map(class_key, values):
            if key is not None and category.symbol() is not None:
                styles[key] = (category.label().strip(), category.symbol().color().name())
    return styles


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
