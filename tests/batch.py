# SPDX-License-Identifier: GPL-2.0-or-later
"""The worker as a batch system starts it, for tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

WORKER = Path(__file__).parent.parent / "mtmsd_qgis" / "worker.py"
THREADS = {**os.environ, "OMP_NUM_THREADS": "1"}


def batch(folder: Path, *arguments: str) -> list[str]:
    """The command of a worker."""
    return [sys.executable, "-I", "-X", "utf8", str(WORKER), "--batch", str(folder), *arguments]


def started(command: list[str]) -> subprocess.Popen:
    """A worker whose standard input is closed; lines of standard error can be read."""
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=THREADS,
    )


def torchrun(command: list[str], *options: str) -> list[str]:
    """Two processes of a command."""
    run = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", *options]
    return [*run, "--no-python", *command]
