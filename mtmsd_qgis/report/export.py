# SPDX-License-Identifier: GPL-2.0-or-later
"""The content of an accuracy report for programs (JSON) and for spreadsheets (CSV).

Enters: the values that the report is made of. Leaves: text. docs/reading_the_report.md describes both; VERSION rises
when a name goes or changes its meaning, not when one is added.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

FORMAT, VERSION = "mtmsd-accuracy", 1
_FORMULA = ("=", "+", "-", "@")  # what a spreadsheet would compute
_ACCURACIES = ("producers", "users", "f1")

Row = Sequence[Any]


def accuracy_json(
    kind: str,
    values: Mapping[str, Any],
    facts: Mapping[str, str],
    pixel_area_m2: float | None,
    notes: Sequence[str] = (),
) -> str:
    """The report as JSON.

    Args:
        kind: "classification" or "assessment".
        values: With accuracy, classes, mapped_pixels, and others, which stay as they are.
        facts: Rows for the table of circumstances.
        pixel_area_m2: Area of a pixel; None where the raster's CRS has no metres.
        notes: What the report says in words, where the values hold none.
    """
    document = {
        "format": FORMAT,
        "version": VERSION,
        "kind": kind,
        "facts": dict(facts),
        "axes": {"rows": "reference", "columns": "map"},
        "notes": list(notes),
        "adjusted": None,
        **values,
        "pixel_area_m2": pixel_area_m2,
    }
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def accuracy_csv(values: Mapping[str, Any], pixel_area_m2: float | None) -> str:
    """Overall figures, one row a class, and the confusion matrix, as three tables with an empty line between.

    Comma, point, UTF-8 with the mark that spreadsheets look for.
    """
    judged, classes = values["accuracy"], values["classes"]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if judged:
        writer.writerows([*_overall(judged, values.get("adjusted")), []])
    writer.writerows(_classes(values, pixel_area_m2))
    if judged:
        writer.writerows([[], *_matrix(judged["matrix"], classes)])
    return "\ufeff" + text.getvalue()


def _overall(judged: Mapping[str, Any], adjusted: Mapping[str, Any] | None) -> Iterable[Row]:
    yield ["figure", "value", "low_95", "high_95", "standard_error"]
    for name in ("oa", "aa", "kappa"):
        yield _cells([f"{name}_percent", judged[name], *judged[f"{name}_interval"], None])
    if judged.get("oa_interval_by_feature"):
        yield _cells(["oa_percent_by_feature", judged["oa"], *judged["oa_interval_by_feature"], None])
    if adjusted:
        yield _cells(["oa_by_area_percent", adjusted["oa"], *adjusted["oa_interval"], adjusted["oa_error"]])
    yield ["reference_pixels", judged["samples"], "", "", ""]


def _classes(values: Mapping[str, Any], pixel_area_m2: float | None) -> Iterable[Row]:
    judged, adjusted, classes = values["accuracy"], values.get("adjusted"), values["classes"]
    hectares = None if pixel_area_m2 is None else pixel_area_m2 / 10_000
    head = ["id", "class"]
    if judged:
        head += ["reference_pixels", "reference_pixels_mapped_so"]
        head += [f"{name}_percent{end}" for name in _ACCURACIES for end in ("", "_low_95", "_high_95")]
    head += ["mapped_pixels", *([] if hectares is None else ["mapped_ha"])]
    if adjusted:
        head += [f"area_percent{end}" for end in ("", "_low_95", "_high_95", "_standard_error")]
        head += [] if hectares is None else [f"area_ha{end}" for end in ("", "_low_95", "_high_95", "_standard_error")]
        ends = ("", "_low_95", "_high_95", "_standard_error")
        head += [f"{name}_by_area_percent{end}" for name in ("producers", "users") for end in ends]
    yield head
    for k, entry in enumerate(classes):
        row = [entry["id"], entry["name"]]
        if judged:
            row += [sum(judged["matrix"][k]), sum(line[k] for line in judged["matrix"])]
            for name in _ACCURACIES:
                row += [judged[name][k], *judged[f"{name}_interval"][k]]
        mapped = values["mapped_pixels"][k]
        row += [mapped, *([] if hectares is None else [mapped * hectares])]
        if adjusted:
            row += [adjusted["area"][k], *adjusted["area_interval"][k], adjusted["area_error"][k]]
            if hectares is not None:
                areas = [
                    adjusted["area_pixels"][k],
                    *adjusted["area_pixels_interval"][k],
                    adjusted["area_pixels_error"][k],
                ]
                row += [None if pixels is None else pixels * hectares for pixels in areas]
            for name in ("producers", "users"):
                row += [adjusted[name][k], *adjusted[f"{name}_interval"][k], adjusted[f"{name}_error"][k]]
        yield _cells(row)


def _matrix(matrix: Sequence[Sequence[int]], classes: Sequence[Mapping[str, Any]]) -> Iterable[Row]:
    yield _cells(["reference (rows) \\ map (columns)", *(entry["name"] for entry in classes), "sum"])
    for entry, counts in zip(classes, matrix):
        yield _cells([entry["name"], *counts, sum(counts)])
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
