# SPDX-License-Identifier: GPL-2.0-or-later
"""The content of an accuracy report for programs (JSON) and for spreadsheets (CSV).

Enters: the result that the report is made of. Leaves: text. docs/reading_the_report.md describes both; VERSION rises
when a name goes or changes its meaning, not when one is added.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..jobs.accuracy_results import AccuracyFigures, AccuracyResult, AreaFigures, MapClass
from ..jobs.data_model import ClassEntry
from ..jobs.json_dataclasses import to_json
from ..jobs.results import MapResult

FORMAT, VERSION = "mtmsd-accuracy", 2
_FORMATS = "mtmsd-"  # begin so
_FORMULA = ("=", "+", "-", "@")  # what a spreadsheet would compute
_BYTE_ORDER_MARK = "\ufeff"
_OVERALL_HEAD = ("figure", "value", "low_95", "high_95", "standard_error")
_ENDS = ("", "_low_95", "_high_95", "_standard_error")  # of the names of columns

Row = Sequence[Any]


def accuracy_json(
    result: MapResult | AccuracyResult,
    facts: Mapping[str, str],
    pixel_area_m2: float | None,
    notes: Sequence[str] = (),
) -> str:
    """The report as JSON.

    Args:
        result: Of a map task, or of an assessment.
        facts: Rows for the table of circumstances.
        pixel_area_m2: Area of a pixel; None where the raster's CRS has no metres.
        notes: What the report of a map says in words; an assessment holds its own.
    """
    document = {
        "format": FORMAT,
        "version": VERSION,
        "kind": "assessment" if isinstance(result, AccuracyResult) else "classification",
        "facts": dict(facts),
        "axes": {"rows": "reference", "columns": "map"},
        "notes": list(notes),
        "adjusted": None,
        **to_json(result),
        "pixel_area_m2": pixel_area_m2,
    }
    return json_text(document)


def json_text(document: Mapping[str, Any]) -> str:
    """A report's content as the text of its JSON file."""
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def accuracy_csv(result: MapResult | AccuracyResult, pixel_area_m2: float | None) -> str:
    """Overall figures, one row a class, and the confusion matrix, as three tables with an empty line between.

    Comma, point, UTF-8 with the mark that spreadsheets look for.
    """
    accuracy = result.accuracy
    adjusted = result.adjusted if isinstance(result, AccuracyResult) else None
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if accuracy:
        writer.writerows([*_overall(accuracy, adjusted), []])
    writer.writerows(_classes(result, adjusted, None if pixel_area_m2 is None else pixel_area_m2 / 10_000))
    if accuracy:
        writer.writerows([[], *_matrix(accuracy.matrix, [entry.name for entry in result.classes])])
    return _BYTE_ORDER_MARK + text.getvalue()


