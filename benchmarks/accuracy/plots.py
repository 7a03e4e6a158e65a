# SPDX-License-Identifier: GPL-2.0-or-later
"""Plots of the results: overall accuracy of each method on each split of a scene, mean and standard deviation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl

mpl.use("svg")

from matplotlib import pyplot as plt

from .summary import BASELINES, SPLIT_TITLES, WITHOUT_FEATURES, Case, method_title

# Colours that the colour-blind can tell apart, and a shape each. Source: Okabe & Ito (2008), "Color Universal Design".
_OURS = (("#D55E00", "o"), ("#CC79A7", "P"), ("#E69F00", "X"), ("#000000", "*"))
_THEIRS = {
    WITHOUT_FEATURES: ("#CC79A7", "P"),
    "svm": ("#0072B2", "s"),
    "forest": ("#009E73", "^"),
    "discriminant": ("#56B4E9", "D"),
    "box_svm": ("#7F7F7F", "v"),
}
_WIDTH_INCHES = 9.0  # 900 px at 100 dpi
_STEP = 0.13  # between the methods of a split, in units of the axis


def draw_scene(found: Sequence[Case], title: str, path: Path) -> None:
    """A row of dots with error bars for each split, the best on the right."""
    methods = list(dict.fromkeys(method for case in found for method in case.methods))
    methods.sort(key=lambda name: name in BASELINES)
    height = 1.3 + len(found) * (0.35 + 0.16 * len(methods))
    # Fixed ids and no date: the same results give the same bytes.
    with plt.rc_context({"svg.hashsalt": "mtmsd", "font.size": 12, "font.family": "sans-serif"}):
        figure, axes = plt.subplots(figsize=(_WIDTH_INCHES, height), layout="constrained")
        for number, method in enumerate(methods):
            _draw_method(axes, found, method, number, len(methods))
        axes.set_yticks(range(len(found)), [SPLIT_TITLES[case.split] for case in found])
        axes.set_ylim(len(found) - 0.5, -0.5)
        for line in range(1, len(found)):
            axes.axhline(line - 0.5, color="#d5dce0", linewidth=1)
        axes.set_xlim(right=min(100.5, axes.get_xlim()[1]))  # a deviation may reach beyond what there can be
        axes.grid(axis="x", color="#e3e8eb")
        axes.set_axisbelow(True)
        axes.tick_params(axis="y", length=0)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.set_xlabel("overall accuracy (%), mean and standard deviation over draws")
        axes.set_title(title, loc="left", fontsize=13)
        figure.legend(loc="outside lower left", ncols=2, frameon=False)
        figure.savefig(path, metadata={"Date": None}, facecolor="white")
        plt.close(figure)


def _draw_method(axes: plt.Axes, found: Sequence[Case], method: str, number: int, count: int) -> None:
    ours = list(dict.fromkeys(name for case in found for name in case.ours))
    color, marker = _THEIRS[method] if method in _THEIRS else _OURS[ours.index(method) % len(_OURS)]
    places, means, deviations = [], [], []
    for row, case in enumerate(found):
        figure = case.figure(method, "oa")
        if figure is not None:
            places.append(row + (number - (count - 1) / 2) * _STEP)
            means.append(figure.mean)
            deviations.append(figure.deviation or 0.0)
    axes.errorbar(
        means,
        places,
        xerr=deviations,
        fmt=marker,
        color=color,
        markersize=9 if method in ours else 6.5,
        capsize=3,
        linewidth=1.5,
        label=method_title(method),
    )
