# SPDX-License-Identifier: GPL-2.0-or-later
"""Which of a model's timesteps were chosen to stand for all; travels with the features and into the report.

Enters: what was compared. Leaves: the same, and one sentence on it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TimestepChoice:
    """K timesteps that stand for T, each for an interval of them.

    Attributes:
        candidates: T, ascending.
        kept: K of them, ascending.
        intervals: (K,) first and last timestep of each interval.
        similarities: (K,) mean linear CKA between the features of the interval's timesteps and of the one that is kept.
        similarity: The same over all T.
    """

    candidates: tuple[int, ...]
    kept: tuple[int, ...]
    intervals: tuple[tuple[int, int], ...]
    similarities: tuple[float, ...]
    similarity: float

    @property
    def sentence(self) -> str:
        """For log and report, e.g. "4 of 19 timesteps stand for all: 50, 200, 450, 800."."""
        count = len(self.kept)
        stand = "stands" if count == 1 else "stand"
        return f"{count} of {len(self.candidates)} timesteps {stand} for all: {', '.join(map(str, self.kept))}."
