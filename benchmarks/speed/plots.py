# SPDX-License-Identifier: GPL-2.0-or-later
"""Plots of the speed results: growth of time and memory with the scene, and disagreement between tilings."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")

from matplotlib import pyplot as plt
from matplotlib.ticker import LogLocator, NullLocator

# Colours that the colour-blind can tell apart, and a shape each. Source: Okabe & Ito (2008), "Color Universal Design".
_LOOKS = {
    "pretraining": ("#0072B2", "s"),
    "extraction": ("#D55E00", "o"),
    "classification": ("#009E73", "^"),
}
_STYLE = {"svg.hashsalt": "mtmsd", "font.size": 12, "font.family": "sans-serif"}
_GIB = 2**30


def draw(document: Mapping[str, Any], folder: Path) -> list[str]:
    """The plots for which there are results; returns the names of their files."""
    drawn = []
    sizes = document.get("growth", {}).get("sizes", {})
    tilings = {
        name: found
        for name, found in document.get("seams", {}).get("tilings", {}).items()
        if found["compared_with"] != name
    }
    with plt.rc_context(_STYLE):
        if sizes:
            _save(_growth(sizes), folder / "growth.svg")
            drawn.append("growth.svg")
        if tilings:
            _save(_seams(tilings), folder / "seams.svg")
            drawn.append("seams.svg")
    return drawn


def _growth(sizes: Mapping[str, Any]) -> plt.Figure:
    figure, (times, memory) = plt.subplots(1, 2, figsize=(9.0, 3.8), layout="constrained")
    sides = sorted(sizes, key=int)
    for step, (color, marker) in _LOOKS.items():
        here = [side for side in sides if step in sizes[side]]
        if not here:
            continue
        place = [int(side) for side in here]
        look = {"color": color, "marker": marker, "markersize": 7, "linewidth": 1.5, "label": step}
        times.plot(place, [sizes[side][step]["microseconds_a_pixel"] for side in here], **look)
        memory.plot(place, [sizes[side][step]["peak_rss_bytes"] / _GIB for side in here], **look)
    for axes, title in ((times, "time a pixel (µs)"), (memory, "peak memory of the worker (GiB)")):
        axes.set_xscale("log", base=2)
        axes.set_xticks([int(side) for side in sides], sides)
        axes.minorticks_off()
        axes.grid(color="#e3e8eb")
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_xlabel("side of the scene (pixels)")
        axes.set_title(title, loc="left", fontsize=12)
    times.set_yscale("log")
    times.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    times.yaxis.set_major_formatter("{x:g}")
    times.yaxis.set_minor_locator(NullLocator())
    times.margins(y=0.15)
    memory.set_ylim(0, 1.15 * max(memory.get_ylim()[1], 0.1))
    handles, labels = times.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower left", ncols=3, frameon=False)
    return figure


def _seams(tilings: Mapping[str, Any]) -> plt.Figure:
    figure, axes = plt.subplots(figsize=(9.0, 1.6 + 0.6 * len(tilings)), layout="constrained")
    for number, (key, title, color) in enumerate(
        (
            ("disagree_labelled", "pixels of known classes", "#0072B2"),
            ("disagree", "all pixels", "#E69F00"),
        )
    ):
        values = [statistics.mean(seed[key] for seed in found["seeds"]) for found in tilings.values()]
        places = [row + (number - 0.5) * 0.36 for row in range(len(values))]
        bars = axes.barh(places, values, height=0.32, color=color, label=title)
        axes.bar_label(bars, fmt="%.2f", padding=4, fontsize=11)
    axes.axvline(1.0, color="#555555", linewidth=1, linestyle="--")
    axes.set_yticks(
        range(len(tilings)), [f"{name}\nbeside {found['compared_with']}" for name, found in tilings.items()]
    )
    axes.invert_yaxis()
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.grid(axis="x", color="#e3e8eb")
    axes.set_axisbelow(True)
    axes.margins(x=0.1)
    axes.set_xlabel("pixels with another class (%), one classifier; dashed: the goal")
    figure.legend(loc="outside lower left", ncols=2, frameon=False)
    return figure


def _save(figure: plt.Figure, path: Path) -> None:
    figure.savefig(path, metadata={"Date": None}, facecolor="white")  # no date: the same results give the same bytes
    plt.close(figure)
