# SPDX-License-Identifier: GPL-2.0-or-later
"""Maps of other scenes and dates by a classifier from a file, made by the worker's own tasks.

Enters: the known scenes, and quick models of them (trained where the folder of models lacks one). Leaves: lines on
standard output. All of it takes an hour on one core:

    MTMSD_VENVS=.venv .venv/benchmark/bin/python -m benchmarks.transfer.run [dates halves shifts joint costs memory]
"""

from __future__ import annotations

import argparse
import logging
import os
import tempfile
from pathlib import Path

from benchmarks.scenes import ROOT

from .costs import apply_peak, costs, memory
from .dates import two_dates
from .halves import HALVES, halves
from .joint import PAIRS, joint
from .shifts import shifts

PARTS = {"dates": two_dates, "halves": halves, "shifts": shifts, "joint": joint, "costs": costs, "memory": memory}


def main() -> None:
    """All parts, or those named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="*", help="all where none is given")
    parser.add_argument("--scene", action="append", choices=list(HALVES), help="of the halves; all where none is given")
    parser.add_argument("--draws", type=int, default=20, help="of the halves")
    parser.add_argument("--pair", action="append", choices=list(PAIRS), help="of joint; all where none is given")
    parser.add_argument("--trainings", type=int, default=3, help="of each diffusion model; costs has one")
    parser.add_argument("--joint-draws", type=int, default=10, help="of each split of joint")
    parser.add_argument("--iterations", type=int, help="of each diffusion model of joint; the preset's where not given")
    parser.add_argument(
        "--halved", action="store_true", help="joint: the model of both is trained for half of the time"
    )
    parser.add_argument("--models", type=Path, default=ROOT / "build" / "transfer_models", help="<scene>.mtmsd")
    parser.add_argument("--side", type=int, default=1024, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, default=Path(), help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.qgis = (Path(os.environ.get("MTMSD_VENVS", ROOT / ".venv")) / "qgis/bin/python").absolute()
    logging.getLogger("mtmsd_qgis").setLevel(logging.ERROR)
    for part in options.part or PARTS:
        with tempfile.TemporaryDirectory() as folder:
            {**PARTS, "apply-peak": apply_peak}[part](options, Path(folder))


if __name__ == "__main__":
    main()
