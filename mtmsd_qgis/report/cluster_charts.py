# SPDX-License-Identifier: GPL-2.0-or-later
"""Drawings of a cluster map's report: the curve of stability, the mean spectra, the tree.

Enters: the task's result. Leaves: SVG as text that stands in an HTML page.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from ..jobs.clusters.cluster_map import ClusterResult, Merge, StabilityPoint
from ..jobs.data_model import ClassEntry

_WIDTH, _LEFT, _RIGHT, _TOP = 720, 64, 24, 14  # of a drawing, in its own units
_HEIGHT, _BOTTOM = 260, 42
_ROW = 18  # height of a cluster in the tree
_LABELS = 96  # width of the names beside the tree
_OUTLINE = "#33424b"  # behind the lines of spectra, whose colours may be as bright as the page
_NEAR = 3.0  # bands farther apart than this many usual steps are not joined by a line: a gap of the sensor


def stability_chart(points: Sequence[StabilityPoint], shown: int, threshold: float) -> str:
    """How alike two halves of the scene are parted, by number of clusters, with the number on the map."""
    first, last = points[0].clusters, max(points[-1].clusters, points[0].clusters + 1, shown)

    def x(clusters: float) -> float:
        return _LEFT + (clusters - first) / (last - first) * (_WIDTH - _LEFT - _RIGHT)

    def y(value: float) -> float:
        return _HEIGHT - _BOTTOM - min(max(value, 0), 1) * (_HEIGHT - _TOP - _BOTTOM)

    upper = [f"{x(p.clusters):.1f},{y(p.ari + p.error):.1f}" for p in points]
    lower = [f"{x(p.clusters):.1f},{y(p.ari - p.error):.1f}" for p in reversed(points)]
    middle = [f"{x(p.clusters):.1f},{y(p.ari):.1f}" for p in points]
    split = "".join(f'<circle cx="{x(p.clusters):.1f}" cy="{y(p.split):.1f}" r="3.5" class="key s1"/>' for p in points)
    parts = [
        *(_grid_line(y(share), f"{share:g}") for share in (0, 0.5, 1)),
        *(_tick(x(number), str(number)) for number in _whole_ticks(first, last)),
        f'<line x1="{x(shown):.1f}" x2="{x(shown):.1f}" y1="{_TOP}" y2="{_HEIGHT - _BOTTOM}" stroke="#33424b" '
        'stroke-dasharray="4 3"/>',
        f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y(threshold):.1f}" y2="{y(threshold):.1f}" stroke="#c98a12" '
        'stroke-dasharray="2 4"/>',
        f'<path class="range" d="M{" L".join(upper + lower)} Z"/>',
        f'<path class="line" d="M{" L".join(middle)}"/>',
        split,
    ]
    return _drawing("".join(parts), _HEIGHT, "Clusters", "Agreement of two halves")


def spectra_chart(result: ClusterResult) -> str:
    """Mean spectra of all clusters, by wavelength where all bands have one, else by band."""
    wavelengths = [band.wavelength_nm for band in result.bands]
    known = [value for value in wavelengths if value is not None]
    by_wavelength = len(known) == len(wavelengths) and len(set(known)) == len(known)
    xs = known if by_wavelength else [float(band.number or i) for i, band in enumerate(result.bands, 1)]
    order = sorted(range(len(xs)), key=lambda i: xs[i])
    values = [value for row in result.spectra for value in row]
    low, high = min(values), max(values)
    left, right = min(xs), max(max(xs), min(xs) + 1e-9)
    step = sorted(xs[b] - xs[a] for a, b in zip(order, order[1:]))
    usual = step[len(step) // 2] if step else 1.0

    def y(value: float) -> float:
        return _HEIGHT - _BOTTOM - (value - low) / max(high - low, 1e-300) * (_HEIGHT - _TOP - _BOTTOM)

    def place(i: int, value: float) -> str:
        x = _LEFT + (xs[i] - left) / (right - left) * (_WIDTH - _LEFT - _RIGHT)
        return f"{x:.1f},{y(value):.1f}"

    lines = []
    for entry, row in zip(result.classes, result.spectra):
        path, before = "", None
        for i in order:
            joined = before is not None and xs[i] - xs[before] <= _NEAR * usual
            path += f"{'L' if joined else 'M'}{place(i, row[i])} "
            before = i
        lines += [
            f'<path d="{path.strip()}" fill="none" stroke="{colour}" stroke-width="{width}" stroke-linecap="round">'
            f"<title>{escape(entry.name)}</title></path>"
            for colour, width in ((_OUTLINE, 3.3), (escape(entry.color), 2.5))
        ]
    ticks = "".join(
        _tick(_LEFT + (value - left) / (right - left) * (_WIDTH - _LEFT - _RIGHT), f"{value:g}")
        for value in _round_ticks(left, right)
    )
    sides = "".join(_grid_line(y(value), f"{value:g}") for value in _round_ticks(low, high))
    label = "Wavelength (nm)" if by_wavelength else "Band"
    return _drawing(sides + ticks + "".join(lines), _HEIGHT, label, "Mean value")


def tree_chart(classes: Sequence[ClassEntry], tree: Sequence[Merge]) -> str:
    """Which clusters are alike: joined early where they are."""
    height = _TOP + _ROW * len(classes) + _BOTTOM
    highest = max((merge.height for merge in tree), default=1.0) or 1.0

    def x(value: float) -> float:
        return _LABELS + value / highest * (_WIDTH - _LABELS - _RIGHT)

    ends: dict[tuple[int, ...], tuple[float, float]] = {
        (entry.id,): (x(0), _TOP + _ROW * (i + 0.5)) for i, entry in enumerate(classes)
    }
    lines = [
        f'<rect x="{x(0) - 18:.1f}" y="{row - 6:.1f}" width="12" height="12" rx="2" fill="{escape(entry.color)}" '
        f'stroke="#0003"/><text class="end" x="{x(0) - 24:.1f}" y="{row + 4:.1f}">{escape(entry.name)}</text>'
        for entry, (_, row) in zip(classes, ends.values())
    ]
    for merge in tree:
        (left_x, left_y), (right_x, right_y), joint = ends[merge.left], ends[merge.right], x(merge.height)
        lines.append(
            f'<path d="M{left_x:.1f},{left_y:.1f} H{joint:.1f} V{right_y:.1f} H{right_x:.1f}" fill="none" '
            'stroke="#33424b" stroke-width="1.3"/>'
        )
        ends[(*merge.left, *merge.right)] = (joint, (left_y + right_y) / 2)
    ticks = "".join(_tick(x(share * highest), f"{share * highest:.2g}", height - _BOTTOM + 16) for share in (0, 0.5, 1))
    return _drawing("".join(lines) + ticks, height, "Difference of the joined clusters", "")


def _drawing(content: str, height: float, x_label: str, y_label: str) -> str:
    middle = (_TOP + height - _BOTTOM) / 2
    side = (
        f'<text class="label" transform="translate(14,{middle}) rotate(-90)">{escape(y_label)}</text>'
        if y_label
        else ""
    )
    return (
        f'<div class="scroll"><svg class="chart" viewBox="0 0 {_WIDTH} {height}" role="img" '
        f'aria-label="{escape(y_label or x_label)}">{content}'
        f'<text class="label" x="{(_LEFT + _WIDTH - _RIGHT) / 2}" y="{height - 4}">{escape(x_label)}</text>{side}'
        "</svg></div>"
    )


def _tick(x: float, text: str, y: float = _HEIGHT - _BOTTOM + 16) -> str:
    return f'<text class="tick" x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>'


def _grid_line(y: float, text: str) -> str:
    return (
        f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text class="tick end" x="{_LEFT - 6}" y="{y + 4:.1f}">{escape(text)}</text>'
    )


def _whole_ticks(first: int, last: int) -> list[int]:
    step = max(1, math.ceil((last - first) / 14))
    return list(range(first, last + 1, step))


def _round_ticks(left: float, right: float) -> list[float]:
    rough = (right - left) / 6 or 1.0
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(part * power for part in (1, 2, 5, 10) if rough <= part * power * (1 + 1e-9))
    return [step * i for i in range(math.ceil(left / step), math.floor(right / step + 1e-9) + 1)]
