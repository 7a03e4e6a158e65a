# SPDX-License-Identifier: GPL-2.0-or-later
"""What the analyst chose for the finished map.

Enters: numbers from the algorithms' parameters. Leaves: frozen, validated settings that are part of those of a map.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import SettingsError
from .json_dataclasses import shown

LARGEST_SEGMENT = 10**6  # pixels, on average
SEGMENT_COLUMNS = ("class_id", "confidence", "runner_up_id", "runner_up_share", "pixels", "purity")  # of their table
NO_LEARNT_SIZE = (
    "SUPERTOKENS 0 takes the size of segments that the classifier was learnt with, but it was learnt without. Give a "
    "size, or learn it anew with SUPERTOKENS."
)
NOT_SURE = "not sure"  # name of a row of the legend: pixels whose class is not probable enough
NOT_SURE_BESIDES = f"{NOT_SURE} (LEAST_CONFIDENCE)"  # the same, where a class has that name
_LARGEST_PATCH = 10**9  # pixels


@dataclass(frozen=True)
class MapFinish:
    """What is done with a map after the classification, in this order.

    Attributes:
        sieve: Patches of fewer pixels go into their neighbours; 0 and 1: none does.
        least_confidence: Pixels whose class is less probable are "not sure"; 0: none is.
    """

    sieve: int = 0
    least_confidence: float = 0.0

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            SettingsError: A value is outside its range.
        """
        if not 0 <= self.sieve <= _LARGEST_PATCH:
            raise SettingsError(
                f"The smallest patch must be 0 (every patch stays) or more, and at most {_LARGEST_PATCH} pixels. "
                f"Found: {shown(self.sieve)}."
            )
        if not 0 <= self.least_confidence < 1:
            raise SettingsError(
                f"The least confidence must be 0 (every pixel has a class) or more, and less than 1. Found: "
                f"{shown(self.least_confidence)}."
            )

    @property
    def changes_map(self) -> bool:
        """Whether anything is done."""
        return self.sieve > 1 or self.least_confidence > 0


def check_segments(pixels: int | None) -> None:
    """A mean size of segments must be one that can be made; None and 1 make none, 0 is chosen by the samples.

    Raises:
        SettingsError: It is not.
    """
    if pixels is not None and not 0 <= pixels <= LARGEST_SEGMENT:
        raise SettingsError(
            f"The mean size of segments must be 0 (chosen by the training samples) or more, and at most "
            f"{LARGEST_SEGMENT} pixels. Found: {shown(pixels)}."
        )
