# SPDX-License-Identifier: GPL-2.0-or-later
"""How a worker failed -> the cause and the remedy, for the person at the screen."""

from __future__ import annotations

import signal
from contextlib import suppress

from ....mtmsd_qgis.jobs.protocol import EXIT_DONE

_FULL = "The disk is full. Free space in the temporary folder or choose another one in QGIS."
_MEMORY = "There was not enough memory. Choose a smaller preset, batch size or device."
_WRONG_BUILD = (
    "This torch build does not support the graphics card. Install the CUDA build that fits it ('Set up environment' "
    "finds it), or choose the device cpu."
)
_OLD_DRIVER = "The graphics driver is too old for this torch build. Update the driver, or choose the device cpu."
_BUSY_CARD = "Another program has the graphics card to itself. Close it, or choose another device."
_VISUAL_C = "A library of torch does not load. Install the Microsoft Visual C++ runtime (x64)."
_PAGE_FILE = (
    "Windows ran out of virtual memory. Enlarge the paging file, close other programs, or choose a smaller preset."
)
_BLOCKED = (
    "This computer's security policy does not let a library of torch be loaded. Have it allowed, or set the "
    "environment up in a folder where programs may run."
)
_LOG = "Its last output is in the log; run 'Check environment'."

# What is said, in small letters -> what it means. The first that fits is taken.
_HINTS = (
    ("no space left on device", _FULL),
    ("errno 28]", _FULL),
    ("winerror 112]", _FULL),
    ("no kernel image is available", _WRONG_BUILD),
    ("driver version is insufficient", _OLD_DRIVER),
    ("driver on your system is too old", _OLD_DRIVER),
    ("busy or unavailable", _BUSY_CARD),
    ("winerror 1114]", _VISUAL_C),
    ("winerror 127]", _VISUAL_C),
    ("winerror 1455]", _PAGE_FILE),
    ("winerror 4551]", _BLOCKED),
    ("winerror 1260]", _BLOCKED),
    ("out of memory", _MEMORY),
    ("cannot allocate memory", _MEMORY),
    ("can't allocate memory", _MEMORY),
    ("bad_alloc", _MEMORY),
)
_CRASH_REMEDY = "Update the graphics driver or choose the device cpu."
# Exit statuses of Windows: name, remedy.
_WINDOWS_CRASHES = {
    0xC0000005: ("memory access error", _CRASH_REMEDY),
    0xC0000409: ("stack overrun", _CRASH_REMEDY),
    0xC0000135: ("a missing library", _VISUAL_C),
    0xC0000017: ("no memory", _MEMORY),
}


def cause_in(text: str) -> str:
    """The sentence for what a program said, empty where it says nothing we know."""
    lowered = text.lower()
    return next((sentence for words, sentence in _HINTS if words in lowered), "")


def cause_of_death(status: int, stderr: str) -> str:
    """One or two sentences on a worker that ended without a result.

    Args:
        status: Exit status; negative for a signal, as Popen gives it.
        stderr: The end of its error output.
    """
    if status in (-9, 137):  # 137: by way of a shell
        return (
            "The worker was killed, most likely for lack of memory. Close other programs, choose a smaller preset or "
            "batch size, or use a machine with more memory."
        )
    known = cause_in(stderr)
    if known:
        return known
    if status == EXIT_DONE:
        return f"The worker ended without a result. {_LOG}"
    name, remedy = _WINDOWS_CRASHES.get(status & 0xFFFFFFFF, ("", ""))
    if status < 0 or name:
        return " ".join(f"The worker crashed ({name or _signal_name(-status)}). {remedy} {_LOG}".split())
    return f"The worker ended with status {status}. {_LOG}"


def _signal_name(number: int) -> str:
    with suppress(ValueError):
        return signal.Signals(number).name
    return f"signal {number}"
