# SPDX-License-Identifier: GPL-2.0-or-later
"""Main memory: what a program may still take, on Linux (containers included), Windows and macOS; and what it keeps.

Standard library alone, as the worker's Python has nothing else for it.
"""

from __future__ import annotations

import ctypes
import os
import re
import subprocess
import sys
from pathlib import Path

_KEPT_BYTES, _MAPPED_BYTES = 1 << 30, 32 << 20  # the second is the most that the C library takes
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of mallopt, as malloc.h numbers them
_UNLIMITED = 1 << 60  # control groups without a limit say a number beyond this


def free_memory(root: Path = Path("/")) -> int | None:
    """Bytes that can be taken without swapping; None where the system does not tell.

    Args:
        root: Where proc and sys lie on Linux.
    """
    if sys.platform == "win32":
        return _windows()
    if sys.platform == "darwin":
        return _macos()
    limits = [bytes_left for bytes_left in (_meminfo(root), _group_limit(root)) if bytes_left is not None]
    return min(limits) if limits else _half_of_all()


def keep_freed_memory() -> bool:
    """Let the C library hand out freed memory again instead of giving it back; whether it can (glibc).

    A layer's output is some megabytes, freed at once and asked for again. Given back, each of its pages is brought in
    anew and zeroed: a tenth of the network's time. What the process has at most does not grow by this.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another C library
        return False
    return bool(mallopt(_MMAP_THRESHOLD, _MAPPED_BYTES) and mallopt(_TRIM_THRESHOLD, _KEPT_BYTES))


def _meminfo(root: Path) -> int | None:
    """What the Linux kernel holds for available."""
    try:
        text = (root / "proc/meminfo").read_text(encoding="ascii")
    except OSError:
        return None
    match = re.search(r"^MemAvailable:\s+(\d+) kB", text, re.MULTILINE)
    return 1024 * int(match[1]) if match else None


def _group_limit(root: Path) -> int | None:
    """What is left of the limit of a container or batch job (control groups, version 2 or 1); None without one."""
    for folder, limit, used in (
        ("sys/fs/cgroup", "memory.max", "memory.current"),
        ("sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes"),
    ):
        most, taken = _number(root / folder / limit), _number(root / folder / used)
        if most is not None and taken is not None and most < _UNLIMITED:
            return max(0, most - taken + _reclaimable(root / folder / "memory.stat"))
    return None


def _reclaimable(stat: Path) -> int:
    """Bytes of files kept in memory, which count as used but give way."""
    try:
        text = stat.read_text(encoding="ascii")
    except OSError:
        return 0
    match = re.search(r"^(?:total_)?inactive_file (\d+)", text, re.MULTILINE)
    return int(match[1]) if match else 0


def _number(path: Path) -> int | None:
    try:
        text = path.read_text(encoding="ascii").strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None  # "max" is no limit


def _half_of_all() -> int | None:
    """Half of the machine's memory, where nothing better is known."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    except (AttributeError, OSError, ValueError):
        return None


def _macos() -> int | None:
    """Free, inactive and speculative pages, as vm_stat counts them."""
    try:
        text = subprocess.run(  # nosec B603  # no shell, no argument; a tool of the system by its whole path
            ["/usr/bin/vm_stat"], capture_output=True, text=True, check=True, timeout=5
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return _half_of_all()
    size = re.search(r"page size of (\d+) bytes", text)
    pages = re.findall(r"^Pages (?:free|inactive|speculative):\s+(\d+)", text, re.MULTILINE)
    return int(size[1]) * sum(map(int, pages)) if size and pages else _half_of_all()


class _MemoryStatus(ctypes.Structure):
    """MEMORYSTATUSEX of the Windows interface."""

    _fields_ = (
        ("length", ctypes.c_uint32),
        ("load", ctypes.c_uint32),
        *((name, ctypes.c_uint64) for name in ("total", "free", "pages", "free_pages", "space", "free_space", "rest")),
    )


def _windows() -> int | None:
    status = _MemoryStatus()
    status.length = ctypes.sizeof(status)
    kernel = ctypes.windll.kernel32  # type: ignore[attr-defined,unused-ignore]
    if not kernel.GlobalMemoryStatusEx(ctypes.byref(status)):
        return None
    return int(min(status.free, status.free_pages))