def is_own_json(text: str) -> bool:
    """Whether a text is a JSON document of this plugin: each names its format."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(document, dict) and str(document.get("format")).startswith(_FORMATS)


def is_accuracy_csv(text: str) -> bool:
    """Whether a text is what accuracy_csv writes, by its mark and the heads of its tables."""
    head = text.partition("\n")[0].rstrip("\r")
    overall = _BYTE_ORDER_MARK + ",".join(_OVERALL_HEAD)
    return head == overall or head in (f"{_BYTE_ORDER_MARK}id,class,mapped_pixels{end}" for end in ("", ",mapped_ha"))


def _overall(accuracy: AccuracyFigures, adjusted: AreaFigures | None) -> Iterable[Row]:
    yield list(_OVERALL_HEAD)
    yield _cells(["oa_percent", accuracy.oa, *accuracy.oa_interval, None])
    yield _cells(["aa_percent", accuracy.aa, *accuracy.aa_interval, None])
    yield _cells(["kappa_percent", accuracy.kappa, *accuracy.kappa_interval, None])
    if accuracy.oa_interval_by_feature:
        yield _cells(["oa_percent_by_feature", accuracy.oa, *accuracy.oa_interval_by_feature, None])
    if adjusted:
        yield _cells(["oa_by_area_percent", adjusted.oa, *adjusted.oa_interval, adjusted.oa_error])
    yield ["reference_pixels", accuracy.samples, "", "", ""]


def _classes(
    result: MapResult | AccuracyResult, adjusted: AreaFigures | None, pixel_hectares: float | None
) -> Iterable[Row]:
    yield _class_head(result, adjusted, pixel_hectares)
    classes: Sequence[ClassEntry | MapClass] = result.classes
    for k, entry in enumerate(classes):
        row = [entry.id, entry.name, *([] if result.accuracy is None else _of_samples(result.accuracy, k))]
        mapped = result.mapped_pixels[k]
        row += [mapped, *([] if pixel_hectares is None else [mapped * pixel_hectares])]
        row += [] if adjusted is None else _of_area(adjusted, k, pixel_hectares)
        yield _cells(row)
    choices = None if isinstance(result, AccuracyResult) else result.choices
    if choices is not None and choices.reject is not None:
        empty = [] if result.accuracy is None else [None] * len(_of_samples(result.accuracy, 0))
        entry, pixels = choices.reject.entry, choices.reject.pixels
        yield _cells(
            [entry.id, entry.name, *empty, pixels, *([] if pixel_hectares is None else [pixels * pixel_hectares])]
        )


def _class_head(
    result: MapResult | AccuracyResult, adjusted: AreaFigures | None, pixel_hectares: float | None
) -> list[str]:
    head = ["id", "class"]
    if result.accuracy:
        head += ["reference_pixels", "reference_pixels_mapped_so"]
        head += [f"{name}_percent{end}" for name in ("producers", "users", "f1") for end in _ENDS[:3]]
    head += ["mapped_pixels", *([] if pixel_hectares is None else ["mapped_ha"])]
    if adjusted:
        head += [f"area_percent{end}" for end in _ENDS]
        head += [] if pixel_hectares is None else [f"area_ha{end}" for end in _ENDS]
        head += [f"{name}_by_area_percent{end}" for name in ("producers", "users") for end in _ENDS]
    return head


def _of_samples(accuracy: AccuracyFigures, k: int) -> list[Any]:
    return [
        sum(accuracy.matrix[k]),
        sum(line[k] for line in accuracy.matrix),
        accuracy.producers[k],
        *accuracy.producers_interval[k],
        accuracy.users[k],
        *accuracy.users_interval[k],
        accuracy.f1[k],
        *accuracy.f1_interval[k],
    ]


def _of_area(adjusted: AreaFigures, k: int, pixel_hectares: float | None) -> list[Any]:
    row = [adjusted.area[k], *adjusted.area_interval[k], adjusted.area_error[k]]
    if pixel_hectares is not None:
        areas = [adjusted.area_pixels[k], *adjusted.area_pixels_interval[k], adjusted.area_pixels_error[k]]
        row += [None if pixels is None else pixels * pixel_hectares for pixels in areas]
    row += [adjusted.producers[k], *adjusted.producers_interval[k], adjusted.producers_error[k]]
    return [*row, adjusted.users[k], *adjusted.users_interval[k], adjusted.users_error[k]]


def _matrix(matrix: Sequence[Sequence[int]], names: Sequence[str]) -> Iterable[Row]:
    yield _cells(["reference (rows) \\ map (columns)", *names, "sum"])
    for name, counts in zip(names, matrix):
        yield _cells([name, *counts, sum(counts)])
    yield ["sum", *(sum(column) for column in zip(*matrix)), sum(map(sum, matrix))]


def _cells(row: Row) -> Row:
    return [_cell(value) for value in row]


def _cell(value: object) -> object:
    """Empty for None, six digits for a share, and no text that a spreadsheet takes for a formula."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}" if abs(value) < 1e5 else f"{value:.1f}"
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value
