# SPDX-License-Identifier: GPL-2.0-or-later
"""docs/performance.md and its plots, from the results of run.py alone.

    python benchmarks/speed/page.py results.json [--docs FOLDER]

Writes FOLDER/performance.md, plots in FOLDER/performance, and a copy of the results beside them.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from benchmarks.card.page import sections  # noqa: E402
from benchmarks.results import page_options  # noqa: E402

Document = Mapping[str, Any]

_GIB = 2**30
_REACHED = {True: "reached", False: "**missed**", None: "–"}
_STEPS = ("pretraining", "extraction", "classification")
_HOW = """\
Two things that are compared are timed in turn, the first of each pair changing, and the ratio is the median over the
pairs: a machine that is busy for a while slows both. All times are of the processor, but where a card is named.

- **Bare network**: the network on the same tiles (or the same batch), its inputs in memory, its outputs dropped, in the
  type of numbers that the step itself uses. The whole task of extraction is held against it, from the raster to the
  stored features: components, noise, two walks, purification, resampling, 16-bit numbers, writing.
- **A patch for every pixel**: the published way, as a plain twin that the tests keep; one pass through the whole
  network for each pixel and timestep, batch 1, float32. "All timesteps together" is the same with one pass a pixel,
  which is as fast as it gets without tiles. The weights do not change the time; those of the paper's width are
  untrained.
- **Accuracy either way**: the same weights, noise and pixels; local features of all timesteps, scaled, 60 principal
  components, RBF-SVM (C = 100). 40 % of the sampled pixels train, the others test; other pixels for each seed. A
  patch is normalised by itself, a tile by the statistics of its scene, so that the two need not be alike.
- **Growth**: made-up scenes of 60 bands of 16 bits. Each step runs in a worker process of its own, and the system says
  its largest resident memory. Pretraining is cut to 20 iterations, extraction to the timesteps named: both change no
  array that could grow with the scene. The time of a pixel is that of the task without the start of its process.
