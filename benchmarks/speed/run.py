# SPDX-License-Identifier: GPL-2.0-or-later
"""Speed and memory: each step beside the bare network, tiles beside a patch for every pixel, growth, seams, start.

    make benchmark-speed
    python benchmarks/speed/run.py --out results.json
    python benchmarks/speed/run.py --out results.json --parts growth --sizes 4096

Parts: steps, patches, seams, growth, start. The results of parts that are not run again stay in the file, as do those
of other sizes of the scene. page.py makes the page from them.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("GOMP_SPINCOUNT", "2000")  # as in the worker; read when torch is loaded

import torch  # noqa: E402

from benchmarks.features import Training, trained_model  # noqa: E402
from benchmarks.results import circumstances  # noqa: E402
from benchmarks.scenes import known_scenes, prepare  # noqa: E402
from benchmarks.speed.growth import Steps, growth  # noqa: E402
from benchmarks.speed.patches import similarity, timed, timed_at_width  # noqa: E402
from benchmarks.speed.scene import Bench, repeated  # noqa: E402
from benchmarks.speed.seams import seams, tilings  # noqa: E402
from benchmarks.speed.steps import extraction, pretraining  # noqa: E402
from mtmsd_qgis.jobs.settings import PRESET_NAMES  # noqa: E402
from mtmsd_qgis.jobs.timesteps.number_lists import parse_whole_numbers  # noqa: E402
from mtmsd_qgis.runtime.memory import keep_freed_memory  # noqa: E402

Document = dict[str, Any]

_STARTS = 8  # the first one may have to compile the plugin's modules and does not count
_REPEATED = 3  # times that the scene is repeated to either side in a large one
_USUAL_TILINGS = ("ours", "other origin", "other tile size")


def main() -> None:
    """Measure what the command line asks for."""
    keep_freed_memory()  # as the worker
    options = _parser().parse_args()
    document: Document = json.loads(options.out.read_text("utf-8")) if options.out.is_file() else {}
    document["about"] = circumstances([]) | {"threads": torch.get_num_threads()}
    del document["about"]["classifiers"]
    bench: Bench | None = None
    for part in options.parts:
        if part in ("steps", "patches", "seams") and bench is None:
            bench = _bench(options)
        for name, measure in _measures(part, options, bench).items():
            print(f"{part}: {name} ...", flush=True)
            _store(document, part, name, measure())
            print(f"{part}: {name}: {json.dumps(document[part][name])[:400]}", flush=True)
            _write(document, options.out)
    print(f"Written to {options.out}")


def _measures(part: str, options: argparse.Namespace, bench: Bench | None) -> dict[str, Callable[[], Document]]:
    if part == "start":
        return {"qgis": lambda: start(options.system_python)}
    if part == "growth":
        steps = parse_whole_numbers(options.timesteps, "--timesteps")
        return {
            "sizes": lambda: growth(
                options.sizes, Steps(options.preset, steps, options.classify_up_to), options.folder, _say
            )
        }
    assert bench is not None  # made for these parts
    if part == "steps":
        return {
            "extraction": lambda: extraction(bench, options.model, options.device, options.pairs),
            "extraction_large": lambda: _large(bench, options),
            "pretraining": lambda: pretraining(bench, options.preset, options.device, 2 * options.pairs),
        }
    if part == "patches":
        return {
            options.preset: lambda: timed(bench, 2 * options.pairs),
            "paper": lambda: timed_at_width(bench, "paper", max(2, options.pairs // 2)),
            "similarity": lambda: similarity(bench, options.pixels, options.seeds, _say),
        }
    names = [name for name, _ in tilings(bench.tiles[0].window.height)] if options.halos else list(_USUAL_TILINGS)
    return {"tilings": lambda: seams(bench, min(2, options.seeds), names, _say)}


def _large(bench: Bench, options: argparse.Namespace) -> Document:
    """Extraction of a scene that is large enough for what is done once not to count."""
    with tempfile.TemporaryDirectory(dir=options.folder) as place:
        large = Bench.of(repeated(bench.scene, _REPEATED, Path(place)), options.model, Path(place) / "bench")
        return extraction(large, options.model, options.device, max(2, options.pairs // 2))


def start(python: str) -> Document:
    """Seconds that the plugin adds to the start of QGIS, each in a QGIS of its own."""
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "QT_QPA_PLATFORM": "offscreen"}
    environment["HOME"] = str(ROOT / "build")
    found = []
    for _ in range(_STARTS):
        command = [python, str(ROOT / "benchmarks" / "speed" / "qgis_start.py")]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
        if not lines:
            sys.exit(f"{python} should be a Python that has QGIS: {done.stderr[-500:]}")
        found.append(json.loads(lines[-1]))
    seconds = sorted(run["seconds"] for run in found[1:])
    loaded = sorted({name for run in found for name in run["loaded"]})
    return {
        "seconds": round(statistics.median(seconds), 4),
        "cpu_seconds": round(statistics.median(run["cpu_seconds"] for run in found[1:]), 4),
        "range": [seconds[0], seconds[-1]],
        "algorithms": found[0]["algorithms"],
        "loaded": loaded,
    }


def _bench(options: argparse.Namespace) -> Bench:
    scene = prepare(
        "indian_pines", known_scenes()["indian_pines"], options.folder / "scene", Path(options.system_python)
    )
    if options.model is None:
        options.model = trained_model(scene, Training(options.preset, options.device), options.folder)
    return Bench.of(scene, options.model, options.folder / "bench")


def _store(document: Document, part: str, name: str, found: Document) -> None:
    """Sizes are added to those that are there; everything else is replaced."""
    known = document.setdefault(part, {})
    known[name] = {**known.get(name, {}), **found} if part == "growth" else found


def _write(document: Document, path: Path) -> None:
    path.absolute().parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    os.replace(partial, path)


def _say(text: str) -> None:
    print(f"  {text}", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    parts = ("steps", "patches", "seams", "growth", "start")
    add("--out", type=Path, required=True, help="JSON file of the results; what it holds of other parts is kept")
    add("--parts", nargs="+", choices=parts, default=list(parts), help="all, where none is given")
    add("--model", type=Path, help="of Indian Pines; not given: one is trained once and kept")
    add("--preset", choices=PRESET_NAMES, default=PRESET_NAMES[0], help="of the model and of the made-up scenes")
    add("--device", default="cpu", help="cpu or cuda:N, for the part steps")
    add("--pairs", type=int, default=6, help="how often two things are timed in turn; default 6")
    add("--pixels", type=int, default=900, help="labelled pixels that get a patch each; default 900")
    add("--seeds", type=int, default=5, help="draws of training pixels; default 5, for the seams at most 2")
    add("--halos", action="store_true", help="with the part seams: other halos as well")
    add("--sizes", type=int, nargs="+", default=[256, 512, 1024], help="sides of the made-up scenes")
    add("--timesteps", default="100", help="of the made-up scenes; default 100 alone")
    add("--classify-up-to", type=int, default=512, help="side of the largest made-up scene that is classified")
    add("--folder", type=Path, default=ROOT / "build" / "speed", help="for scene, model and scratch files")
    add("--system-python", default="/usr/bin/python3", help="a Python that has QGIS, for the part start")
    return parser


if __name__ == "__main__":
    main()
