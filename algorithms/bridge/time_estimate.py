# SPDX-License-Identifier: GPL-2.0-or-later
"""The lines of the log on progress: one for each stage, and now and then how long it took and will take.

A dialog keeps every line, so there are few: at a new stage, then at every twentieth of the bar, but not more often
than every ten seconds, and at the latest after two minutes. Where the bar moves little, as in a short stage of many
models, what has changed is told after half a minute, in a long run less often. The clock is the caller's.
"""

from __future__ import annotations

from collections import deque

_SOON_SECONDS = 10.0  # between two lines of a stage at least; before that an estimate of the time left would mislead
_LATE_SECONDS = 120.0
_CHANGED_SECONDS = 30.0  # until another text of the same stage is shown
_CHANGED_SHARE = 0.05  # likewise, of the time since the run began
_STEP = 0.05  # of the bar
_WINDOW_SECONDS = 60.0  # the speed of the last minute predicts best
_FEW_SECONDS = 100.0
_FEW_MINUTES = 100.0


class TimeEstimate:
    """Turns texts with fractions into lines for the log."""

    def __init__(self, started: float) -> None:
        """Begin.

        Args:
            started: When the run began, in seconds of the caller's clock.
        """
        self._started = started
        self._recent: deque[tuple[float, float]] = deque()
        self._stage = self._text = ""
        self._last_line = (started, 0.0)  # when the last line was, and at which fraction

    def line(self, now: float, fraction: float, text: str) -> str:
        """The line for the log; empty where none is due.

        Args:
            now: Seconds of the caller's clock.
            fraction: Of the whole run, 0 to 1.
            text: Stage and detail, such as "training: iteration 5 of 100"; empty where only the bar moves.
        """
        stage = text.partition(":")[0]
        if text and stage != self._stage and self._recent and fraction - self._recent[-1][1] > _STEP:
            self._recent.clear()  # so much at once was done by an earlier run, which this one goes on with
        self._remember(now, fraction)
        if not text or not (stage != self._stage or self._due(now, fraction, text)):
            return ""
        self._stage, self._text, self._last_line = stage, text, (now, fraction)
        return f"{text[0].upper()}{text[1:]}{self._times(now, fraction)}"

    def _remember(self, now: float, fraction: float) -> None:
        self._recent.append((now, fraction))
        while len(self._recent) > 2 and self._recent[1][0] <= now - _WINDOW_SECONDS:
            self._recent.popleft()

    def _due(self, now: float, fraction: float, text: str) -> bool:
        waited = now - self._last_line[0]
        patience = _LATE_SECONDS
        if text != self._text:
            patience = min(patience, max(_CHANGED_SECONDS, _CHANGED_SHARE * (now - self._started)))
        return waited >= patience or (waited >= _SOON_SECONDS and fraction - self._last_line[1] >= _STEP)

    def _times(self, now: float, fraction: float) -> str:
        elapsed = now - self._started
        if elapsed < _SOON_SECONDS:
            return ""
        first, then = self._recent[0]
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
