# SPDX-License-Identifier: GPL-2.0-or-later
"""What the analyst chose for classes, samples and map, and what each choice did, in words.

Enters: the choices of a result. Leaves: sentences for every form of the report.
"""

from __future__ import annotations

from html import escape

from ..jobs.map_choices import ChoiceFacts


def choice_notes(choices: ChoiceFacts | None) -> list[str]:
    """A paragraph for each choice; none where nothing was chosen."""
    return [] if choices is None else list(choices.class_table)


def choice_parts(choices: ChoiceFacts | None) -> list[str]:
    """The same as HTML."""
    notes = choice_notes(choices)
    return ["<h2>What was chosen</h2>", *(f"<p>{escape(note)}</p>" for note in notes)] if notes else []
