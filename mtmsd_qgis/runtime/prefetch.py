# SPDX-License-Identifier: GPL-2.0-or-later
"""Reading, computing and writing in parallel: some threads prefetch, another one writes in the background.

Enters: things to read and a way to write. Leaves: the same results as one after the other, in the same order; never
more than a few items wait between two threads.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future
from types import TracebackType
from typing import Generic, TypeVar, cast

Item = TypeVar("Item")
Read = TypeVar("Read")

_WAITING = 2  # items between two threads at most
_POLL_SECONDS = 0.2


def prefetch(
    items: Iterable[Item], work: Callable[[Item], Read], threads: int = 1
) -> Generator[tuple[Item, Read], None, None]:
    """Each item with what was read or computed for it, in order, while the caller still works on those before.

    An error of the work is raised where its item would have come. Calls can be chained: items may be such a generator.

    Args:
        items: Taken one by one, by one thread at a time.
        work: Called in other threads.
        threads: That work side by side.
    """
    source = iter(items)
    shared = _Queue(source, work, threads)
    running = [threading.Thread(target=shared.run, daemon=True) for _ in range(threads)]
    for thread in running:
        thread.start()
    try:
        while (entry := shared.waiting.get()) is not None:
            yield entry[0], entry[1].result()
    finally:
        shared.stopped.set()
        for thread in running:
            thread.join()
        if isinstance(source, Generator):
            source.close()


class _Queue(Generic[Item, Read]):
    """What prefetching threads share: items in their order with their future results, and whether to stop."""

    def __init__(self, source: Iterator[Item], work: Callable[[Item], Read], threads: int) -> None:
        self.waiting: queue.Queue[tuple[Item, Future[Read]] | None] = queue.Queue(max(_WAITING, threads))
        self.stopped = threading.Event()
        self._source, self._work, self._turn = source, work, threading.Lock()

    def run(self) -> None:
        """Work on one item after the other, until there are no more."""
        while (entry := self._next_entry()) is not None:
            try:
                entry[1].set_result(self._work(entry[0]))
            except BaseException as error:
                entry[1].set_exception(error)

    def _next_entry(self) -> tuple[Item, Future[Read]] | None:
        """The next item, put where its result is waited for."""
        with self._turn:
            if self.stopped.is_set():
                return None
            result: Future[Read] = Future()
            try:
                entry = next(self._source), result
            except StopIteration:
                self._put(None)
                return None
            except BaseException as error:  # raised where the item would have come
                result.set_exception(error)
                self._put((cast(Item, None), result))
                return None
            self._put(entry)
            return entry

    def _put(self, entry: tuple[Item, Future[Read]] | None) -> None:
        while not self.stopped.is_set():
            try:
                return self.waiting.put(entry, timeout=_POLL_SECONDS)
            except queue.Full:
                continue


class BackgroundWriter:
    """Calls that run one after the other in a thread of their own, while the caller goes on.

    Leaving the block waits for all of them; an error of one is raised by the next call, or on leaving.
    """

    def __enter__(self) -> BackgroundWriter:
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
