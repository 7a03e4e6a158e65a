# SPDX-License-Identifier: GPL-2.0-or-later
"""How a long function says how far it is, and learns that it shall stop."""

from __future__ import annotations

from typing import Callable

Progress = Callable[[float, str], None]
"""progress(fraction, text): fraction 0 to 1 of the caller's span; text may be empty. Raises Cancelled."""


def silent(fraction: float, text: str) -> None:
    """A progress that nobody reads and that never cancels."""


def span(progress: Progress, start: float, stop: float) -> Progress:
    """A progress whose 0 to 1 is the part from start to stop of the given one."""

    def inner(fraction: float, text: str) -> None:
        progress(start + (stop - start) * min(max(fraction, 0.0), 1.0), text)

    return inner
