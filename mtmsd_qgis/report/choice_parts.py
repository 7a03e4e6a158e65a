# SPDX-License-Identifier: GPL-2.0-or-later
"""What the analyst chose for classes, samples and map, and what each choice did, in words.

Enters: the choices of a result. Leaves: sentences for every form of the report, and a table of areas as HTML.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from ..jobs.accuracy_results import AccuracyFigures
from ..jobs.choice_results import ChoiceFacts, RejectFacts
from ..jobs.data_model import ClassEntry
from .html import percent_text, swatch, table


def choice_notes(choices: ChoiceFacts | None, accuracy: AccuracyFigures | None = None) -> list[str]:
    """A paragraph for each choice; none where nothing was chosen.

    Args:
        choices: Of the run.
        accuracy: Of the map as it is.
    """
    if choices is None:
        return []
    notes = list(choices.class_table)
    if choices.reject is not None:
        notes.append(_reject_note(choices.reject, accuracy))
    return notes


def choice_parts(
    choices: ChoiceFacts | None,
    accuracy: AccuracyFigures | None,
    classes: Sequence[ClassEntry],
    mapped_pixels: Sequence[int],
) -> list[str]:
    """The same as HTML, with areas beside each other.

    Args:
        choices: Of the run.
        accuracy: Of the map as it is.
        classes: In the order of the class indices.
        mapped_pixels: (K,) of the map as it is.
    """
    notes = choice_notes(choices, accuracy)
    if not notes:
        return []
    parts = ["<h2>What was chosen</h2>", *(f"<p>{escape(note)}</p>" for note in notes)]
    if choices is not None and choices.reject is not None:
        parts.append(_areas(choices.reject, classes, mapped_pixels))
    return parts


def legend_of(classes: Sequence[ClassEntry], choices: ChoiceFacts | None) -> list[ClassEntry]:
    """The rows of the map's legend: the classes and, where there are such pixels by choice, "not sure"."""
    return [*classes, *([] if choices is None or choices.reject is None else [choices.reject.entry])]


def legend_pixels(mapped_pixels: Sequence[int], choices: ChoiceFacts | None) -> list[int]:
    """Pixels of each of these rows."""
    return [*mapped_pixels, *([] if choices is None or choices.reject is None else [choices.reject.pixels])]


def _reject_note(reject: RejectFacts, accuracy: AccuracyFigures | None) -> str:
    total = max(1, sum(reject.mapped_pixels))
    text = (
        f"{reject.pixels} pixels, {100 * reject.pixels / total:.1f} % of the map, are '{reject.entry.name}': the "
        f"probability of their class is below {reject.least_confidence:g} (LEAST_CONFIDENCE). Accuracies and mapped "
        "areas of the classes are those of the other pixels."
    )
    if reject.accuracy is None:
        return text
    counted = f" {reject.samples} of {reject.accuracy.samples} reference pixels lie on such pixels and count apart"
    if not reject.samples:
        return f"{text} No reference pixel lies on such a pixel, so the accuracy is the same with them."
    right = f"; the most probable class is right at {reject.samples_right} of them."
    without = "not known" if accuracy is None else f"{percent_text(accuracy.oa)} %"
    return (
        f"{text}{counted}{right} Overall accuracy without them: {without}; with them, each by its most probable class: "
        f"{percent_text(reject.accuracy.oa)} %."
    )


def _areas(reject: RejectFacts, classes: Sequence[ClassEntry], mapped_pixels: Sequence[int]) -> str:
    totals = max(1, sum(mapped_pixels)), max(1, sum(reject.mapped_pixels))
    rows = [
        [swatch(entry.name, entry.color)]
        + [text for n, total in zip(pair, totals) for text in (str(n), f"{100 * n / total:.1f}")]
        for entry, *pair in zip(classes, mapped_pixels, reject.mapped_pixels)
    ]
    name = escape(reject.entry.name)
    return (
        f"<p>Pixels of each class without those that are {name}, and with them, each by its most probable class:</p>"
        + table(["Class", "Without", "Share (%)", "With", "Share (%)"], rows)
    )
