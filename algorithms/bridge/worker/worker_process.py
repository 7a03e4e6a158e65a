# SPDX-License-Identifier: GPL-2.0-or-later
"""Starts the worker, turns its messages into feedback, cancels it, and says how it ended.

Enters: a job and its folder. Leaves: the values of the worker's "result" message, or a QgsProcessingException that
says what went wrong and what to do.
"""

from __future__ import annotations

import os
import queue
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from time import monotonic
from typing import IO, Any, TypeVar

from qgis.core import QgsProcessingException, QgsProcessingFeedback, QgsProcessingUtils

from ....mtmsd_qgis.errors import FileFormatError, MtmsdError
from ....mtmsd_qgis.jobs.json_dataclasses import from_json
from ....mtmsd_qgis.jobs.line_reader import read_lines
from ....mtmsd_qgis.jobs.protocol import CANCEL_WORD, EXIT_DONE, STOPPING, Job, Message, decode, ending_type, write_job
from ..feedback import ProgressRange, start_time
from ..time_estimate import TimeEstimate
from . import interpreter
from .worker_failures import cause_in, cause_of_death

Result = TypeVar("Result")

_POLL_SECONDS = 0.1
_GRACE_SECONDS = 1.2  # a cancelled worker ends its batch and says that it stops
_KEEP_SECONDS = 30.0  # one that said so: a checkpoint of gigabytes, a slow disk or a busy machine takes its time
_LEAVE_SECONDS = 15.0  # one that is done: CUDA takes seconds to shut down on a busy machine
_KILL_SECONDS = 1.0
# After its end until we stop waiting for its output to end, which a child of the worker may hold open. The last lines
# lie in the pipe by then, but on a busy machine the thread that reads them may get its turn late.
_LAST_LINES_SECONDS = 10.0
_NOTHING_MORE_SECONDS = 1.0  # the same where it has said how it ended
_NOISE_LINES = 50  # printed by libraries; more would drown the log
_TAIL_BYTES = 4000
_WAITING_LINES = 1000  # then the worker waits; a flood shall not fill the memory of QGIS