- **Seams**: Indian Pines, 10 % of the pixels of each class train. "One classifier": it learns from the first tiling and
  maps both. "Done anew": statistics pass, purification, learning and mapping all use the other tiling. "Labelled" are
  the pixels of classes that the map knows; on the others (roads, farmsteads, fields without a label) it has to guess.
  "Borders": how often neighbours differ in class across a border of tiles, over how often they do elsewhere; 1 cannot
  be seen."""


def main() -> None:
    """Write the page."""
    document, docs = page_options(__doc__)
    from benchmarks.speed.plots import draw

    folder = docs / "performance"
    folder.mkdir(parents=True, exist_ok=True)
    drawn = draw(document, folder)
    (folder / "results.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    checked = folder / "gpu.json"  # put there by hand, from a machine that has a card
    card = json.loads(checked.read_text("utf-8")) if checked.is_file() else None
    (docs / "performance.md").write_text(page(document, drawn, card), encoding="utf-8")
    print(f"Written: {docs / 'performance.md'}")


def page(document: Document, drawn: Sequence[str] = (), card: Document | None = None) -> str:
    """The page as Markdown, with the plots that are there, and what gpu_check.py has found on a card."""
    parts = [
        "# Speed and memory, measured",
        "Made by `make benchmark-speed`; do not edit. All figures are in [results.json](performance/results.json).",
        _circumstances(document.get("about", {})),
        "## Goals",
        _table(("goal", "measured", ""), goals(document)),
        *_steps(document.get("steps", {})),
        *_patches(document.get("patches", {})),
        *_growth(document.get("growth", {}).get("sizes", {}), drawn),
        *_seams(document.get("seams", {}).get("tilings", {}), drawn),
        *_start(document.get("start", {}).get("qgis")),
        "## On a graphics card",
        *sections(card, "###"),
        "## How it was measured",
        _HOW,
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def goals(document: Document) -> list[tuple[str, str, str]]:
    """Each goal of the project, what was measured, and whether it is reached."""
    steps, patches = document.get("steps", {}), document.get("patches", {})
    rows = [
        _goal("extraction, whole task / bare network: at most 1.25", steps, ("extraction", "ratio"), most=1.25),
        _goal("the same, nine times the scene", steps, ("extraction_large", "ratio"), most=1.25),
        _goal("pretraining / bare steps: at most 1.10", steps, ("pretraining", "ratio"), most=1.10),
        _goal(
            "times faster than a patch for every pixel, width 32: at least 300",
            patches, ("quick", "published", "times_faster"), least=300,
        ),
        _goal(
            "the same at width 128: at least 500", patches, ("paper", "published", "times_faster"), least=500
        ),
        _goal(
            "accuracy, tiles less patches: within 0.5 points of OA",
            patches, ("similarity", "oa_gap"), least=-0.5, most=0.5,
        ),
    ]  # fmt: skip
    rows += _growth_goals(document.get("growth", {}).get("sizes", {}))
    tilings = document.get("seams", {}).get("tilings", {})
    for key, who in (("disagree_labelled", "labelled pixels"), ("disagree", "all pixels")):
        found = [mean(tilings[name]["seeds"], key) for name in ("other origin", "other tile size") if name in tilings]
        worst = max(found) if found else None
        rows.append(_row(f"class maps of two tilings, {who}: at most 1 % differ", worst, most=1.0, unit=" %"))
    rows.append(_goal("start of QGIS: at most 0.1 s", document.get("start", {}), ("qgis", "seconds"), most=0.1))
    return rows


def _growth_goals(sizes: Document) -> list[tuple[str, str, str]]:
    """Memory and time of the largest scene, for itself and beside 1024 x 1024."""
    small, large = sizes.get("1024"), sizes.get("4096")
    peak = max((large[step]["peak_rss_bytes"] for step in _STEPS if step in large), default=0) if large else None
    rows = [_row("peak memory of the worker, 4096²: at most 2 GiB", peak and peak / _GIB, most=2.0, unit=" GiB")]
    memory, time = None, None
    if small and large:
        both = [step for step in _STEPS if step in small and step in large]
        memory = max(large[step]["peak_rss_bytes"] / small[step]["peak_rss_bytes"] for step in both)
        time = large["extraction"]["microseconds_a_pixel"] / small["extraction"]["microseconds_a_pixel"]
    rows.append(_row("peak memory, 4096² / 1024²: at most 1.15", memory, most=1.15))
    rows.append(_row("extraction, time a pixel, 4096² / 1024²: at most 1.15", time, most=1.15))
    return rows


def mean(seeds: Sequence[Document], key: str) -> float:
    """Of a figure over the seeds."""
    return statistics.mean(seed[key] for seed in seeds)


def _goal(
    text: str, part: Document, path: Sequence[str], *, least: float | None = None, most: float | None = None
) -> tuple[str, str, str]:
    value: Any = part
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return _row(text, value, least=least, most=most)


def _row(
    text: str, value: float | None, *, least: float | None = None, most: float | None = None, unit: str = ""
) -> tuple[str, str, str]:
    if value is None:
        return text, "not measured", _REACHED[None]
    reached = (least is None or value >= least) and (most is None or value <= most)
    return text, f"{_number(value)}{unit}", _REACHED[reached]


def _circumstances(about: Document) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in about.get("versions", {}).items())
    commits = ", ".join(str(commit) for commit in about.get("commits", []) if commit) or "unknown"
    where = f"{about.get('cores', '?')} cores, {about.get('threads', '?')} threads"
    return f"Measured {about.get('day', '')} on {where}, commit {commits}; {versions}."


def _steps(steps: Document) -> list[str]:
    rows = []
    for name, item in (
        ("extraction", "extraction, s a scene"),
        ("extraction_large", "the same, nine times the scene"),
        ("pretraining", "pretraining, s a step"),
    ):
        if name in steps:
            found = steps[name]
            low, high = found["ratio_range"]
            rows.append(
                (
                    item,
                    f"{found['seconds']:.3f}",
                    f"{found['bare_seconds']:.3f}",
                    f"{found['ratio']:.3f} ({low:.3f} to {high:.3f})",
                    f"{found['pixels_per_second']:,}".replace(",", " "),
                    found["numbers"],
                )
            )
    if not rows:
        return []
    head = ("step", "ours", "bare network", "ratio (range over the pairs)", "pixels a second", "numbers")
    text = (
        "Indian Pines, 145 x 145 pixels, preset quick; nine times the scene: three times side by side and below each "
        "other. A pixel of extraction has 19 timesteps. The statistics of a scene are collected on at least eight "
        "patches, which is nearly a fifth of the work of the bare network on a scene of four tiles, and little on a "
        "large one."
    )
    return ["## Each step beside the bare network", text, _table(head, rows)]


def _patches(patches: Document) -> list[str]:
    rows = []
    for found in (patches[name] for name in ("quick", "standard", "paper") if name in patches):
        for way, title in (("published", "one timestep a pass, as published"), ("together", "all timesteps together")):
            low, high = found[way]["times_faster_range"]
            rows.append(
                (
                    f"{found['base_width']}, {found['side']} / {found['core']}",
                    title,
                    f"{found[way]['milliseconds_a_pixel_patch']:.1f}",
                    f"{found[way]['milliseconds_a_pixel_tile']:.3f}",
                    f"{found[way]['times_faster']} ({low} to {high})",
                )
            )
    if not rows:
        return []
    head = ("width, side / core", "patch extractor", "ms a pixel, patch", "ms a pixel, tile", "times faster (range)")
    parts = ["## Tiles beside a patch for every pixel", _table(head, rows)]
    if "similarity" in patches:
        like = patches["similarity"]
        each = list(zip(like["timesteps"], like["correlation_by_timestep"]))
        lowest = min(each, key=lambda pair: pair[1])
        tile, patch = (statistics.mean(like[key]) for key in ("oa_tile", "oa_patch"))
        spread = "" if like["oa_gap_deviation"] is None else f" ± {like['oa_gap_deviation']:.2f}"
        parts.append(
            f"The features correlate {like['correlation']:.4f} on average (lowest {lowest[1]:.4f}, at timestep "
            f"{lowest[0]}) at {like['pixels']} labelled pixels. Overall accuracy of one classifier, mean of "
            f"{len(like['oa_tile'])} seeds with {like['training']} training pixels: {tile:.2f} from tiles, "
            f"{patch:.2f} from patches, {_signed(like['oa_gap'])}{spread} points."
        )
    return parts


def _growth(sizes: Document, drawn: Sequence[str]) -> list[str]:
    rows = []
    for size in sorted(sizes, key=int):
        for step in (name for name in _STEPS if name in sizes[size]):
            found = sizes[size][step]
            timesteps = f", {len(sizes[size]['timesteps'])} timesteps" if step == "extraction" else ""
            rows.append(
                (
                    f"{size} x {size}",
                    str(sizes[size].get("threads", "–")),
                    step + timesteps.replace("1 timesteps", "1 timestep"),
                    f"{found['seconds']:.1f}",
                    f"{found['microseconds_a_pixel']:.2f}",
                    f"{found['peak_rss_bytes'] / _GIB:.2f}",
                )
            )
    if not rows:
        return []
    head = ("scene, 60 bands", "threads", "step", "seconds", "µs a pixel", "peak memory of the worker (GiB)")
    return ["## Growth with the scene", *_picture("growth.svg", "Time a pixel and memory", drawn), _table(head, rows)]


def _seams(tilings: Document, drawn: Sequence[str]) -> list[str]:
    rows = []
    for name, found in tilings.items():
        seeds = found["seeds"]
        figures = [f"{mean(seeds, key):.2f}" for key in ("disagree_labelled", "disagree", "anew_labelled", "anew")]
        if found["compared_with"] == name:
            figures = ["–"] * len(figures)
        shape = f"{found['side']}, {found['halo']}, {found['shift']}"
        versus = "–" if found["compared_with"] == name else found["compared_with"]
        rows.append((name, shape, versus, *figures, f"{mean(seeds, 'oa'):.2f}", f"{mean(seeds, 'seams'):.2f}"))
    if not rows:
        return []
    head = (
        "tiling",
        "side, halo, shift",
        "beside",
        "one classifier, labelled (%)",
        "all (%)",
        "done anew, labelled (%)",
        "all (%)",
        "OA (%)",
        "borders",
    )
    return ["## Seams", *_picture("seams.svg", "Pixels of another class in another tiling", drawn), _table(head, rows)]


def _start(found: Document | None) -> list[str]:
    if found is None:
        return []
    loaded = ", ".join(found["loaded"]) or "none of torch, scipy, osgeo and numpy"
    text = (
        f"Import of the plugin and load of its provider with {found['algorithms']} algorithms: "
        f"{found['seconds']:.3f} s (of these {found['cpu_seconds']:.3f} s of the processor; range "
        f"{found['range'][0]:.3f} to {found['range'][1]:.3f}). Loaded by it: {loaded}."
    )
    return ["## Start of QGIS", text]


def _picture(name: str, title: str, drawn: Sequence[str]) -> list[str]:
    return [f"![{title}](performance/{name})"] if name in drawn else []


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _number(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.4g}".replace("-", "−")


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")


if __name__ == "__main__":
    main()
