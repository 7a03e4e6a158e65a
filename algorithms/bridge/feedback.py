# SPDX-License-Identifier: GPL-2.0-or-later
"""The range of the progress bar that belongs to a step, cancelling, and a window that stays alive while we wait."""

from __future__ import annotations

from time import monotonic
from weakref import WeakKeyDictionary

from qgis.core import QgsProcessingException, QgsProcessingFeedback
from qgis.PyQt.QtCore import QCoreApplication, QEventLoop, QThread

_started: WeakKeyDictionary[QgsProcessingFeedback, float] = WeakKeyDictionary()
_HEARTBEAT = 1e-4  # percent; QGIS emits progressChanged for a changed value only
_MOST_AHEAD = 0.02  # of a range: so far the bar may run ahead of what is known to be done
_FIRST_SECONDS = 100.0  # that a step is thought to take before it has told of any progress
_QUIET_SECONDS = 1.0  # without news until the bar runs ahead


class ProgressRange:
    """The range of the progress bar, in percent, that one step has."""

    def __init__(self, feedback: QgsProcessingFeedback, start: float, stop: float, title: str = "") -> None:
        """Store the feedback and the ends of the range.

        Args:
            feedback: Of Processing.
            start: Percent.
            stop: Percent.
            title: What happens in this step, for the log, written when it begins.
        """
        self.feedback = feedback
        self._title = title
        self._start = start
        self._stop = stop
        self._fraction = 0.0
        self._began = self._reached = monotonic()  # when the step, and the fraction, was
        self._shown = start  # percent
        self._odd = False

    def advance(self, fraction: float) -> None:
        """Show how much of the step is done, 0 to 1; never goes back.

        Raises:
            QgsProcessingException: The user cancelled.
        """
        if self._title:
            self.feedback.setProgressText(self._title)
            self._title = ""
        if fraction > self._fraction:
            self._fraction, self._reached = min(fraction, 1.0), monotonic()
        self.beat()
        refuse_when_cancelled(self.feedback)

    def part(self, start: float, stop: float) -> ProgressRange:
        """A part of this range, its ends as fractions of it."""
        width = self._stop - self._start
        return ProgressRange(self.feedback, self._start + width * start, self._start + width * stop)

    @property
    def percent(self) -> float:
        """How much of the whole run is known to be done."""
        return self._start + (self._stop - self._start) * self._fraction

    def beat(self) -> None:
        """Show the progress again, so that its listeners get to run: a little ahead where there is no news for long.

        A part of the work that tells nothing for half a minute would look like one that hangs. The bar goes on at the
        average speed of the step, ever slower, and never back.
        """
        self._odd = not self._odd
        self._shown = max(self._shown, self.percent + (self._stop - self._start) * self._ahead())
        self.feedback.setProgress(max(0.0, self._shown - _HEARTBEAT * self._odd))
        keep_window_alive()

    def _ahead(self) -> float:
        """What may have been done since the last news, as a fraction of the range."""
        quiet = monotonic() - self._reached - _QUIET_SECONDS
        if quiet <= 0:
            return 0.0
        speed = self._fraction / max(self._reached - self._began, _QUIET_SECONDS) or 1 / _FIRST_SECONDS
        most = min(_MOST_AHEAD, (1 - self._fraction) / 2)
        return most * quiet / (quiet + most / speed) if most > 0 else 0.0


def start_clock(feedback: QgsProcessingFeedback) -> None:
    """A run begins now; a batch uses one feedback for many."""
    _started[feedback] = monotonic()


def start_time(feedback: QgsProcessingFeedback) -> float:
    """When the run with this feedback began, as time.monotonic counts."""
    return _started.setdefault(feedback, monotonic())


def refuse_when_cancelled(feedback: QgsProcessingFeedback) -> None:
    """Stop here when the user has cancelled.

    Raises:
        QgsProcessingException: The user cancelled. A plain return would count as success.
    """
    if feedback.isCanceled():
        raise QgsProcessingException("Cancelled. Nothing was written to the outputs.")


def keep_window_alive() -> None:
    """Handle clicks and repaints when this is the window's own thread, as in a batch of QGIS 3.22."""
    application = QCoreApplication.instance()
    if application is not None and QThread.currentThread() == application.thread():
        QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)
