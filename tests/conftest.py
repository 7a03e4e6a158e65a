# SPDX-License-Identifier: GPL-2.0-or-later
"""The core's tests use one thread: their arrays are small, and waiting threads would cost more than they save."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
