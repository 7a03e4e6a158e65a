# SPDX-License-Identifier: GPL-2.0-or-later
"""What is left out of a layer: how many for each reason, and which features."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable

_MOST_IDS = 5  # of features, named for each reason


class ExclusionCounts(Counter[str]):
    """Reason -> number of pixels or features that are left out, and the ids of the features they belong to."""

    def __init__(self, given: ExclusionCounts | None = None) -> None:
        """A copy of the counts given; without them, empty."""
        super().__init__(given or {})
        # The ids of a reason are keys, in their order: a layer may have a million features that are left out.
        self._ids: dict[str, dict[int, None]] = {} if given is None else {k: dict(v) for k, v in given._ids.items()}

    def note(self, reason: str, ids: Iterable[int], count: int | None = None) -> None:
        """Add features, or so many pixels of these features, to a reason."""
        ids = list(ids)
        self[reason] += len(ids) if count is None else count
        self._ids.setdefault(reason, {}).update(dict.fromkeys(ids))

    def ids(self, reason: str) -> tuple[int, ...]:
        """Ids of the features that a reason is about."""
        return tuple(self._ids.get(reason, ()))

    def merged(self, other: ExclusionCounts) -> ExclusionCounts:
        """Both together."""
        both = ExclusionCounts(self)
        for reason, count in other.items():
            both.note(reason, other._ids.get(reason, ()), count)
        return both

    @property
    def text(self) -> str:
        """For example "2 outside the raster (features 4 and 7), 1 without a class (feature 9)"; empty where nothing."""
        return ", ".join(f"{count} {reason}{_named(self._ids.get(reason, ()))}" for reason, count in self.items())


def _named(ids: Collection[int]) -> str:
    if not ids:
        return ""
    shown = [str(number) for number in sorted(ids)[:_MOST_IDS]]
    if len(ids) > _MOST_IDS:
        return f" (features {', '.join(shown)} and {len(ids) - _MOST_IDS} more)"
    return f" (feature{'s' if len(ids) > 1 else ''} {' and '.join(filter(None, (', '.join(shown[:-1]), shown[-1])))})"
