# SPDX-License-Identifier: GPL-2.0-or-later
"""Samples to take next: how many are asked for, and what is found.

Enters: numbers from a parameter or from a task. Leaves: frozen dataclasses that cross the process line.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import SettingsError

MOST_SUGGESTIONS = 1000
USUAL_SUGGESTIONS = 20
REACHABLE_FILE = "reachable.raw"  # in the job folder: uint8 (H, W), 1 where somebody can get to


@dataclass(frozen=True)
class SuggestionSettings:
    """What is asked for.

    Attributes:
        count: Of samples.
        within_reach: Whether the job folder holds a raster of the pixels that somebody can get to.
    """

    count: int = USUAL_SUGGESTIONS
    within_reach: bool = False

    def __post_init__(self) -> None:
        """Check the range.

        Raises:
            SettingsError: The count is outside its range.
        """
        if not 1 <= self.count <= MOST_SUGGESTIONS:
            raise SettingsError(
                f"The number of suggested samples must be 1 to {MOST_SUGGESTIONS}. Found: {self.count}. Choose another."
            )


@dataclass(frozen=True)
class Suggestion:
    """A pixel to label.

    Attributes:
        row: From 0, as is the column.
        col: See row.
        class_id: Of the map.
        runner_up_id: Of the second most probable class.
        confidence: Probability of the class, 0 to 1.
        margin: Of it over that of the runner-up.
        share: Share of the doubt among the least certain pixels that lies in pixels of this kind, 0 to 1.
    """

    row: int
    col: int
    class_id: int
    runner_up_id: int
    confidence: float
    margin: float
    share: float