@contextmanager
def job_folder() -> Iterator[Path]:
    """A fresh folder for one job, removed at the end whatever happens."""
    folder = Path(tempfile.mkdtemp(prefix="mtmsd_", dir=QgsProcessingUtils.tempFolder()))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run_worker(job: Job, folder: Path, module: str, progress: ProgressRange) -> Mapping[str, Any]:
    """Run a job and wait for it.

    Args:
        job: What to do.
        folder: Holds the job's files; the worker writes its results there.
        module: "torch" or "scipy", what the worker's Python must have.
        progress: The worker's part of the progress bar.

    Returns:
        The values of the worker's result.

    Raises:
        QgsProcessingException: Cancelled, failed, killed, or ended without a result.
    """
    progress.feedback.setProgressText("Starting the worker")
    python = interpreter.find(module, progress.feedback)
    progress.feedback.pushDebugInfo(f"Worker: {python.path} ({python.origin})")
    write_job(job, folder)
    try:
        process = subprocess.Popen(  # nosec B603  # no shell; the Python that the user set up, and our own file
            [str(python.path), "-I", "-X", "utf8", str(interpreter.WORKER), str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=interpreter.clean_environment(),
            **interpreter.own_process_group(),
        )
    except OSError as error:
        raise QgsProcessingException(f"The worker {python.path} cannot be started: {error.strerror}.") from None
    return _WorkerRun(process, progress).result()


def read_result(kind: type[Result], values: Mapping[str, Any]) -> Result:
    """What the worker's task has found, typed.

    Raises:
        QgsProcessingException: The values are of another kind.
    """
    try:
        return from_json(kind, values)
    except (ValueError, MtmsdError) as error:
        raise QgsProcessingException(
            f"The worker's result cannot be read: {error}. Reinstall the plugin and restart QGIS."
        ) from None


class _WorkerRun:
    """One running worker."""

    def __init__(self, process: subprocess.Popen[bytes], progress: ProgressRange) -> None:
        self._process = process
        self._progress = progress
        self._feedback: QgsProcessingFeedback = progress.feedback
        self._lines: queue.Queue[str | None] = queue.Queue(_WAITING_LINES)
        self._tail = _Tail()
        self._over = Event()
        self._keeping = Event()
        self._time_estimate = TimeEstimate(start_time(progress.feedback))
        self._noise = 0
        self._values: Mapping[str, Any] | None = None
        self._error: Message | None = None

    def result(self) -> Mapping[str, Any]:
        readers = {
            self._process.stdout: Thread(target=self._read_lines, args=(self._process.stdout,), daemon=True),
            self._process.stderr: Thread(target=self._tail.read, args=(self._process.stderr,), daemon=True),
        }
        for reader in readers.values():
            reader.start()
        grace = _GRACE_SECONDS
        try:
            self._listen()
            grace = _GRACE_SECONDS if self._feedback.isCanceled() else _LEAVE_SECONDS
        finally:
            self._over.set()  # what comes now is read and forgotten, so that no full pipe holds the worker back
            self._end(grace)
            for stream, reader in readers.items():
                if self._read_to_its_end(reader):  # closing under a blocked reader would block us too
                    _close(stream)
        return self._judge()

    def _read_lines(self, stream: IO[bytes]) -> None:
        """Put the worker's lines where the listening thread takes them; None at their end."""
        with suppress(OSError, ValueError):  # closed under our hands after a kill
            for line in read_lines(stream):
                self._note(line)
                self._put(line)
        self._put(None)

    def _note(self, line: str) -> None:
        """Notice that a cancelled worker keeps what it has done, and that it is through with that."""
        kind = ending_type(line)
        if kind == STOPPING:
            self._keeping.set()
        elif kind:
            self._keeping.clear()

    def _put(self, line: str | None) -> None:
        while not self._over.is_set():
            with suppress(queue.Full):
                self._lines.put(line, timeout=_POLL_SECONDS)
                return

    def _listen(self) -> None:
        """Read messages until the worker closes its output or the user cancels."""
        beat, silent = monotonic(), 0  # polls since its end; seconds would also pass while nobody gets a turn
        while not self._feedback.isCanceled():
            try:
                line = self._lines.get(timeout=_POLL_SECONDS)
            except queue.Empty:
                self._progress.beat()
                silent += self._process.poll() is not None
                if silent * _POLL_SECONDS >= self._last_lines_seconds():
                    return
                continue
            if line is None:
                return
            self._take(line)
            if monotonic() - beat > _POLL_SECONDS:
                self._progress.beat()
                beat = monotonic()

    def _last_lines_seconds(self) -> float:
        told = self._values is not None or self._error is not None
        return _NOTHING_MORE_SECONDS if told or self._feedback.isCanceled() else _LAST_LINES_SECONDS

    def _read_to_its_end(self, reader: Thread) -> bool:
        """Whether a stream ends within the time for last lines; the window stays alive meanwhile."""
        for _ in range(round(self._last_lines_seconds() / _POLL_SECONDS)):
            reader.join(timeout=_POLL_SECONDS)
            if not reader.is_alive():
                return True
            self._progress.beat()
        return False

    def _take(self, line: str) -> None:
        try:
            message = decode(line)
        except FileFormatError as error:
            raise QgsProcessingException(str(error)) from None
        if message is None:
            self._noise += 1
            if self._noise <= _NOISE_LINES and line.strip():
                self._feedback.pushDebugInfo(line.rstrip())
        elif message.type == "progress":
            self._show_progress(message)
        elif message.type == "log":
            (self._feedback.pushWarning if message.level == "warning" else self._feedback.pushInfo)(message.text)
        elif message.type == "result":
            self._values = message.values
        elif message.type == "error":
            self._error = message

    def _show_progress(self, message: Message) -> None:
        """Move the bar; at a new stage, and now and then, also say where the worker is."""
        self._progress.advance(message.fraction)
        line = self._time_estimate.line(monotonic(), self._progress.percent / 100, message.text)
        if line:
            self._feedback.setProgressText(line)

    def _end(self, grace_seconds: float) -> None:
        """Let the worker end, or make it end, and read its exit status."""
        process = self._process
        if self._feedback.isCanceled():
            with suppress(OSError):  # it may be gone already
                process.stdin.write(f"{CANCEL_WORD}\n".encode())
                process.stdin.flush()
        if not self._waited(grace_seconds):
            interpreter.signal_group(process, forced=False)
            if not self._waited(_KILL_SECONDS):
                interpreter.signal_group(process, forced=True)
                process.wait()
        _close(process.stdin)

    def _waited(self, seconds: float) -> bool:
        """Whether the worker ends within this time, or a longer one where it says that it keeps what it has done.

        The window stays alive meanwhile.
        """
        start = monotonic()
        while monotonic() - start < (_KEEP_SECONDS if self._keeping.is_set() else seconds):
            try:
                self._process.wait(timeout=_POLL_SECONDS / 2)
                return True
            except subprocess.TimeoutExpired:
                self._progress.beat()
        return self._process.poll() is not None

    def _judge(self) -> Mapping[str, Any]:
        status = self._process.returncode
        if self._feedback.isCanceled():
            raise QgsProcessingException("Cancelled. Nothing was written to the outputs.")
        if self._error is not None:
            raise QgsProcessingException(self._explained(self._error))
        if status == EXIT_DONE and self._values is not None:
            return self._values
        tail = self._tail.text()
        if self._values is not None:
            # A graphics driver may fall over at the very end; a result is sent once all its files are complete.
            self._feedback.pushWarning(f"The worker ended with status {status} after it had delivered its result.")
            self._feedback.pushDebugInfo(tail)
            return self._values
        if tail:
            self._feedback.pushInfo(f"Last output of the worker:\n{tail}")
        raise QgsProcessingException(cause_of_death(status, tail))

    def _explained(self, error: Message) -> str:
        """What the worker said of its failure; what torch or the system said is translated where we know it."""
        if error.details:
            self._feedback.pushDebugInfo(error.details)
        if error.kind == "internal":
            self._feedback.pushDebugInfo(self._tail.text())
        known = cause_in(error.text) if error.kind != "memory" else ""  # that one has its remedy with it
        return f"{known} ({error.text})" if known else error.text or "The worker failed without saying why."


def _close(stream: IO[bytes] | None) -> None:
    if stream is not None:
        with suppress(OSError, ValueError):
            stream.close()


class _Tail:
    """The end of what the worker and its libraries print, however much that is."""

    def __init__(self) -> None:
        self._bytes = b""

    def read(self, stream: IO[bytes]) -> None:
        """Read to the end of the stream."""
        with suppress(OSError, ValueError):  # closed under our hands after a kill
            while piece := os.read(stream.fileno(), 1 << 16):
                self._bytes = (self._bytes + piece)[-_TAIL_BYTES:]

    def text(self) -> str:
        """The last of it."""
        return self._bytes.decode("utf-8", "replace").strip()
