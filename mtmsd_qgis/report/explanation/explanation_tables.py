# SPDX-License-Identifier: GPL-2.0-or-later
"""Why single pixels have their classes, for the report of a map.

Enters: PixelExplanations. Leaves: HTML.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from ...jobs.data_model import ClassEntry
from ...jobs.explanation.pixel_explanation import GroupPart, PixelExplanation
from ..html import counted, table


def explanation_parts(explanations: Sequence[PixelExplanation] | None, classes: Sequence[ClassEntry]) -> list[str]:
    """Tables for each pixel; nothing where none was asked for.

    Args:
        explanations: Of the pixels.
        classes: Of the map.
    """
    if not explanations:
        return []
    names = {entry.id: escape(entry.name) for entry in classes}
    intro = (
        "<p>The logarithm of the odds of a pixel's class against the runner-up is a sum over the training polygons: a "
        "part above 0 speaks for the class, one below 0 for the runner-up. 0.7 doubles the odds, 2.3 makes them ten "
        "times as high. The sums are exact. In kernel models every polygon has a part; in discriminants those of the "
        "two classes have, with the spread of all classes taken as given. The class is that of the classifier, before "
        "the map is sieved or decided by segments.</p>"
    )
    return ["<h2>Why these pixels</h2>", intro, *(part for each in explanations for part in _of_pixel(each, names))]


def _of_pixel(each: PixelExplanation, names: dict[int, str]) -> list[str]:
    name, other = names.get(each.class_id, "?"), names.get(each.runner_up_id, "?")
    title = f"<h3>Point {escape(each.point.name)}: {name}, confidence {each.confidence:.2f}</h3>"
    rows = [_group_row(group, names) for group in (*each.supporting, *each.opposing)]
    shown = len(rows)
    rest = [
        [f"The other {counted(each.groups - shown, 'polygon')}", "", "", _signed(each.others)],
        ["No sample nearby (start of the models)", "", "", _signed(each.start)],
        ["How probable the classes are beforehand", "", "", _signed(each.prior)],
        ["Cut off, as no model may veto a class", "", "", _signed(each.cut)],
        [f"<strong>Log odds of {name} against {other}</strong>", "", "", f"<strong>{_signed(each.log_odds)}</strong>"],
    ]
    kept = [row for row in rest if row[-1] != _signed(0.0)]
    *_, prior, _, total = rest
    models = [[escape(model.name), _signed(model.part)] for model in each.models]
    models += [[row[0], row[-1]] for row in (prior, total) if row in kept]
    return [
        title,
        f"<p>Runner-up: {other}. Row {each.point.row + 1}, column {each.point.col + 1}.</p>",
        table(["Training polygon", "Class", "Samples", "Part"], [*rows, *kept]),
        "<p>The same by models:</p>",
        table(["Model", "Its share of the log odds"], models),
    ]


def _group_row(group: GroupPart, names: dict[int, str]) -> list[str]:
    place = f"row {group.row + 1}, column {group.col + 1}"
    if group.x is not None and group.y is not None:
        place = f"at {group.x:.6g}, {group.y:.6g}" if abs(group.x) < 1000 else f"at {group.x:.0f}, {group.y:.0f}"
    label = f"Feature {group.feature}, {place}"
    return [label, names.get(group.class_id, "?"), str(group.samples), _signed(group.part)]


def _signed(part: float) -> str:
    return f"{part + 0.0:+.3f}".replace("-", "\u2212")
