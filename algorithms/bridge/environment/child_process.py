# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs a program to its end, line by line, and ends it with all its children when the user cancels."""

from __future__ import annotations

import queue
import subprocess
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Thread
from time import monotonic, sleep
from typing import IO, Any, Callable

from qgis.core import QgsProcessingException

from ..feedback import ProgressRange, refuse_when_cancelled
from ..worker import interpreter

_POLL_SECONDS = 0.1
_GRACE_SECONDS = 0.5  # to end in order after a cancel
_LAST_LINES_POLLS = 100  # after its end, where what it started holds its output; a busy reader needs some of them
_TAIL_LINES = 60


@dataclass(frozen=True)
class Ended:
    """How a program ended: its exit status and the last lines of what it printed."""

    status: int
    tail: str


def run_command(
    command: Sequence[str],
    environment: Mapping[str, str],
    progress: ProgressRange,
    take_line: Callable[[str], None] | None = None,
    held: int | None = None,
) -> Ended:
    """Run a program; its output and error output are one stream of lines.

    Args:
        command: Program and arguments.
        environment: All of it.
        progress: Beats while we wait; its feedback is asked for cancelling.
        take_line: Gets each line as it comes, and an empty one now and then while none comes.
        held: File descriptor of a lock that the program holds with us.

    Raises:
        QgsProcessingException: It cannot be started, or the user cancelled.
    """
    options: dict[str, Any] = interpreter.own_process_group()
    if held is not None and sys.platform != "win32":
        options["pass_fds"] = (held,)
    try:
        process = subprocess.Popen(  # nosec B603  # no shell; pip and Python, with arguments that we build
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=dict(environment),
            **options,
        )
    except OSError as error:
        raise QgsProcessingException(f"{command[0]} cannot be started: {error.strerror or error}.") from None
    lines: queue.Queue[str | None] = queue.Queue()
    reader = Thread(target=_read_lines, args=(process.stdout, lines), daemon=True)
    reader.start()
    try:
        tail = _follow(process, lines, progress, take_line or _ignore)
    finally:
        _end(process)
        reader.join(timeout=_GRACE_SECONDS)
        if not reader.is_alive() and process.stdout is not None:
            process.stdout.close()
    return Ended(process.returncode, "\n".join(tail))


def _follow(
    process: subprocess.Popen[bytes],
    lines: queue.Queue[str | None],
    progress: ProgressRange,
    take_line: Callable[[str], None],
) -> deque[str]:
    tail: deque[str] = deque(maxlen=_TAIL_LINES)
    silent = 0  # polls since its end
    while True:
        refuse_when_cancelled(progress.feedback)
        try:
            line = lines.get(timeout=_POLL_SECONDS)
        except queue.Empty:
            take_line("")
            progress.beat()
            silent += process.poll() is not None
            if silent >= _LAST_LINES_POLLS:
                return tail
            continue
        if line is None:
            while process.poll() is None:  # it has closed its output and works on
                refuse_when_cancelled(progress.feedback)
                sleep(_POLL_SECONDS)
            return tail
        tail.append(line)
        take_line(line)


def _ignore(line: str) -> None:
    """For a program whose lines matter only at its end."""


def _end(process: subprocess.Popen[bytes]) -> None:
    """Make sure that it is over; what has ended already is left alone, its number may be another's by now."""
    if process.poll() is not None:
        return
    interpreter.signal_group(process, forced=False)
    deadline = monotonic() + _GRACE_SECONDS
    while process.poll() is None and monotonic() < deadline:
        try:
            process.wait(timeout=_POLL_SECONDS)
        except subprocess.TimeoutExpired:
            continue
    interpreter.signal_group(process, forced=True)  # also what outlived its parent
    process.wait()


def _read_lines(stream: IO[bytes], lines: queue.Queue[str | None]) -> None:
    try:
        for line in stream:
            lines.put(line.decode("utf-8", "replace").rstrip())
    except (OSError, ValueError):  # closed under our hands
        pass
    lines.put(None)
