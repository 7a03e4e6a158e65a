# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks a graphics card with this plugin's core, in under seven minutes: see benchmarks/card/run.py, or --help.

Needs a Python with torch, numpy and scipy, and nothing else.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("GOMP_SPINCOUNT", "2000")  # as in the worker; read when torch is loaded

from benchmarks.card.run import main

if __name__ == "__main__":
    sys.exit(main())
