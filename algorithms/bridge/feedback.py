# SPDX-License-Identifier: GPL-2.0-or-later
"""The range of the progress bar that belongs to a step, cancelling, and a window that stays alive while we wait."""

from __future__ import annotations

from time import monotonic
from weakref import WeakKeyDictionary

from qgis.core import QgsProcessingException, QgsProcessingFeedback
from qgis.PyQt.QtCore import QCoreApplication, QEventLoop, QThread

_started: WeakKeyDictionary[QgsProcessingFeedback, float] = WeakKeyDictionary()
_HEARTBEAT = 1e-4  # percent; QGIS emits progressChanged for a changed value only


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
        self._odd = False

    def advance(self, fraction: float) -> None:
        """Show how much of the step is done, 0 to 1; never goes back.

        Raises:
            QgsProcessingException: The user cancelled.
        """
        if self._title:
            self.feedback.setProgressText(self._title)
            self._title = ""
        self._fraction = max(self._fraction, min(fraction, 1.0))
        self.beat()
        refuse_when_cancelled(self.feedback)

    @property
    def percent(self) -> float:
        """Where the bar of the whole run stands."""
        return self._start + (self._stop - self._start) * self._fraction

    def beat(self) -> None:
        """Show the same progress again, changed by a hair, so that its listeners get to run."""
        self._odd = not self._odd
        self.feedback.setProgress(max(0.0, self.percent - _HEARTBEAT * self._odd))
        keep_window_alive()


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
