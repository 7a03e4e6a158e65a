# SPDX-License-Identifier: GPL-2.0-or-later
"""Which timesteps stand for all, for the report of a map.

Enters: a TimestepChoice. Leaves: HTML.
"""

from __future__ import annotations

from html import escape

from ...jobs.timesteps.timestep_choice import TimestepChoice
from ..html import table


def timestep_choice_parts(choice: TimestepChoice | None) -> list[str]:
    """The sentence, and a row for each interval; nothing where no timesteps were chosen."""
    if choice is None:
        return []
    rows = [
        [str(kept), str(first) if first == last else f"{first} to {last}", f"{similarity:.3f}"]
        for kept, (first, last), similarity in zip(choice.kept, choice.intervals, choice.similarities)
    ]
    return [
        "<h2>Timesteps that stand for all</h2>",
        f"<p><strong>{escape(choice.sentence)}</strong></p>",
        table(["Timestep", "Stands for", "Similarity (linear CKA)"], rows),
        "<p>Features of neighbouring timesteps say much the same. Each interval has the timestep whose features are "
        "most like those of the others; as few intervals as give a mean similarity of 0.95. Similarity is that of the "
        "features at pixels drawn from the scene, the mean over stages: 1 where one is a rotated copy of the other. "
        f"Over all timesteps it is {choice.similarity:.3f}. No label was looked at.</p>",
    ]
