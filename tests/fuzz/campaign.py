# SPDX-License-Identifier: GPL-2.0-or-later
"""One fuzzing run: what is allowed, what is counted, and when it ends.

A target takes bytes and may raise MtmsdError; anything else, more than SLOWEST_SECONDS of processor time for one input,
or more than LARGEST_BYTES of address space above the start is a finding: the run ends with status 1 and the input lies
in the folder of findings.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import atheris

SLOWEST_SECONDS = 5.0
LARGEST_BYTES = 1 << 30
_STUCK_SECONDS = 100_000  # wall clock, as a run may be paused; libFuzzer ends an input that never comes back

Target = Callable[[bytes], None]


class Campaign:
    """Runs a target until its processor time is used up."""

    def __init__(self, name: str, target: Target, seconds: float, folder: Path) -> None:
        """Store what to run, and for how long."""
        self.name = name
        self.runs = 0
        self.slowest_seconds = 0.0
        self._target = target
        self._seconds = seconds
        self._folder = folder
        self._started = 0.0
        self._start_rss = 0

    def start(self, seeds: Iterable[bytes]) -> None:
        """Fuzz; does not return."""
        corpus, findings = self._folder / "corpus", self._folder / "findings"
        for path in (corpus, findings):
            path.mkdir(parents=True, exist_ok=True)
        for number, seed in enumerate(seeds):
            (corpus / f"seed-{number}").write_bytes(seed)
        self._limit_memory()
        self._started = time.process_time()
        options = ["-max_len=16384", f"-timeout={_STUCK_SECONDS}", "-rss_limit_mb=0", "-print_final_stats=0"]
        options += [f"-artifact_prefix={findings}/", "-verbosity=1", str(corpus)]
        atheris.Setup([sys.argv[0], *options], self._one, enable_python_coverage=True)
        atheris.Fuzz()

    def _limit_memory(self) -> None:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + LARGEST_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        self._start_rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    def _one(self, data: bytes) -> None:
        before = time.process_time()
        self._target(data)
        now = time.process_time()
        self.runs += 1
        self.slowest_seconds = max(self.slowest_seconds, now - before)
        if now - before > SLOWEST_SECONDS:
            raise TimeoutError(f"{now - before:.1f} s of processor time for one input")
        if now - self._started >= self._seconds:
            self._end(now)

    def _end(self, now: float) -> None:
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - self._start_rss
        result = {
            "target": self.name,
            "cpu_seconds": round(now - self._started, 1),
            "inputs": self.runs,
            "corpus": len(list((self._folder / "corpus").iterdir())),
            "slowest_seconds": round(self.slowest_seconds, 3),
            "grown_mib": round(grown / 1024, 1),
            "findings": len(list((self._folder / "findings").iterdir())),
        }
        (self._folder / "result.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        print(json.dumps(result), flush=True)  # noqa: T201 - the run's answer
        os._exit(0)  # libFuzzer has no other way out of a run that found nothing


def arguments(name: str) -> tuple[float, Path]:
    """Processor seconds and folder from the command line."""
    parser = argparse.ArgumentParser(description=f"Fuzz: {name}.")
    parser.add_argument("--seconds", type=float, default=60, help="processor time")
    parser.add_argument("--folder", type=Path, default=Path("build/fuzz") / name, help="corpus, findings, result")
    given = parser.parse_args()
    return given.seconds, given.folder
