# SPDX-License-Identifier: GPL-2.0-or-later
"""What the log says about progress: a line for each stage, and now and then how long it took and will take.

A dialog keeps every line, so there are few: at a new stage, then at every twentieth of the bar, but not more often
than every ten seconds, and at the latest after two minutes. The clock is the caller's.
"""

from __future__ import annotations

from collections import deque

_SOON_SECONDS = 10.0  # between two lines of a stage at least; before that a guess of the time left would mislead
_LATE_SECONDS = 120.0
_STEP = 0.05  # of the bar
_WINDOW_SECONDS = 60.0  # the pace of the last minute tells best how it goes on
_FEW_SECONDS = 100.0
_FEW_MINUTES = 100.0


class Pace:
    """Turns texts with fractions into lines for the log."""

    def __init__(self, started: float) -> None:
        """Begin.

        Args:
            started: When the run began, in seconds of the caller's clock.
        """
        self._started = started
        self._marks: deque[tuple[float, float]] = deque()
        self._stage = ""
        self._said = (started, 0.0)  # when the last line was, and at which fraction

    def line(self, now: float, fraction: float, text: str) -> str:
        """What to say; empty where it is too early to say anything.

        Args:
            now: Seconds of the caller's clock.
            fraction: Of the whole run, 0 to 1.
            text: Stage and detail, such as "training: iteration 5 of 100"; empty where only the bar moves.
        """
        self._mark(now, fraction)
        stage = text.partition(":")[0]
        if not text or not (stage != self._stage or self._due(now, fraction)):
            return ""
        self._stage, self._said = stage, (now, fraction)
        return f"{text[0].upper()}{text[1:]}{self._times(now, fraction)}"

    def _mark(self, now: float, fraction: float) -> None:
        self._marks.append((now, fraction))
        while len(self._marks) > 2 and self._marks[1][0] <= now - _WINDOW_SECONDS:
            self._marks.popleft()

    def _due(self, now: float, fraction: float) -> bool:
        waited = now - self._said[0]
        return waited >= _LATE_SECONDS or (waited >= _SOON_SECONDS and fraction - self._said[1] >= _STEP)

    def _times(self, now: float, fraction: float) -> str:
        elapsed = now - self._started
        if elapsed < _SOON_SECONDS:
            return ""
        first, then = self._marks[0]
        left = ""
        if fraction > then and now - first >= _SOON_SECONDS and fraction < 1:
            left = f", about {duration((1 - fraction) * (now - first) / (fraction - then))} left"
        return f" ({duration(elapsed)} elapsed{left})"


def duration(seconds: float) -> str:
    """For a person: 45 s, 12 min, 3.5 h."""
    if seconds < _FEW_SECONDS:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < _FEW_MINUTES else f"{minutes / 60:.1f} h"
