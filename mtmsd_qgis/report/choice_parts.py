# SPDX-License-Identifier: GPL-2.0-or-later
"""What the analyst chose for classes, samples and map, and what each choice did, in words.

Enters: the choices of a result. Leaves: sentences for every form of the report, and a table of areas as HTML.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from ..jobs.accuracy_results import AccuracyFigures
from ..jobs.choice_results import ChoiceFacts, ClassWeightFacts, RejectFacts, SegmentFacts, SieveFacts
from ..jobs.data_model import ClassEntry
from .html import percent_text, swatch, table

_WEIGHTS = {
    "even": "each other",
    "samples": "their shares of the training samples",
    "area": "their areas that were given",
}


def choice_notes(choices: ChoiceFacts | None, accuracy: AccuracyFigures | None = None) -> list[str]:
    """A paragraph for each choice; none where nothing was chosen.

    Args:
        choices: Of the run.
        accuracy: Of the map as it is.
    """
    if choices is None:
        return []
    notes = [*choices.class_table, *(choices.left_out_samples or ())]
    if choices.sample_weights is not None:
        notes.append(choices.sample_weights.sentence)
    if choices.class_weights is not None:
        known = accuracy if choices.reject is None else choices.reject.accuracy
        notes.append(_weights_note(choices.class_weights, known))
    if choices.segments is not None:
        later = choices.sieve or choices.reject
        notes.append(_segment_note(choices.segments, accuracy if later is None else later.accuracy))
    if choices.sieve is not None:
        notes.append(_sieve_note(choices.sieve, accuracy if choices.reject is None else choices.reject.accuracy))
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
    if choices is not None and choices.class_weights is not None:
        parts.append(_priors(choices.class_weights, classes))
    if choices is not None and choices.segments is not None and choices.segments.used:
        later = choices.sieve or choices.reject
        columns = {
            "By segments": mapped_pixels if later is None else later.mapped_pixels,
            "By pixels": choices.segments.mapped_pixels,
        }
        parts.append(_areas("Pixels of each class by segments, and where each pixel decides:", columns, classes))
    if choices is not None and choices.sieve is not None:
        after = mapped_pixels if choices.reject is None else choices.reject.mapped_pixels
        columns = {"After": after, "Before": choices.sieve.mapped_pixels}
        parts.append(_areas("Pixels of each class after small patches went into their neighbours:", columns, classes))
    if choices is not None and choices.reject is not None:
        columns = {"Without": mapped_pixels, "With": choices.reject.mapped_pixels}
        text = "Pixels of each class without those that are not sure, and with them, by their most probable class:"
        parts.append(_areas(text, columns, classes))
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
        f"{reject.pixels} pixels, {percent_text(100 * reject.pixels / total)} % of the map, are '{reject.entry.name}': "
        f"the probability of their class is below {reject.least_confidence:g} (LEAST_CONFIDENCE). Accuracies and "
        "mapped areas of the classes are those of the other pixels."
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


def _segment_note(segments: SegmentFacts, accuracy: AccuracyFigures | None) -> str:
    if not segments.used:
        return segments.sentence
    total = max(1, sum(segments.mapped_pixels))
    text = (
        f"{segments.sentence} Each pixel has the class of its segment: {segments.changed} pixels, "
        f"{percent_text(100 * segments.changed / total)} % of the map, have another class than by themselves."
    )
    if segments.accuracy is not None and accuracy is not None:
        text += (
            f" Overall accuracy by pixels: {percent_text(segments.accuracy.oa)} %; by segments: "
            f"{percent_text(accuracy.oa)} %."
        )
    return text


def _sieve_note(sieve: SieveFacts, accuracy: AccuracyFigures | None) -> str:
    total = max(1, sum(sieve.mapped_pixels))
    text = (
        f"Patches of fewer than {sieve.unit} pixels (SIEVE) have the most probable class of the patches that they "
        f"touch: {sieve.changed} pixels, {percent_text(100 * sieve.changed / total)} % of the map, have another class "
        "than before."
    )
    if sieve.left:
        text += f" {sieve.left} pixels stay in smaller patches, as no patch of that size touches them."
    if sieve.accuracy is not None and accuracy is not None:
        text += f" Overall accuracy before: {percent_text(sieve.accuracy.oa)} %; after: {percent_text(accuracy.oa)} %."
    return text


def _weights_note(weights: ClassWeightFacts, accuracy: AccuracyFigures | None) -> str:
    text = (
        f"Before a pixel is seen, the classes are as probable as {_WEIGHTS[weights.kind]} (CLASS_WEIGHTS); the "
        "probabilities of the classifier were corrected for it by Bayes' rule."
    )
    if accuracy is None:
        return text
    return (
        f"{text} The accuracy is that at the reference samples: where their classes have other shares than those that "
        "were chosen, it is not that of the whole map."
    )


def _priors(weights: ClassWeightFacts, classes: Sequence[ClassEntry]) -> str:
    """A table of the shares, as chosen and as the classifier has them."""
    rows = [
        [swatch(entry.name, entry.color), percent_text(100 * chosen), percent_text(100 * own)]
        for entry, chosen, own in zip(classes, weights.shares, weights.presumed)
    ]
    return table(["Class", "Chosen (%)", "Of the classifier (%)"], rows)


def _areas(text: str, columns: Mapping[str, Sequence[int]], classes: Sequence[ClassEntry]) -> str:
    """A table of the pixels of each class, once by the name of each column."""
    totals = [max(1, sum(pixels)) for pixels in columns.values()]
    rows = [
        [swatch(entry.name, entry.color)]
        + [cell for n, total in zip(counts, totals) for cell in (str(n), percent_text(100 * n / total))]
        for entry, *counts in zip(classes, *columns.values())
    ]
    head = ["Class", *(cell for name in columns for cell in (name, "Share (%)"))]
    return f"<p>{escape(text)}</p>" + table(head, rows)
