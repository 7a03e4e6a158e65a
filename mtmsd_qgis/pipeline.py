# SPDX-License-Identifier: GPL-2.0-or-later
"""Reading, computing and writing side by side: one thread reads ahead, another one writes behind.

Enters: things to read and a way to write. Leaves: the same results as one after the other, in the same order; never
more than a few items wait between two threads.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import TypeVar

Item = TypeVar("Item")
Read = TypeVar("Read")

_WAITING = 2  # items between two threads at most
_POLL_SECONDS = 0.2


def ahead(items: Iterable[Item], read: Callable[[Item], Read]) -> Iterator[tuple[Item, Read]]:
    """Each item with what was read for it, while the caller still works on the one before.

    An error of the reading is raised where its item would have come.
    """
    waiting: queue.Queue[tuple[Item, Read] | BaseException | None] = queue.Queue(_WAITING)
    enough = threading.Event()

    def put(entry: tuple[Item, Read] | BaseException | None) -> None:
        while not enough.is_set():
            try:
                return waiting.put(entry, timeout=_POLL_SECONDS)
            except queue.Full:
                continue

    def run() -> None:
        try:
            for item in items:
                if enough.is_set():
                    return
                put((item, read(item)))
            put(None)
        except BaseException as error:
            put(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        while (entry := waiting.get()) is not None:
            if isinstance(entry, BaseException):
                raise entry
            yield entry
    finally:
        enough.set()
        thread.join()


class Behind:
    """Calls that run one after the other in a thread of their own, while the caller goes on.

    Leaving the block waits for all of them; an error of one is raised by the next call, or on leaving.
    """

    def __enter__(self) -> Behind:
        """Start the thread."""
        self._waiting: queue.Queue[Callable[[], None] | None] = queue.Queue(_WAITING)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for the calls; after an error of the caller, only for the one that runs."""
        if error is not None:
            self._error = self._error or error  # what still waits is not begun
        self._waiting.put(None)
        self._thread.join()
        if error is None and self._error is not None:
            raise self._error

    def call(self, work: Callable[[], None]) -> None:
        """Run it after those before; waits where too many wait already."""
        if self._error is not None:
            raise self._error
        self._waiting.put(work)

    def _run(self) -> None:
        while (work := self._waiting.get()) is not None:
            if self._error is None:
                try:
                    work()
                except BaseException as error:
                    self._error = error
