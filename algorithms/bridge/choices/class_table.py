# SPDX-License-Identifier: GPL-2.0-or-later
"""A table layer of classes -> names, colours, merged classes and classes that are left out; applied to label layers.

Enters: any table that QGIS can open, with or without geometry. Leaves: LabelLayers whose classes are those of the map.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from math import isfinite, nan
from typing import Any

from qgis.core import (
    NULL,
    QgsFeatureRequest,
    QgsProcessingException,
    QgsProcessingFeatureSource,
)
from qgis.PyQt.QtGui import QColor

from ....mtmsd_qgis.jobs.data_model import ClassEntry
from ....mtmsd_qgis.sampling.class_table import ClassRow, ClassTable, merged, refuse_strange
from ....mtmsd_qgis.sampling.class_values import Key, matching_values
from ..vector.exclusion_counts import ExclusionCounts
from ..vector.labels import LabelLayer, class_key, names_of

VALUE = "value"
# What each may be called, without capitals, blanks and underscores; of two, the one that comes first here.
_COLUMNS: Mapping[str, tuple[str, ...]] = {
    VALUE: ("value", "class"),
    "name": ("name", "label"),
    "colour": ("colour", "color"),
    "merged_into": ("mergedinto", "mergeinto"),
    "left_out": ("leftout", "leaveout"),
    "area": ("area",),
}
_PARTS = re.compile(r"\s*[0-9]{1,3}\s*(,\s*[0-9]{1,3}\s*){2,3}")  # red,green,blue and how opaque
_SHOWN = 40  # letters of a wrong cell
_YES = ("1", "true", "yes", "x")
_NO = ("0", "false", "no", "")


@dataclass(frozen=True)
class ChosenSamples:
    """The layers of a run with the classes of the map.

    Attributes:
        training: To learn from.
        reference: To judge the map with; None where there is no validation layer.
        sentences: What a class table did, for log and report.
        warnings: What of it did nothing.
        areas: Of classes, by their value, where a table or field tells.
        table_areas: Whether a class table has areas, be it of some classes only.
        weight_sentences: What weights of samples did, likewise.
    """

    training: LabelLayer
    reference: LabelLayer | None
    sentences: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    areas: Mapping[Key, float] = field(default_factory=dict)
    table_areas: bool = False
    weight_sentences: tuple[str, ...] = ()


def read_class_table(source: QgsProcessingFeatureSource) -> ClassTable:
    """The rows of a table.

    Raises:
        QgsProcessingException: A column is missing, or a cell cannot be read.
        SamplesError: The rows contradict each other.
    """
    name, fields = source.sourceName(), [field.name() for field in source.fields()]
    called = [_plain(field) for field in fields]
    found_words = {column: [word for word in words if word in called] for column, words in _COLUMNS.items()}
    columns = {column: called.index(words[0]) for column, words in found_words.items() if words}
    if VALUE not in columns or len(columns) < 2:
        raise QgsProcessingException(
            f"The table {name} should have a column 'value' with the values of CLASS_FIELD, and at least one of "
            f"{', '.join(column for column in _COLUMNS if column != VALUE)}. Its columns are: "
            f"{', '.join(fields) or 'none'}. Rename or add columns."
        )
    request = QgsFeatureRequest().setFlags(QgsFeatureRequest.Flag.NoGeometry)
    found = sorted(source.getFeatures(request), key=lambda feature: feature.id())
    rows = [row for feature in found for row in _row(name, {c: feature.attribute(i) for c, i in columns.items()})]
    return ClassTable(name, tuple(rows))


def apply_class_table(table: ClassTable, training: LabelLayer, reference: LabelLayer | None) -> ChosenSamples:
    """The layers with the classes of the table.

    Raises:
        SamplesError: A class is merged into one that is nowhere, or the table has none of the layer's classes.
        QgsProcessingException: All classes are left out.
    """
    keys = _keys(training)
    others = [] if reference is None else _keys(reference)
    refuse_strange(table, keys, training.name)
    targets = table.targets(keys, others)
    result = with_targets(training, table, targets)
    if not result.shapes:
        raise QgsProcessingException(
            f"The table {table.name} leaves out every class of the layer {training.name}. Keep at least two."
        )
    of_reference = table.targets(others, keys)
    judged = None if reference is None else with_targets(reference, table, of_reference)
    unused = table.unused([*keys, *others])
    warnings = [f"No sample has these values of the table {table.name}: {names_of(unused, {})}."] if unused else []
    names = _names(training, table, targets)
    sentences = _merged_sentences(targets, names)
    gone = [key for key, target in targets.items() if target is None]
    if gone:
        count = len(training.shapes) - len(result.shapes)
        left_out = ", ".join(f"'{names[key]}'" for key in gone)
        sentences.append(
            f"Left out by the table {table.name}: {left_out} ({count} training features). The map gives their pixels "
            "other classes, and the accuracy holds for the classes that are left."
        )
    if reference is not None:
        known = matching_values(others, keys)
        alone = {key: target for key, target in of_reference.items() if key not in known}
        sentences += _merged_sentences(alone, {**_names(reference, table, alone), **names}, " in the validation layer")
    areas = table.areas(targets)
    return ChosenSamples(result, judged, tuple(sentences), tuple(warnings), areas, table.tells_areas)


def areas_of(areas: Mapping[Key, float], classes: Mapping[Key, ClassEntry]) -> list[float]:
    """The area of each class of the map, in the order of the class indices.

    Raises:
        QgsProcessingException: One is missing.
    """
    missing = [key for key in classes if key not in areas]
    if missing:
        raise QgsProcessingException(
            "CLASS_WEIGHTS 'area' needs the area of every class, and of each that is merged into it, in the column "
            f"'area' of CLASS_TABLE or by CLASS_AREA_FIELD; missing: {names_of(missing, classes)}. Add them, in any "
            "unit, or choose other weights."
        )
    return [areas[key] for key in classes]


def with_targets(labels: LabelLayer, table: ClassTable, targets: Mapping[Key, Key | None]) -> LabelLayer:
    """A layer whose samples have the classes that its values become."""
    stays = [targets[key] is not None for _, key in labels.shapes]
    skipped = ExclusionCounts(labels.skipped)
    gone = [number for number, stay in zip(labels.ids, stays) if not stay]
    if gone:
        skipped.note("of a class that the class table leaves out", gone)
    shapes = tuple((shape, targets[key]) for (shape, key), stay in zip(labels.shapes, stays) if stay)
    ids = tuple(number for number, stay in zip(labels.ids, stays) if stay)
    styles = {**labels.styles, **_styles(labels, table, [key for _, key in shapes])}
    return replace(labels, shapes=shapes, ids=ids, styles=styles, skipped=skipped)


def _styles(labels: LabelLayer, table: ClassTable, keys: Iterable[Key]) -> dict[Key, tuple[str, str]]:
    """Name and colour of classes: of the table, else of the layer, else empty."""
    known = list(dict.fromkeys(keys))
    told, styles = table.styles(known), {}
    for key in known:
        name, color = told.get(key, ("", ""))
        own = labels.styles.get(key, ("", ""))
        styles[key] = (name or own[0], color or own[1])
    return styles


def _names(labels: LabelLayer, table: ClassTable, targets: Mapping[Key, Key | None]) -> dict[Key, str]:
    """Of the values, and of what they become, for sentences."""
    keys = [*targets, *(target for target in targets.values() if target is not None)]
    return {key: own or str(key) for key, (own, _) in _styles(labels, table, keys).items()}


def _keys(labels: LabelLayer) -> list[Key]:
    return sorted({key for _, key in labels.shapes}, key=lambda key: (isinstance(key, str), key))


def _merged_sentences(targets: Mapping[Key, Key | None], names: Mapping[Key, str], where: str = "") -> list[str]:
    parts = []
    for target, keys in merged(targets).items():
        others = ", ".join(f"'{names[key]}'" for key in keys if key != target)
        parts.append(f"{others} into '{names[target]}'")
    return [f"Classes merged{where}: {'; '.join(parts)}."] if parts else []


def _row(table: str, cells: Mapping[str, Any]) -> Iterable[ClassRow]:
    """The row of a feature; nothing for an empty one.

    Raises:
        QgsProcessingException: A cell cannot be read.
    """
    value = class_key(cells[VALUE])
    if value is None:
        filled = [str(cell) for column, cell in cells.items() if column != VALUE and class_key(cell) is not None]
        if filled:
            raise QgsProcessingException(
                f"Every row of the table {table} should have a value; the row with {', '.join(filled)} has none. Fill "
                "it in, or take the row out."
            )
        return
    yield ClassRow(
        value,
        name=_text(cells.get("name")),
        color=_color(table, value, _text(cells.get("colour"))),
        merged_into=class_key(cells.get("merged_into")),
        left_out=_truth(table, value, cells.get("left_out")),
        area=_area(table, value, _text(cells.get("area"))),
    )


def _text(cell: Any) -> str:  # noqa: ANN401 - an attribute of any type
    return "" if cell is None or cell == NULL else str(cell).strip()


def _color(table: str, value: Key, text: str) -> str:
    """#rrggbb of a colour by name, as #rrggbb, or as "red,green,blue"; empty where there is none."""
    if not text:
        return ""
    color = QColor(*(int(part) for part in text.split(","))) if _PARTS.fullmatch(text) else QColor(text)
    if not color.isValid():  # as of a part beyond 255
        raise QgsProcessingException(
            f"The colour of the class '{value}' in the table {table} should be #rrggbb, red,green,blue or a name such "
            f"as darkgreen; found '{text[:_SHOWN]}'. Correct it, or leave it empty."
        )
    return color.name()


def _truth(table: str, value: Key, cell: Any) -> bool:  # noqa: ANN401
    text = str(cell).strip().lower() if isinstance(cell, bool) else _text(cell).lower()
    text = {"1.0": "1", "0.0": "0"}.get(text, text)  # of a column of reals
    if text in _YES:
        return True
    if text in _NO:
        return False
    raise QgsProcessingException(
        f"left_out of the class '{value}' in the table {table} should be yes or no (1 or 0, true or false, or empty); "
        f"found '{text}'. Correct it."
    )


def _area(table: str, value: Key, text: str) -> float | None:
    """A positive number; None where there is none.

    Raises:
        QgsProcessingException: It is something else.
    """
    if not text:
        return None
    try:
        area = float(text)
    except ValueError:
        area = nan
    if not (isfinite(area) and area > 0):
        raise QgsProcessingException(
            f"The area of the class '{value}' in the table {table} should be a positive number; found '{text}'. "
            "Correct it, or leave the class out."
        )
    return area


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace(" ", "")
