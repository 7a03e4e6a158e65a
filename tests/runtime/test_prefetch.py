# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import threading
import time
from functools import partial

import pytest

from mtmsd_qgis.runtime.prefetch import BackgroundWriter, prefetch


def test_everything_comes_in_order_and_is_read_elsewhere():
    found = list(prefetch(range(20), lambda n: (n * n, threading.current_thread())))
    assert [(n, square) for n, (square, _) in found] == [(n, n * n) for n in range(20)]
    assert threading.current_thread() not in {thread for _, (_, thread) in found}


def test_several_threads_give_the_same_in_the_same_order():
    def work(n):
        time.sleep(0.002 * (n % 3))
        return n * n, threading.current_thread()

    found = list(prefetch(range(40), work, 3))
    assert [(n, square) for n, (square, _) in found] == [(n, n * n) for n in range(40)]
    assert len({thread for _, (_, thread) in found}) == 3


def test_walks_can_be_chained_and_are_left_together():
    read = []
    walk = prefetch(prefetch(range(1000), lambda n: read.append(n) or n), lambda there: there[1] + 1, 2)
    assert [result for _, result in (next(walk), next(walk), next(walk))] == [1, 2, 3]
    walk.close()
    assert len(read) <= 20
    assert threading.active_count() < 20


@pytest.mark.parametrize("threads", [1, 2])
def test_an_error_of_the_items_comes_in_its_place(threads):
    def items():
        yield 1
        raise KeyError

    walk = prefetch(items(), lambda n: n, threads)
    assert next(walk) == (1, 1)
    with pytest.raises(KeyError):
        next(walk)


def test_only_a_few_items_are_read_before_they_are_wanted():
    seen = []
    walk = prefetch(range(100), seen.append)
    next(walk)
    next(walk)
    walk.close()
    assert len(seen) <= 6
    assert threading.active_count() < 20


def test_an_error_of_the_reading_comes_in_its_place():
    walk = prefetch([2, 1, 0], lambda n: 2 // n)
    assert [next(walk), next(walk)] == [(2, 1), (1, 2)]
    with pytest.raises(ZeroDivisionError):
        next(walk)


def test_calls_run_in_order_and_are_done_at_the_end():
    done = []
    with BackgroundWriter() as writer:
        for n in range(50):
            writer.call(partial(done.append, n))
    assert done == list(range(50))


def run_in_background(*calls, error=None):
    with BackgroundWriter() as writer:
        for call in calls:
            writer.call(call)
        if error is not None:
            raise error


def test_an_error_of_a_call_is_raised_and_ends_the_rest():
    done = []
    with pytest.raises(ZeroDivisionError):
        run_in_background(lambda: 1 // 0, *[lambda: done.append(1)] * 50)
    assert done == []


def test_the_callers_error_wins():
    with pytest.raises(KeyError):
        run_in_background(lambda: 1 // 0, error=KeyError())
