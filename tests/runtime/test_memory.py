# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from mtmsd_qgis.runtime import memory


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Linux with /proc and /sys of our own making."""
    monkeypatch.setattr("sys.platform", "linux")
    return tmp_path


def write_at(root, path, text):
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


def test_this_machine_has_some_memory():
    assert memory.free_memory() > 1 << 20


def test_linux_says_what_is_available(machine):
    write_at(machine, "proc/meminfo", "MemTotal:  8000 kB\nMemFree:  10 kB\nMemAvailable:  4000 kB\n")
    assert memory.free_memory(machine) == 4000 * 1024


@pytest.mark.parametrize(
    ("folder", "files", "expected"),
    [
        ("sys/fs/cgroup", {"memory.max": "3000", "memory.current": "1000"}, 2000),
        ("sys/fs/cgroup", {"memory.max": "max", "memory.current": "1000"}, 4096),
        (
            "sys/fs/cgroup",
            {"memory.max": "3000", "memory.current": "2900", "memory.stat": "anon 1\ninactive_file 500\n"},
            600,
        ),
        ("sys/fs/cgroup/memory", {"memory.limit_in_bytes": "2500", "memory.usage_in_bytes": "500"}, 2000),
        (
            "sys/fs/cgroup/memory",
            {"memory.limit_in_bytes": "9223372036854771712", "memory.usage_in_bytes": "500"},
            4096,
        ),
        ("sys/fs/cgroup", {"memory.max": "100", "memory.current": "900"}, 0),
    ],
)
def test_the_limit_of_a_container_counts(machine, folder, files, expected):
    write_at(machine, "proc/meminfo", "MemAvailable: 4 kB\n")
    for name, text in files.items():
        write_at(machine, f"{folder}/{name}", text)
    assert memory.free_memory(machine) == expected


def test_without_any_word_half_of_the_machine(machine, monkeypatch):
    monkeypatch.setattr("os.sysconf", lambda name: {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 1000}[name], raising=False)
    assert memory.free_memory(machine) == 4096 * 500


def test_macos_counts_pages(monkeypatch):
    said = (
        "Mach Virtual Memory Statistics: (page size of 16384 bytes)\n"
        "Pages free:                     100.\nPages active:    900.\nPages inactive:  20.\nPages speculative:  3.\n"
    )
    monkeypatch.setattr("sys.platform", "darwin")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: SimpleNamespace(stdout=said))
    assert memory.free_memory() == 123 * 16384


def test_windows_is_asked(monkeypatch):
    def answer(reference):
        reference._obj.free, reference._obj.free_pages = 700, 500
        return 1

    monkeypatch.setattr("sys.platform", "win32")
    kernel = SimpleNamespace(GlobalMemoryStatusEx=answer)
    monkeypatch.setattr(memory.ctypes, "windll", SimpleNamespace(kernel32=kernel), raising=False)
    assert memory.free_memory() == 500


BLOCKS = """
import ctypes, resource, sys
sys.path.insert(0, sys.argv[1])
from mtmsd_qgis.runtime import memory
able = memory.keep_freed_memory() if sys.argv[2] == "kept" else True
library = ctypes.CDLL(None)
library.malloc.restype, library.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
library.free.argtypes = [ctypes.c_void_p]
library.memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
size = 24 << 20
for turn in range(11):
    if turn == 1:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    blocks = [library.malloc(size) for _ in range(3)]
    for block in blocks:
        library.memset(block, 1, size)
    for block in blocks:
        library.free(block)
print(able, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="counts page faults as Linux does")
def test_freed_memory_stays_with_the_process():
    """Blocks that come and go bring their pages in once, not each time."""

    def faults(how: str) -> int:
        command = [sys.executable, "-c", BLOCKS, str(Path(memory.__file__).parents[2]), how]
        able, count = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        if able == "False":
            pytest.skip("a C library without mallopt")
        return int(count)

    given_back, kept = faults("given back"), faults("kept")
    assert kept < given_back / 10


def test_a_c_library_without_such_a_setting_is_left_alone(monkeypatch):
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda name: SimpleNamespace())
    assert memory.keep_freed_memory() is False
