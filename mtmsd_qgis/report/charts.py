# SPDX-License-Identifier: GPL-2.0-or-later
"""Small pictures for reports: PNG from an array, line and bar charts as SVG. No drawing library needed.

Enters: arrays of colours, lists of numbers. Leaves: text that stands in an HTML page.
"""

from __future__ import annotations

import base64
import math
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray

_WIDTH, _HEIGHT = 720, 240  # of a chart, in its own units
_TRUE_COLOUR, _INDEXED = 2, 3  # colour types of a PNG
_OVER = 1.02  # a line that is so little above a round number is cut there: a loss begins a little above 1
_NEAR_ZERO = 0.1  # of the largest: an axis that begins so low begins at 0
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 24, 12, 40  # margins


def png_data_uri(colours: NDArray[np.uint8]) -> str:
    """A PNG of (H, W, 3) uint8 as a data URI."""
    return data_uri(png(colours))


def data_uri(picture: bytes) -> str:
    """A PNG as a data URI."""
    return "data:image/png;base64," + base64.b64encode(picture).decode("ascii")


def png(colours: NDArray[np.uint8]) -> bytes:
    """A PNG of (H, W, 3) uint8.

    Source: W3C Recommendation "Portable Network Graphics", second edition: header, one compressed stream of lines
    that each begin with filter type 0, end.
    """
    height, width, _ = colours.shape
    return _png((width, height), _TRUE_COLOUR, colours.reshape(height, -1))


def indexed_png(index: NDArray[np.uint8], palette: NDArray[np.uint8]) -> bytes:
    """A PNG of (H, W) uint8, indices into a palette (P, 3) uint8: a third of the size of one with three channels."""
    height, width = index.shape
    return _png((width, height), _INDEXED, index, (b"PLTE", palette.tobytes()))


