# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks a graphics card: correctness, speed and memory of every step, in under seven minutes.

    python scripts/gpu_check.py [--out FOLDER] [--device cuda] [--short] [--parts NAME ...]

Needs a Python with torch (2.11 or later), numpy and scipy. Writes FOLDER/gpu.json after each part, and FOLDER/gpu.md.
A part that fails does not end the others. Exit status 1 where one failed or a goal was missed. With "--device cpu
--short" it shows in less than a minute that all parts work where there is no card.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.results import commit
from mtmsd_qgis.diffusion.device import choose_device
from mtmsd_qgis.errors import MtmsdError
from mtmsd_qgis.runtime.memory import keep_freed_memory

from . import maps, memory, speed
from .check import CardCheck, Found, PartSkipped
from .page import TITLES, page

FORMAT = 1
_WHOLE_SECONDS = 390.0
# In this order: what can bring the card into a state in which nothing else works comes last. With the seconds that a
# part may take on a card; one that no longer fits into the time is left out.
PARTS: dict[str, tuple[Callable[[CardCheck], Found], float]] = {
    "machine": (speed.machine, 10),
    "tests": (maps.tests, 30),
    "same_map": (maps.same_map, 40),
    "extraction": (speed.extraction_speed, 60),
    "rate": (speed.share_of_rate, 20),
    "training": (speed.training_speed, 30),
    "indian_pines": (maps.indian_pines, 90),
    "plan": (memory.plan_and_peak, 15),
    "fallback": (memory.too_little_memory, 15),
    "compiled": (speed.compiled, 60),
}


def main(arguments: list[str] | None = None) -> int:
    """Check what the command line asks for; 0 where all went well."""
    options = _parser().parse_args(arguments)
    keep_freed_memory()  # as the worker
    try:
        device = choose_device(options.device)
    except MtmsdError as error:
        sys.exit(str(error))
    options.out.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    document: dict[str, Any] = {
        "format": FORMAT,
        "day": datetime.datetime.now(tz=datetime.timezone.utc).date().isoformat(),
        "commit": commit(),
        "device": device.name,
        "short": options.short,
        "seconds": 0.0,
        "parts": {},
    }
    with tempfile.TemporaryDirectory(dir=options.out) as folder:
        check = CardCheck(device.name, options.short, Path(folder), began + options.seconds)
        for name in options.parts:
            print(f"{TITLES[name]} ...", flush=True)
            document["parts"][name] = part = run_part(check, name)
            document["seconds"] = round(time.monotonic() - began, 1)
            _write(options.out / "gpu.json", json.dumps(document, indent=1) + "\n")
            print(f"  {part['status']}, {part['seconds']} s. {part.get('reason', '')}", flush=True)
    _write(options.out / "gpu.md", page(document))
    print(f"Written: {options.out / 'gpu.json'} and {options.out / 'gpu.md'}")
    return int(not went_well(document))


def run_part(check: CardCheck, name: str) -> dict[str, Any]:
    """A part's status, seconds, figures, goals and notes."""
    part, most_seconds = PARTS[name]
    began = time.monotonic()
    found: dict[str, Any] = {"status": "done"}
    try:
        if check.seconds_left < most_seconds:
            raise PartSkipped(f"{check.seconds_left:.0f} s were left, where it may take {most_seconds:.0f}.")
        result = part(check)
        found["figures"] = dict(result.figures)
        found["goals"] = [goal.as_json() for goal in result.goals]
        found["notes"] = list(result.notes)
    except PartSkipped as reason:
        found |= {"status": "skipped", "reason": str(reason)}
    except Exception as error:
        found |= {"status": "failed", "reason": f"{type(error).__name__}: {error}", "traceback": traceback.format_exc()}
    found["seconds"] = round(time.monotonic() - began, 1)
    return found


def went_well(document: dict[str, Any]) -> bool:
    """Whether no part failed and no goal was missed."""
    parts = document["parts"].values()
    return all(part["status"] != "failed" and all(g["reached"] for g in part.get("goals", ())) for part in parts)


def _write(path: Path, text: str) -> None:
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--out", type=Path, default=Path("build/gpu_check"), help="folder of the results; default build/gpu_check")
    add("--device", default="cuda", help="cuda, cuda:N or cpu; default cuda")
    add("--short", action="store_true", help="small scenes, few repetitions: shows that all parts work")
    add("--seconds", type=float, default=_WHOLE_SECONDS, help=f"for all parts together; default {_WHOLE_SECONDS:.0f}")
    add("--parts", nargs="+", choices=list(PARTS), default=list(PARTS), help="all, where none is given")
    return parser