def _png(size: tuple[int, int], colour_type: int, samples: NDArray[np.uint8], *before: tuple[bytes, bytes]) -> bytes:
    """A PNG of lines (H, bytes a line), with chunks before them."""
    width, height = size
    lines = np.zeros((height, 1 + samples.shape[1]), dtype=np.uint8)
    lines[:, 1:] = samples
    header = struct.pack(">IIBBBBB", width, height, 8, colour_type, 0, 0, 0)
    chunks = ((b"IHDR", header), *before, (b"IDAT", zlib.compress(lines.tobytes(), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def line_chart(points: Sequence[Sequence[float]], x_label: str, y_label: str) -> str:
    """An SVG line through (x, y) points; y from 0."""
    xs, ys = [float(p[0]) for p in points], [float(p[1]) for p in points]
    highest = _round_up(max(ys) / _OVER)
    right = max(max(xs), 1e-9)
    left = 0.0 if 0 <= min(xs) < _NEAR_ZERO * right else min(min(xs), right - 1e-9)
    path = " ".join(
        f"{'M' if i == 0 else 'L'}{_x((x - left) / (right - left)):.1f},{_y(min(y / highest, 1)):.1f}"
        for i, (x, y) in enumerate(zip(xs, ys))
    )
    step = _round_up((right - left) / 6)
    ticks = [step * i for i in range(math.ceil(left / step), math.floor(right / step + 1e-9) + 1)]
    marks = "".join(_x_tick(f"{value:g}", _x((value - left) / (right - left))) for value in ticks)
    return _chart(f'{marks}{_y_ticks(highest)}<path class="line" d="{path}"/>', x_label, y_label)


def bar_chart(labels: Sequence[str], values: Sequence[float], x_label: str, y_label: str) -> str:
    """An SVG bar for each value, from 0."""
    highest = _round_up(max(values, default=0.0))
    step = 1 / max(1, len(values))
    bars = "".join(
        f'<rect class="bar" x="{_x((i + 0.12) * step):.1f}" y="{_y(value / highest):.1f}" '
        f'width="{(_x(0.76 * step) - _x(0)):.1f}" height="{_y(0) - _y(value / highest):.1f}">'
        f"<title>{escape(label)}: {value:.3g}</title></rect>" + _x_tick(label, _x((i + 0.5) * step))
        for i, (label, value) in enumerate(zip(labels, values))
    )
    return _chart(_y_ticks(highest) + bars, x_label, y_label)


@dataclass(frozen=True)
class QuantileLines:
    """A name, and a low, a middle and a high value at each place of a chart."""

    name: str
    low: Sequence[float]
    middle: Sequence[float]
    high: Sequence[float]


def quantile_chart(xs: Sequence[float], lines: Sequence[QuantileLines], x_label: str, y_label: str) -> str:
    """An SVG of the middle of up to two things, each with the area between its low and high values.

    Args:
        xs: (n,) ascending places.
        lines: (n,) values of each.
        x_label: Of the axis.
        y_label: Of the axis.
    """
    low = min((y for line in lines for y in line.low), default=0.0)
    high = max((y for line in lines for y in line.high), default=0.0)
    step = _round_up((high - low) / 2)
    lowest = math.floor(low / step)
    bottom, top = lowest * step, max(lowest + 1, math.ceil(high / step)) * step
    left, right = xs[0] - (len(xs) == 1), xs[-1] + (len(xs) == 1)

    def path(ys: Sequence[float], order: int = 1) -> str:
        points = list(zip(xs, ys))[::order]
        return " L".join(
            f"{_x((x - left) / (right - left)):.1f},{_y((y - bottom) / (top - bottom)):.1f}" for x, y in points
        )

    drawn = "".join(
        f'<path class="range s{i}" d="M{path(line.low)} L{path(line.high, -1)} Z"/>'
        f'<path class="line s{i}" d="M{path(line.middle)}"/>'
        f'<rect class="key s{i}" x="{_LEFT + 12 + 150 * i}" y="{_TOP}" width="14" height="10"/>'
        f'<text x="{_LEFT + 32 + 150 * i}" y="{_TOP + 10}">{escape(line.name)}</text>'
        for i, line in enumerate(lines)
    )
    step = _round_up((right - left) / 6)
    ticks = [step * i for i in range(math.ceil(left / step), math.floor(right / step + 1e-9) + 1)]
    marks = "".join(_x_tick(f"{value:g}", _x((value - left) / (right - left))) for value in ticks)
    return _chart(f"{marks}{_y_ticks(top, bottom)}{drawn}", x_label, y_label)


def _chart(content: str, x_label: str, y_label: str) -> str:
    middle = (_TOP + _HEIGHT - _BOTTOM) / 2
    y_place = f"translate(14,{middle}) rotate(-90)"
    return (
        f'<div class="scroll"><svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{escape(y_label)}">{content}'
        f'<text class="label" x="{(_LEFT + _WIDTH - _RIGHT) / 2}" y="{_HEIGHT - 4}">{escape(x_label)}</text>'
        f'<text class="label" transform="{y_place}">{escape(y_label)}</text></svg></div>'
    )


def _round_up(value: float) -> float:
    """The next 1, 2 or 5 times a power of ten: an end of an axis that reads well."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 5, 10) if value <= step * power * (1 + 1e-3))


def _x_tick(text: str, position: float) -> str:
    return f'<text class="tick" x="{position:.1f}" y="{_HEIGHT - _BOTTOM + 16}">{escape(text)}</text>'


def _y_ticks(highest: float, lowest: float = 0.0) -> str:
    lines = []
    for share in (0.0, 0.5, 1.0):
        y = _y(share)
        lines.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        lines.append(
            f'<text class="tick end" x="{_LEFT - 6}" y="{y + 4:.1f}">{lowest + share * (highest - lowest):.5g}</text>'
        )
    return "".join(lines)


def _x(share: float) -> float:
    return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)


def _y(share: float) -> float:
    return _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)
